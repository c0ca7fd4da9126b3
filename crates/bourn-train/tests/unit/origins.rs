//! Origins through the real engine, on random weights and a vocabulary of eleven.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use bourn_model::Bundle;
use bourn_probe::{Boundary, LedgerKey, ScoreRequest, ScoreSource, probe};
use bourn_rollout::{
    Capabilities, Completion, Engine, EngineOptions, Next, Progress, Prompt, RolloutError,
    Rollouts, Sampling, ScoreItem, Scored, Stopped, Storage, Work,
};
use bourn_track::Console;

use bourn_recipe::Recipe;

use super::*;
use crate::drawing::{DrawBatch, collect};
use crate::settings::Draws;
use crate::side::Engines;
use crate::testing::{self, bundle, problems};

fn recipe() -> Recipe {
    let mut recipe = testing::recipe("", "");
    recipe.rollout.max_completion_length = 3;
    recipe.probe.n_max = 256;
    recipe.probe.stop = 0;
    recipe.probe.scores = 32;
    recipe.probe.resamples = 100;
    recipe.probe.samplers = vec![Sampler { temperature: 0.8, top_p: 0.8, top_k: 0, min_p: 0.0 }];
    recipe
}

fn engine(bundle: &Bundle) -> Engine {
    let options = EngineOptions { batch_size: 16, cache_bytes: 1 << 24, storage: Storage::F32 };
    Engine::new(&bundle.config, &bundle.weights().unwrap(), &options).unwrap()
}

fn run(recipe: &Recipe, base: &Bundle, policy: &Bundle, cache: &Path) -> (Boundary, Engine) {
    let prompter = Prompter::new(base, false, "").unwrap();
    let (problems, stop) = (problems(&["1", "2", "3", "45"]), AtomicBool::new(false));
    let prober = Prober {
        measured: recipe.measured(),
        problems: &problems,
        base: Side::new(base, &prompter),
        cache_dir: cache,
        console: &Console::with_writer(Box::new(io::sink())),
        stop: &stop,
        standalone: false,
    };
    let mut engine = engine(policy);
    let side = Side::new(policy, &prompter);
    let mut results = prober.run(&mut Engines::shared(&mut engine), &side, 0).unwrap();
    (results.remove(0).boundary, engine)
}

#[test]
fn scores_are_the_log_probs_of_the_draws() {
    let (recipe, base) = (recipe(), bundle(1));
    let prompter = Prompter::new(&base, false, "").unwrap();
    let (problems, stop) = (problems(&["1", "2", "3", "45"]), AtomicBool::new(false));
    let mut engine = engine(&base);
    let mut source = EngineSource::new(
        &mut engine,
        &prompter,
        recipe.measured(),
        &recipe.probe.samplers[0],
        &stop,
    )
    .drawing("test", 0);
    let ledger = probe(&problems, &mut source, Extent::Fixed(64), &mut |_| {}).unwrap().ledger;
    let mut truncated = 0;
    for problem in &problems {
        let draws = ledger.get(problem.id.as_str()).unwrap().draws();
        let requests: Vec<ScoreRequest<'_>> =
            draws.iter().map(|draw| ScoreRequest { problem, ids: &draw.ids }).collect();
        let scores = source.score(&requests, &mut |_| {}).unwrap();
        for (draw, score) in draws.iter().zip(scores) {
            // To the last bit: a draw of both models needs no score of either.
            assert_eq!(score.full_logprob, draw.full_logprob);
            assert_eq!(score.sampled_logprob, Some(draw.logprob));
            assert_eq!((score.tokens, score.outside), (draw.tokens, None));
            truncated += usize::from(draw.truncated);
        }
    }
    assert!(truncated > 0, "cut completions are among them");
}

