//! Operations on the rows of activations: norms, rotary embedding, SwiGLU, softmax.

use rayon::prelude::*;

use crate::dispatch::{self, Isa};
use crate::error::{KernelError, check_len, check_range, elements};
use crate::math::{exp, fold, mul_add};

/// Partial sums of a reduction over a row; element `i` goes to sum `i % LANES`.
pub(crate) const LANES: usize = 16;

/// Softmax terms that are summed in f32 before they go into an f64 total.
pub const TERM_BLOCK: usize = 256;

/// Values below which a loop over rows stays on its thread.
const PARALLEL_FROM: usize = 1 << 14;

/// `out = x / sqrt(mean(x²) + eps) · weight` for each row of `weight.len()` values (Zhang &
/// Sennrich 2019, arXiv 1910.07467).
///
/// # Errors
/// If `x` is not whole rows or `out` is not as long as `x`.
pub fn rms_norm(x: &[f32], weight: &[f32], eps: f32, out: &mut [f32]) -> Result<(), KernelError> {
    check_range("the width of a norm", 1, usize::MAX, weight.len())?;
    let width = weight.len();
    check_len("the input of a norm", x.len().next_multiple_of(width), x.len())?;
    check_len("the output of a norm", x.len(), out.len())?;
    let isa = Isa::best();
    each_row(out, width, |start, out| {
        dispatch::rms_norm_row(isa, &x[start..start + out.len()], weight, eps, out);
    });
    Ok(())
}

/// The same norm over each head of each row, in place (the QK-norm of Qwen3).
///
/// `x` is rows of `stride` values, of which `heads` heads of `weight.len()` from `offset` on are
/// normalised.
///
/// # Errors
/// If `x` is not whole rows that hold those heads.
pub fn rms_norm_heads(
    x: &mut [f32],
    stride: usize,
    offset: usize,
    heads: usize,
    weight: &[f32],
    eps: f32,
) -> Result<(), KernelError> {
    let width = elements(heads, weight.len())?;
    check_range("the heads of a norm", 1, stride.saturating_sub(offset), width)?;
    check_len("the input of a norm", x.len().next_multiple_of(stride), x.len())?;
    let isa = Isa::best();
    each_row(x, stride, |_, x| {
        for head in x[offset..offset + width].chunks_exact_mut(weight.len()) {
            dispatch::rms_norm_head(isa, head, weight, eps);
        }
    });
    Ok(())
}

/// Rotates each head of each row by its position, in place (Su et al. 2021, arXiv 2104.09864),
/// pairing element `i` with `i + head_dim / 2` as Hugging Face checkpoints do.
///
/// `x` is rows of `stride` values of which the first `heads * head_dim` are rotated; `cos` and `sin`
/// are `[rows, head_dim / 2]`.
///
/// # Errors
/// If the slices do not fit those shapes.
pub fn rope(
    x: &mut [f32],
    stride: usize,
    heads: usize,
    head_dim: usize,
    cos: &[f32],
    sin: &[f32],
) -> Result<(), KernelError> {
    let (half, width) = (head_dim / 2, elements(heads, head_dim)?);
    if width == 0 {
        return Ok(());
    }
    let rows = x.len() / stride.max(1);
    check_len("the input of a rotation", elements(rows, stride.max(width))?, x.len())?;
    check_len("the cosines", rows * half, cos.len())?;
    check_len("the sines", rows * half, sin.len())?;
    let isa = Isa::best();
    each_row(x, stride, |start, x| {
        let angles = start / stride * half..(start / stride + 1) * half;
        for head in x[..width].chunks_exact_mut(head_dim) {
            dispatch::rope_head(isa, head, &cos[angles.clone()], &sin[angles.clone()]);
        }
    });
    Ok(())
}

/// `out = silu(gate) · up`, where each row of `x` is `width` gates and then `width` ups.
///
/// # Errors
/// If `x` is not rows of `2 * width` or `out` not as many rows of `width`.
pub fn swiglu(x: &[f32], width: usize, out: &mut [f32]) -> Result<(), KernelError> {
    check_len("the output of SwiGLU", out.len().next_multiple_of(width.max(1)), out.len())?;
    check_len("the input of SwiGLU", elements(out.len(), 2)?, x.len())?;
    let isa = Isa::best();
    each_row(out, width.max(1), |start, out| {
        let (gate, up) = x[2 * start..2 * (start + out.len())].split_at(out.len());
        dispatch::swiglu_row(isa, gate, up, out);
    });
    Ok(())
}

