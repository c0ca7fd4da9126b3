use super::*;
use crate::{boundary_table, sample};

fn interval(low: f64, high: f64) -> Interval {
    Interval { low, high }
}

fn paired() -> Paired {
    Paired {
        base_band: vec![interval(0.0, 1.0); 9],
        policy_band: vec![interval(0.0, 1.0); 9],
        delta_band: vec![interval(-0.4712, -0.2588); 9],
        delta_nested: vec![interval(-0.45, -0.28); 9],
        delta_anytime: vec![interval(-0.6114, 0.0201); 9],
        look: 3,
        mcnemar: McNemar { never_solved_again: 35, newly_solved: 0, p_value: 5.8e-11 },
        crossover: CrossoverInterval { low: Some(8), high: Some(32), share: 0.9995 },
        detectable: vec![0.02; 9],
    }
}

#[test]
fn lines_of_the_boundary_table() {
    let mut boundary = sample::boundary();
    assert!(paired_lines(&boundary).is_empty());
    let without = boundary_table(&boundary);
    boundary.paired = Some(paired());
    let table = boundary_table(&boundary);
    for name in ["McNemar", "crosses", "all k", "all looks"] {
        let has = |table: &str| table.lines().any(|line| line.trim_start().starts_with(name));
        assert!(has(&table) && !has(&without), "{name}: {table}");
    }
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    insta::assert_snapshot!("paired_full", table);
}

#[test]
fn tests_and_crossings_in_words() {
    let test = |lost, gained, p_value| {
        mcnemar(&McNemar { never_solved_again: lost, newly_solved: gained, p_value })
    };
    assert_eq!(
        test(6, 0, 0.03125),
        "p = 0.0312: 6 never solved again, 0 newly solved (exact, two-sided)"
    );
    assert_eq!(
        test(0, 0, 1.0),
        "p = 1.0000: 0 never solved again, 0 newly solved (exact, two-sided)"
    );
    assert_eq!(
        test(50, 1, 1e-12),
        "p < 0.0001: 50 never solved again, 1 newly solved (exact, two-sided)"
    );
    let check = |low, high, share, expect: &str| {
        assert_eq!(crosses(&CrossoverInterval { low, high, share }, 256), expect);
    };
    check(Some(8), Some(32), 0.9995, "k = 8 to 32; 100.0% of resamples cross");
    check(Some(8), Some(8), 1.0, "k = 8; 100.0% of resamples cross");
    check(Some(8), None, 0.613, "k = 8 or later, or not up to 256; 61.3% of resamples cross");
    check(None, None, 0.004, "no k up to 256; 0.4% of resamples cross");
}

#[test]
fn zero_is_in_or_out() {
    let mut boundary = sample::boundary();
    let mut check = |low, high, expect: &str| {
        boundary.paired = Some(Paired { delta_band: vec![interval(low, high)], ..paired() });
        let lines = paired_lines(&boundary);
        assert_eq!(lines[2].1, expect);
    };
    check(-0.2, -0.1, "Δpass@256 [-20.0, -10.0] points: excludes 0 (band)");
    check(0.1, 0.2, "Δpass@256 [+10.0, +20.0] points: excludes 0 (band)");
    check(-0.1, 0.0, "Δpass@256 [-10.0, 0.0] points: includes 0 (band)");
    // No k at all: no line about one.
    boundary.paired = Some(Paired { delta_band: vec![], delta_anytime: vec![], ..paired() });
    assert_eq!(paired_lines(&boundary).len(), 2);
}

#[test]
fn what_can_be_shown() {
    let mut detectable = Detectable {
        problems: 96,
        confidence: 0.95,
        power: 0.8,
        k: vec![1, 2, 4, 8, 16, 32, 64, 128, 256],
        delta: vec![0.009, 0.01, 0.012, 0.015, 0.02, 0.022, 0.025, 0.03, 0.0311],
        losses: 6,
        from_base: true,
    };
    assert_eq!(
        detectable_line(&detectable),
        "smallest Δ these draws can show (95%, power 80%): pass@1 ±0.9, pass@16 ±2.0, \
         pass@256 ±3.1 points; never solved again: 6 of 96 problems with none newly solved"
    );
    detectable.from_base = false;
    detectable.problems = 5;
    let rows = detectable_rows(&detectable);
    let expect = "pass@1 at most ±0.9, pass@16 at most ±2.0, pass@256 at most ±3.1 points";
    assert_eq!(rows[0].1, expect);
    assert_eq!(rows[1].1, "never: 6 would have to be, of 5");
    // A name and its value on a line of 100 columns, as every table.
    assert!(rows.iter().all(|(name, value)| name.chars().count() + value.chars().count() < 97));
    (detectable.k, detectable.delta) = (vec![1], vec![0.1]);
    assert_eq!(detectable_rows(&detectable)[0].1, "pass@1 at most ±10.0 points");
    detectable.k.clear();
    assert_eq!(detectable_rows(&detectable)[0].1, "none: no k is allowed");
}
