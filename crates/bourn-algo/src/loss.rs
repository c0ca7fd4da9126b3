//! The clipped policy objective in plain f64: the twin that the tensor version is checked against.
//!
//! For every token t of completion i that the policy drew,
//!
//! ```text
//! l_it = −min(r A, clip(r, 1 − ε_low, 1 + ε_high) A) + kl_coef · KL_it − entropy_coef · H_it
//! loss = Σ_i w_i Σ_t l_it
//! ```
//!
//! where r = exp(log π − log π_old), of the token or the geometric mean over its completion
//! ([`RatioLevel`]), and the first term is one of four ([`Surrogate`]). To that come two terms that
//! most algorithms leave out: an *anchor*, which holds a token near the sampler that drew it by
//! b_it (r_it − 1 − log r_it), and a *likelihood* term −n_i log π_it, with weights b and n of their
//! own. The weights w_i hold everything that [`LossType`] decides.
//! They are computed over the whole optimiser update, so that the sum over micro batches is the
//! same loss to rounding, however it is cut.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::AlgoError;
use crate::error::check_length;
use crate::kl::KlEstimator;

/// How token losses become one number. Of B completions, those left out of the loss have no tokens but
/// are counted; a token weighs 1 / (B · tokens of its completion) for `Grpo`, 1 / (B ·
/// `max_completion_length`) for `DrGrpo`, 1 / tokens for `Dapo` and 1 / B for `Sequence`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LossType {
    /// Mean over each completion's tokens, then over completions (DeepSeekMath, arXiv 2402.03300,
    /// eq. 3).
    Grpo,
    /// Sum of tokens over completions × `max_completion_length` (Dr. GRPO, arXiv 2503.20783).
    DrGrpo,
    /// Mean over all tokens of the update (DAPO, arXiv 2503.14476, eq. 8).
    Dapo,
    /// Sum of tokens, then mean over completions: the policy gradient as derived.
    Sequence,
}

/// What a token's part of the objective is, to be maximised, with r the ratio and A the advantage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Surrogate {
    /// min(r A, clip(r) A) (PPO, arXiv 1707.06347, eq. 7).
    Clip,
    /// r A.
    Ratio,
    /// A log π (Williams 1992), as if every draw were the policy's own.
    LogProb,
    /// clip(r) A log π, with no gradient through clip(r) (CISPO, arXiv 2506.13585, eq. 4).
    ClippedWeight,
}

/// What the ratio is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RatioLevel {
    /// Each token.
    Token,
    /// The whole completion: the geometric mean of its tokens' ratios (GSPO, arXiv 2507.18071, eq. 7).
    Sequence,
}

/// The objective's constants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossSettings {
    /// How token losses are averaged.
    pub loss_type: LossType,
    /// Longest completion allowed, in tokens; [`LossType::DrGrpo`] divides by it.
    pub max_completion_length: usize,
    /// What a token's part of the objective is.
    pub surrogate: Surrogate,
    /// What the ratio is of.
    pub ratio_level: RatioLevel,
    /// The ratio's lower bound is 1 − `eps_low`.
    pub eps_low: f64,
    /// The ratio's upper bound is 1 + `eps_high`.
    pub eps_high: f64,
    /// Weight of the KL penalty; with 0 no base log-probs are needed.
    pub kl_coef: f64,
    /// Estimator of that KL; read [`crate::kl`] before choosing `K1`.
    pub kl_estimator: KlEstimator,
    /// Weight of the entropy bonus; with 0 no entropies are needed.
    pub entropy_coef: f64,
}

/// One completion, every list with one entry for each of its `tokens`.
#[derive(Clone, Copy, Debug)]
pub struct CompletionTerms<'a> {
    /// Log-probs under the policy, in nats, `[tokens]`.
    pub logp: &'a [f64],
    /// Log-probs under the sampler that drew them, `[tokens]`.
    pub old_logp: &'a [f64],
    /// Log-probs under the frozen base, `[tokens]`.
    pub base_logp: Option<&'a [f64]>,
    /// Advantages, `[tokens]`.
    pub advantages: &'a [f64],
    /// Entropies of the policy's next-token distribution, in nats, `[tokens]`.
    pub entropy: Option<&'a [f64]>,
    /// Weights b of the anchor, `[tokens]`; none where there is no anchor.
    pub anchors: Option<&'a [f64]>,
    /// Weight n of the likelihood term at each of its tokens.
    pub likelihood: f64,
    /// Whether the token is in the loss, `[tokens]`: false where the policy did not draw it, and
    /// throughout for a truncated completion that is left out.
    pub mask: &'a [bool],
}