/// Sums over the terms of a softmax, enough for log-probabilities and entropy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SoftmaxSums {
    /// Largest logit, divided by the temperature.
    pub max: f32,
    /// Σ e^(zᵢ − max), at least 1 where every logit is finite.
    pub total: f64,
    /// Σ e^(zᵢ − max) (zᵢ − max).
    pub weighted: f64,
}

impl SoftmaxSums {
    /// log softmax of a logit that has been divided by the temperature.
    pub fn log_probability(&self, scaled: f32) -> f64 {
        f64::from(scaled) - f64::from(self.max) - self.total.ln()
    }

    /// Entropy of the distribution in nats: ln Σ − Σ eᵢ dᵢ / Σ, and never below 0.
    pub fn entropy(&self) -> f64 {
        (self.total.ln() - self.weighted / self.total).max(0.0)
    }

    /// Whether every logit was finite.
    pub fn is_finite(&self) -> bool {
        self.max.is_finite() && self.total.is_finite() && self.weighted.is_finite()
    }
}

/// Writes e^(zᵢ − max z) for z = logits / temperature into `terms` and the sum of each block of
/// [`TERM_BLOCK`] of them into `block_sums`; `total` is those sums added in order.
///
/// # Errors
/// If `terms` is not as long as `logits`.
pub fn softmax_terms(
    logits: &[f32],
    temperature: f32,
    terms: &mut [f32],
    block_sums: &mut Vec<f64>,
) -> Result<SoftmaxSums, KernelError> {
    check_len("the terms of a softmax", logits.len(), terms.len())?;
    Ok(terms_on(Isa::best(), logits, temperature, terms, block_sums))
}

fn terms_on(
    isa: Isa,
    logits: &[f32],
    temperature: f32,
    terms: &mut [f32],
    block_sums: &mut Vec<f64>,
) -> SoftmaxSums {
    let max = dispatch::scale_and_max(isa, logits, temperature, terms);
    block_sums.clear();
    let mut sums = SoftmaxSums { max, total: 0.0, weighted: 0.0 };
    for block in terms.chunks_mut(TERM_BLOCK) {
        let (total, weighted) = dispatch::terms_block(isa, block, max);
        block_sums.push(f64::from(total));
        sums.total += f64::from(total);
        sums.weighted += f64::from(weighted);
    }
    sums
}

/// softmax(logits / temperature).
///
/// # Errors
/// If `out` is not as long as `logits`.
pub fn softmax(logits: &[f32], temperature: f32, out: &mut [f32]) -> Result<(), KernelError> {
    let sums = softmax_terms(logits, temperature, out, &mut Vec::new())?;
    let scale = (1.0 / sums.total) as f32;
    out.iter_mut().for_each(|term| *term *= scale);
    Ok(())
}

/// log softmax(logits / temperature).
///
/// # Errors
/// If `out` is not as long as `logits`.
pub fn log_softmax(logits: &[f32], temperature: f32, out: &mut [f32]) -> Result<(), KernelError> {
    let sums = softmax_terms(logits, temperature, out, &mut Vec::new())?;
    for (out, logit) in out.iter_mut().zip(logits) {
        *out = sums.log_probability(logit / temperature) as f32;
    }
    Ok(())
}

/// Calls `work` with the offset of each row and the row, on several threads if there is much.
fn each_row(out: &mut [f32], width: usize, work: impl Fn(usize, &mut [f32]) + Sync) {
    if out.len() < PARALLEL_FROM || rayon::current_num_threads() == 1 {
        out.chunks_exact_mut(width).enumerate().for_each(|(row, out)| work(row * width, out));
    } else {
        let rows = (PARALLEL_FROM / 4 / width).max(1);
        let chunks = out.par_chunks_exact_mut(width).enumerate().with_min_len(rows);
        chunks.for_each(|(row, out)| work(row * width, out));
    }
}

/// Σ aᵢ bᵢ in [`LANES`] partial sums, folded.
#[inline(always)]
pub(crate) fn lane_sum<const FMA: bool>(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0; LANES];
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a.iter().zip(b) {
        for i in 0..LANES {
            lanes[i] = mul_add::<FMA>(a[i], b[i], lanes[i]);
        }
    }
    for ((lane, a), b) in lanes.iter_mut().zip(a_rest).zip(b_rest) {
        *lane = mul_add::<FMA>(*a, *b, *lane);
    }
    fold(lanes)
}

