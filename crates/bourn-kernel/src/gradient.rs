//! Backward passes of the row operations, and what an optimiser does to every parameter.
//!
//! A sum over rows is made of sums over chunks of [`CHUNK`] rows, each in order of the rows, added in
//! order of the chunks: the same bits whatever the number of threads.

use rayon::prelude::*;

use crate::dispatch::{self, Isa};
use crate::error::{KernelError, check_len, check_range, elements};
use crate::math::{exp, mul_add};
use crate::rows::{LANES, SoftmaxSums, inverse_rms, lane_sum, softmax_terms};

/// Rows of a partial sum over rows.
const CHUNK: usize = 32;

/// Values of a partial sum of squares, and of a parameter that a thread updates at a time.
const BLOCK: usize = 1 << 14;

/// Heads of each row: where they begin, how many, and how far rows are apart.
#[derive(Clone, Copy, Debug)]
pub struct Heads {
    /// Values from one row to the next.
    pub stride: usize,
    /// First value of the first head.
    pub offset: usize,
    /// How many heads.
    pub count: usize,
}

/// The backward pass of [`crate::rms_norm`]: turns the gradient of the output into that of the
/// input, in place, and adds that of the weight to `weight_gradient`.
///
/// With x̂ = x / rms: dx = (g − x̂ mean(g x̂)) / rms for g = dy · weight, and dweight = Σ dy x̂.
///
/// # Errors
/// If the slices do not fit the norm's shapes.
pub fn rms_norm_backward(
    x: &[f32],
    weight: &[f32],
    eps: f32,
    gradient: &mut [f32],
    weight_gradient: &mut [f32],
) -> Result<(), KernelError> {
    let heads = Heads { stride: weight.len(), offset: 0, count: 1 };
    rms_norm_heads_backward(x, heads, weight, eps, gradient, weight_gradient)
}

/// The backward pass of [`crate::rms_norm_heads`]; `x` is what the norm was given.
///
/// # Errors
/// If the slices do not fit the norm's shapes.
pub fn rms_norm_heads_backward(
    x: &[f32],
    heads: Heads,
    weight: &[f32],
    eps: f32,
    gradient: &mut [f32],
    weight_gradient: &mut [f32],
) -> Result<(), KernelError> {
    let Heads { stride, offset, count } = heads;
    let width = elements(count, weight.len())?;
    check_range("the heads of a norm", 1, stride.saturating_sub(offset), width)?;
    check_len("the input of a norm", x.len().next_multiple_of(stride), x.len())?;
    check_len("the gradient of a norm", x.len(), gradient.len())?;
    check_len("the gradient of a norm's weight", weight.len(), weight_gradient.len())?;
    let isa = Isa::best();
    let chunks = gradient.par_chunks_mut(CHUNK * stride).zip(x.par_chunks(CHUNK * stride));
    let partial: Vec<Vec<f32>> = chunks
        .map(|(gradient, x)| {
            let mut sums = vec![0.0; weight.len()];
            let rows = gradient.chunks_exact_mut(stride).zip(x.chunks_exact(stride));
            for (gradient, x) in rows {
                let part = offset..offset + width;
                let gradient = gradient[part.clone()].chunks_exact_mut(weight.len());
                for (gradient, x) in gradient.zip(x[part].chunks_exact(weight.len())) {
                    dispatch::rms_norm_backward_row(isa, x, weight, eps, gradient, &mut sums);
                }
            }
            sums
        })
        .collect();
    partial.iter().for_each(|sums| add_to(weight_gradient, sums));
    Ok(())
}

/// Adds the sum of the rows of `x` to `out`, `[out.len()]`: the gradient of a bias. Rows are
/// `stride` apart and the columns begin at `offset`.
///
/// # Errors
/// If `x` is not whole rows that hold those columns.
pub fn add_row_sums(
    x: &[f32],
    stride: usize,
    offset: usize,
    out: &mut [f32],
) -> Result<(), KernelError> {
    check_range("the columns of a sum", 1, stride.saturating_sub(offset), out.len())?;
    check_len("the rows of a sum", x.len().next_multiple_of(stride), x.len())?;
    let columns = offset..offset + out.len();
    let partial: Vec<Vec<f32>> = x
        .par_chunks(CHUNK * stride)
        .map(|x| {
            let mut sums = vec![0.0; columns.len()];
            x.chunks_exact(stride).for_each(|row| add_to(&mut sums, &row[columns.clone()]));
            sums
        })
        .collect();
    partial.iter().for_each(|sums| add_to(out, sums));
    Ok(())
}