/// The loss and its parts.
///
/// `loss` = `pg` + `kl_coef` · `kl` − `entropy_coef` · `entropy` + `extra`, the first three weighted
/// by the same w_i. The clip fractions are plain means over all tokens in the loss; 0 where there are none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossReport {
    /// The number to minimise.
    pub loss: f64,
    /// The policy-gradient part: the weighted negative of the clipped surrogate.
    pub pg: f64,
    /// The weighted KL estimates, in nats; 0 where `kl_coef` is.
    pub kl: f64,
    /// The weighted entropies, in nats; 0 where `entropy_coef` is.
    pub entropy: f64,
    /// Anchors (weighted by w_i) and likelihood terms together.
    pub extra: f64,
    /// Share of tokens held at the lower bound.
    pub clip_low: f64,
    /// Share of tokens held at the upper bound.
    pub clip_high: f64,
}

/// The bound that holds a token: its surrogate is constant there and has no gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clip {
    /// The ratio is below 1 − ε_low, with a negative advantage.
    Low,
    /// The ratio is above 1 + ε_high, with a positive advantage.
    High,
}

/// min(r A, clip(r, 1 − ε_low, 1 + ε_high) A), to be maximised (Schulman et al. 2017,
/// arXiv 1707.06347, eq. 7; separate bounds as in DAPO), and the bound that holds it, if any.
///
/// Written as the two cases in which the minimum is the clipped branch, so that a NaN stays one
/// (`f64::min` would drop it).
pub(crate) fn clipped_surrogate(
    ratio: f64,
    advantage: f64,
    eps_low: f64,
    eps_high: f64,
) -> (f64, Option<Clip>) {
    let (low, high) = (1.0 - eps_low, 1.0 + eps_high);
    if advantage < 0.0 && ratio < low {
        (low * advantage, Some(Clip::Low))
    } else if advantage > 0.0 && ratio > high {
        (high * advantage, Some(Clip::High))
    } else {
        (ratio * advantage, None)
    }
}

/// What the weights of an optimiser update are divided by: counts over all of it, wherever its
/// completions are.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    /// Completions.
    pub completions: f64,
    /// Tokens of those that are kept. As a float: a sum of lengths cannot overflow.
    pub tokens: f64,
}

impl Totals {
    /// The counts of these completions, as [`token_weights`] takes them.
    pub fn of(lengths: &[usize], kept: &[bool]) -> Totals {
        let tokens = in_loss(lengths, kept).map(|length| length as f64).sum();
        Totals { completions: lengths.len() as f64, tokens }
    }
}

/// Weight w_i of every token of completion i in loss = Σ_i w_i Σ_t l_it, over a whole optimiser
/// update, of which these completions may be a part.
///
/// `lengths` counts each completion's tokens in the loss; a completion that is not `kept` (truncated
/// ones, with `mask_truncated_completions`) has weight 0. It still counts among the B completions
/// that [`LossType::Grpo`] and [`LossType::DrGrpo`] divide by, as in TRL, and its tokens do not
/// count for [`LossType::Dapo`].
///
/// # Errors
/// The lists differ in length, or `max_completion_length` is 0 with [`LossType::DrGrpo`].
pub fn token_weights(
    lengths: &[usize],
    kept: &[bool],
    loss_type: LossType,
    max_completion_length: usize,
    totals: Totals,
) -> Result<Vec<f64>, AlgoError> {
    check_length("kept", kept.len(), lengths.len(), "completion")?;
    if loss_type == LossType::DrGrpo && max_completion_length == 0 {
        return Err(AlgoError::MaxCompletionLength);
    }
    let Totals { completions, tokens } = totals;
    let weight = |length: usize| match (length, loss_type) {
        (0, _) => 0.0,
        (_, LossType::Grpo) => 1.0 / (completions * length as f64),
        (_, LossType::DrGrpo) => 1.0 / (completions * max_completion_length as f64),
        (_, LossType::Dapo) => 1.0 / tokens,
        (_, LossType::Sequence) => 1.0 / completions,
    };
    Ok(in_loss(lengths, kept).map(weight).collect())
}

/// Tokens in the loss of each completion.
fn in_loss(lengths: &[usize], kept: &[bool]) -> impl Iterator<Item = usize> {
    lengths.iter().zip(kept).map(|(&length, &kept)| if kept { length } else { 0 })
}

