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
