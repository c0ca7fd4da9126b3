//! How figures are worded, alike in tables and pictures.

/// `1 problem`, `64 problems`.
pub(crate) fn plural(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// `256 draws`; `64-256 draws` where problems differ, `256 draws (base) and 64 (policy)` where
/// the models do.
pub(crate) fn draws(base: [u64; 2], policy: [u64; 2]) -> String {
    let range = |[low, high]: [u64; 2]| {
        if low == high { low.to_string() } else { format!("{low}-{high}") }
    };
    match (base == policy, base) {
        (true, [1, 1]) => "1 draw".to_string(),
        (true, n) => format!("{} draws", range(n)),
        (false, _) => format!("{} draws (base) and {} (policy)", range(base), range(policy)),
    }
}

/// `95%`, `99.9%`.
pub(crate) fn confidence(share: f64) -> String {
    // Rounded, because 0.999 × 100 is 99.9 and a bit.
    format!("{}%", (share * 1e6).round() / 1e4)
}

/// A share in percent with one decimal: `12.3`.
pub(crate) fn percent(share: f64) -> String {
    // Adding zero turns -0 into 0, and rounding first keeps -0.04 from printing as -0.0.
    format!("{:.1}", (share * 1000.0).round() / 10.0 + 0.0)
}

/// A difference in percentage points with its sign: `+12.3`, `-0.5`, `0.0`.
pub(crate) fn points(difference: f64) -> String {
    let text = percent(difference);
    if text.starts_with('-') || text == "0.0" { text } else { format!("+{text}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures() {
        let check = |got: String, expect: &str| assert_eq!(got, expect);
        check(percent(0.12345), "12.3");
        check(percent(0.0), "0.0");
        check(percent(-0.0004), "0.0");
        check(percent(1.0), "100.0");
        check(points(0.165), "+16.5");
        check(points(-0.005), "-0.5");
        check(points(-0.0), "0.0");
        check(points(0.0001), "0.0");
        check(confidence(0.95), "95%");
        check(confidence(0.999), "99.9%");
        check(plural(1, "problem"), "1 problem");
        check(plural(0, "problem"), "0 problems");
        check(draws([256, 256], [256, 256]), "256 draws");
        check(draws([1, 1], [1, 1]), "1 draw");
        check(draws([64, 256], [64, 256]), "64-256 draws");
        check(draws([256, 256], [64, 128]), "256 draws (base) and 64-128 (policy)");
    }
}