/// `out += x`, on several threads.
///
/// # Errors
/// If the slices are not equally long.
pub fn add(out: &mut [f32], x: &[f32]) -> Result<(), KernelError> {
    check_len("a summand", out.len(), x.len())?;
    out.par_chunks_mut(BLOCK).zip(x.par_chunks(BLOCK)).for_each(|(out, x)| add_to(out, x));
    Ok(())
}

/// Adds `row` to every row of `out`: a bias.
///
/// # Errors
/// If `out` is not whole rows.
pub fn add_to_rows(out: &mut [f32], row: &[f32]) -> Result<(), KernelError> {
    check_range("the width of a bias", 1, usize::MAX, row.len())?;
    check_len("the rows of a bias", out.len().next_multiple_of(row.len()), out.len())?;
    out.chunks_exact_mut(row.len()).for_each(|out| add_to(out, row));
    Ok(())
}

/// The backward pass of [`crate::swiglu`]: replaces gates and ups in `x`, rows of `2 * width`, by
/// their gradients, given that of the output, rows of `width`.
///
/// # Errors
/// If the slices do not fit those shapes.
pub fn swiglu_backward(x: &mut [f32], width: usize, gradient: &[f32]) -> Result<(), KernelError> {
    check_range("the width of SwiGLU", 1, usize::MAX, width)?;
    let rows = gradient.len().next_multiple_of(width);
    check_len("the gradient of SwiGLU", rows, gradient.len())?;
    check_len("the input of SwiGLU", elements(gradient.len(), 2)?, x.len())?;
    let isa = Isa::best();
    let rows = x.par_chunks_exact_mut(2 * width).zip(gradient.par_chunks_exact(width));
    rows.with_min_len((BLOCK / width).max(1)).for_each(|(x, gradient)| {
        let (gate, up) = x.split_at_mut(width);
        dispatch::swiglu_backward_row(isa, gate, up, gradient);
    });
    Ok(())
}

/// What is known of the softmax of one row of logits, and what of it is asked.
#[derive(Clone, Copy, Debug)]
pub struct ScoredRow {
    /// Log-probability of the target at the temperature.
    pub logprob: f32,
    /// Entropy of the distribution at the temperature, in nats.
    pub entropy: f32,
}

/// Scores the target of each row of `logits`, `[targets.len(), vocabulary]`, at a temperature. A
/// row that holds what is not finite scores NaN.
///
/// # Errors
/// If the slices do not fit, or a target is outside of the vocabulary.
pub fn score_rows(
    logits: &[f32],
    targets: &[u32],
    temperature: f32,
    out: &mut [ScoredRow],
) -> Result<(), KernelError> {
    let vocabulary = check_targets(logits, targets)?;
    check_len("the scores", targets.len(), out.len())?;
    let rows = logits.par_chunks_exact(vocabulary).zip(targets).zip(out);
    rows.try_for_each_init(Vec::new, |terms, ((logits, &target), out)| {
        let (sums, _) = terms_of(logits, temperature, terms)?;
        *out = ScoredRow { logprob: f32::NAN, entropy: f32::NAN };
        if sums.is_finite() {
            let logit = logits[target as usize] / temperature;
            out.logprob = sums.log_probability(logit) as f32;
            out.entropy = sums.entropy() as f32;
        }
        Ok(())
    })
}

/// The backward pass of [`score_rows`]: replaces each row of logits z by its gradient, given those of
/// the target's log-probability, `logprob`, and of the entropy, `entropy`, a value a row.
///
/// At temperature T, with p the softmax and H its entropy:
/// dz = (logprob · (1[target] − p) − entropy · p · (ln p + H)) / T.
///
/// # Errors
/// If the slices do not fit, or a target is outside of the vocabulary.
pub fn score_rows_backward(
    logits: &mut [f32],
    targets: &[u32],
    temperature: f32,
    logprob: &[f32],
    entropy: Option<&[f32]>,
) -> Result<(), KernelError> {
    let vocabulary = check_targets(logits, targets)?;
    check_len("the gradients of log-probs", targets.len(), logprob.len())?;
    if let Some(entropy) = entropy {
        check_len("the gradients of entropies", targets.len(), entropy.len())?;
    }
    let isa = Isa::best();
    let rows = logits.par_chunks_exact_mut(vocabulary).zip(targets).enumerate();
    rows.try_for_each_init(Vec::new, |terms, (row, (logits, &target))| {
        let (sums, terms) = terms_of(logits, temperature, terms)?;
        let entropy = entropy.map_or(0.0, |entropy| entropy[row]);
        let slopes = ScoreSlopes {
            temperature,
            max: sums.max,
            share: (1.0 / sums.total) as f32,
            logprob: logprob[row] / temperature,
            entropy: entropy / temperature,
            // ln p + H = (z − max) + Σ-weighted mean of −(z − max).
            shift: (-sums.weighted / sums.total) as f32,
        };
        dispatch::softmax_backward_row(isa, terms, slopes, logits);
        logits[target as usize] += slopes.logprob;
        Ok(())
    })
}

