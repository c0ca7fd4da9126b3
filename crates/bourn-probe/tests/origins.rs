//! The origins over whole ledgers, on language models small enough to enumerate: three tokens, one
//! of which ends the completion, and a budget of four.
#![allow(missing_docs)]

mod common;

use bourn_probe::figures::Origins;
use bourn_probe::{
    CompareOptions, CrossScores, Draw, DrawSchedule, DrawSource, Evidence, Extent, Ledger,
    ReferenceCompletion, References, Score, ScoreError, ScoreRequest, ScoreSource, SourceError,
    StopRule, Unscored, origins, probe,
};
use bourn_task::Problem;
use bourn_verify::Verdict;
use common::{problems, uniform};

const END: u32 = 0;
const BUDGET: usize = 4;

/// A model: its next-token distributions are a function of seed, problem and the tokens so far.
#[derive(Clone, Copy)]
struct Tree {
    seed: u64,
    /// The share of the sharper of two models in the logits.
    sharpness: f64,
    /// Tokens below this probability are outside the sampler's nucleus.
    cut: f64,
    /// Seed of the draws.
    draws: u64,
}

impl Tree {
    /// Probabilities of the three tokens under the full softmax.
    fn full(&self, id: &str, prefix: &[u32]) -> [f64; 3] {
        let place = prefix.iter().fold(1_u64, |place, &t| place * 4 + u64::from(t) + 1);
        let logits = [0, 1, 2].map(|t| {
            let common = uniform(1, id, place * 4 + t);
            let own = uniform(self.seed, id, place * 4 + t);
            2.0 * common + self.sharpness * own
        });
        let total: f64 = logits.iter().map(|l| l.exp()).sum();
        logits.map(|l| l.exp() / total)
    }

    /// Probabilities under the sampler.
    fn sampled(&self, id: &str, prefix: &[u32]) -> [f64; 3] {
        let kept = self.full(id, prefix).map(|p| if p < self.cut { 0.0 } else { p });
        let total: f64 = kept.iter().sum();
        kept.map(|p| p / total)
    }

    fn of(&self, id: &str, ids: &[u32]) -> Score {
        let (mut full_logprob, mut sampled, mut outside) = (0.0, 0.0, None);
        for (place, &token) in ids.iter().enumerate() {
            full_logprob += self.full(id, &ids[..place])[token as usize].ln();
            let p = self.sampled(id, &ids[..place])[token as usize];
            sampled += p.ln();
            if p == 0.0 && outside.is_none() {
                outside = Some(place as u32);
            }
        }
        let sampled_logprob = outside.is_none().then_some(sampled);
        Score { full_logprob, tokens: ids.len() as u32, sampled_logprob, outside }
    }

    /// Every completion with its probability under the sampler.
    fn all(&self, id: &str) -> Vec<(Vec<u32>, f64)> {
        let mut open = vec![(Vec::new(), 1.0)];
        let mut ended = Vec::new();
        while let Some((ids, p)) = open.pop() {
            if ids.len() == BUDGET || ids.last() == Some(&END) {
                ended.push((ids, p));
                continue;
            }
            for (token, q) in self.sampled(id, &ids).into_iter().enumerate() {
                open.push(([ids.as_slice(), &[token as u32]].concat(), p * q));
            }
        }
        ended
    }

    fn success(&self, id: &str) -> f64 {
        self.all(id).iter().filter(|(ids, _)| is_correct(ids)).map(|(_, p)| p).sum()
    }
}

/// Some that end and some that are cut.
fn is_correct(ids: &[u32]) -> bool {
    ids.iter().sum::<u32>() % 3 == 2
}

impl DrawSource for Tree {
    fn stream(
        &mut self,
        problems: &[&Problem],
        schedule: &mut dyn DrawSchedule,
    ) -> Result<(), SourceError> {
        let one = |problem: &Problem, number: u64| {
            let mut ids = Vec::new();
            let mut u = uniform(self.draws, problem.id.as_str(), number);
            while ids.len() < BUDGET && ids.last() != Some(&END) {
                let p = self.sampled(problem.id.as_str(), &ids);
                let mut token = 0;
                // The rest of u decides on the next token.
                while token < 2 && u >= p[token] {
                    u -= p[token];
                    token += 1;
                }
                u /= p[token];
                ids.push(token as u32);
            }
            let score = self.of(problem.id.as_str(), &ids);
            let verdict = if is_correct(&ids) { Verdict::Correct } else { Verdict::Wrong };
            let answer = (ids.last() == Some(&END)).then(|| ids.len().to_string());
            Draw {
                tokens: score.tokens,
                logprob: score.sampled_logprob.expect("a draw is in the nucleus"),
                full_logprob: score.full_logprob,
                truncated: ids.last() != Some(&END),
                entropies: vec![0.25; ids.len()],
                ids,
                answer,
                ..common::draw(verdict, &format!("{number}"))
            }
        };
        while let Some((problem, number)) = schedule.next() {
            schedule.finished(problem, number, one(problems[problem], number))?;
        }
        Ok(())
    }
}

