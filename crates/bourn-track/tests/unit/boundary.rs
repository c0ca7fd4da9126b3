use super::*;
use crate::parts::histograms;
use crate::sample;

#[test]
fn scalars() {
    let boundary = sample::boundary();
    let scalars = boundary_scalars("cd", &boundary);
    let check = |tag: &str, expect: f64| assert_eq!(scalars[tag], expect, "{tag}");
    check("boundary/cd/base/pass@1", 0.092);
    check("boundary/cd/policy/pass@256", 0.625);
    check("boundary/cd/policy/pass@256/ci_low", 0.625 - 0.07);
    check("boundary/cd/delta/pass@8", 0.0);
    check("boundary/cd/delta_se", 0.9896 - 0.257);
    check("boundary/cd/delta_se/ci_low", 0.6501);
    check("boundary/cd/delta_se/ci_high", 0.8149);
    check("boundary/cd/base/entropy", 0.512);
    check("boundary/cd/policy/entropy/ci_high", 0.2);
    check("boundary/cd/crossover_k", 16.0);
    check("boundary/cd/solvable/kept", 60.0);
    check("boundary/cd/solvable/newly_solved", 0.0);
    check("boundary/cd/solvable/never_solved_again", 35.0);
    check("boundary/cd/solvable/neither", 1.0);
    check("boundary/cd/problems", 96.0);
    check("boundary/cd/base/n", 256.0);
    check("boundary/cd/policy/n", 256.0);
    // Nine k of three sides, Δ_SE and two entropies with two ends each, and eight counts.
    assert_eq!(scalars.len(), (9 * 3 + 1 + 2) * 3 + 8);
}

#[test]
fn absent_figures_have_no_tag() {
    let mut boundary = sample::boundary();
    (boundary.crossover_k, boundary.entropy) = (None, None);
    let scalars = boundary_scalars("cd", &boundary);
    assert_eq!(scalars.len(), (9 * 3 + 1) * 3 + 7);
    assert!(!scalars.contains_key("boundary/cd/crossover_k"));
}

#[test]
fn scalars_of_every_part() {
    let scalars = boundary_scalars("cd", &sample::rich());
    let check = |figure: &str, expect: f64| {
        assert_eq!(scalars[&format!("boundary/cd/{figure}")], expect, "{figure}");
    };
    check("delta_anytime/pass@1/ci_low", (0.257 - 0.092 - 0.08) - 0.06);
    check("crossover_k/ci_low", 8.0);
    check("crossover_share", 0.98);
    check("look", 3.0);
    check("solvable/expected/lost_or_nearly", 32.5);
    check("solvable/expected/lost_or_nearly/ci_high", 34.0);
    check("solvable/null/lost_or_nearly", 1.5);
    check("solvable/excess/lost_or_nearly/ci_low", 29.0);
    // Sixty kept at rates of 0.005 i: none of the first, 20 up to 0.1, 39 above.
    check("policy/states/solvable", 39.0);
    check("policy/states/undetermined", 20.0);
    check("policy/states/not_detected", 37.0);
    check("base/states/solvable", 95.0);
    check("base/prior/unsolved_observed", 0.02);
    check("support/nscr", -0.337);
    check("cover@0.5/policy", 0.2);
    check("pass^4/base", 0.006);
    check("extrapolated/policy/pass@1024", 0.672);
    check("good_toulmin/base/pass@512", 0.993);
    check("ppl/policy/base/wrong", 5.1);
    check("witness_mass/policy/ci_high", 0.05 + 0.01);
    check("outside_nucleus", 0.07);
    check("policy/answer_entropy", 1.2);
    check("base/entropy/q0.8", 1.1);
    check("guesses/guessable", 1.0);
    check("matched/policy/temperature", 1.35);
    check("matched/delta/pass@1", 0.257 - 0.092 + 0.1);
    check("temperature/1/policy/entropy", 0.3);
    check("policy/draws/saved", 15_176.0);

    let mut figures = sample::rich();
    figures.paired.as_mut().unwrap().crossover.high = None;
    figures.temperatures.as_mut().unwrap().grid[0].policy_temperature = 0.8;
    let scalars = boundary_scalars("cd", &figures);
    assert!(!scalars.contains_key("boundary/cd/crossover_k/ci_high"));
    // Two temperatures have no difference to be filed under one of them.
    assert!(scalars.contains_key("boundary/cd/temperature/0.8/policy/pass@1"));
    assert!(!scalars.contains_key("boundary/cd/temperature/0.8/delta/pass@1"));
    assert!(!scalars.contains_key("boundary/cd/temperature/0.6/delta/pass@1"));
}

