use std::collections::BTreeMap;

use super::*;
use crate::{CompareOptions, Outcomes, compare};

fn low_high(low: f64, high: f64) -> Interval {
    Interval { low, high }
}

#[test]
fn an_interval_that_holds_zero_shows_nothing() {
    let check = |low, high, expect| assert_eq!(Shown::by(low_high(low, high)), expect);
    check(0.001, 0.2, Shown::Better);
    check(-0.2, -0.001, Shown::Worse);
    check(-0.001, 0.2, Shown::Neither);
    check(-0.2, 0.001, Shown::Neither);
    // Zero is in a closed interval that ends there.
    check(0.0, 0.2, Shown::Neither);
    check(-0.2, 0.0, Shown::Neither);
    check(0.0, 0.0, Shown::Neither);
    check(f64::NAN, f64::NAN, Shown::Neither);
}

/// A boundary of 32 problems with 64 draws each, whose intervals are then set by hand.
fn boundary(look: u64, own: [(f64, f64); 7], anytime: [(f64, f64); 7]) -> Boundary {
    let outcomes = |c| (0..32).map(move |i| (format!("p{i:02}"), Outcomes::new(64, c).unwrap()));
    let base: BTreeMap<_, _> = outcomes(8).collect();
    let policy: BTreeMap<_, _> = outcomes(16).collect();
    let mut b = compare(&base, &policy, &CompareOptions { look, ..Default::default() }).unwrap();
    assert_eq!(b.k, [1, 2, 4, 8, 16, 32, 64]);
    for (index, ((low, high), wide)) in own.into_iter().zip(anytime).enumerate() {
        (b.delta.ci_low[index], b.delta.ci_high[index]) = (low, high);
        b.delta.pass_at_k[index] = 0.5 * (low + high);
        b.paired.as_mut().unwrap().delta_anytime[index] = low_high(wide.0, wide.1);
    }
    b
}

const UP: (f64, f64) = (0.1, 0.2);
const DOWN: (f64, f64) = (-0.2, -0.1);
const OPEN: (f64, f64) = (-0.1, 0.1);

#[test]
fn stretches_and_crossings_are_of_what_is_shown() {
    use Shown::{Better, Worse};
    let check = |own: [(f64, f64); 7], expect: &[(Shown, u64, u64)], crossing| {
        let findings = boundary(1, own, [OPEN; 7]).findings();
        let found: Vec<_> = findings.stretches.iter().map(|s| (s.shown, s.from, s.to)).collect();
        assert_eq!((found.as_slice(), findings.crossing()), (expect, crossing));
    };
    check([OPEN; 7], &[], None);
    check([UP; 7], &[(Better, 1, 64)], None);
    check(
        [UP, UP, OPEN, OPEN, DOWN, DOWN, DOWN],
        &[(Better, 1, 2), (Worse, 16, 64)],
        Some((2, 16)),
    );
    check(
        [UP, DOWN, DOWN, DOWN, DOWN, DOWN, OPEN],
        &[(Better, 1, 1), (Worse, 2, 32)],
        Some((1, 2)),
    );
    // The other way round it is no crossing at which the base comes to be ahead.
    check([DOWN, OPEN, OPEN, UP, UP, UP, UP], &[(Worse, 1, 1), (Better, 8, 64)], None);
    check(
        [DOWN, UP, OPEN, DOWN, OPEN, OPEN, OPEN],
        &[(Worse, 1, 1), (Better, 2, 2), (Worse, 8, 8)],
        Some((2, 8)),
    );
}

#[test]
fn after_more_than_one_look_the_anytime_interval_decides() {
    let (sure, unsure) = ([UP; 7], [OPEN; 7]);
    let first = boundary(1, sure, unsure).findings();
    assert!(!first.anytime && first.changes.iter().all(|c| c.shown == Shown::Better));
    let second = boundary(2, sure, unsure).findings();
    assert!(second.anytime && second.changes.iter().all(|c| c.shown == Shown::Neither));
    assert_eq!((second.changes[0].delta.ci_low, second.changes[0].delta.ci_high), OPEN);
    // Files of earlier versions may lack it.
    let mut old = boundary(2, sure, unsure);
    old.paired = None;
    assert!(!old.findings().anytime && old.findings().changes[0].shown == Shown::Better);
}

/// (z₀.₉₇₅ + z₀.₈)/z₀.₉₇₅ = 1.4294 half widths; at look 2 the error spent is 0.05/6.
#[test]
fn what_could_have_been_shown_follows_from_the_interval() {
    let close = |found: f64, expect: f64| assert!((found - expect).abs() < 2e-4, "{found}");
    let one = boundary(1, [OPEN; 7], [OPEN; 7]).findings();
    close(one.changes[0].could_show, 0.1 * (1.0 + 0.841_62 / 1.959_96));
    let two = boundary(2, [OPEN; 7], [(-0.2, 0.3); 7]).findings();
    close(two.changes[0].could_show, 0.3 * (1.0 + 0.841_62 / 2.638_26));
    let wide = boundary(1, [(-1.0, 1.0); 7], [OPEN; 7]).findings();
    assert_eq!(wide.changes[0].could_show, 1.0);
}

#[test]
fn of_one_model_nothing_is_shown() {
    let mut b = boundary(1, [UP; 7], [UP; 7]);
    b.policy_is_base = true;
    let solvability = b.solvability.as_mut().unwrap();
    (solvability.p_lost, solvability.p_gained) = (0.001, 0.001);
    let findings = b.findings();
    assert!(findings.policy_is_base && findings.stretches.is_empty());
    assert!(!findings.lost_or_nearly.unwrap().shown && !findings.new_or_nearly.unwrap().shown);
}

#[test]
fn lost_or_nearly_is_a_finding_up_to_its_threshold() {
    let mut b = boundary(1, [OPEN; 7], [OPEN; 7]);
    let mut shown = |p_lost: f64, p_gained: f64| {
        let solvability = b.solvability.as_mut().unwrap();
        (solvability.p_lost, solvability.p_gained) = (p_lost, p_gained);
        let findings = b.findings();
        (findings.lost_or_nearly.unwrap().shown, findings.new_or_nearly.unwrap().shown)
    };
    assert_eq!(shown(0.05, 0.0501), (true, false));
    assert_eq!(shown(0.0501, 0.05), (false, true));
    b.solvability = None;
    assert!(b.findings().lost_or_nearly.is_none());
}
