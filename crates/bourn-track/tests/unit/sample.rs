//! Boundary figures to draw and to tabulate in tests and in the example: a policy that is ahead
//! at small k and behind at large k. [`boundary`] is what counts and entropies alone give,
//! [`rich`] has every part.

use bourn_probe::figures::*;
use bourn_probe::{
    Answer, Boundary, Curve, Draw, DrawCounts, EntropyPair, Estimate, Example, Examples, Ledger,
    Outcomes, Solvable, Spending, Spent,
};
use bourn_verify::Verdict;

/// Nine values of k, 96 problems, a crossover at 16.
pub(crate) fn boundary() -> Boundary {
    let base = [0.092, 0.168, 0.287, 0.449, 0.632, 0.794, 0.906, 0.969, 0.9896];
    let policy = [0.257, 0.331, 0.394, 0.449, 0.495, 0.533, 0.566, 0.597, 0.625];
    let delta: Vec<f64> = base.iter().zip(policy).map(|(b, p)| p - b).collect();
    Boundary {
        policy_is_base: false,
        k: (0..9).map(|i| 1 << i).collect(),
        base: curve(&base, 0.03, 0.0, 1.0),
        policy: curve(&policy, 0.07, 0.0, 1.0),
        delta: curve(&delta, 0.08, -1.0, 1.0),
        crossover_k: Some(16),
        delta_se: 0.9896 - 0.257,
        delta_se_ci_low: 0.6501,
        delta_se_ci_high: 0.8149,
        solvable: Solvable {
            kept: ids("kept", 60),
            newly_solved: vec![],
            never_solved_again: ids("lost", 35),
            neither: ids("neither", 1),
        },
        problems: 96,
        n: DrawCounts { base: [256, 256], policy: [256, 256] },
        draws: None,
        confidence: 0.95,
        resamples: 2000,
        entropy: Some(EntropyPair {
            base: 0.512,
            base_ci_low: 0.498,
            base_ci_high: 0.527,
            policy: 0.19,
            policy_ci_low: 0.181,
            policy_ci_high: 0.2,
        }),
        sampler: Some("temperature 0.6, top_p 0.95".to_string()),
        set: Some("countdown".to_string()),
        paired: None,
        solvability: None,
        support: None,
        extrapolation: None,
        origins: None,
        temperatures: None,
    }
}

fn curve(values: &[f64], half: f64, low: f64, high: f64) -> Curve {
    Curve {
        pass_at_k: values.to_vec(),
        ci_low: values.iter().map(|v| (v - half).clamp(low, high)).collect(),
        ci_high: values.iter().map(|v| (v + half).clamp(low, high)).collect(),
    }
}

fn ids(name: &str, count: usize) -> Vec<String> {
    (0..count).map(|i| format!("{name}-{i:02}")).collect()
}

/// The figures of [`boundary`] with every part that a run may have.
pub(crate) fn rich() -> Boundary {
    let mut figures = boundary();
    figures.draws = Some(Spending {
        base: Spent { spent: 6_100, full: 24_576, saved: 18_476 },
        policy: Spent { spent: 9_400, full: 24_576, saved: 15_176 },
    });
    figures.paired = Some(paired(&figures));
    figures.solvability = Some(solvability(&figures));
    figures.support = Some(support());
    figures.extrapolation = Some(Extrapolation {
        k: vec![512, 1024, 2048],
        base: vec![estimate(0.992, 0.01), estimate(0.994, 0.012), estimate(0.995, 0.015)],
        policy: vec![estimate(0.65, 0.09), estimate(0.672, 0.11), estimate(0.69, 0.13)],
        good_toulmin: Some(GoodToulmin {
            k: 512,
            base: estimate(0.993, 0.02),
            policy: estimate(0.645, 0.12),
        }),
    });
    figures.origins = Some(origins());
    figures.temperatures = Some(temperatures(&figures));
    figures
}

fn estimate(value: f64, half: f64) -> Estimate {
    Estimate { value, ci_low: value - half, ci_high: value + half }
}

fn band(curve: &Curve, more: f64) -> Vec<Interval> {
    let ends = curve.ci_low.iter().zip(&curve.ci_high);
    ends.map(|(low, high)| Interval { low: low - more, high: high + more }).collect()
}