fn check_targets(logits: &[f32], targets: &[u32]) -> Result<usize, KernelError> {
    let vocabulary = logits.len() / targets.len().max(1);
    check_len("the logits", elements(targets.len(), vocabulary)?, logits.len())?;
    for &target in targets {
        check_range("a target", 0, vocabulary.saturating_sub(1), target as usize)?;
    }
    Ok(vocabulary.max(1))
}

fn terms_of<'a>(
    logits: &[f32],
    temperature: f32,
    buffer: &'a mut Vec<f32>,
) -> Result<(SoftmaxSums, &'a [f32]), KernelError> {
    buffer.resize(logits.len(), 0.0);
    let sums = softmax_terms(logits, temperature, buffer, &mut Vec::new())?;
    Ok((sums, buffer))
}

/// What the gradient of a row of logits is made of.
#[derive(Clone, Copy)]
pub(crate) struct ScoreSlopes {
    temperature: f32,
    max: f32,
    share: f32,
    logprob: f32,
    entropy: f32,
    shift: f32,
}

/// Σ x², in f64 and in a fixed order.
pub fn sum_of_squares(x: &[f32]) -> f64 {
    let isa = Isa::best();
    let partial: Vec<f64> = x.par_chunks(BLOCK).map(|x| dispatch::sum_of_squares(isa, x)).collect();
    partial.iter().sum()
}

/// `x *= factor`, on several threads.
pub fn scale(x: &mut [f32], factor: f32) {
    x.par_chunks_mut(BLOCK).for_each(|x| x.iter_mut().for_each(|x| *x *= factor));
}

/// One update of AdamW (Loshchilov & Hutter 2019, algorithm 2).
#[derive(Clone, Copy, Debug)]
pub struct AdamW {
    /// Learning rate.
    pub lr: f32,
    /// Decay of the first moment.
    pub beta1: f32,
    /// Decay of the second moment.
    pub beta2: f32,
    /// Added to the root of the second moment.
    pub eps: f32,
    /// What the parameter is multiplied by before its update: 1 − lr · weight decay.
    pub keep: f32,
    /// 1 / (1 − beta1ᵗ), for update number t from 1 on.
    pub correct1: f32,
    /// 1 / (1 − beta2ᵗ).
    pub correct2: f32,
}

impl AdamW {
    /// Updates a parameter and its two moments.
    ///
    /// # Errors
    /// If the slices are not equally long.
    pub fn update(
        &self,
        parameter: &mut [f32],
        gradient: &[f32],
        moment1: &mut [f32],
        moment2: &mut [f32],
    ) -> Result<(), KernelError> {
        for found in [gradient.len(), moment1.len(), moment2.len()] {
            check_len("a parameter's gradient and moments", parameter.len(), found)?;
        }
        let isa = Isa::best();
        let moments = moment1.par_chunks_mut(BLOCK).zip(moment2.par_chunks_mut(BLOCK));
        let parts = parameter.par_chunks_mut(BLOCK).zip(gradient.par_chunks(BLOCK)).zip(moments);
        parts.for_each(|((parameter, gradient), (moment1, moment2))| {
            dispatch::adamw(isa, self, parameter, gradient, moment1, moment2);
        });
        Ok(())
    }
}

fn add_to(out: &mut [f32], x: &[f32]) {
    for (out, x) in out.iter_mut().zip(x) {
        *out += x;
    }
}

