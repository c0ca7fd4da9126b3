//! From logits to a drawn token: temperature, truncation, inverse CDF.

use std::cmp::Reverse;

use bourn_kernel::{SoftmaxSums, TERM_BLOCK, softmax_terms};

use crate::error::RolloutError;
use crate::types::Sampling;

/// One drawn token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SampledToken {
    pub(crate) token: u32,
    pub(crate) logprob: f32,
    pub(crate) sampled_logprob: f32,
    pub(crate) entropy: f32,
}

/// The part of [`Sampling`] that makes a distribution of logits, checked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct TokenSampler {
    pub(crate) greedy: bool,
    pub(crate) temperature: f32,
    pub(crate) top_p: f64,
    pub(crate) top_k: usize,
    pub(crate) min_p: f64,
}

/// Working memory of one thread.
#[derive(Debug, Default)]
pub(crate) struct SamplerScratch {
    terms: Vec<f32>,
    block_sums: Vec<f64>,
    kept: Vec<(f32, u32)>,
    ranks: Vec<Reverse<u64>>,
}

/// The temperature as the softmax uses it.
pub(crate) fn checked_temperature(temperature: f64) -> Result<f32, RolloutError> {
    if (1e-4..=1e4).contains(&temperature) {
        Ok(temperature as f32)
    } else {
        Err(RolloutError::Option {
            key: "temperature",
            value: temperature.to_string(),
            expected: "from 1e-4 to 1e4",
        })
    }
}

/// Scores of one given token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct TokenScore {
    pub(crate) logprob: f32,
    /// `None` where the sampler leaves the token out.
    pub(crate) sampled_logprob: Option<f32>,
    pub(crate) entropy: f32,
}

fn logprob(sums: &SoftmaxSums, logits: &[f32], token: u32, temperature: f32) -> f32 {
    sums.log_probability(logits[token as usize] / temperature) as f32
}

impl SamplerScratch {
    fn fill(&mut self, logits: &[f32], temperature: f32) -> Option<SoftmaxSums> {
        self.terms.resize(logits.len(), 0.0);
        let sums =
            softmax_terms(logits, temperature, &mut self.terms, &mut self.block_sums).ok()?;
        sums.is_finite().then_some(sums)
    }
}

impl TokenSampler {
    pub(crate) fn new(sampling: &Sampling) -> Result<TokenSampler, RolloutError> {
        let option = |key, value: f64, expected| {
            Err(RolloutError::Option { key, value: value.to_string(), expected })
        };
        let &Sampling { temperature, top_p, top_k, min_p, .. } = sampling;
        // `contains` is false for NaN.
        if !(f64::MIN_POSITIVE..=1.0).contains(&top_p) {
            return option("top_p", top_p, "above 0 and at most 1");
        }
        if !(0.0..=1.0).contains(&min_p) {
            return option("min_p", min_p, "from 0 to 1");
        }
        let greedy = temperature == 0.0;
        let temperature = match checked_temperature(if greedy { 1.0 } else { temperature }) {
            Ok(temperature) => temperature,
            Err(_) => return option("temperature", temperature, "0 or from 1e-4 to 1e4"),
        };
        Ok(TokenSampler { greedy, temperature, top_p, top_k, min_p })
    }

    /// Scores a token as [`TokenSampler::draw`] would have scored it; `None` if a logit is not finite.
    pub(crate) fn score(
        &self,
        logits: &[f32],
        token: u32,
        scratch: &mut SamplerScratch,
    ) -> Option<TokenScore> {
        let sums = scratch.fill(logits, self.temperature)?;
        let logprob = logprob(&sums, logits, token, self.temperature);
        let sampled_logprob = if self.greedy {
            (likeliest(logits) == token).then_some(0.0)
        } else if self.truncates(logits.len()) {
            self.keep(&sums, scratch);
            let kept = scratch.kept.binary_search_by_key(&token, |&(_, id)| id).is_ok();
            kept.then(|| self.kept_logprob(&sums, logits, token, kept_total(scratch)))
        } else {
            Some(logprob)
        };
        Some(TokenScore { logprob, sampled_logprob, entropy: sums.entropy() as f32 })
    }

    /// Whether anything is left out of a distribution over `vocab` tokens.
    pub(crate) fn truncates(&self, vocab: usize) -> bool {
        self.top_p < 1.0 || self.min_p > 0.0 || (1..vocab).contains(&self.top_k)
    }

    /// Log-probability of a token among those kept, whose terms sum to `total`.
    fn kept_logprob(&self, sums: &SoftmaxSums, logits: &[f32], token: u32, total: f64) -> f32 {
        let scaled = f64::from(logits[token as usize] / self.temperature);
        (scaled - f64::from(sums.max) - total.ln()) as f32
    }

