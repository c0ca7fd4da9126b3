use super::*;

#[test]
fn standings() {
    let check = |delta: &[f64], expect| {
        assert_eq!(standing(&[1, 2, 4, 8], delta), expect, "{delta:?}");
    };
    check(&[0.2, 0.1, -0.1, -0.2], Standing::Crossover(4));
    check(&[0.2, 0.0, 0.0, -0.2], Standing::Crossover(8));
    // The base was ahead first: only what follows the policy's lead is a crossover.
    check(&[-0.1, 0.1, -0.1, 0.1], Standing::Crossover(4));
    // The policy comes back: still the first crossover.
    check(&[0.1, -0.1, 0.1, -0.1], Standing::Crossover(2));
    check(&[0.1, 0.1, 0.0, 0.0], Standing::PolicyAhead);
    check(&[-0.1, 0.1, 0.2, 0.2], Standing::PolicyAhead);
    check(&[-0.1, -0.1, 0.0, 0.0], Standing::BaseAhead);
    check(&[0.0, 0.0, 0.0, 0.0], Standing::Level);
    // Rounding is not a lead.
    check(&[1e-16, -1e-16, 2e-13, -2e-13], Standing::Level);
    check(&[], Standing::Level);
}
