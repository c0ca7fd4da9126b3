use super::*;

#[test]
fn crossovers_in_order() {
    let k = [1, 2, 4];
    // Of 9 resamples: two cross at 2, four at 4, three not at all.
    let (at_2, at_4, none) = ([0.1, -0.1, -0.1], [0.1, 0.1, -0.1], [0.1, 0.1, 0.1]);
    let rows = [none, at_4, at_2, at_4, none, at_4, at_2, at_4, none];
    let check = |confidence, low, high| {
        let got = crossover(&k, rows.iter().map(|row| &row[..]), confidence);
        assert_eq!((got.low, got.high), (low, high), "{confidence}");
        assert_eq!(got.share, 6.0 / 9.0);
    };
    // Rank 10·0.1 = 1: the first and the last; 10·0.3 = 3: the third from either end; 10·0.4: the
    // fourth; 10·0.25 = 2.5: the second, outwards.
    check(0.8, Some(2), None);
    check(0.5, Some(2), None);
    check(0.4, Some(4), None);
    check(0.2, Some(4), Some(4));
    let none = crossover(&k, [].into_iter(), 0.9);
    assert_eq!((none.low, none.high, none.share), (None, None, 0.0));
}