    /// Draws a token with `uniform`, a number in [0, 1); `None` if a logit is not finite.
    ///
    /// A token whose probability rounds to zero is never drawn: the cumulative sum does not grow
    /// at it, and the first token whose cumulative sum *exceeds* the target is taken.
    pub(crate) fn draw(
        &self,
        logits: &[f32],
        uniform: impl FnOnce() -> f64,
        scratch: &mut SamplerScratch,
    ) -> Option<SampledToken> {
        let sums = scratch.fill(logits, self.temperature)?;
        let (token, sampled_logprob) = if self.greedy {
            (likeliest(logits), Some(0.0))
        } else if self.truncates(logits.len()) {
            self.keep(&sums, scratch);
            let total = kept_total(scratch);
            let token = among(scratch.kept.iter().copied(), 0.0, uniform() * total)?;
            (token, Some(self.kept_logprob(&sums, logits, token, total)))
        } else {
            (inverse_cdf(scratch, uniform() * sums.total)?, None)
        };
        let logprob = logprob(&sums, logits, token, self.temperature);
        Some(SampledToken {
            token,
            logprob,
            sampled_logprob: sampled_logprob.unwrap_or(logprob),
            entropy: sums.entropy() as f32,
        })
    }

    /// Leaves the (term, id) pairs that survive truncation in `scratch.kept`, in order of id.
    fn keep(&self, sums: &SoftmaxSums, scratch: &mut SamplerScratch) {
        let SamplerScratch { terms, kept, ranks, .. } = scratch;
        let top_k = (1..terms.len()).contains(&self.top_k);
        ranks.clear();
        if top_k || self.top_p < 1.0 {
            // Tokens below (1 − top_p) / V together weigh less than 1 − top_p, so that none of them
            // is within top-p; half of that leaves a margin for rounding. Sorting is then over few.
            let tail = 0.5 * (1.0 - self.top_p) * sums.total / terms.len() as f64;
            let least = if top_k { 0.0 } else { tail };
            let pairs = terms.iter().zip(0..).filter(|&(&term, _)| f64::from(term) >= least);
            ranks.extend(pairs.map(|(&term, id)| rank(term, id)));
        }
        if top_k && self.top_k < ranks.len() {
            ranks.select_nth_unstable(self.top_k);
            ranks.truncate(self.top_k);
        }
        if self.top_p < 1.0 {
            ranks.sort_unstable();
            let mass = |rank: &Reverse<u64>| f64::from(f32::from_bits((rank.0 >> 32) as u32));
            let total = if top_k { ranks.iter().map(mass).sum() } else { sums.total };
            let mut before = 0.0;
            let within = ranks.iter().take_while(|rank| {
                let within = before < self.top_p * total;
                before += mass(rank);
                within
            });
            let count = within.count();
            ranks.truncate(count);
        }
        let last = ranks.iter().max();
        // The likeliest token survives whatever came before, and its term is e⁰ = 1.
        let survives = |&(term, id): &(f32, u32)| {
            let ranked = last.is_none_or(|last| rank(term, id) <= *last);
            ranked && term > 0.0 && f64::from(term) >= self.min_p
        };
        kept.clear();
        kept.extend(terms.iter().copied().zip(0..).filter(survives));
    }
}

fn kept_total(scratch: &SamplerScratch) -> f64 {
    scratch.kept.iter().map(|&(term, _)| f64::from(term)).sum()
}

/// Orders tokens from the likeliest down, and of equally likely ones the smaller id first. Terms
/// are not negative, so that their bits sort as they do.
fn rank(term: f32, id: u32) -> Reverse<u64> {
    Reverse(u64::from(term.to_bits()) << 32 | u64::from(u32::MAX - id))
}

fn likeliest(logits: &[f32]) -> u32 {
    let pairs = logits.iter().zip(0..);
    pairs.fold((f32::NEG_INFINITY, 0), |best, (&x, id)| if x > best.0 { (x, id) } else { best }).1
}

/// The token at which the cumulative sum of all terms exceeds `target`, found by blocks first.
fn inverse_cdf(scratch: &SamplerScratch, target: f64) -> Option<u32> {
    let (mut before, mut block) = (0.0, None);
    for (index, sum) in scratch.block_sums.iter().enumerate() {
        if before + sum > target {
            block = Some(index);
            break;
        }
        before += sum;
    }
    // The target is below the total, which is these same sums in the same order: there is a block.
    let start = block? * TERM_BLOCK;
    let terms = scratch.terms[start..].iter().take(TERM_BLOCK);
    among(terms.copied().zip(start as u32..), before, target)
}

/// The first token at which the cumulative sum from `before` exceeds `target`. If rounding leaves
/// the last sum at the target, the last token that weighs anything.
fn among(terms: impl Iterator<Item = (f32, u32)>, before: f64, target: f64) -> Option<u32> {
    let (mut cumulative, mut last) = (before, None);
    for (term, id) in terms {
        cumulative += f64::from(term);
        if term > 0.0 {
            last = Some(id);
            if cumulative > target {
                break;
            }
        }
    }
    last
}

#[cfg(test)]
#[path = "../tests/unit/sampler.rs"]
mod tests;
