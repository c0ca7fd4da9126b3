use super::*;

const HALF: Interval = Interval { low: 0.5, high: 0.5 };

#[test]
fn worked_by_hand() {
    // Nine resamples about (0.5, 0.2) that deviate by −4..=4 hundredths at the first k and twice
    // that, in another order, at the second: s = √(60/9)/100 and twice that.
    let steps = [-4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0];
    let rows: Vec<[f64; 2]> =
        (0..9).map(|i| [0.5 + steps[i] / 100.0, 0.2 + steps[(i + 4) % 9] / 50.0]).collect();
    let of = |agreed, range| BandOf {
        point: &[0.5, 0.2],
        resampled: rows.iter().map(|row| &row[..]).collect(),
        agreed,
        problems: 2,
        range,
    };
    // Largest of the two, in steps: 4 4(−2,3→3)… by row: (4,0) (3,1) (2,2) (1,3) (0,4) (1,4)
    // (2,3) (3,2) (4,1) → 4 3 2 3 4 4 3 3 4. Sorted: 2 3 3 3 3 4 4 4 4; the 0.5 quantile is the
    // fifth, 3 steps.
    let got = band(&of(vec![None, None], (0.0, 1.0)), 0.5);
    let expect = [(0.47, 0.53), (0.14, 0.26)];
    for (got, (low, high)) in got.iter().zip(expect) {
        // 1e-15: a few roundings of numbers below 1.
        assert!((got.low - low).abs() < 1e-15 && (got.high - high).abs() < 1e-15, "{got:?}");
    }
    // Clamped.
    let got = band(&of(vec![None, None], (0.48, 0.51)), 0.5);
    assert_eq!((got[0].low, got[0].high), (0.48, 0.51));
    // Where all agree: the exact bound, and the other k's own quantile, 2 steps of 0.02.
    let got = band(&of(vec![Some(HALF), None], (0.0, 1.0)), 0.5);
    assert_eq!(got[0], agreed_interval(HALF, 2, (0.0, 1.0), 0.5));
    assert!((got[1].high - 0.24).abs() < 1e-15, "{got:?}");
}
