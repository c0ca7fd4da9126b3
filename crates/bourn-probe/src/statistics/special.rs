//! The Beta distribution and its relatives at the arguments that probes need.
//!
//! Shapes run from about 10⁻³ to 2³²: a few successes among very many draws under a prior whose
//! mass is near 0. There the usual differences of ln Γ cancel, and continued fractions with a fixed
//! number of terms end early (near the mean they take about √max(a, b) of them).

/// ½ ln 2π.
const HALF_LN_TAU: f64 = 0.918_938_533_204_672_7;
/// From here on Stirling's series with [`remainder`]'s terms is exact to rounding.
const ASYMPTOTIC: f64 = 10.0;

/// ln Γ(x) for x > 0.
pub(crate) fn ln_gamma(x: f64) -> f64 {
    libm::lgamma(x)
}

/// ln Γ(x) − (x − ½) ln x + x − ½ ln 2π for x ≥ 10, by Stirling's series: the first term left out
/// is below 10⁻¹⁵.
fn remainder(x: f64) -> f64 {
    let y = 1.0 / (x * x);
    let series =
        [-691.0 / 360_360.0, 1.0 / 1188.0, -1.0 / 1680.0, 1.0 / 1260.0, -1.0 / 360.0, 1.0 / 12.0];
    series.iter().fold(0.0, |sum, term| sum * y + term) / x
}

/// ln B(a, b) for a, b > 0, without the cancellation of ln Γ(a) + ln Γ(b) − ln Γ(a + b) where one
/// or both are large (Didonato and Morris 1992, section 4).
pub(crate) fn ln_beta(a: f64, b: f64) -> f64 {
    let (p, q) = if a < b { (a, b) } else { (b, a) };
    let s = p + q;
    if p >= ASYMPTOTIC {
        let tail = remainder(p) + remainder(q) - remainder(s);
        HALF_LN_TAU - 0.5 * q.ln() + tail + (p - 0.5) * (p / s).ln() + q * (-p / s).ln_1p()
    } else if q >= ASYMPTOTIC {
        let tail = remainder(q) - remainder(s);
        ln_gamma(p) + tail + p - p * s.ln() + (q - 0.5) * (-p / s).ln_1p()
    } else {
        ln_gamma(p) + ln_gamma(q) - ln_gamma(s)
    }
}

/// ψ(x + m) − ψ(x) for x > 0 and a whole m: the derivative in x of ln Γ(x + m) − ln Γ(x).
pub(crate) fn digamma_step(x: f64, m: u64) -> f64 {
    if m <= DIRECT {
        return (0..m).map(|j| 1.0 / (x + j as f64)).sum();
    }
    digamma(x + m as f64) - digamma(x)
}

/// ψ′(x + m) − ψ′(x), the derivative of [`digamma_step`].
pub(crate) fn trigamma_step(x: f64, m: u64) -> f64 {
    if m <= DIRECT {
        return -(0..m).map(|j| (x + j as f64).powi(-2)).sum::<f64>();
    }
    trigamma(x + m as f64) - trigamma(x)
}

/// Up to here a sum of reciprocals is as quick as the two functions, and exact.
const DIRECT: u64 = 12;

/// ψ(x) = d ln Γ(x)/dx for x > 0: the recurrence up to 10, then its asymptotic series.
fn digamma(mut x: f64) -> f64 {
    let mut sum = 0.0;
    while x < ASYMPTOTIC {
        sum -= 1.0 / x;
        x += 1.0;
    }
    let y = 1.0 / (x * x);
    let series =
        [691.0 / 32_760.0, -1.0 / 132.0, 1.0 / 240.0, -1.0 / 252.0, 1.0 / 120.0, -1.0 / 12.0];
    sum + x.ln() - 0.5 / x + y * series.iter().fold(0.0, |sum, term| sum * y + term)
}

/// ψ′(x) for x > 0, likewise.
fn trigamma(mut x: f64) -> f64 {
    let mut sum = 0.0;
    while x < ASYMPTOTIC {
        sum += 1.0 / (x * x);
        x += 1.0;
    }
    let y = 1.0 / (x * x);
    let series = [-691.0 / 2730.0, 5.0 / 66.0, -1.0 / 30.0, 1.0 / 42.0, -1.0 / 30.0, 1.0 / 6.0];
    sum + 1.0 / x + 0.5 * y + y / x * series.iter().fold(0.0, |sum, term| sum * y + term)
}

