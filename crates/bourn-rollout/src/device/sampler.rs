//! The sampler on a device: what [`TokenSampler`] defines, for all rows at once and without a read.
//!
//! Two things differ from the CPU's, both by rounding. Sums are in f32, by blocks, where the CPU's
//! are in f64; and a random number is the upper 24 bits of the CPU's 53. So a token may differ where
//! the number lies within rounding of a boundary between two tokens, or where a token lies within
//! rounding of a truncation's boundary.
//!
//! Nothing is sorted, which Burn does on the host. Truncations ask for the smallest threshold above
//! which few enough tokens lie, or little enough probability; halving an interval finds it.

use burn::tensor::{Bool, Int, Tensor};

use crate::device::lanes::integers;
use crate::device::link::Link;
use crate::sampler::TokenSampler;

/// Terms that are summed before their sum is added to others.
const BLOCK: usize = 256;

/// Below any logit, and finite: what logits are padded with to whole blocks.
const PADDING: f32 = -1e30;

/// e to this is zero in f32, so that no token that weighs anything lies below.
const LOWEST: f32 = -104.0;

/// Halvings of the interval above [`LOWEST`]: it is 2.4e-8 wide then, below the spacing of f32
/// from a quarter on. Tokens that lie in it together are taken for equally likely.
const ROUNDS: usize = 32;

/// Distributions over a vocabulary, `n` of them, padded to whole blocks.
struct Terms {
    /// Logits at the temperature, less the largest: `[n, width]`.
    shifted: Tensor<2>,
    /// e to those, `[n, width]`.
    terms: Tensor<2>,
    /// ln of their sum, `[n, 1]`.
    log_total: Tensor<2>,
    /// In nats, `[n, 1]`; not finite where a logit is not.
    entropy: Tensor<2>,
}

/// Draws a token from each row of `logits`, `[n, vocab]`, with the numbers `uniform`, `[n, 1]`, in
/// [0, 1). Gives the tokens, `[n]`, and as `[n, 4]` what the host wants to know: the token, its
/// log-prob under the full and under the truncated distribution, and the entropy, which is not finite
/// where a logit is not.
pub(crate) fn draw(
    sampler: &TokenSampler,
    logits: Tensor<2>,
    uniform: Tensor<2>,
    link: &mut Link,
) -> (Tensor<1, Int>, Tensor<2>) {
    let [n, vocab] = logits.dims();
    let all = Terms::new(logits, sampler.temperature, link);
    let (tokens, sampled) = if sampler.greedy {
        (all.likeliest(link), Some(all.log_total.zeros_like()))
    } else if sampler.truncates(vocab) {
        let kept = all.keep(sampler, vocab, link);
        let (tokens, total) = pick(kept, uniform, link);
        let sampled = all.shifted.clone().gather(1, tokens.clone()) - total.log();
        (tokens, Some(sampled))
    } else {
        (pick(all.terms.clone(), uniform, link).0, None)
    };
    let logprob = all.logprob(&tokens);
    let sampled = sampled.unwrap_or_else(|| logprob.clone());
    // Every id is below 2²⁴, as the configuration's check says, and so exact in f32.
    let packed = Tensor::cat(vec![tokens.clone().float(), logprob, sampled, all.entropy], 1);
    (tokens.reshape([n]), packed)
}

/// Scores a given token of each row of `logits`, `[n, vocab]`, as [`draw`] would have: `[n, 4]` of
/// whether the sampler could have drawn it (1 or 0), and then as there.
pub(crate) fn score(
    sampler: &TokenSampler,
    logits: Tensor<2>,
    tokens: Tensor<1, Int>,
    link: &mut Link,
) -> Tensor<2> {
    let [n, vocab] = logits.dims();
    let all = Terms::new(logits, sampler.temperature, link);
    let tokens = tokens.reshape([n, 1]);
    let logprob = all.logprob(&tokens);
    let (inside, sampled) = if sampler.greedy {
        (all.likeliest(link).equal(tokens).float(), logprob.zeros_like())
    } else if sampler.truncates(vocab) {
        let kept = all.keep(sampler, vocab, link);
        let sampled = all.shifted.clone().gather(1, tokens.clone()) - total(kept.clone()).log();
        (kept.gather(1, tokens).greater_scalar(0.0).float(), sampled)
    } else {
        (logprob.ones_like(), logprob.clone())
    };
    Tensor::cat(vec![inside, logprob, sampled, all.entropy], 1)
}

