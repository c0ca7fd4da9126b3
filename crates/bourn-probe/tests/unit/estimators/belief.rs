use super::*;
use crate::StopRule;

#[test]
fn moments_worked_by_hand() {
    let fixed = |n, c| Outcomes::new(n, c).unwrap();
    // pass@1 = ½, ¼ and pass@2 = 5/6, ½: E p = 3/8, E p² = ((1 − 5/6) + (½ − ½))/2 = 1/12. The
    // variance, 1/12 − 9/64, is negative: all alike.
    let alike = Belief::fitted([fixed(4, 2), fixed(4, 1)].into_iter());
    assert!((alike.a - 3750.0).abs() < 1e-9 && (alike.b - 6250.0).abs() < 1e-9, "{alike:?}");
    // p = 1 and 0, and between them 2 of 4: E p = ½, E p² = (1 + 0 + 1/6)/3 = 7/18, variance
    // 5/36, a + b = ¼/(5/36) − 1 = 0.8.
    let got = Belief::fitted([fixed(4, 4), fixed(4, 0), fixed(4, 2)].into_iter());
    assert!((got.a - 0.4).abs() < 1e-12 && (got.b - 0.4).abs() < 1e-12, "{got:?}");
    for none in [vec![], vec![fixed(4, 0)], vec![fixed(4, 4)], vec![fixed(1, 1), fixed(1, 0)]] {
        assert_eq!(Belief::fitted(none.into_iter()), Belief { a: 0.5, b: 0.5 });
    }
    let rule = StopRule { successes: 2, n_max: 9 };
    let after = got.after(Outcomes::stopped(5, 2, rule).unwrap());
    assert!((after.a - 2.4).abs() < 1e-12 && (after.b - 3.4).abs() < 1e-12);
}

#[test]
fn variances_of_the_truth() {
    // k = 1: Beta(2, 3) has variance 6/(25·6) = 1/25. k = 2 by midpoints of the density
    // 12·p·(1−p)²: f = 1 − (1−p)².
    let belief = Belief { a: 2.0, b: 3.0 };
    let got = belief.truth_variances(&[1, 2]);
    assert!((got[0] - 0.04).abs() < 1e-15, "{got:?}");
    let moment = |power: i32| {
        let at = |i: i32| {
            let p = (f64::from(i) + 0.5) / 1e5;
            12.0 * p * (1.0 - p).powi(2) * (1.0 - (1.0 - p).powi(2)).powi(power) / 1e5
        };
        (0..100_000).map(at).sum::<f64>()
    };
    // 1e-9: the midpoint rule's error at 10⁵ points.
    assert!((got[1] - (moment(2) - moment(1).powi(2))).abs() < 1e-9, "{got:?}");
}
