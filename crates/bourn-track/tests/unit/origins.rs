use bourn_probe::Estimate;
use bourn_probe::figures::{Discoveries, Witnesses};

use super::*;
use crate::{boundary_table, sample};

fn estimate(value: f64, half: f64) -> Estimate {
    Estimate { value, ci_low: value - half, ci_high: value + half }
}

fn origins() -> Origins {
    let perplexity = |under: &str, of: &str, correct, value| Perplexity {
        under: under.to_string(),
        of: of.to_string(),
        correct,
        pooled: estimate(value, 0.125),
        completions: 640,
        problems: vec![("a".to_string(), value)],
    };
    Origins {
        perplexity: vec![
            perplexity("base", "base", true, 1.5),
            perplexity("base", "policy", true, 1.25),
            perplexity("base", "policy", false, 2.5),
            perplexity("policy", "policy", true, 1.125),
        ],
        witnesses: Witnesses {
            count: 412,
            base_mass: estimate(0.0812, 0.01),
            policy_mass: estimate(0.0519, 0.01),
            problems: Vec::new(),
        },
        discoveries: Discoveries {
            count: 187,
            base_mass: estimate(0.06, 0.01),
            outside: Some(estimate(0.073, 0.02)),
            problems: Vec::new(),
        },
        pooled: None,
        base_answer_entropy: estimate(3.125, 0.125),
        policy_answer_entropy: estimate(1.25, 0.125),
        token_entropy: Vec::new(),
        rarely_solved: Vec::new(),
        guesses: Some(Guesses {
            n: 16,
            rate: estimate(0.02, 0.01),
            guessable: vec!["a".to_string(); 3],
        }),
        tokens_scored: 12_345,
    }
}

#[test]
fn under_the_table() {
    let mut boundary = sample::boundary();
    boundary.origins = Some(origins());
    let table = boundary_table(&boundary);
    let from = table.lines().position(|line| line.contains(" witnesses ")).unwrap();
    let lines: Vec<&str> = table.lines().skip(from).take(5).collect();
    assert_eq!(
        lines,
        [
            " witnesses   mass 8.1 [7.1, 9.1] %, policy 5.2 [4.2, 6.2] % (412)",
            " outside     7.3 [5.3, 9.3] % of correct draws the base's sampler cannot make",
            " perplexity  1.25 [1.12, 1.38] of correct policy draws under the base",
            " answers     entropy base 3.12 [3.00, 3.25], policy 1.25 [1.12, 1.38] nats",
            " guesses     2.0 [1.0, 3.0] % correct; 3 problems guessable",
        ]
    );
}

#[test]
fn the_widest_figures_fit_80_columns() {
    let mut origins = origins();
    let widest = estimate(1.0, 0.0);
    origins.witnesses.count = 999_999;
    (origins.witnesses.base_mass, origins.witnesses.policy_mass) = (widest, widest);
    origins.base_answer_entropy = estimate(10.25, 0.125);
    origins.policy_answer_entropy = origins.base_answer_entropy;
    origins.discoveries.outside = Some(estimate(0.5, 0.125));
    for (name, text) in origins_lines(&origins) {
        assert!(name.len() <= 10 && text.len() + 13 <= 80, "{name}: {text}");
    }
}

#[test]
fn what_rests_on_nothing_has_no_line() {
    let mut origins = origins();
    (origins.witnesses.count, origins.discoveries.count) = (0, 0);
    origins.perplexity.clear();
    origins.guesses = None;
    let names: Vec<String> = origins_lines(&origins).into_iter().map(|line| line.0).collect();
    assert_eq!(names, ["answers"]);
}