impl Terms {
    fn new(logits: Tensor<2>, temperature: f32, link: &mut Link) -> Terms {
        link.operation();
        let [n, vocab] = logits.dims();
        let scaled = logits.div_scalar(temperature);
        let mut shifted = scaled.clone() - scaled.max_dim(1);
        let padding = vocab.next_multiple_of(BLOCK) - vocab;
        if padding > 0 {
            let padding = Tensor::full([n, padding], PADDING, &shifted.device());
            shifted = Tensor::cat(vec![shifted, padding], 1);
        }
        let terms = shifted.clone().exp();
        let sum = total(terms.clone());
        let log_total = sum.clone().log();
        let entropy = log_total.clone() - total(terms.clone() * shifted.clone()) / sum;
        Terms { shifted, terms, log_total, entropy }
    }

    /// log softmax of a token of each row, `[n, 1]`.
    fn logprob(&self, tokens: &Tensor<2, Int>) -> Tensor<2> {
        self.shifted.clone().gather(1, tokens.clone()) - self.log_total.clone()
    }

    /// The first of the likeliest tokens, `[n, 1]`.
    fn likeliest(&self, link: &mut Link) -> Tensor<2, Int> {
        link.operation();
        first(self.shifted.clone().greater_equal_scalar(0.0))
    }

    /// The terms that the truncations of [`TokenSampler`] leave, else 0, `[n, width]`: top-k, then top-p on
    /// what it left, then min-p.
    fn keep(&self, sampler: &TokenSampler, vocab: usize, link: &mut Link) -> Tensor<2> {
        let mut terms = self.terms.clone();
        if (1..vocab).contains(&sampler.top_k) {
            let count = Tensor::full_like(&self.log_total, sampler.top_k as f32);
            terms = terms * self.leading(&self.terms.ones_like(), &count, link);
        }
        if sampler.top_p < 1.0 {
            // Not below what f32 tells from 0: the likeliest token is always left.
            let share = (sampler.top_p as f32).max(f32::MIN_POSITIVE);
            let mass = total(terms.clone()).mul_scalar(share);
            terms = terms.clone() * self.leading(&terms, &mass, link);
        }
        if sampler.min_p > 0.0 {
            link.operation();
            let out = terms.clone().lower_scalar(round_up(sampler.min_p));
            terms = terms.mask_fill(out, 0.0);
        }
        terms
    }

    /// 1 for the tokens that, from the likeliest down and of equally likely ones by id, have less than
    /// `target`, `[n, 1]`, of `weights` before them, and else 0: `[n, width]`.
    fn leading(&self, weights: &Tensor<2>, target: &Tensor<2>, link: &mut Link) -> Tensor<2> {
        // What lies above `low` weighs enough, and what lies above `high` does not.
        let mut low = Tensor::full_like(target, LOWEST);
        let mut high = target.zeros_like();
        for _ in 0..ROUNDS {
            link.operation();
            let middle = (low.clone() + high.clone()).mul_scalar(0.5);
            let above = total(weights.clone() * self.above(&middle));
            let enough = above.greater_equal(target.clone());
            low = low.mask_where(enough.clone(), middle.clone());
            high = middle.mask_where(enough, high);
        }
        link.operation();
        let certain = self.above(&high);
        let edge = self.above(&low) - certain.clone();
        let at_edge = weights.clone() * edge.clone();
        let before =
            total(weights.clone() * certain.clone()) + cumulative(at_edge.clone()) - at_edge;
        certain + edge * before.lower(target.clone()).float()
    }

