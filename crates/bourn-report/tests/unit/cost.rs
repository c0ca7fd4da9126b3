use super::*;
use crate::sample;

#[test]
fn fixed_draws_are_problems_times_n() {
    let mut b = sample::boundary();
    // 96 problems × 256 draws.
    let full = Spent { spent: 24_576, full: 24_576, saved: 0 };
    assert_eq!(spent(&b), Some([full, full]));
    b.n.policy = [64, 256];
    assert_eq!(spent(&b), None);
    assert_eq!(spent(&sample::rich()).unwrap()[1].saved, 15_176);
}

#[test]
fn time_is_one_clock() {
    let check = |base, seconds, probes, expect: &str| {
        let cost = TrainingCost { tokens: 0.0, seconds, steps: 1, probes, base };
        assert_eq!(time_words(&cost), expect);
    };
    check(58.2, 100.4, 84.0, "4m02s: base 58s, training 1m40s, probes 1m24s");
    check(0.0, 100.0, 84.0, "3m04s: training 1m40s, probes 1m24s");
    check(0.0, 59.6, 0.3, "training 1m00s");
    check(0.0, 18_420.0, 1.0, "5h07m: training 5h07m, probes 1s");
    check(0.0, f64::NAN, 0.0, "0s");
    check(
        f64::MAX,
        1.0,
        1.0,
        "5124095576030431h00m: base 5124095576030431h00m, training 1s, probes 1s",
    );
}