/// The two tails of a Beta distribution at one point; each is accurate where it is small.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Tails {
    /// P(p ≤ x), the regularised incomplete Beta function.
    pub(crate) lower: f64,
    /// P(p ≥ x).
    pub(crate) upper: f64,
}

/// The tails of Beta(a, b) at `x`, which may lie outside 0..=1.
pub(crate) fn beta_tails(a: f64, b: f64, x: f64) -> Tails {
    if x <= 0.0 {
        Tails { lower: 0.0, upper: 1.0 }
    } else if x >= 1.0 {
        Tails { lower: 1.0, upper: 0.0 }
    } else {
        tails(a, b, [x, 1.0 - x], [x.ln(), (-x).ln_1p()])
    }
}

/// The tails where x and 1 − x are given with their logarithms, so that neither end loses digits.
fn tails(a: f64, b: f64, [x, y]: [f64; 2], [ln_x, ln_y]: [f64; 2]) -> Tails {
    let front = a * ln_x + b * ln_y - ln_beta(a, b);
    // The fraction converges quickly on its side of (about) the mean.
    if x <= (a + 1.0) / (a + b + 2.0) {
        let lower = ((front - a.ln()).exp() * fraction(a, b, x)).min(1.0);
        Tails { lower, upper: 1.0 - lower }
    } else {
        let upper = ((front - b.ln()).exp() * fraction(b, a, y)).min(1.0);
        Tails { lower: 1.0 - upper, upper }
    }
}

/// The continued fraction of the incomplete Beta function (DLMF 8.17.22), by the modified Lentz
/// algorithm.
fn fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    // It takes a few times √max(a, b) terms near the mean, and √2³² is 65,536.
    for m in 1..300_000_u32 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for term in [even, odd] {
            d = 1.0 / away(1.0 + term * d);
            c = away(1.0 + term / c);
            change = c * d;
            value *= change;
        }
        if (change - 1.0).abs() < 1e-15 {
            break;
        }
    }
    value
}

/// The quantile of Beta(a, b) at `q` in 0..=1; 0 where it is below the least positive number.
///
/// Newton's method on the logarithm of the smaller tail as a function of the logit, in which both
/// tails are close to straight, guarded by bisection.
pub(crate) fn beta_quantile(a: f64, b: f64, q: f64) -> f64 {
    if q <= 0.0 {
        return 0.0;
    }
    if q >= 1.0 {
        return 1.0;
    }
    let ln_b = ln_beta(a, b);
    let low_half = q < 0.5;
    let (mut low, mut high) = (-745.0_f64, 745.0_f64);
    let mut z = (a / b).ln().clamp(-700.0, 700.0);
    for _ in 0..200 {
        let (ln_x, ln_y) = (-softplus(-z), -softplus(z));
        let at = tails(a, b, [ln_x.exp(), ln_y.exp()], [ln_x, ln_y]);
        // Positive where the quantile is below z; the derivative in z of either tail is ± density.
        let density = (a * ln_x + b * ln_y - ln_b).exp();
        let (excess, slope) = if low_half {
            ((at.lower / q).ln(), density / at.lower)
        } else {
            (-(at.upper / (1.0 - q)).ln(), density / at.upper)
        };
        if excess > 0.0 {
            high = z
        } else {
            low = z
        }
        let newton = z - excess / slope;
        // Written so that a NaN bisects too.
        let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
        let moved = (next - z).abs();
        z = next;
        if moved <= 1e-13 * (1.0 + z.abs()) {
            break;
        }
    }
    (-softplus(-z)).exp()
}

/// ln(1 + eᶻ).
pub(crate) fn softplus(z: f64) -> f64 {
    if z > 0.0 { z + (-z).exp().ln_1p() } else { z.exp().ln_1p() }
}

#[cfg(test)]
#[path = "../../tests/unit/statistics/special.rs"]
mod tests;