fn paired(figures: &Boundary) -> Paired {
    Paired {
        base_band: band(&figures.base, 0.02),
        policy_band: band(&figures.policy, 0.03),
        delta_band: band(&figures.delta, 0.04),
        delta_nested: band(&figures.delta, 0.01),
        delta_anytime: band(&figures.delta, 0.06),
        look: 3,
        mcnemar: McNemar { never_solved_again: 35, newly_solved: 0, p_value: 5.8e-11 },
        crossover: CrossoverInterval { low: Some(8), high: Some(32), share: 0.98 },
        detectable: figures.k.iter().map(|_| 0.11).collect(),
    }
}

fn solvability(figures: &Boundary) -> Solvability {
    let sets = |kept, gained, lost, neither, half| SetSizes {
        kept: estimate(kept, half),
        new_or_nearly: estimate(gained, half),
        lost_or_nearly: estimate(lost, half),
        neither: estimate(neither, half),
    };
    let fit = |zero, alpha, beta, curve: &Curve, unsolved| PriorFit {
        zero,
        alpha,
        beta,
        log_likelihood: -412.5,
        pass_at_k: curve.pass_at_k.iter().map(|share| 0.98 * share).collect(),
        unsolved_expected: unsolved,
        unsolved_observed: unsolved + 0.01,
        pit: vec![9.5, 10.25, 9.0, 9.25, 10.0, 9.75, 8.75, 10.5, 9.0, 10.0],
        p_value: 0.41,
    };
    let state = |id: &String, base: f64, policy: f64, lost, gained| ProblemState {
        id: id.clone(),
        base: if base > 0.0 { SolvableState::Solvable } else { SolvableState::NotDetected },
        policy: match policy {
            p if p > 0.1 => SolvableState::Solvable,
            p if p > 0.0 => SolvableState::Undetermined,
            _ => SolvableState::NotDetected,
        },
        base_rate: estimate(base, 0.0),
        policy_rate: estimate(policy, 0.0),
        lost_or_nearly: lost,
        new_or_nearly: gained,
    };
    let s = &figures.solvable;
    let mut problems: Vec<ProblemState> = (s.kept.iter().enumerate())
        .map(|(i, id)| state(id, 0.1, 0.005 * i as f64, 0.01, 0.02))
        .chain(s.never_solved_again.iter().map(|id| state(id, 0.05, 0.0, 0.9, 0.0)))
        .chain(s.neither.iter().map(|id| state(id, 0.0, 0.0, 0.05, 0.04)))
        .collect();
    problems.sort_by(|a, b| a.id.cmp(&b.id));
    Solvability {
        epsilon: 0.0116,
        level: 0.9,
        base: fit(0.01, 0.9, 8.5, &figures.base, 0.01),
        policy: fit(0.3, 0.4, 1.1, &figures.policy, 0.37),
        expected: sets(62.0, 0.5, 32.5, 1.0, 1.5),
        null: sets(91.0, 1.5, 1.5, 2.0, 1.0),
        excess: sets(-29.0, -1.0, 31.0, -1.0, 2.0),
        p_lost: 0.0005,
        p_gained: 0.8,
        problems,
    }
}

fn support() -> Support {
    let cover = |tau, base, policy| Cover {
        tau,
        base: estimate(base, 0.02),
        policy: estimate(policy, 0.03),
        delta: estimate(policy - base, 0.04),
    };
    let hat = |k, base, policy| PassHatK {
        k,
        base: estimate(base, 0.001),
        policy: estimate(policy, 0.01),
        delta: estimate(policy - base, 0.01),
    };
    Support {
        srr: Some(estimate(0.656, 0.02)),
        ndr: Some(estimate(0.008, 0.01)),
        sds: Some(estimate(0.0158, 0.02)),
        nscr: Some(estimate(-0.337, 0.03)),
        cover: vec![cover(0.1, 0.4, 0.45), cover(0.5, 0.02, 0.2), cover(0.9, 0.0, 0.1)],
        pass_hat_k: vec![hat(2, 0.03, 0.15), hat(4, 0.006, 0.1)],
    }
}

