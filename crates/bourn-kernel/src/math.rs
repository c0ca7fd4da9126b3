//! Scalar building blocks that LLVM turns into vector code inside the dispatched kernels.

/// `a * b + c`, fused where the instruction set has it in hardware.
///
/// Without hardware support `f32::mul_add` is a slow library call, so that such machines round
/// the product separately.
#[inline(always)]
pub(crate) fn mul_add<const FMA: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// 1.5 · 2²³: adding it leaves the nearest integer in the low bits of the mantissa.
const ROUND: f32 = 12_582_912.0;
/// ln 2 cut to 12 bits, so that `n * LN_2_HIGH` is exact for every exponent `n`.
const LN_2_HIGH: f32 = 0.693_359_4;
/// ln 2 − `LN_2_HIGH`.
const LN_2_LOW: f32 = -2.121_944_4e-4;
/// Below this, e^x rounds to zero.
const UNDERFLOW: f32 = -104.0;
/// Above this, e^x overflows to infinity.
const OVERFLOW: f32 = 89.0;

/// e^x within 2 ulp over the whole range, NaN for NaN; branch-free, so that loops over it vectorise.
///
/// x = n ln 2 + r with |r| ≤ ½ ln 2; e^r by its Taylor series to r⁷ (remainder below 6e-9), and 2ⁿ
/// in two factors so that results down to the smallest subnormal round once.
#[inline(always)]
pub(crate) fn exp<const FMA: bool>(x: f32) -> f32 {
    // `f32::max` and `f32::min` would replace a NaN by the bound.
    let x = if x < UNDERFLOW { UNDERFLOW } else { x };
    let x = if x > OVERFLOW { OVERFLOW } else { x };
    let rounded = mul_add::<FMA>(x, std::f32::consts::LOG2_E, ROUND);
    let n = rounded - ROUND;
    let r = mul_add::<FMA>(n, -LN_2_HIGH, x);
    let r = mul_add::<FMA>(n, -LN_2_LOW, r);

    let mut p = 1.0 / 5040.0;
    for c in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        p = mul_add::<FMA>(p, r, c);
    }

    let n = rounded.to_bits().wrapping_sub(ROUND.to_bits()) as i32;
    let half = n >> 1;
    p * power_of_two(half) * power_of_two(n.wrapping_sub(half))
}

/// 2ⁿ for −126 ≤ n ≤ 127.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) as u32) << 23)
}

/// Sum of partial sums as a fixed balanced tree: no instruction set reorders it.
#[inline(always)]
pub(crate) fn fold<const N: usize>(mut lanes: [f32; N]) -> f32 {
    let mut width = N / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] += lanes[i + width];
        }
        width /= 2;
    }
    lanes[0]
}
