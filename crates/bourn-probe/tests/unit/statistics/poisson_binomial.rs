use super::*;

/// Every subset of the events.
fn enumerated(events: &[f64]) -> Vec<f64> {
    let mut mass = vec![0.0; events.len() + 1];
    for subset in 0..1_u32 << events.len() {
        let bit = |i: usize| subset >> i & 1 == 1;
        let happen = |(i, p): (usize, &f64)| if bit(i) { *p } else { 1.0 - p };
        let probability: f64 = events.iter().enumerate().map(happen).product();
        mass[subset.count_ones() as usize] += probability;
    }
    mass
}

#[test]
fn convolution_is_enumeration() {
    let cases: [&[f64]; 5] =
        [&[], &[0.3], &[0.0, 1.0, 0.5, 1.0], &[0.1, 0.9, 0.25, 0.999, 1e-9, 0.5, 0.7], &[0.05; 12]];
    for events in cases {
        let (first, mass) = poisson_binomial(events.iter().copied());
        for (count, expect) in enumerated(events).into_iter().enumerate() {
            let got = count.checked_sub(first).and_then(|at| mass.get(at)).unwrap_or(&0.0);
            // A dozen roundings of numbers up to 1, and the cut.
            assert!((got - expect).abs() < 1e-14, "{events:?} {count}: {got} is not {expect}");
        }
    }
}

#[test]
fn quantiles_worked_by_hand() {
    let interval = |parts: &[&[f64]], confidence| {
        let mut mixture = CountMixture::new(4);
        for part in parts {
            mixture.add(part.iter().copied());
        }
        mixture.interval(confidence)
    };
    // Binomial(2, ½): 1/4, 1/2, 1/4.
    assert_eq!(interval(&[&[0.5, 0.5]], 0.5), (0.0, 1.0));
    assert_eq!(interval(&[&[0.5, 0.5]], 0.4), (1.0, 1.0));
    assert_eq!(interval(&[&[0.5, 0.5]], 0.9), (0.0, 2.0));
    assert_eq!(interval(&[&[1.0; 4]], 0.9), (4.0, 4.0));
    // Half of the time all four, half of the time none.
    assert_eq!(interval(&[&[1.0; 4], &[0.0; 4]], 0.9), (0.0, 4.0));
    assert_eq!(interval(&[&[]], 0.9), (0.0, 0.0));
}

#[test]
fn differences_worked_by_hand() {
    let mut mixture = CountMixture::new(2);
    mixture.add([0.5, 0.5].into_iter());
    // 0, 1, 2 with 1/4, 1/2, 1/4, less ½ or less 3: −3, −2, −1 with 1/8, 1/4, 1/8 and −½, ½, 1½
    // likewise.
    let check = |confidence: f64, low: f64, high: f64| {
        let got = mixture.interval_less(&[0.5, 3.0], confidence);
        // The bisection's own accuracy.
        assert!((got.0 - low).abs() < 1e-7 && (got.1 - high).abs() < 1e-7, "{got:?}");
    };
    check(0.9, -3.0, 1.5);
    check(0.7, -2.0, 0.5);
    check(0.2, -1.0, -0.5);
    let (low, high) = mixture.interval_less(&[0.0], 0.9);
    assert!((low - 0.0).abs() < 1e-7 && (high - 2.0).abs() < 1e-7);
}

/// Beyond the switch the normal quantiles are those of the exact distribution, to a count.
#[test]
fn the_normal_stands_in_where_it_may() {
    let events: Vec<f64> = (0..6000).map(|i| 0.05 + 0.9 * f64::from(i % 97) / 97.0).collect();
    let variance: f64 = events.iter().map(|p| p * (1.0 - p)).sum();
    assert!(variance > NORMAL_FROM * NORMAL_FROM);
    let mut normal = CountMixture::new(events.len());
    normal.add(events.iter().copied());
    let (first, mass) = poisson_binomial(events.iter().copied());
    let mut exact = CountMixture { mass: vec![0.0; first], parts: 1.0 };
    exact.mass.extend(mass);
    for confidence in [0.5, 0.9, 0.99] {
        let (got, expect) = (normal.interval(confidence), exact.interval(confidence));
        let off = (got.0 - expect.0).abs().max((got.1 - expect.1).abs());
        assert!(off <= 1.0, "{confidence}: {got:?} is not {expect:?}");
    }
}