#[test]
fn histograms_hold_a_value_for_each_problem() {
    let mut figures = sample::rich();
    let origins = figures.origins.as_mut().unwrap();
    origins.perplexity[0].problems[3].1 = f64::INFINITY;
    origins.perplexity[1].problems.clear();
    let list = histograms(&figures);
    let lengths: Vec<_> = list.iter().map(|(tag, values)| (tag.as_str(), values.len())).collect();
    assert_eq!(lengths[0], ("solvable/lost_or_nearly_probability", 96));
    assert_eq!(lengths[1], ("solvable/new_or_nearly_probability", 96));
    assert_eq!(lengths[2], ("ppl/base/base/correct/problems", 7));
    assert_eq!(lengths[3], ("ppl/base/policy/correct/problems", 8));
    assert_eq!(list.len(), 2 + 7);
    assert!(histograms(&sample::boundary()).is_empty());
}

/// Every way to fill in `{a,b}` and `{a}`: alternatives as they are, a single name as `*`.
fn expanded(tag: &str) -> Vec<String> {
    let Some((before, rest)) = tag.split_once('{') else { return vec![tag.to_owned()] };
    let (inside, after) = rest.split_once('}').expect("a brace that is closed");
    let fill = |part: &str| match inside.contains(',') {
        true => part.to_owned(),
        false => "*".to_owned(),
    };
    let parts: Vec<_> = inside.split(',').map(fill).collect();
    let combine = |tail: String| parts.iter().map(move |part| format!("{before}{part}{tail}"));
    let tails = expanded(after);
    tails.into_iter().flat_map(|tail| combine(tail).collect::<Vec<_>>()).collect()
}

/// Whether a pattern with `*` for anything but a slash is the whole tag.
fn matches(pattern: &str, tag: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == tag,
        Some((before, after)) => tag.strip_prefix(before).is_some_and(|rest| {
            let end = rest.find('/').unwrap_or(rest.len());
            (1..=end).any(|at| rest.is_char_boundary(at) && matches(after, &rest[at..]))
        }),
    }
}

#[test]
fn every_boundary_tag_is_documented() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, section) = page.split_once("## Boundary").unwrap();
    let spans = section.split('`').skip(1).step_by(2);
    let documented: Vec<String> = spans.filter(|s| !s.contains(' ')).flat_map(expanded).collect();
    assert!(documented.contains(&"policy/pass@*".to_owned()), "{documented:?}");
    let figures = sample::rich();
    let scalars = boundary_scalars("cd", &figures).into_keys();
    let scalars = scalars.map(|tag| tag.strip_prefix("boundary/cd/").unwrap().to_owned());
    let histograms = histograms(&figures).into_iter().map(|(figure, _)| figure);
    let mut missing = Vec::new();
    for tag in scalars.chain(histograms) {
        let figure = tag.strip_suffix("/ci_low").or(tag.strip_suffix("/ci_high")).unwrap_or(&tag);
        if !documented.iter().any(|pattern| matches(pattern, figure)) {
            missing.push(figure.to_owned());
        }
    }
    missing.dedup();
    assert_eq!(missing, Vec::<String>::new(), "docs/metrics.md lacks them");
}

#[test]
fn patterns_of_the_documentation() {
    assert_eq!(expanded("{a,b}/x@{k}"), ["a/x@*", "b/x@*"]);
    assert!(matches("ppl/*/*/wrong", "ppl/base/policy/wrong"));
    assert!(!matches("ppl/*/wrong", "ppl/base/policy/wrong"));
    assert!(!matches("x@*", "x@"));
}
