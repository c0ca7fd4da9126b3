//! Figures of where the correct answers came from.

use serde::{Deserialize, Serialize};

use crate::Estimate;

/// Where the correct answers came from: what scores of the two models' completions under each
/// other say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Origins {
    /// Perplexity under each model of each class of completions.
    pub perplexity: Vec<Perplexity>,
    /// Base witnesses under the policy.
    pub witnesses: Witnesses,
    /// Correct completions of the policy under the base.
    pub discoveries: Discoveries,
    /// Balance-heuristic pooling of both models' draws.
    pub pooled: Option<Pooled>,
    /// Entropy over distinct final answers, of the base, in nats.
    pub base_answer_entropy: Estimate,
    /// Entropy over distinct final answers, of the policy, in nats.
    pub policy_answer_entropy: Estimate,
    /// Quantiles of token entropy.
    pub token_entropy: Vec<EntropyQuantile>,
    /// Problems with success probability above 0 and below 5% under the base, in id order: what
    /// a guess may have solved.
    pub rarely_solved: Vec<String>,
    /// What answers without reasoning get right, where the recipe asks for it.
    pub guesses: Option<Guesses>,
    /// Tokens that teacher forcing scored for these figures.
    #[serde(default)]
    pub tokens_scored: u64,
}

/// A perplexity, pooled over tokens: exp of minus the mean log-prob.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Perplexity {
    /// The model that scores: `base` or `policy`.
    pub under: String,
    /// Where the completions are from: `base`, `policy`, or `reference`.
    pub of: String,
    /// Whether these are the correct completions or the wrong ones.
    pub correct: bool,
    /// Perplexity over all tokens, with its interval over problems.
    pub pooled: Estimate,
    /// Completions scored.
    pub completions: u64,
    /// Perplexity of each problem that has such completions: id and value.
    pub problems: Vec<(String, f64)>,
}

/// Distinct correct base completions, scored under the policy at the probe's sampler.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Witnesses {
    /// Witnesses in all.
    pub count: u64,
    /// Mean over problems of the witnesses' summed probability under the base's sampler.
    pub base_mass: Estimate,
    /// The same under the policy's: a lower bound on its mean success probability.
    pub policy_mass: Estimate,
    /// Every problem with a witness, in id order.
    pub problems: Vec<WitnessMass>,
}

/// The witnesses of one problem.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WitnessMass {
    /// The problem's id.
    pub id: String,
    /// Number of witnesses.
    pub count: u64,
    /// Their summed probability under the base's sampler.
    pub base: f64,
    /// Their summed probability under the policy's sampler: at most its success probability.
    pub policy: f64,
}

/// Correct policy completions, scored under the base at the probe's sampler.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Discoveries {
    /// Distinct correct completions of the policy.
    pub count: u64,
    /// Mean over problems of their summed probability under the base's sampler: a lower bound on
    /// the base's mean success probability.
    pub base_mass: Estimate,
    /// Share of correct policy draws that hold a token outside the base sampler's nucleus, over
    /// all problems; `None` where the sampler cuts no token away, so that none is outside.
    #[serde(default)]
    pub outside: Option<Estimate>,
    /// Every problem that the policy solved, in id order.
    pub problems: Vec<Discovery>,
}

/// The correct policy completions of one problem.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Discovery {
    /// The problem's id.
    pub id: String,
    /// Distinct correct completions.
    pub count: u64,
    /// Their summed probability under the base's sampler: at most its success probability.
    pub base: f64,
    /// Share of correct draws that hold a token outside the base sampler's nucleus: the base's
    /// sampler could not have drawn them.
    pub outside: f64,
    /// Median place, from 0, of the first such token; `None` if there is none.
    pub first_outside: Option<u64>,
}

/// Success probabilities from the draws of both models, each draw weighted by the balance
/// heuristic (Veach and Guibas 1995).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pooled {
    /// Problems whose effective sample size is large enough for the pooled estimate to be used,
    /// for the base.
    pub base_used: u64,
    /// The same for the policy.
    pub policy_used: u64,
    /// Every problem, in id order.
    pub problems: Vec<PooledRate>,
}

/// A problem's pooled estimates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PooledRate {
    /// The problem's id.
    pub id: String,
    /// The base's success probability.
    pub base: f64,
    /// Effective sample size of that estimate, in draws.
    pub base_ess: f64,
    /// Whether it may be used in place of the base's own draws.
    pub base_used: bool,
    /// The policy's success probability.
    pub policy: f64,
    /// Effective sample size of that estimate, in draws.
    pub policy_ess: f64,
    /// Whether it may be used in place of the policy's own draws.
    pub policy_used: bool,
}

/// A quantile of token entropies, in nats, of each model's draws.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntropyQuantile {
    /// Share of tokens at or below; 0.8 is where "forking tokens" begin (arXiv 2506.01939).
    pub q: f64,
    /// Of the base.
    pub base: f64,
    /// Of the policy.
    pub policy: f64,
}

/// Answers without reasoning, by the base.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Guesses {
    /// Draws per problem.
    pub n: u64,
    /// Mean over problems of the share of guesses that are correct.
    pub rate: Estimate,
    /// Problems that guessing solves at least as often as the base does with reasoning, in id
    /// order.
    pub guessable: Vec<String>,
}
