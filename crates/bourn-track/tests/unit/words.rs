//! Every sentence about a comparison, with inputs on both sides of its threshold.

use bourn_probe::figures::Interval;

use super::*;
use crate::sample;

/// Nine k, with the interval of the change at each set by hand: `+` better, `-` worse, `.` neither.
fn boundary(shape: &str) -> Boundary {
    let mut b = sample::boundary();
    for (index, mark) in shape.chars().enumerate() {
        let (low, high) = match mark {
            '+' => (0.0001, 0.2),
            '-' => (-0.2, -0.0001),
            _ => (-0.1, 0.1),
        };
        b.delta.pass_at_k[index] = 0.5 * (low + high);
        (b.delta.ci_low[index], b.delta.ci_high[index]) = (low, high);
    }
    b
}

#[track_caller]
fn check(shape: &str, expect: &str) {
    assert_eq!(standing(&boundary(shape).findings()), expect, "{shape}");
}

#[test]
fn how_the_curves_lie() {
    check(
        ".........",
        "No difference shown. These draws could have shown ±15 points at 1 try, ±15 points at 256 tries.",
    );
    check("+++++++++", "Better at 1 to 256 tries.");
    check("---------", "Worse at 1 to 256 tries.");
    check(
        "++..-----",
        "Better at 1 to 2 tries, worse at 16 to 256 tries: the curves cross between 2 and 16 tries.",
    );
    check(
        "+-------.",
        "Better at 1 try, worse at 2 to 128 tries: the curves cross between 1 and 2 tries. At 256 \
         tries no difference is shown: ±15 points could have been.",
    );
    check(
        "++.......",
        "Better at 1 to 2 tries. At 256 tries no difference is shown: ±15 points could have been.",
    );
    check(
        "......---",
        "Worse at 64 to 256 tries. At 1 try no difference is shown: ±15 points could have been.",
    );
    check(
        ".+-......",
        "Better at 2 tries, worse at 4 tries: the curves cross between 2 and 4 tries. At 1 try no \
         difference is shown: ±15 points could have been. At 256 tries no difference is shown: ±15 \
         points could have been.",
    );
    // The base ahead first: no crossing of the kind that training makes.
    check("--...++++", "Worse at 1 to 2 tries, better at 32 to 256 tries.");
}

/// An interval that ends at 0 holds it: a hair's breadth decides.
#[test]
fn the_threshold_is_zero() {
    for (low, high, expect) in [
        (0.0, 0.2, "not shown"),
        (f64::MIN_POSITIVE, 0.2, "better"),
        (-0.2, 0.0, "not shown"),
        (-0.2, -f64::MIN_POSITIVE, "worse"),
    ] {
        let mut b = boundary(".........");
        (b.delta.ci_low[0], b.delta.ci_high[0]) = (low, high);
        let findings = b.findings();
        assert_eq!(word(findings.changes[0].shown), expect);
        assert_eq!(standing(&findings).starts_with("No difference"), expect == "not shown");
    }
}

/// No sentence about a curve of which nothing is shown has a word that claims something, nor has one
/// of a curve that is better anywhere, and no worse shown, one of loss.
#[test]
fn no_word_without_its_interval() {
    let claims = ["etter", "orse", "cross", "ahead", "no loss", "equal", "same"];
    for shape in 0..3_u32.pow(4) {
        let mark = |place: u32| ['.', '+', '-'][(shape / 3_u32.pow(place) % 3) as usize];
        let ends: String = (0..4).map(mark).collect();
        let b = boundary(&format!("{}.{}..{}..{}", mark(0), mark(1), mark(2), mark(3)));
        let text = standing(&b.findings());
        assert_eq!(text.contains("etter at"), ends.contains('+'), "{ends}: {text}");
        assert_eq!(text.contains("orse at"), ends.contains('-'), "{ends}: {text}");
        let crosses = ends.find('+').is_some_and(|first| ends[first..].contains('-'));
        assert_eq!(text.contains("cross"), crosses, "{ends}: {text}");
        if ends == "...." {
            assert!(claims.iter().all(|claim| !text.contains(claim)), "{text}");
        }
        assert_eq!(crossing(&b.findings()) == "none shown", !crosses);
    }
}

#[test]
fn after_more_than_one_look_the_wider_interval_speaks() {
    let mut b = boundary("+++++++++");
    let mut paired = sample::rich().paired.unwrap();
    paired.delta_anytime = vec![Interval { low: -0.1, high: 0.3 }; 9];
    paired.look = 1;
    b.paired = Some(paired.clone());
    assert_eq!(standing(&b.findings()), "Better at 1 to 256 tries.");
    paired.look = 2;
    b.paired = Some(paired);
    assert!(
        standing(&b.findings()).starts_with("No difference shown. These draws could have shown")
    );
}

#[test]
fn of_one_model_everything_is_chance() {
    let mut b = sample::rich();
    b.policy_is_base = true;
    let findings = b.findings();
    assert_eq!(
        standing(&findings),
        "Policy and base are the same model here: what differs is chance."
    );
    let text = sets(&b, &findings);
    assert!(
        !text.contains(LOST_OR_NEARLY) && text.contains("35 were never solved again"),
        "{text}"
    );
    assert!(probe_line(0, &b).ends_with("policy is base"));
}

#[test]
fn what_became_of_the_problems() {
    let mut b = sample::rich();
    let mut text = |p_lost: f64, p_gained: f64| {
        let solvability = b.solvability.as_mut().unwrap();
        (solvability.p_lost, solvability.p_gained) = (p_lost, p_gained);
        sets(&b, &b.findings())
    };
    assert_eq!(
        text(0.05, 0.3),
        "Of 95 problems that the base solved, 35 were never solved again in 256 draws; lost or \
         nearly: 32.5 [31.0, 34.0], by chance 1.5 (p 0.050). Newly solved: 0; new or nearly: none \
         shown (p 0.300)."
    );
    let open = text(0.051, 0.05);
    assert!(open.contains("lost or nearly: none shown (p 0.051)"), "{open}");
    assert!(open.contains("new or nearly: 0.5 ["), "{open}");
    b.solvability = None;
    assert_eq!(
        sets(&b, &b.findings()),
        "Of 95 problems that the base solved, 35 were never solved again in 256 draws. Newly solved: 0."
    );
    b.solvable.never_solved_again.truncate(1);
    b.solvable.kept.clear();
    b.n.policy = [1, 1];
    assert_eq!(
        sets(&b, &b.findings()),
        "Of 1 problem that the base solved, 1 was never solved again in 1 draw. Newly solved: 0."
    );
    b.solvable.never_solved_again.clear();
    assert_eq!(sets(&b, &b.findings()), "The base solved no problem. Newly solved: 0.");
}

#[test]
fn a_probe_in_one_line() {
    let mut b = sample::boundary();
    let check = |b: &Boundary, step, expect: &str| {
        let line = probe_line(step, b);
        assert_eq!(line, expect);
        assert!(line.chars().count() <= 80);
    };
    check(
        &b,
        120,
        "step 120  1 try 25.7% (base 9.2)  256: 62.5% (base 99.0)  never solved again 35",
    );
    b.policy_is_base = true;
    check(&b, 0, "step 0  1 try 25.7% (base 9.2)  256: 62.5% (base 99.0)  policy is base");
    b.policy_is_base = false;
    b.k.truncate(1);
    check(&b, 7, "step 7  1 try 25.7% (base 9.2)  never solved again 35");
    b.k.clear();
    check(&b, 7, "step 7  never solved again 35");
}