    /// 1 for the tokens above a threshold, `[n, 1]`, and else 0.
    fn above(&self, threshold: &Tensor<2>) -> Tensor<2> {
        self.shifted.clone().greater(threshold.clone()).float()
    }
}

/// Inverse CDF: of each row the first token at which the cumulative sum of `terms`, `[n, width]`,
/// exceeds the row's share of it, `uniform`, `[n, 1]`; and that sum, `[n, 1]`.
///
/// A token that weighs nothing is never drawn: the first sum to exceed is only looked for where a
/// term is. Where rounding leaves none, the last token that weighs anything is it.
fn pick(terms: Tensor<2>, uniform: Tensor<2>, link: &mut Link) -> (Tensor<2, Int>, Tensor<2>) {
    link.operation();
    let [n, width] = terms.dims();
    let count = width / BLOCK;
    let blocks = terms.reshape([n, count, BLOCK]);
    let sums = blocks.clone().sum_dim(2).reshape([n, count]);
    let cumulative = sums.clone().cumsum(1);
    let total = cumulative.clone().narrow(1, count - 1, 1);
    let target = uniform * total.clone();
    let block = exceeding(cumulative.clone(), sums, target.clone()); // [n, 1]

    // What comes before the block, as it was added up.
    let previous = block.clone().sub_scalar(1).clamp_min(0);
    let before = cumulative.gather(1, previous).mask_fill(block.clone().equal_scalar(0), 0.0);
    let start = integers(0..n, &block.device()).mul_scalar(count as i32);
    let own = blocks.reshape([n * count, BLOCK]).select(0, start + block.clone().reshape([n]));
    let place = exceeding(own.clone().cumsum(1) + before, own, target);
    (block.mul_scalar(BLOCK as i32) + place, total)
}

/// Of each row the first place at which `sums` exceed `target` and `terms` are not 0, else the last
/// place at which they are not 0, else the first: `[n, 1]`.
fn exceeding(sums: Tensor<2>, terms: Tensor<2>, target: Tensor<2>) -> Tensor<2, Int> {
    let weighs = terms.greater_scalar(0.0);
    let last = ids(&weighs).mask_fill(weighs.clone().bool_not(), 0).max_dim(1);
    first(sums.greater(target).bool_and(weighs)).min_pair(last)
}

/// The first place of each row that is true, else the last: `[n, 1]`.
fn first(places: Tensor<2, Bool>) -> Tensor<2, Int> {
    let last = places.dims()[1] - 1;
    ids(&places).mask_fill(places.bool_not(), last as i32).min_dim(1)
}

/// 0, 1, … in each row of a tensor of this shape.
fn ids(like: &Tensor<2, Bool>) -> Tensor<2, Int> {
    let [n, width] = like.dims();
    integers(0..width, &like.device()).reshape([1, width]).repeat_dim(0, n)
}

/// Sums of rows of whole blocks, `[n, width]` to `[n, 1]`.
fn total(x: Tensor<2>) -> Tensor<2> {
    let [n, width] = x.dims();
    x.reshape([n, width / BLOCK, BLOCK]).sum_dim(2).reshape([n, width / BLOCK]).sum_dim(1)
}

/// Cumulative sums of rows of whole blocks. By blocks, since a sum over a whole vocabulary would lose
/// precision, and a device may take time for it that grows with the square of the length.
fn cumulative(x: Tensor<2>) -> Tensor<2> {
    let [n, width] = x.dims();
    let blocks = x.reshape([n, width / BLOCK, BLOCK]);
    let sums = blocks.clone().sum_dim(2);
    let before = sums.clone().cumsum(1) - sums; // [n, width / BLOCK, 1]
    (blocks.cumsum(2) + before).reshape([n, width])
}

/// The smallest f32 that is not below `x`.
fn round_up(x: f64) -> f32 {
    let near = x as f32;
    if f64::from(near) < x { near.next_up() } else { near }
}

#[cfg(test)]
#[path = "../../tests/unit/device/sampler.rs"]
mod tests;
