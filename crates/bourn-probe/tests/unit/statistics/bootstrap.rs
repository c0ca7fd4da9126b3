use super::*;

#[test]
fn percentiles_worked_by_hand() {
    let check = |values: &[f64], confidence, expect| {
        assert_eq!(percentile_interval(values.to_vec(), confidence), expect, "{values:?}");
    };
    // 9 values: the q quantile is the (10 q)-th smallest.
    let nine = [9.0, 1.0, 8.0, 2.0, 7.0, 3.0, 6.0, 4.0, 5.0];
    check(&nine, 0.5, Some((2.5, 7.5)));
    check(&nine[..3], 0.5, Some((1.0, 9.0)));
    check(&[1.0, 1.0], 0.95, Some((1.0, 1.0)));
    check(&[0.3], 0.95, Some((0.3, 0.3)));
    check(&[], 0.95, None);
}

fn point(value: f64) -> Interval {
    value.into()
}

#[test]
fn where_all_agree() {
    let check = |value, problems, range, low: f64, high: f64| {
        let got = agreed_interval(point(value), problems, range, 0.9);
        // 1e-15: a logarithm and an exponential of numbers below 10.
        assert!((got.low - low).abs() < 1e-15 && (got.high - high).abs() < 1e-15, "{got:?}");
    };
    // 1 − 0.05^(1/2) = 1 − 0.2236...
    let u = 1.0 - 0.05_f64.sqrt();
    check(0.0, 2, (0.0, 1.0), 0.0, u);
    check(1.0, 2, (0.0, 1.0), 1.0 - u, 1.0);
    check(0.5, 2, (0.0, 1.0), 0.5 - u / 2.0, 0.5 + u / 2.0);
    check(0.0, 2, (-1.0, 1.0), -u, u);
    check(1.0, 2, (-1.0, 1.0), 1.0 - 2.0 * u, 1.0);
    check(0.0, 1, (0.0, 1.0), 0.0, 0.95);
    // The bound is where P(all agree) is just α/2, were the others at the far end.
    for problems in [1, 5, 96, 100_000] {
        let Interval { high, .. } = agreed_interval(point(0.0), problems, (0.0, 1.0), 0.95);
        let all_agree = (1.0 - high).powi(problems as i32);
        // 1e-10: a power of 100,000 multiplies the rounding of 1 − high by as much.
        assert!((all_agree - 0.025).abs() < 1e-10, "{problems}: {all_agree}");
    }
}

#[test]
fn agreement_is_of_all_rows() {
    let mut table = BootstrapTable::new(3, 3);
    assert_eq!(table.agreed(|row| row[0]), None);
    table.push([0.5, 1.0, 0.25]);
    assert_eq!(table.agreed(|row| row[1]), Some(point(1.0)));
    table.push([0.5, 0.0, 0.2505]);
    table.push([0.5, 0.0, 0.2498]);
    assert_eq!(table.agreed(|row| row[0]), Some(point(0.5)));
    assert_eq!(table.agreed(|row| row[1]), None);
    assert_eq!(table.agreed(|row| row[2]), Some(Interval { low: 0.2498, high: 0.2505 }));
    // Beyond both ends: u = 0.95 of one problem at 90%.
    let all = agreed_interval(Interval { low: 0.2, high: 0.3 }, 1, (0.0, 1.0), 0.9);
    assert!((all.low - 0.01).abs() < 1e-15 && (all.high - 0.965).abs() < 1e-15, "{all:?}");
    assert_eq!(
        interval(vec![0.1, 0.3], None::<f64>, 2, (0.0, 1.0), 0.5),
        Interval { low: 0.1, high: 0.3 }
    );
    assert_eq!(interval(vec![], None::<f64>, 2, (0.0, 1.0), 0.5), Interval { low: 0.0, high: 1.0 });
}

#[test]
fn upper_quantiles() {
    // 9 values: the q quantile is the (10 q)-th smallest.
    let nine: Vec<f64> = (1..=9).rev().map(f64::from).collect();
    assert_eq!(upper_quantile(nine.clone(), 0.5), 5.0);
    assert_eq!(upper_quantile(nine.clone(), 0.75), 7.5);
    assert_eq!(upper_quantile(nine, 0.99), 9.0);
    assert_eq!(upper_quantile(vec![], 0.9), 0.0);
}

#[test]
fn fewest_resamples() {
    let check = |confidence, least| assert_eq!(min_resamples(confidence), least, "{confidence}");
    check(0.5, 3);
    check(0.9, 19);
    check(0.95, 39);
    check(0.99, 199);
    check(1e-9, 1);
    // With exactly that many, the interval is smallest to largest.
    let values: Vec<f64> = (0..39).map(f64::from).collect();
    let (low, high) = percentile_interval(values, 0.95).unwrap();
    // 1e-12: ranks near 40, rounded three times.
    assert!(low.abs() < 1e-12 && (high - 38.0).abs() < 1e-12, "{low} {high}");
}

#[test]
fn resampling_is_paired_reproducible_and_with_replacement() {
    let mut both = BootstrapTable::new(2, 50);
    let mut one = BootstrapTable::new(1, 50);
    for row in 0..50 {
        let value = f64::from(row);
        both.push([value, 3.0 * value]);
        one.push([value]);
    }
    assert_eq!(one.sums(), [1225.0]);
    let (a, b) = (both.resampled_sums(7, 200), one.resampled_sums(7, 200));
    for (a, b) in a.iter().zip(&b) {
        // Integers: exact sums. The same rows in both columns and in both tables.
        assert_eq!(a[1], 3.0 * a[0]);
        assert_eq!(a[0], b[0]);
    }
    assert_eq!(a, both.resampled_sums(7, 200));
    assert_eq!(a[..50], both.resampled_sums(7, 50), "more resamples keep the first");
    assert_ne!(a, both.resampled_sums(8, 200));
    // The sum of 50 draws from 0..50 has variance 50·(50²−1)/12; 200 of them average to 1225
    // with a standard error of 7.2: five of those.
    let mean = a.iter().map(|sums| sums[0]).sum::<f64>() / 200.0;
    assert!((mean - 1225.0).abs() < 36.0, "{mean}");
}
