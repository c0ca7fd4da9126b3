use super::*;

fn assert_close(got: f64, expect: f64) {
    // 1e-12 relative: logarithms of counts below 10⁴ carry 1e-16 each.
    assert!((got - expect).abs() <= 1e-12 * expect, "{got} is not {expect}");
}

#[test]
fn worked_by_hand() {
    assert_eq!(two_sided(0, 0), 1.0);
    assert_eq!(two_sided(1, 0), 1.0);
    assert_close(two_sided(4, 0), 0.125);
    assert_close(two_sided(0, 6), 1.0 / 32.0);
    // 2·(1 + 7)/2⁷ and 2·(1 + 10 + 45)/2¹⁰.
    assert_close(two_sided(6, 1), 0.125);
    assert_close(two_sided(2, 8), 112.0 / 1024.0);
    // An even split is no evidence at all.
    assert_eq!(two_sided(50, 50), 1.0);
    assert_eq!(mcnemar(3, 9).p_value, mcnemar(9, 3).p_value);
}

/// Every one of 2^all equally likely splits, counted.
#[test]
fn agrees_with_enumeration() {
    for all in 1..=16_u64 {
        for few in 0..=all / 2 {
            let extreme = (0..1_u64 << all)
                .filter(|split| {
                    let ones = u64::from(split.count_ones());
                    ones.min(all - ones) <= few
                })
                .count();
            assert_close(two_sided(few, all - few), extreme as f64 / (1_u64 << all) as f64);
        }
    }
}

#[test]
fn many_problems() {
    // One-sided 5,000 of 5,000: 2^−4999 is 0 in a float. 4,900 of 10,000: by the normal
    // approximation with continuity, 2·Φ(−1.99) = 0.0466; its error is of order 1/10,000.
    assert_eq!(two_sided(0, 5000), 0.0);
    let normal = 2.0 * crate::statistics::normal::distribution(-1.99);
    assert!((two_sided(4900, 5100) - normal).abs() < 1e-4);
}

#[test]
fn fewest() {
    for (confidence, expect) in [(0.95, 6), (0.9, 5), (0.99, 8), (0.75, 3), (0.5, 2)] {
        let m = fewest_one_sided(confidence);
        assert_eq!(m, expect, "{confidence}");
        // 1e-9: as the function allows for.
        assert!(two_sided(m, 0) <= (1.0 - confidence) * (1.0 + 1e-9));
        assert!(two_sided(m - 1, 0) > 1.0 - confidence);
    }
}
