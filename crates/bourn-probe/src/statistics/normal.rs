//! The normal distribution's quantiles.

/// Φ(x), the standard normal distribution function, to about 1e-16 absolute for |x| ≤ 9.
///
/// ½ + φ(x)·Σ x^(2i+1)/(1·3·…·(2i+1)) (Abramowitz and Stegun 1964, 26.2.11): every term has the
/// sign of x, so nothing cancels.
pub(crate) fn distribution(x: f64) -> f64 {
    let (mut term, mut sum, mut odd) = (x, x, 1.0);
    while term.abs() > sum.abs() * 1e-17 {
        odd += 2.0;
        term *= x * x / odd;
        sum += term;
    }
    let density = (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
    0.5 + density * sum
}

/// The standard normal quantile of `probability`, by bisection; within ±9, beyond which a
/// probability and 1 cannot be told apart.
pub(crate) fn quantile(probability: f64) -> f64 {
    let (mut low, mut high) = (-9.0, 9.0);
    // 18 · 2⁻⁶⁰ is below the spacing of numbers near 1.
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if distribution(middle) < probability {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
#[path = "../../tests/unit/statistics/normal.rs"]
mod tests;