/// The part of one token in the objective, to be maximised, and the bound that holds its ratio.
///
/// `ratio` is the token's or its completion's; `logp` is read by [`Surrogate::LogProb`] and
/// [`Surrogate::ClippedWeight`] alone. With the latter a held ratio bounds the gradient instead of
/// ending it.
pub fn surrogate(
    kind: Surrogate,
    ratio: f64,
    logp: f64,
    advantage: f64,
    eps_low: f64,
    eps_high: f64,
) -> (f64, Option<Clip>) {
    match kind {
        Surrogate::Clip => clipped_surrogate(ratio, advantage, eps_low, eps_high),
        Surrogate::Ratio => (ratio * advantage, None),
        Surrogate::LogProb => (advantage * logp, None),
        Surrogate::ClippedWeight => {
            let (weight, clip) = clipped_weight(ratio, eps_low, eps_high);
            (weight * advantage * logp, clip)
        }
    }
}

/// The ratio within its bounds; a NaN stays one.
fn clipped_weight(ratio: f64, eps_low: f64, eps_high: f64) -> (f64, Option<Clip>) {
    let (low, high) = (1.0 - eps_low, 1.0 + eps_high);
    if ratio < low {
        (low, Some(Clip::Low))
    } else if ratio > high {
        (high, Some(Clip::High))
    } else {
        (ratio, None)
    }
}

