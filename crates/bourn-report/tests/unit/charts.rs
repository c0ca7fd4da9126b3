use super::*;

#[test]
fn bins_are_tenths_and_nothing() {
    let check = |c, n, expect| assert_eq!(bin(c, n), expect, "{c} of {n}");
    check(0, 10, 0);
    check(1, 1000, 1);
    check(1, 10, 1);
    check(11, 100, 2);
    check(3, 10, 3);
    check(9, 10, 9);
    check(91, 100, 10);
    check(10, 10, 10);
    check(1 << 32, 1 << 32, 10);
}

#[test]
fn long_curves_become_means() {
    assert_eq!(thinned(&[(1, 0.5), (2, 1.5)]), [(1.0, 0.5), (2.0, 1.5)]);
    let long: Vec<_> = (0..600).map(|i| (i, f64::from(i as u32 % 2))).collect();
    let thin = thinned(&long);
    assert_eq!((thin.len(), thin[0], thin[299]), (300, (0.5, 0.5), (598.5, 0.5)));
    assert_eq!(thinned(&[]), []);
    // Forty points reach two to each side; the ends have fewer around them.
    let ramp: Vec<_> = (0..40).map(|i| (f64::from(i), f64::from(i))).collect();
    let smooth = smoothed(&ramp);
    assert_eq!((smooth[0].1, smooth[1].1, smooth[20].1, smooth[39].1), (1.0, 1.5, 20.0, 38.0));
}