#[test]
fn a_probe_says_where_its_correct_answers_came_from() {
    let cache = tempfile::tempdir().unwrap();
    let references = cache.path().join("references.jsonl");
    let lines = "{\"problem\": \"10\", \"completion\": \"1\"}\n\
                 {\"problem\": \"20\", \"completion\": \"3\"}\n";
    std::fs::write(&references, lines).unwrap();
    let mut recipe = recipe();
    recipe.probe.references = Some(references);
    recipe.probe.guess = Some(Guess { suffix: "4".into(), n: 32, max_completion_length: 2 });
    let (base, policy) = (bundle(1), bundle(2));
    let (figures, mut left) = run(&recipe, &base, &policy, cache.path());
    let found = figures.origins.as_ref().expect("scores are asked for");

    assert!(found.witnesses.count > 0 && found.discoveries.count > 0, "{figures:?}");
    assert!(found.witnesses.policy_mass.value < 1.0 && found.tokens_scored > 0);
    // Answers of one or two tokens, with their end: their mass is near what was drawn. 256 draws of
    // 4 problems: five standard errors of at most ½/√256 each.
    let drawn = figures.base.pass_at_k[0];
    assert!((found.witnesses.base_mass.value - drawn).abs() < 0.16, "{found:?} {drawn}");
    for w in &found.witnesses.problems {
        assert!(w.base > 0.0 && w.base <= 1.0 && w.policy <= 1.0, "{w:?}");
    }
    let cells: Vec<_> = found.perplexity.iter().filter(|p| p.of == "reference").collect();
    let right = cells.iter().filter(|cell| cell.correct).count();
    assert_eq!((cells.len(), right), (4, 2), "one is right and one wrong, under two models");
    // "4", then "5" and the end at once, solves the last problem and no other.
    let guesses = found.guesses.as_ref().unwrap();
    assert!(guesses.n == 32 && guesses.rate.value <= 0.25 && guesses.guessable.len() <= 1);

    // The engine has the policy's weights.
    let prompt = Inputs::from(vec![3, 2]);
    let item = [ScoreItem { prompt: &prompt, completion: &[4, 5, 1] }];
    let mut go_on = |_| std::ops::ControlFlow::Continue(());
    let expect = engine(&policy).score(&item, &Sampling::whole(1.0).unwrap(), &mut go_on).unwrap();
    assert_eq!(left.score(&item, &Sampling::whole(1.0).unwrap(), &mut go_on).unwrap(), expect);
    assert_ne!(
        engine(&base).score(&item, &Sampling::whole(1.0).unwrap(), &mut go_on).unwrap(),
        expect
    );

    // With the base's draws out of the store all is as before.
    assert_eq!(run(&recipe, &base, &policy, cache.path()).0, figures);
    recipe.probe.scores = 0;
    assert_eq!(run(&recipe, &base, &policy, cache.path()).0.origins, None);
}

#[test]
fn an_untrained_policy_keeps_its_witnesses() {
    let cache = tempfile::tempdir().unwrap();
    let (figures, _) = run(&recipe(), &bundle(1), &bundle(1), cache.path());
    let found = figures.origins.unwrap();
    assert_eq!(found.witnesses.base_mass, found.witnesses.policy_mass);
    assert_eq!(found.discoveries.outside.unwrap().value, 0.0);
    // Where the sampler cuts nothing away there is no outside.
    let mut whole = recipe();
    whole.probe.samplers[0].top_p = 1.0;
    let (figures, _) = run(&whole, &bundle(1), &bundle(1), cache.path());
    assert_eq!(figures.origins.unwrap().discoveries.outside, None);
}

#[test]
fn references_that_do_not_fit_are_named_with_their_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("r.jsonl");
    let base = bundle(1);
    let prompter = Prompter::new(&base, false, "").unwrap();
    let mut recipe = recipe();
    recipe.probe.references = Some(path.clone());
    let check = |completion: &str, expect: &str| {
        let lines = format!("\n{{\"problem\": \"10\", \"completion\": \"{completion}\"}}\n");
        std::fs::write(&path, lines).unwrap();
        let read = references(
            &recipe.measured(),
            &problems(&["1", "2", "3", "45"]),
            &Side::new(&base, &prompter),
        );
        let text = read.map_or_else(|error| error.to_string(), |read| format!("{read:?}"));
        assert!(text.contains(expect), "{text}");
    };
    // The end token follows: 3 is "1".
    check("1", "ids: [3, 1], correct: true");
    check("12", "ids: [3, 4, 1], correct: false");
    check("abc", ":2: ");
    // 2 of the prompt, 62 characters and the end, of a context of 64.
    check(&"1".repeat(62), ":2: prompt and completion are 65 tokens long");
    check(&"1".repeat(61), "correct: false");
}