#[inline(always)]
pub(crate) fn rms_norm_backward_row<const WIDTH: usize, const FMA: bool>(
    x: &[f32],
    weight: &[f32],
    eps: f32,
    gradient: &mut [f32],
    weight_sums: &mut [f32],
) {
    let scale = inverse_rms::<FMA>(x, eps);
    for (((gradient, x), weight), sum) in gradient.iter_mut().zip(x).zip(weight).zip(weight_sums) {
        *sum = mul_add::<FMA>(*gradient, x * scale, *sum);
        *gradient *= weight;
    }
    let mean = lane_sum::<FMA>(gradient, x) / x.len() as f32;
    let slope = mean * scale * scale;
    for (gradient, x) in gradient.iter_mut().zip(x) {
        *gradient = scale * mul_add::<FMA>(-slope, *x, *gradient);
    }
}

#[inline(always)]
pub(crate) fn swiglu_backward_row<const WIDTH: usize, const FMA: bool>(
    gate: &mut [f32],
    up: &mut [f32],
    gradient: &[f32],
) {
    for ((gate, up), gradient) in gate.iter_mut().zip(up).zip(gradient) {
        let (g, u) = (*gate, *up);
        let sigmoid = 1.0 / (1.0 + exp::<FMA>(-g));
        // d silu(g) = σ (1 + g (1 − σ)).
        *gate = gradient * u * sigmoid * mul_add::<FMA>(g, 1.0 - sigmoid, 1.0);
        *up = gradient * g * sigmoid;
    }
}

/// Replaces logits by their gradients but for the target's 1; `terms` are e^(z − max).
#[inline(always)]
pub(crate) fn softmax_backward_row<const WIDTH: usize, const FMA: bool>(
    terms: &[f32],
    slopes: ScoreSlopes,
    logits: &mut [f32],
) {
    let ScoreSlopes { temperature, max, share, logprob, entropy, shift } = slopes;
    if entropy == 0.0 {
        let factor = -logprob * share;
        for (logit, term) in logits.iter_mut().zip(terms) {
            *logit = factor * term;
        }
        return;
    }
    for (logit, term) in logits.iter_mut().zip(terms) {
        let surprise = *logit / temperature - max + shift;
        *logit = -(term * share) * mul_add::<FMA>(entropy, surprise, logprob);
    }
}

#[inline(always)]
pub(crate) fn sum_of_squares_block<const WIDTH: usize, const FMA: bool>(x: &[f32]) -> f64 {
    let mut lanes = [0.0_f64; LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for x in chunks {
        for i in 0..LANES {
            lanes[i] += f64::from(x[i]) * f64::from(x[i]);
        }
    }
    for (lane, x) in lanes.iter_mut().zip(rest) {
        *lane += f64::from(*x) * f64::from(*x);
    }
    lanes.iter().sum()
}

#[inline(always)]
pub(crate) fn adamw<const WIDTH: usize, const FMA: bool>(
    with: &AdamW,
    parameter: &mut [f32],
    gradient: &[f32],
    moment1: &mut [f32],
    moment2: &mut [f32],
) {
    let &AdamW { lr, beta1, beta2, eps, keep, correct1, correct2 } = with;
    let moments = moment1.iter_mut().zip(moment2);
    for ((parameter, gradient), (m, v)) in parameter.iter_mut().zip(gradient).zip(moments) {
        *m = *m * beta1 + gradient * (1.0 - beta1);
        *v = *v * beta2 + gradient * gradient * (1.0 - beta2);
        let step = *m * correct1 / ((*v * correct2).sqrt() + eps);
        *parameter = *parameter * keep - step * lr;
    }
}

/// Σ a b of one row, and its softmax gradient: `scores` become the softmax weights of the first
/// `visible` positions and 0 after them, `slopes` (the gradients of the weights) those of the scores.
#[inline(always)]
pub(crate) fn attention_backward_row<const WIDTH: usize, const FMA: bool>(
    scores: &mut [f32],
    slopes: &mut [f32],
    visible: usize,
) {
    let (seen, unseen) = scores.split_at_mut(visible);
    unseen.fill(0.0);
    let total = crate::attention::softmax_in_place::<FMA>(seen);
    let (slopes, unseen) = slopes.split_at_mut(visible);
    unseen.fill(0.0);
    for weight in seen.iter_mut() {
        *weight /= total;
    }
    let mean = lane_sum::<FMA>(seen, slopes);
    for (slope, weight) in slopes.iter_mut().zip(seen) {
        *slope = *weight * (*slope - mean);
    }
}

#[cfg(test)]
#[path = "../tests/unit/gradient.rs"]
mod tests;
