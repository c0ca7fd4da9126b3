use std::collections::BTreeMap;

use super::*;
use crate::{boundary_scalars, sample};

/// The figures as they stand in the run of each side, by tag.
fn written(b: &Boundary) -> BTreeMap<String, Vec<Side>> {
    let mut written: BTreeMap<String, Vec<Side>> = BTreeMap::new();
    for tag in boundary_scalars("heldout-t0.6", b).keys() {
        let (side, figure) = placed(tag.strip_prefix("boundary/heldout-t0.6/").unwrap());
        let tag = tags::boundary("heldout-t0.6", &figure);
        written.entry(tag).or_default().push(side);
    }
    written
}

#[test]
fn every_series_has_its_scalars_and_no_scalar_two_meanings() {
    let mut nothing_solved = sample::rich();
    let support = nothing_solved.support.as_mut().unwrap();
    (support.srr, support.ndr, support.sds, support.nscr) = (None, None, None, None);
    nothing_solved.origins.as_mut().unwrap().discoveries.outside = None;
    for b in [sample::rich(), sample::boundary(), nothing_solved] {
        let written = written(&b);
        let message = layout(&[("heldout-t0.6", &b)]);
        let charts = message.categories.iter().flat_map(|category| &category.charts);
        let margins_of = |chart: &Chart| match &chart.series {
            Some(Series::Margins(margins)) => margins.series.clone(),
            _ => Vec::new(),
        };
        let mut margins = 0;
        for series in charts.flat_map(margins_of) {
            margins += 1;
            let tags = [series.value, series.lower, series.upper];
            tags.iter().for_each(|tag| assert!(written.contains_key(tag), "no scalar {tag}"));
        }
        assert!(margins >= 2 * b.k.len(), "{margins}");
        for tag in shown("heldout-t0.6", &b) {
            let sides = written.get(&tag).map_or(&[][..], Vec::as_slice);
            assert!(!sides.is_empty() || tag.contains("crossover_k"), "no scalar {tag}");
            assert!(sides.len() <= 2 && (sides.len() < 2 || sides[0] != sides[1]), "{tag}");
        }
    }
}

#[test]
fn charts_stand_in_the_order_of_k() {
    let b = sample::rich();
    let message = layout(&[("x", &b)]);
    let titles: Vec<&str> = message.categories.iter().map(|c| c.title.as_str()).collect();
    assert_eq!(
        titles,
        [
            "x: pass@k",
            "x: difference",
            "x: difference, with the interval that holds at every look",
            "x: solvable problems",
            "x: where answers come from",
            "training"
        ]
    );
    // As TensorBoard inserts them: each chart with intervals before all of those before it.
    let shown = |category: &Category| {
        let (lines, mut margins): (Vec<&Chart>, Vec<&Chart>) =
            category.charts.iter().partition(|c| matches!(c.series, Some(Series::Lines(_))));
        margins.reverse();
        let titles = lines.into_iter().chain(margins).map(|chart| chart.title.clone());
        titles.collect::<Vec<_>>()
    };
    let pass_at_k: Vec<String> = b.k.iter().map(|k| format!("pass@{k}")).collect();
    assert_eq!(shown(&message.categories[0]), pass_at_k);
    let difference = shown(&message.categories[1]);
    assert_eq!(difference[..2], ["crossover k", "pass@1: policy less base"]);
    assert_eq!(difference.last().unwrap(), "Δ_SE");
}

#[test]
fn figures_go_to_the_run_of_their_side() {
    let check = |figure: &str, side, name: &str| {
        assert_eq!(placed(figure), (side, name.to_owned()), "{figure}");
    };
    check("base/pass@4/ci_low", Side::Base, "pass@4/ci_low");
    check("policy/pass@4", Side::Policy, "pass@4");
    check("delta/pass@4", Side::Policy, "delta/pass@4");
    check("witness_mass/base/ci_high", Side::Base, "witness_mass/ci_high");
    check("ppl/base/policy/wrong", Side::Base, "ppl/policy/wrong");
    check("ppl/policy/base/wrong", Side::Policy, "ppl/base/wrong");
    check("solvable/expected/neither", Side::Policy, "solvable/expected/neither");
    check("solvable/null/neither/ci_low", Side::Base, "solvable/expected/neither/ci_low");
    check("base_band/pass@4/ci_low", Side::Policy, "base_band/pass@4/ci_low");
}

#[test]
fn names_are_escaped() {
    assert_eq!(escaped("heldout-t0.6-p0.95"), r"heldout-t0\.6-p0\.95");
    assert_eq!(escaped("a(b|c)"), r"a\(b\|c\)");
}
