use super::*;

#[test]
fn problems_that_agree() {
    let check = |of: Figure, sums: [f64; 3], value: Option<f64>, problems| {
        assert_eq!((agreed(of, &sums), counted(of, &sums)), (value, problems), "{sums:?}");
    };
    // Nothing lost: the retention is 1 of 6 problems, whatever was gained.
    check(srr, [6.0, 2.0, 0.0], Some(1.0), 6);
    check(srr, [0.0, 2.0, 3.0], Some(0.0), 3);
    check(srr, [6.0, 2.0, 1.0], None, 7);
    check(ndr, [6.0, 0.0, 2.0], Some(0.0), 6);
    check(ndr, [6.0, 1.0, 2.0], None, 7);
    check(nscr, [0.0, 0.0, 4.0], Some(-1.0), 4);
    check(nscr, [5.0, 0.0, 0.0], Some(0.0), 5);
    check(nscr, [5.0, 1.0, 0.0], None, 6);
    check(sds, [5.0, 0.0, 0.0], Some(0.0), 5);
    check(sds, [5.0, 0.0, 1.0], None, 6);
}

#[test]
fn worked_by_hand() {
    let check = |[kept, gained, lost]: [f64; 3], expect: [Option<f64>; 4]| {
        let sums = [kept, gained, lost];
        let got = [srr(&sums), ndr(&sums), sds(&sums), nscr(&sums)];
        for (got, expect) in got.iter().zip(expect) {
            // Two roundings.
            let close = got.zip(expect).is_none_or(|(g, e)| (g - e).abs() < 1e-15);
            assert!(close && got.is_some() == expect.is_some(), "{sums:?}: {got:?} {expect:?}");
        }
    };
    // 6/8, 2/8, 2·(3/4)(1/4)/1, 0/10.
    check([6.0, 2.0, 2.0], [Some(0.75), Some(0.25), Some(0.375), Some(0.0)]);
    // 3/4, 1/4 … with one lost and one gained fewer.
    check([3.0, 1.0, 0.0], [Some(1.0), Some(0.25), Some(0.4), Some(0.25)]);
    // The policy only sharpens: no discovery.
    check([5.0, 0.0, 0.0], [Some(1.0), Some(0.0), Some(0.0), Some(0.0)]);
    check([0.0, 0.0, 4.0], [Some(0.0), None, None, Some(-1.0)]);
    check([0.0, 4.0, 0.0], [None, Some(1.0), None, Some(1.0)]);
    // Nothing kept: all that the policy solves is new, and nothing is retained.
    check([0.0, 1.0, 1.0], [Some(0.0), Some(1.0), Some(0.0), Some(0.0)]);
    check([0.0; 3], [None; 4]);
}
