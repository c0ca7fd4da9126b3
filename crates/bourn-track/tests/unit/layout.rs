use super::*;
use crate::{boundary_scalars, sample};

/// Every series of every chart as value, lower and upper.
fn series(b: &Boundary) -> Vec<[String; 3]> {
    let categories = categories("heldout-t0.6", b);
    let charts = categories.iter().flat_map(|category| category.get_chart());
    let series = charts.flat_map(|chart| chart.get_margin().get_series());
    let ends = |s: &MarginChartContent_Series| {
        [s.get_value(), s.get_lower(), s.get_upper()].map(str::to_owned)
    };
    series.map(ends).collect()
}

#[test]
fn every_series_has_its_scalars() {
    let mut nothing_solved = sample::rich();
    let support = nothing_solved.support.as_mut().unwrap();
    (support.srr, support.ndr, support.sds, support.nscr) = (None, None, None, None);
    for b in [sample::rich(), sample::boundary(), nothing_solved] {
        let scalars = boundary_scalars("heldout-t0.6", &b);
        let series = series(&b);
        assert!(series.len() > 2 * b.k.len(), "{}", series.len());
        for tag in series.iter().flatten() {
            assert!(scalars.contains_key(tag), "no scalar {tag}");
        }
    }
    let titles = |b: &Boundary| {
        let categories = categories("x", b);
        let titles = categories.iter().map(|category| category.get_title().to_owned());
        titles.collect::<Vec<_>>()
    };
    let mut bare = sample::boundary();
    bare.entropy = None;
    assert_eq!(titles(&bare), ["x: pass@k", "x: difference", "x: solvable sets"]);
    assert_eq!(titles(&sample::rich()).last().unwrap(), "x: where answers come from");
}

#[test]
fn names_are_escaped() {
    assert_eq!(escaped("heldout-t0.6-p0.95"), r"heldout-t0\.6-p0\.95");
    assert_eq!(escaped("a(b|c)"), r"a\(b\|c\)");
}
