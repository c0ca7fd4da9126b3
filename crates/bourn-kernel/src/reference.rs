//! The scalar twins of the kernels, as the formulas read; slow, and used by tests only.
//!
//! Those on sums round like the kernels do on a machine with a fused multiply-add, so that tests
//! can ask for equal bits; the others are in f64.

/// `x Wᵀ + bias` for `x` `[m, k]` and `weights` `[n, k]`: one chain of fused multiply-adds from 0
/// over `k`, then the bias.
pub fn matmul(x: &[f32], weights: &[f32], bias: Option<&[f32]>, k: usize) -> Vec<f32> {
    let mut out = Vec::new();
    for x in x.chunks_exact(k) {
        for (i, w) in weights.chunks_exact(k).enumerate() {
            let sum = x.iter().zip(w).fold(0.0_f32, |sum, (x, w)| x.mul_add(*w, sum));
            out.push(bias.map_or(sum, |bias| sum + bias[i]));
        }
    }
    out
}

/// The nearest number of 8 bits of precision and the range of f32, ties to even, by the sum that
/// carries into the bits that are kept: half of the last of them, less one unit where it is 0.
pub fn bf16(x: f32) -> f32 {
    if x.is_nan() {
        return x;
    }
    let bits = x.to_bits();
    let rounded = bits.wrapping_add(0x7FFF + (bits >> 16 & 1));
    f32::from_bits(rounded & 0xFFFF_0000)
}

/// `x / sqrt(mean(x²) + eps) · weight` of one row, in f64.
pub fn rms_norm(x: &[f64], weight: &[f64], eps: f64) -> Vec<f64> {
    let mean = x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64;
    x.iter().zip(weight).map(|(x, w)| x / (mean + eps).sqrt() * w).collect()
}

/// Rotates one head by `position`, pairing `i` with `i + len / 2`, in f64.
pub fn rope(x: &[f64], position: usize, inverse_frequencies: &[f64]) -> Vec<f64> {
    let half = x.len() / 2;
    let mut out = x.to_vec();
    for (i, frequency) in inverse_frequencies.iter().enumerate().take(half) {
        let (sin, cos) = (position as f64 * frequency).sin_cos();
        out[i] = x[i] * cos - x[i + half] * sin;
        out[i + half] = x[i + half] * cos + x[i] * sin;
    }
    out
}

/// `gate / (1 + e^−gate) · up`, in f64.
pub fn swiglu(gate: &[f64], up: &[f64]) -> Vec<f64> {
    gate.iter().zip(up).map(|(g, u)| g / (1.0 + (-g).exp()) * u).collect()
}

/// log softmax, in f64.
pub fn log_softmax(x: &[f64]) -> Vec<f64> {
    let max = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let total = x.iter().map(|x| (x - max).exp()).sum::<f64>().ln();
    x.iter().map(|x| x - max - total).collect()
}

/// `softmax(q · k) v` of one query over `keys` and `values`, `[positions][head_dim]`, in f64.
pub fn attend(query: &[f64], keys: &[Vec<f64>], values: &[Vec<f64>]) -> Vec<f64> {
    let score = |key: &Vec<f64>| query.iter().zip(key).map(|(q, k)| q * k).sum::<f64>();
    let weights = log_softmax(&keys.iter().map(score).collect::<Vec<_>>());
    let mut out = vec![0.0; query.len()];
    for (weight, value) in weights.iter().zip(values) {
        for (out, value) in out.iter_mut().zip(value) {
            *out += weight.exp() * value;
        }
    }
    out
}
