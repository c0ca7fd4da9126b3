use super::*;

#[test]
fn against_printed_tables() {
    // Abramowitz and Stegun 1964, tables 26.1 and 26.5, all digits that they print here.
    for (x, expect) in [
        (0.0, 0.5),
        (1.0, 0.841_344_746_068_543),
        (2.0, 0.977_249_868_051_821),
        (-1.0, 0.158_655_253_931_457),
    ] {
        assert!((distribution(x) - expect).abs() < 1e-14, "{x}");
    }
    for (p, expect) in [(0.5, 0.0), (0.975, 1.959_963_985), (0.8, 0.841_621_234)] {
        // 1e-9: the digits that are printed.
        assert!((quantile(p) - expect).abs() < 1e-9, "{p}");
    }
    for p in [0.001, 0.2, 0.77, 0.999_999] {
        assert!((distribution(quantile(p)) - p).abs() < 1e-15, "{p}");
    }
}