fn origins() -> Origins {
    let ppl = |under: &str, of: &str, correct, pooled, first| Perplexity {
        under: under.to_string(),
        of: of.to_string(),
        correct,
        pooled: estimate(pooled, 0.05 * pooled),
        completions: 1200,
        problems: (0..8).map(|i| (format!("kept-{i:02}"), first + 0.25 * f64::from(i))).collect(),
    };
    let witness = |i: usize| WitnessMass {
        id: format!("lost-{i:02}"),
        count: 3 + i as u64,
        base: 0.04,
        policy: 0.0001 * i as f64,
    };
    Origins {
        perplexity: vec![
            ppl("base", "base", true, 1.9, 1.5),
            ppl("base", "base", false, 2.2, 1.75),
            ppl("base", "policy", true, 1.6, 1.25),
            ppl("base", "policy", false, 2.6, 2.0),
            ppl("policy", "base", true, 3.4, 2.5),
            ppl("policy", "base", false, 5.1, 4.0),
            ppl("policy", "policy", true, 1.2, 1.0),
            ppl("policy", "policy", false, 1.3, 1.0),
        ],
        witnesses: Witnesses {
            count: 412,
            base_mass: estimate(0.08, 0.01),
            policy_mass: estimate(0.05, 0.01),
            problems: (0..35).map(witness).collect(),
        },
        discoveries: Discoveries {
            count: 187,
            base_mass: estimate(0.06, 0.01),
            outside: Some(estimate(0.07, 0.02)),
            problems: (0..60)
                .map(|i| Discovery {
                    id: format!("kept-{i:02}"),
                    count: 2,
                    base: 0.05,
                    outside: if i % 4 == 0 { 0.25 } else { 0.0 },
                    first_outside: (i % 4 == 0).then_some(5),
                })
                .collect(),
        },
        pooled: Some(Pooled { base_used: 21, policy_used: 13, problems: vec![] }),
        base_answer_entropy: estimate(3.1, 0.1),
        policy_answer_entropy: estimate(1.2, 0.1),
        token_entropy: [(0.5, 0.2, 0.05), (0.8, 1.1, 0.4), (0.9, 1.6, 0.9), (0.95, 1.9, 1.3)]
            .map(|(q, base, policy)| EntropyQuantile { q, base, policy })
            .to_vec(),
        rarely_solved: ids("kept", 6),
        guesses: Some(Guesses {
            n: 32,
            rate: estimate(0.02, 0.01),
            guessable: vec!["kept-03".into()],
        }),
        tokens_scored: 84_210,
    }
}

fn temperatures(figures: &Boundary) -> Temperatures {
    let curve = |curve: &Curve, add: f64| {
        let shifted = curve.pass_at_k.iter().map(|share| estimate((share + add).min(1.0), 0.03));
        shifted.collect::<Vec<_>>()
    };
    let point = |base_temperature, policy_temperature, entropy: f64, add: f64| TemperaturePoint {
        base_temperature,
        policy_temperature,
        base_entropy: 0.512,
        policy_entropy: entropy,
        base: curve(&figures.base, 0.0),
        policy: curve(&figures.policy, add),
        delta: curve(&figures.delta, add),
        draws: 24_576,
    };
    Temperatures {
        matched: Some(point(0.6, 1.35, 0.51, 0.1)),
        unmatched: None,
        grid: vec![point(0.6, 0.6, 0.19, 0.0), point(1.0, 1.0, 0.3, 0.05)],
    }
}

/// A problem never solved again with answers as a hostile policy might write them, and the draws of
/// a policy.
#[allow(dead_code, reason = "the report's tests share this file, and need the figures alone")]
pub(crate) fn examples() -> (Examples, Ledger) {
    let answer = |text: &str, count, verdict| Answer { text: text.to_owned(), count, verdict };
    let gone = Example {
        id: "lost-00".to_owned(),
        prompt: "Use 3, 4, 5 | make 23".to_owned(),
        base: Outcomes::new(256, 9).expect("nine of 256"),
        policy: Outcomes::new(256, 0).expect("none of 256"),
        correct: vec![answer("3+4*5", 9, Verdict::Correct)],
        wrong: vec![
            answer("|\n\n# <img src=\"http://x/y\"> ![a](b) `c`", 200, Verdict::Wrong),
            answer("&lt; [go](javascript:x)\u{2}\u{202e}", 56, Verdict::Unparsed),
        ],
    };
    let draw = |text: &str, verdict| Draw {
        verdict,
        answer: None,
        text: text.to_owned(),
        tokens: 1,
        logprob: -1.0,
        full_logprob: -1.0,
        entropy: 0.5,
        truncated: false,
        ids: vec![1],
        entropies: vec![0.5],
    };
    let mut ledger = Ledger::new();
    for id in 0..5 {
        let draws = [("7-2", Verdict::Wrong), ("2+3", Verdict::Correct), ("2+3", Verdict::Correct)];
        let draws = draws.map(|(text, verdict)| draw(text, verdict)).to_vec();
        let inserted = ledger.insert(format!("p-{id}"), format!("make 5, {id}"), draws);
        inserted.expect("every id once, and draws");
    }
    (Examples { never_solved_again: vec![gone], newly_solved: vec![] }, ledger)
}
