use super::*;
use crate::sample;

#[test]
fn lists_of_other_lengths_are_named() {
    assert_eq!(check(&sample::rich()), Ok(()));
    let check = |change: fn(&mut Boundary), expect: &str| {
        let mut figures = sample::rich();
        change(&mut figures);
        assert_eq!(check(&figures).unwrap_err(), expect);
    };
    check(
        |b| b.paired.as_mut().unwrap().delta_anytime.truncate(8),
        "`paired.delta_anytime` has 8 values for 9 of `k`",
    );
    check(
        |b| b.solvability.as_mut().unwrap().policy.pass_at_k.push(0.5),
        "`solvability.policy.pass_at_k` has 10 values for 9 of `k`",
    );
    check(
        |b| b.extrapolation.as_mut().unwrap().base.truncate(2),
        "`extrapolation.base` has 2 values for 3 of `extrapolation.k`",
    );
    check(
        |b| {
            let t = b.temperatures.as_mut().unwrap();
            let one = t.grid[0].base[0];
            t.grid[0].base.push(one);
        },
        "`temperatures` has 10 values for 9 of `k`",
    );
    check(|b| b.k.clear(), "`k` is no rising list of whole numbers from 1");
}