/// With stop strings the same draws come, each cut after the token that brings one; text that begins
/// in the prompt does not count, and other stop strings are other draws.
#[test]
fn stop_strings_cut_the_same_draws() {
    let (mut recipe, base) = (recipe(), bundle(1));
    recipe.rollout.max_completion_length = 12;
    let (problems, stop) = (problems(&["1", "2", "3", "45"]), AtomicBool::new(false));
    let mut engine = engine(&base);
    let mut draws = |prompter: &Prompter| {
        let sampler = &recipe.probe.samplers[0];
        let mut source =
            EngineSource::new(&mut engine, prompter, recipe.measured(), sampler, &stop);
        source = source.drawing("test", 0);
        probe(&problems, &mut source, Extent::Fixed(64), &mut |_| {}).unwrap().ledger
    };
    let free = Prompter::new(&base, false, "").unwrap();
    // Every prompt ends with 0, so that a completion that begins with 1 is no stop.
    let stops = ["01", "77"].map(String::from);
    let stopping = free.clone().stopping_at(&stops).unwrap();
    let (all, cut) = (draws(&free), draws(&stopping));
    let (mut ended, mut started) = (0, 0);
    for problem in &problems {
        let pairs = all.get(problem.id.as_str()).unwrap().draws().iter();
        for (free, cut) in pairs.zip(cut.get(problem.id.as_str()).unwrap().draws()) {
            let end = stops.iter().filter_map(|stop| free.text.find(stop)).min();
            match end {
                Some(start) => {
                    // It ends with the stop string, whose two characters are a token each; <pad> is
                    // drawn too, and has no text.
                    let spoken = free.ids.iter().enumerate().filter(|(_, id)| **id > 1);
                    let length = spoken.map(|(place, _)| place + 1).nth(start + 1).unwrap();
                    assert_eq!(cut.text, free.text[..start + 2]);
                    assert_eq!((&cut.ids[..], cut.truncated), (&free.ids[..length], false));
                    ended += 1;
                }
                None => assert_eq!(cut, free),
            }
            started += usize::from(cut.text.starts_with('1') && cut.tokens > 1);
        }
    }
    assert!(ended > 5 && started > 5, "{ended} {started}");

    let key = |prompter: &Prompter| {
        let side = Side::new(&base, prompter);
        let prober = Prober {
            measured: recipe.measured(),
            problems: &problems,
            base: side,
            cache_dir: Path::new(""),
            console: &Console::with_writer(Box::new(io::sink())),
            stop: &stop,
            standalone: false,
        };
        prober.ledger_key(&side, &recipe.probe.samplers[0]).prompt
    };
    let with = |stops: &[&str]| {
        let stops: Vec<String> = stops.iter().map(|stop| (*stop).to_owned()).collect();
        key(&free.clone().stopping_at(&stops).unwrap())
    };
    // The key of a recipe without any is the one that it had before there were any.
    assert_eq!(with(&[]), key(&free));
    let keys = [key(&free), with(&["01"]), with(&["77"]), with(&["01", "77"]), with(&["0177"])];
    assert_eq!(keys.iter().collect::<std::collections::BTreeSet<_>>().len(), keys.len());
}

/// Rounded weights are other weights; as they are, the key is the one that there was before the choice.
#[test]
fn ledgers_of_rounded_weights_are_kept_apart() {
    let (mut recipe, base, stop) = (recipe(), bundle(1), AtomicBool::new(false));
    let prompter = Prompter::new(&base, false, "").unwrap();
    let side = Side::new(&base, &prompter);
    let key = |recipe: &Recipe| {
        let prober = Prober {
            measured: recipe.measured(),
            problems: &[],
            base: side,
            cache_dir: Path::new(""),
            console: &Console::with_writer(Box::new(io::sink())),
            stop: &stop,
            standalone: false,
        };
        prober.ledger_key(&side, &recipe.probe.samplers[0])
    };
    let exact = key(&recipe);
    recipe.rollout.weight_dtype = bourn_recipe::WeightDtype::Bfloat16;
    let rounded = key(&recipe);
    assert_eq!(rounded.weights, format!("{} in bfloat16", exact.weights));
    assert_eq!(exact, LedgerKey { weights: exact.weights.clone(), ..rounded });
    assert!(exact.weights.starts_with(&format!("{} of shape ", base.weights_hash)));
    assert_eq!(exact.weights.len(), base.weights_hash.len() + " of shape ".len() + 64);
}