#[inline(always)]
pub(crate) fn rms_norm_row<const WIDTH: usize, const FMA: bool>(
    x: &[f32],
    weight: &[f32],
    eps: f32,
    out: &mut [f32],
) {
    let scale = inverse_rms::<FMA>(x, eps);
    for ((out, x), weight) in out.iter_mut().zip(x).zip(weight) {
        *out = x * scale * weight;
    }
}

#[inline(always)]
pub(crate) fn rms_norm_head<const WIDTH: usize, const FMA: bool>(
    x: &mut [f32],
    weight: &[f32],
    eps: f32,
) {
    let scale = inverse_rms::<FMA>(x, eps);
    for (x, weight) in x.iter_mut().zip(weight) {
        *x = *x * scale * weight;
    }
}

#[inline(always)]
pub(crate) fn inverse_rms<const FMA: bool>(x: &[f32], eps: f32) -> f32 {
    let mean = lane_sum::<FMA>(x, x) / x.len() as f32;
    1.0 / (mean + eps).sqrt()
}

#[inline(always)]
pub(crate) fn rope_head<const WIDTH: usize, const FMA: bool>(
    x: &mut [f32],
    cos: &[f32],
    sin: &[f32],
) {
    let (first, second) = x.split_at_mut(x.len() / 2);
    for (((a, b), cos), sin) in first.iter_mut().zip(second).zip(cos).zip(sin) {
        let (x, y) = (*a, *b);
        *a = mul_add::<FMA>(x, *cos, -(y * sin));
        *b = mul_add::<FMA>(y, *cos, x * sin);
    }
}

#[inline(always)]
pub(crate) fn swiglu_row<const WIDTH: usize, const FMA: bool>(
    gate: &[f32],
    up: &[f32],
    out: &mut [f32],
) {
    for ((out, gate), up) in out.iter_mut().zip(gate).zip(up) {
        *out = gate / (1.0 + exp::<FMA>(-gate)) * up;
    }
}

/// e^x of each value within 2 ulp, NaN for NaN.
#[cfg(test)]
#[inline(always)]
pub(crate) fn exp_row<const WIDTH: usize, const FMA: bool>(x: &mut [f32]) {
    for x in x {
        *x = exp::<FMA>(*x);
    }
}

/// Divides by the temperature and returns the largest quotient (a NaN is passed over here and
/// caught in the sums).
#[inline(always)]
pub(crate) fn scale_and_max<const WIDTH: usize, const FMA: bool>(
    x: &[f32],
    temperature: f32,
    out: &mut [f32],
) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (x, x_rest) = x.as_chunks::<LANES>();
    let (out, out_rest) = out.as_chunks_mut::<LANES>();
    for (out, x) in out.iter_mut().zip(x) {
        for i in 0..LANES {
            out[i] = x[i] / temperature;
            lanes[i] = if out[i] > lanes[i] { out[i] } else { lanes[i] };
        }
    }
    for ((out, x), lane) in out_rest.iter_mut().zip(x_rest).zip(&mut lanes) {
        *out = x / temperature;
        *lane = if *out > *lane { *out } else { *lane };
    }
    lanes.iter().fold(f32::NEG_INFINITY, |max, &lane| if lane > max { lane } else { max })
}

/// Replaces z by e^d with d = z − max, and returns Σ e^d and Σ e^d d.
#[inline(always)]
pub(crate) fn terms_block<const WIDTH: usize, const FMA: bool>(
    terms: &mut [f32],
    max: f32,
) -> (f32, f32) {
    let (mut total, mut weighted) = ([0.0; LANES], [0.0; LANES]);
    let (chunks, rest) = terms.as_chunks_mut::<LANES>();
    for terms in chunks {
        for i in 0..LANES {
            let d = terms[i] - max;
            terms[i] = exp::<FMA>(d);
            total[i] += terms[i];
            weighted[i] = mul_add::<FMA>(terms[i], d, weighted[i]);
        }
    }
    for (i, term) in rest.iter_mut().enumerate() {
        let d = *term - max;
        *term = exp::<FMA>(d);
        total[i] += *term;
        weighted[i] = mul_add::<FMA>(*term, d, weighted[i]);
    }
    (fold(total), fold(weighted))
}

#[cfg(test)]
#[path = "../tests/unit/rows.rs"]
mod tests;