impl ScoreSource for Tree {
    fn score(
        &mut self,
        requests: &[ScoreRequest<'_>],
        done: &mut dyn FnMut(u64),
    ) -> Result<Vec<Score>, SourceError> {
        done(requests.len() as u64);
        Ok(requests.iter().map(|r| self.of(r.problem.id.as_str(), r.ids)).collect())
    }
}

fn base() -> Tree {
    Tree { seed: 2, sharpness: 0.5, cut: 0.2, draws: 7 }
}

fn policy() -> Tree {
    Tree { seed: 3, sharpness: 3.0, cut: 0.1, draws: 8 }
}

struct Probed {
    problems: Vec<Problem>,
    base: Ledger,
    policy: Ledger,
    scores: [CrossScores; 2],
    origins: Origins,
}

fn run(mut base: Tree, mut policy: Tree, n: u64, most: usize, references: &References) -> Probed {
    let problems = problems(8);
    let extent = Extent::Fixed(n);
    let in_base = probe(&problems, &mut base, extent, &mut |_| {}).unwrap().ledger;
    let in_policy = probe(&problems, &mut policy, extent, &mut |_| {}).unwrap().ledger;
    let score = |own, drawn, source: &mut Tree| {
        let unscored = Unscored::new(&problems, own, drawn, references, most);
        let mut done = 0;
        let scores = unscored.score(source, &mut |count| done += count).unwrap();
        assert_eq!(done, unscored.len() as u64);
        scores
    };
    let under_policy = score(&in_policy, &in_base, &mut policy);
    let under_base = score(&in_base, &in_policy, &mut base);
    let evidence = Evidence {
        under_base: &under_base,
        under_policy: &under_policy,
        references,
        guesses: None,
        nucleus: true,
        most,
    };
    let options = CompareOptions { resamples: 200, ..CompareOptions::default() };
    let origins = origins(&in_base, &in_policy, &evidence, &options);
    let scores = [under_base, under_policy];
    Probed { problems, base: in_base, policy: in_policy, scores, origins }
}

/// 1e-12 everywhere: a few dozen products and sums of numbers below 1.
fn near(got: f64, expect: f64) {
    assert!((got - expect).abs() < 1e-12, "{got} is not {expect}");
}

#[test]
fn all_completions_weigh_1() {
    for tree in [base(), policy()] {
        let all = tree.all("p0000");
        near(all.iter().map(|(_, p)| p).sum(), 1.0);
        // Cut completions are outcomes as well, and their score is the probability of the draw.
        let truncated = all.iter().filter(|(ids, _)| ids.last() != Some(&END));
        assert!(truncated.map(|(_, p)| p).sum::<f64>() > 0.05);
        for (ids, p) in all {
            near(tree.of("p0000", &ids).sampled_logprob.map_or(0.0, f64::exp), p);
        }
    }
}

#[test]
fn witness_masses_are_bounds_and_become_exact() {
    for n in [1, 8, 64, 4096] {
        let run = run(base(), policy(), n, 4, &References::new());
        let sums =
            |of: &dyn Fn(&str) -> f64| run.problems.iter().map(|p| of(p.id.as_str())).sum::<f64>();
        let Origins { witnesses, discoveries, .. } = &run.origins;
        for w in &witnesses.problems {
            assert!(w.base <= base().success(&w.id) + 1e-12, "{n} {w:?}");
            assert!(w.policy <= policy().success(&w.id) + 1e-12, "{n} {w:?}");
        }
        for d in &discoveries.problems {
            assert!(d.base <= base().success(&d.id) + 1e-12, "{n} {d:?}");
        }
        near(witnesses.base_mass.value * 8.0, witnesses.problems.iter().map(|w| w.base).sum());
        if n == 4096 {
            // Whatever the base can draw has been drawn: its mass is all there is, and under the
            // policy all but what is outside the base's nucleus.
            near(witnesses.base_mass.value * 8.0, sums(&|id| base().success(id)));
            let shared = |id: &str| {
                let all = policy().all(id).into_iter();
                let shared =
                    all.filter(|(ids, _)| is_correct(ids) && base().of(id, ids).outside.is_none());
                shared.map(|(_, p)| p).sum()
            };
            near(witnesses.policy_mass.value * 8.0, sums(&shared));
            let policys = sums(&|id| policy().success(id));
            assert!(witnesses.policy_mass.value * 8.0 < policys - 0.05, "some is outside");
        }
    }
}

#[test]
fn the_share_outside_is_that_of_the_draws() {
    let run = run(base(), policy(), 256, 4, &References::new());
    let (mut outside, mut correct) = (0.0, 0.0);
    for (id, entry) in run.policy.entries() {
        let mut places = Vec::new();
        let right = entry.draws().iter().filter(|draw| draw.verdict.is_correct());
        for draw in right.clone() {
            places.extend(base().of(id, &draw.ids).outside);
        }
        let count = right.count();
        outside += places.len() as f64;
        correct += count as f64;
        let Some(found) = run.origins.discoveries.problems.iter().find(|d| d.id == id) else {
            assert_eq!(count, 0);
            continue;
        };
        near(found.outside, places.len() as f64 / count as f64);
        places.sort_unstable();
        let middle = places.len().checked_sub(1).map(|last| u64::from(places[last / 2]));
        assert_eq!(found.first_outside, middle);
    }
    let share = run.origins.discoveries.outside.unwrap();
    near(share.value, outside / correct);
    assert!(share.value > 0.01 && share.ci_low <= share.value && share.value <= share.ci_high);

    // Without truncation nothing can be outside.
    let [wide, other] = [Tree { cut: 0.0, ..base() }, Tree { cut: 0.0, ..policy() }];
    let found = self::run(wide, other, 64, 4, &References::new()).origins.discoveries;
    assert_eq!(found.outside.unwrap().value, 0.0);
    assert!(found.problems.iter().all(|d| d.outside == 0.0 && d.first_outside.is_none()));
}

#[test]
fn an_untrained_policy_is_its_base() {
    let run = run(base(), Tree { draws: 8, ..base() }, 128, 16, &References::new());
    let Origins { witnesses, discoveries, perplexity, pooled, .. } = &run.origins;
    assert_eq!(witnesses.base_mass, witnesses.policy_mass);
    assert_eq!(discoveries.outside.unwrap().value, 0.0);
    let cell = |under: &str, of: &str, correct| {
        perplexity.iter().find(|p| p.under == under && p.of == of && p.correct == correct).unwrap()
    };
    for of in ["base", "policy"] {
        for correct in [true, false] {
            assert_eq!(cell("base", of, correct).pooled, cell("policy", of, correct).pooled);
        }
    }
    // Twice the draws, a little less for what neither drew.
    for p in &pooled.as_ref().unwrap().problems {
        assert!(p.base_used && p.policy_used, "{p:?}");
        assert!(p.base_ess > 200.0 && p.base_ess <= 256.0, "{p:?}");
    }
}

/// The success that ended a drawing is left out of the pooled estimate, so that two models with
/// nothing in common give (r − 1)/(n − 1) each.
#[test]
fn pooling_leaves_out_the_success_that_ended_a_drawing() {
    struct Apart;
    impl ScoreSource for Apart {
        fn score(
            &mut self,
            requests: &[ScoreRequest<'_>],
            _: &mut dyn FnMut(u64),
        ) -> Result<Vec<Score>, SourceError> {
            let outside = |r: &ScoreRequest<'_>| Score {
                full_logprob: -9.0,
                tokens: r.ids.len() as u32,
                sampled_logprob: None,
                outside: Some(0),
            };
            Ok(requests.iter().map(outside).collect())
        }
    }
    let problems = problems(1);
    let drawn = |draws: &[(Verdict, &str)]| {
        let mut ledger = Ledger::of(Some(StopRule { successes: 2, n_max: 8 }));
        let draws = draws.iter().map(|&(verdict, text)| common::draw(verdict, text)).collect();
        ledger.insert("p0000".to_owned(), String::new(), draws).unwrap();
        ledger
    };
    use Verdict::{Correct, Wrong};
    let base = drawn(&[(Wrong, "a"), (Correct, "b"), (Correct, "b")]);
    let policy = drawn(&[(Correct, "c"), (Wrong, "d"), (Wrong, "e"), (Wrong, "e"), (Correct, "f")]);
    let none = References::new();
    let score = |own, other| {
        Unscored::new(&problems, own, other, &none, 4).score(&mut Apart, &mut |_| {}).unwrap()
    };
    let (under_base, under_policy) = (score(&base, &policy), score(&policy, &base));
    let evidence = Evidence {
        under_base: &under_base,
        under_policy: &under_policy,
        references: &none,
        guesses: None,
        nucleus: true,
        most: 4,
    };
    let figures = origins(&base, &policy, &evidence, &CompareOptions::default());
    let pooled = figures.pooled.unwrap();
    near(pooled.problems[0].base, 1.0 / 2.0);
    near(pooled.problems[0].policy, 1.0 / 4.0);
    assert_eq!((pooled.base_used, pooled.policy_used), (0, 0));
    // The draw itself counts everywhere else.
    assert_eq!((figures.witnesses.count, figures.discoveries.count), (1, 2));
    near(figures.discoveries.outside.unwrap().value, 1.0);
}

#[test]
fn perplexities_are_those_of_the_draws() {
    // A sample as large as the set: every draw counts.
    let run = run(base(), policy(), 64, 1000, &References::new());
    let cell = |under: &str, of: &str, correct| {
        run.origins
            .perplexity
            .iter()
            .find(|p| p.under == under && p.of == of && p.correct == correct)
    };
    for (of, ledger) in [("base", &run.base), ("policy", &run.policy)] {
        for (under, tree) in [("base", base()), ("policy", policy())] {
            for correct in [true, false] {
                let (mut nats, mut tokens) = (0.0, 0.0);
                for (id, entry) in ledger.entries() {
                    for draw in entry.draws().iter().filter(|d| d.verdict.is_correct() == correct) {
                        let score = tree.of(id, &draw.ids);
                        nats += score.full_logprob;
                        tokens += f64::from(score.tokens);
                    }
                }
                near(cell(under, of, correct).unwrap().pooled.value, (-nats / tokens).exp());
            }
        }
    }
    assert!(cell("base", "reference", true).is_none());
}

#[test]
fn only_what_is_not_known_is_asked_for() {
    let reference =
        |ids: &[u32]| ReferenceCompletion { ids: ids.to_vec(), correct: is_correct(ids) };
    let all: Vec<ReferenceCompletion> =
        base().all("p0003").iter().map(|(ids, _)| reference(ids)).collect();
    let references = References::from([("p0003".to_owned(), all.clone())]);
    let run = run(base(), policy(), 64, 2, &references);
    for (own, drawn, scores) in
        [(&run.base, &run.policy, &run.scores[0]), (&run.policy, &run.base, &run.scores[1])]
    {
        let unscored = Unscored::new(&run.problems, own, drawn, &references, 2);
        let mut expect = 0;
        for (id, entry) in drawn.entries() {
            let held: Vec<&[u32]> = own.get(id).unwrap().draws().iter().map(|d| &*d.ids).collect();
            let mut right: Vec<&[u32]> = Vec::new();
            let mut wrong: Vec<&[u32]> = Vec::new();
            for draw in entry.draws() {
                let list = if draw.verdict.is_correct() { &mut right } else { &mut wrong };
                if !list.contains(&&*draw.ids) {
                    list.push(&draw.ids);
                }
            }
            // Every correct one, two wrong ones, and in one problem everything there is.
            wrong.truncate(2);
            let mut wanted = [right, wrong].concat();
            for r in references.get(id).into_iter().flatten() {
                if !wanted.contains(&&*r.ids) {
                    wanted.push(&r.ids);
                }
            }
            expect += wanted.iter().filter(|ids| !held.contains(*ids)).count();
        }
        assert_eq!(unscored.len(), expect);
        assert!(scores.tokens() as usize >= expect && scores.tokens() as usize <= BUDGET * expect);
    }
    assert_eq!(run.origins.tokens_scored, run.scores.iter().map(CrossScores::tokens).sum::<u64>());
    let cells = run.origins.perplexity.iter().filter(|p| p.of == "reference");
    let right = all.iter().filter(|r| r.correct).count() as u64;
    for cell in cells {
        assert_eq!(cell.completions, if cell.correct { right } else { all.len() as u64 - right });
        assert_eq!(cell.problems.len(), 1);
    }
}

#[test]
fn faults_of_a_source_are_named() {
    struct Faulty(Option<Score>);
    impl ScoreSource for Faulty {
        fn score(
            &mut self,
            requests: &[ScoreRequest<'_>],
            _: &mut dyn FnMut(u64),
        ) -> Result<Vec<Score>, SourceError> {
            Ok(self.0.map_or_else(Vec::new, |score| vec![score; requests.len()]))
        }
    }
    let run = run(base(), policy(), 8, 2, &References::new());
    let none = References::new();
    let unscored = Unscored::new(&run.problems, &run.base, &run.policy, &none, 2);
    let check = |score, expect: &str| {
        let error: ScoreError = unscored.score(&mut Faulty(score), &mut |_| {}).unwrap_err();
        assert!(error.to_string().contains(expect), "{error}");
    };
    check(None, "scores, the source returned 0");
    let fine = base().of("p0000", &[1, END]);
    check(Some(Score { full_logprob: f64::NAN, ..fine }), "was scored with full_logprob NaN");
    check(Some(Score { sampled_logprob: Some(f64::NEG_INFINITY), ..fine }), "sampled_logprob -inf");
}