#[test]
fn references_end_at_a_stop_string() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("r.jsonl");
    std::fs::write(&path, "{\"problem\": \"450\", \"completion\": \"4512\"}\n").unwrap();
    let base = bundle(1);
    let prompter = Prompter::new(&base, false, "").unwrap();
    let mut recipe = recipe();
    recipe.probe.references = Some(path);
    let read = |stops: &[&str]| {
        let stops: Vec<String> = stops.iter().map(|stop| (*stop).to_owned()).collect();
        let prompter = prompter.clone().stopping_at(&stops).unwrap();
        let read = references(
            &recipe.measured(),
            &problems(&["1", "2", "3", "45"]),
            &Side::new(&base, &prompter),
        )
        .unwrap();
        format!("{read:?}")
    };
    // "0" is 2, and so on; without the rest of the text the answer is right.
    assert!(read(&[]).contains("ids: [6, 7, 3, 4, 1], correct: false"));
    assert!(read(&["5"]).contains("ids: [6, 7], correct: true"));
    assert!(read(&["8"]).contains("ids: [6, 7, 3, 4, 1], correct: false"));
}

/// An engine that says nothing of entropies, as one behind a wire may.
struct Silent(Engine);

/// Work that is handed completions without them.
struct Without<'a>(&'a mut dyn Work);

impl Work for Without<'_> {
    fn next(&mut self) -> Option<(usize, u64)> {
        self.0.next()
    }

    fn is_open(&self, prompt: usize) -> bool {
        self.0.is_open(prompt)
    }

    fn finished(
        &mut self,
        prompt: usize,
        sample: u64,
        completion: Completion,
        room: usize,
    ) -> Result<Next, Stopped> {
        self.0.finished(prompt, sample, Completion { entropies: None, ..completion }, room)
    }
}

impl Rollouts for Silent {
    fn capabilities(&self) -> Capabilities {
        Capabilities { entropies: false, ..self.0.capabilities() }
    }

    fn draw(
        &mut self,
        prompts: &[Prompt<'_>],
        sampling: &Sampling,
        work: &mut dyn Work,
        on_progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), RolloutError> {
        self.0.draw(prompts, sampling, &mut Without(work), on_progress)
    }

    fn score(
        &mut self,
        items: &[ScoreItem<'_>],
        sampling: &Sampling,
        on_progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Vec<Scored>, RolloutError> {
        self.0.score(items, sampling, on_progress)
    }
}

/// A probe keeps entropies; training reads them where the algorithm does.
#[test]
fn an_engine_without_entropies_is_refused_where_they_are_read() {
    let (mut recipe, base) = (recipe(), bundle(1));
    let prompter = Prompter::new(&base, false, "").unwrap();
    let problems = problems(&["1", "2", "3", "45"]);
    let stop = AtomicBool::new(false);
    let mut engine = Silent(engine(&base));
    let sampler = recipe.probe.samplers[0].clone();
    let mut source = EngineSource::new(&mut engine, &prompter, recipe.measured(), &sampler, &stop);
    let refused = probe(&problems, &mut source, Extent::Fixed(4), &mut |_| {}).err().unwrap();
    assert!(matches!(own_error(refused), TrainError::Unknown { what: "entropies" }));

    let all: Vec<&Problem> = problems.iter().collect();
    let batch = DrawBatch { purpose: "train", step: 0, batch: 0, size: 4 };
    assert!(collect(&mut engine, &prompter, &all, Draws::of(&recipe), batch, &stop).is_ok());
    recipe.algorithm.entropy_target = 0.1;
    let refused =
        collect(&mut engine, &prompter, &all, Draws::of(&recipe), batch, &stop).err().unwrap();
    assert!(matches!(refused, TrainError::Unknown { what: "entropies" }));
}