/// The loss of one optimiser update and its parts.
///
/// A value that is not finite at a token in the loss makes the loss not finite; at a masked token
/// it is never read.
///
/// # Errors
/// Lists of one completion differ in length, a coefficient asks for base log-probs or entropies
/// that are missing, or `max_completion_length` is 0 with [`LossType::DrGrpo`].
pub fn policy_loss(
    completions: &[CompletionTerms<'_>],
    objective: &LossSettings,
) -> Result<LossReport, AlgoError> {
    let weights = weights(completions, objective)?;
    let mut tokens = 0.0;
    let (mut pg, mut kl, mut entropy, mut extra) = (0.0, 0.0, 0.0, 0.0);
    let (mut clip_low, mut clip_high) = (0.0, 0.0);
    for (completion, weight) in completions.iter().zip(weights) {
        for token in completion.tokens(objective) {
            let (surrogate, clip) = token.surrogate(objective);
            tokens += 1.0;
            pg -= weight * surrogate;
            kl += weight * token.kl(objective);
            entropy += weight * token.entropy;
            let drift = token.logp - token.old_logp;
            extra += weight * token.anchor * (drift.exp_m1() - drift);
            extra -= completion.likelihood * token.logp;
            clip_low += f64::from(u8::from(clip == Some(Clip::Low)));
            clip_high += f64::from(u8::from(clip == Some(Clip::High)));
        }
    }
    Ok(LossReport {
        loss: pg + objective.kl_coef * kl - objective.entropy_coef * entropy + extra,
        pg,
        kl,
        entropy,
        extra,
        clip_low: clip_low / f64::max(tokens, 1.0),
        clip_high: clip_high / f64::max(tokens, 1.0),
    })
}

/// ∂loss/∂logp of every token, `[completions][tokens]`; 0 where masked. Entropies count as
/// constants: they depend on the logits, but not through the log-prob of the sampled token alone.
///
/// # Errors
/// As [`policy_loss`].
pub fn policy_loss_slopes(
    completions: &[CompletionTerms<'_>],
    objective: &LossSettings,
) -> Result<Vec<Vec<f64>>, AlgoError> {
    let weights = weights(completions, objective)?;
    let slopes = completions.iter().zip(weights).map(|(completion, weight)| {
        let tokens: Vec<Token> = completion.tokens(objective).collect();
        let through_ratio: Vec<f64> =
            tokens.iter().map(|token| token.ratio_slope(objective)).collect();
        // A completion's ratio moves by 1/tokens of what each of its log-probs does.
        let shared = through_ratio.iter().sum::<f64>() / (tokens.len() as f64).max(1.0);
        let mut tokens = tokens.iter().zip(through_ratio);
        let slope = |&in_loss: &bool| {
            let token = if in_loss { tokens.next() } else { None };
            token.map_or(0.0, |(token, own)| {
                let through_ratio = match objective.ratio_level {
                    RatioLevel::Token => own,
                    RatioLevel::Sequence => shared,
                };
                weight * (token.own_slope(objective) + through_ratio) - completion.likelihood
            })
        };
        completion.mask.iter().map(slope).collect()
    });
    Ok(slopes.collect())
}

/// Checks every completion, then weighs it.
fn weights(
    completions: &[CompletionTerms<'_>],
    objective: &LossSettings,
) -> Result<Vec<f64>, AlgoError> {
    for (index, completion) in completions.iter().enumerate() {
        completion.check(index, objective)?;
    }
    let lengths: Vec<usize> = completions
        .iter()
        .map(|completion| completion.mask.iter().filter(|&&in_loss| in_loss).count())
        .collect();
    let kept = vec![true; lengths.len()];
    let totals = Totals::of(&lengths, &kept);
    token_weights(&lengths, &kept, objective.loss_type, objective.max_completion_length, totals)
}

/// A token in the loss; 0 stands for what a zero coefficient does not read.
struct Token {
    logp: f64,
    old_logp: f64,
    /// Logarithm of the ratio: its own or its completion's.
    log_ratio: f64,
    base_logp: f64,
    advantage: f64,
    entropy: f64,
    anchor: f64,
}

impl Token {
    fn ratio(&self) -> f64 {
        self.log_ratio.exp()
    }

    fn surrogate(&self, objective: &LossSettings) -> (f64, Option<Clip>) {
        let (low, high) = (objective.eps_low, objective.eps_high);
        surrogate(objective.surrogate, self.ratio(), self.logp, self.advantage, low, high)
    }

    fn kl(&self, objective: &LossSettings) -> f64 {
        if objective.kl_coef == 0.0 {
            0.0
        } else {
            objective.kl_estimator.value(self.logp, self.base_logp)
        }
    }

    /// ∂l/∂log r: what goes through the ratio, whose derivative is itself.
    fn ratio_slope(&self, objective: &LossSettings) -> f64 {
        match (objective.surrogate, self.surrogate(objective)) {
            (Surrogate::LogProb | Surrogate::ClippedWeight, _) | (_, (_, Some(_))) => 0.0,
            (_, (surrogate, None)) => -surrogate,
        }
    }

    /// ∂l/∂logp of everything else.
    fn own_slope(&self, objective: &LossSettings) -> f64 {
        let pg = match objective.surrogate {
            Surrogate::Clip | Surrogate::Ratio => 0.0,
            Surrogate::LogProb => -self.advantage,
            Surrogate::ClippedWeight => {
                let (low, high) = (objective.eps_low, objective.eps_high);
                -clipped_weight(self.ratio(), low, high).0 * self.advantage
            }
        };
        let anchor = self.anchor * (self.logp - self.old_logp).exp_m1();
        if objective.kl_coef == 0.0 {
            pg + anchor
        } else {
            let slope = objective.kl_estimator.slope(self.logp, self.base_logp);
            pg + anchor + objective.kl_coef * slope
        }
    }
}

impl CompletionTerms<'_> {
    fn check(&self, index: usize, objective: &LossSettings) -> Result<(), AlgoError> {
        let tokens = self.logp.len();
        let of_token = |name, got| check_length(name, got, tokens, "token of the completion");
        of_token("old_logp", self.old_logp.len())?;
        of_token("advantages", self.advantages.len())?;
        of_token("mask", self.mask.len())?;
        let optional = |name, values: Option<&[f64]>, coefficient, weight| match values {
            Some(values) => of_token(name, values.len()),
            None if weight == 0.0 => Ok(()),
            None => Err(AlgoError::Missing { completion: index, name, coefficient }),
        };
        if let Some(anchors) = self.anchors {
            of_token("anchors", anchors.len())?;
        }
        optional("base_logp", self.base_logp, "kl_coef", objective.kl_coef)?;
        optional("entropy", self.entropy, "entropy_coef", objective.entropy_coef)
    }

    /// The tokens in the loss, in order; `check` has found all lists equally long.
    fn tokens(&self, objective: &LossSettings) -> impl Iterator<Item = Token> {
        let base_logp = self.base_logp.filter(|_| objective.kl_coef != 0.0);
        let entropy = self.entropy.filter(|_| objective.entropy_coef != 0.0);
        let in_loss = self.mask.iter().enumerate().filter(|&(_, &in_loss)| in_loss);
        let log_ratio = |t: usize| self.logp[t] - self.old_logp[t];
        let (sum, count) =
            in_loss.clone().fold((0.0, 0.0), |(sum, n), (t, _)| (sum + log_ratio(t), n + 1.0));
        in_loss.map(move |(t, _)| Token {
            logp: self.logp[t],
            old_logp: self.old_logp[t],
            log_ratio: match objective.ratio_level {
                RatioLevel::Token => log_ratio(t),
                RatioLevel::Sequence => sum / count,
            },
            base_logp: base_logp.map_or(0.0, |values| values[t]),
            advantage: self.advantages[t],
            entropy: entropy.map_or(0.0, |values| values[t]),
            anchor: self.anchors.map_or(0.0, |values| values[t]),
        })
    }
}

#[cfg(test)]
#[path = "../tests/unit/loss.rs"]
mod tests;
