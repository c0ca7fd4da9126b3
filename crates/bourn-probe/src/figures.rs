//! The parts of the boundary figures as plain data; `docs/boundary.md` defines each of them.
//!
//! Every part is optional in [`Boundary`](crate::Boundary), so that files of earlier versions can
//! be read, and so that figures that need draws or scores are absent where only counts are known.

use serde::{Deserialize, Serialize};

use crate::Estimate;

/// The ends of an interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl From<f64> for Interval {
    /// The interval that is this point.
    fn from(value: f64) -> Self {
        Self { low: value, high: value }
    }
}

/// Inference on the paired difference of the two curves. Lists are aligned with
/// [`Boundary::k`](crate::Boundary::k).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Paired {
    /// Simultaneous band of the base's curve: all of it is inside with the stated confidence.
    pub base_band: Vec<Interval>,
    /// Simultaneous band of the policy's curve.
    pub policy_band: Vec<Interval>,
    /// Simultaneous band of the difference.
    pub delta_band: Vec<Interval>,
    /// Interval of the difference by a bootstrap over problems and, within each, over draws.
    pub delta_nested: Vec<Interval>,
    /// Interval of the difference that holds at every look at once.
    pub delta_anytime: Vec<Interval>,
    /// Which look at these problems this is, counted from 1: what `delta_anytime` has spent.
    pub look: u64,
    /// Exact test of lost against gained.
    pub mcnemar: McNemar,
    /// Where the curves cross, over the resamples.
    pub crossover: CrossoverInterval,
    /// Smallest |Δpass@k| on these problems that the draws can tell from 0 (two-sided, at the
    /// stated confidence, with 80% power).
    pub detectable: Vec<f64>,
}

/// Exact McNemar test on the problems that only one of the two models solved.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct McNemar {
    /// Problems that only the base solved.
    pub lost: u64,
    /// Problems that only the policy solved.
    pub gained: u64,
    /// Two-sided p-value.
    pub p_value: f64,
}

/// The interval of the crossover k over bootstrap resamples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CrossoverInterval {
    /// Lower end; `None` if it is "no crossover up to k_max".
    pub low: Option<u64>,
    /// Upper end; `None` if it is "no crossover up to k_max".
    pub high: Option<u64>,
    /// Share of resamples that have a crossover.
    pub share: f64,
}

/// Which problems each model can solve at a rate of at least ε, with the probability of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Solvability {
    /// The rate that counts as solvable.
    pub epsilon: f64,
    /// Posterior probability at which a problem is called solvable or not detected.
    pub level: f64,
    /// Prior fitted to the base's outcomes.
    pub base: PriorFit,
    /// Prior fitted to the policy's outcomes.
    pub policy: PriorFit,
    /// Expected numbers of problems kept, gained, lost and neither.
    pub expected: SetSizes,
    /// What two independent runs of the frozen base would show in the same numbers of draws.
    pub null: SetSizes,
    /// Expected numbers less the null's: what is not explained by the noise of the draws.
    pub excess: SetSizes,
    /// Probability, were policy and base the same, of as many lost problems as there are.
    pub p_lost: f64,
    /// Probability, were policy and base the same, of as many gained problems as there are.
    pub p_gained: f64,
    /// Every problem, in id order.
    pub problems: Vec<ProblemState>,
}

/// Sizes of the four sets of problems.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetSizes {
    /// Solvable by both.
    pub kept: Estimate,
    /// Solvable by the policy only.
    pub gained: Estimate,
    /// Solvable by the base only.
    pub lost: Estimate,
    /// Solvable by neither.
    pub neither: Estimate,
}

/// A zero-inflated Beta prior over the problems' success probabilities, and how well it fits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PriorFit {
    /// Share of problems with success probability 0.
    pub zero: f64,
    /// First parameter of the Beta distribution of the others.
    pub alpha: f64,
    /// Second parameter.
    pub beta: f64,
    /// Log-likelihood at the fit, in nats.
    pub log_likelihood: f64,
    /// Mean pass@k under the fit, aligned with [`Boundary::k`](crate::Boundary::k): to be held
    /// against the unbiased curve.
    pub pass_at_k: Vec<f64>,
    /// Share of problems without a correct draw that the fit expects.
    pub unsolved_expected: f64,
    /// Share of problems without a correct draw.
    pub unsolved_observed: f64,
    /// Histogram of the probability integral transform in ten bins, in problems; flat if the
    /// prior fits (Czado, Gneiting and Held 2009).
    pub pit: Vec<f64>,
    /// p-value of that histogram's distance from flat, by simulation from the fit.
    pub p_value: f64,
}

/// What is known of a problem's solvability by one model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The rate is at least ε with high probability.
    Solvable,
    /// The rate is below ε with high probability: not detected in these draws, which does not
    /// say that it cannot be solved.
    NotDetected,
    /// Neither.
    Undetermined,
}

/// One problem under both models.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProblemState {
    /// The problem's id.
    pub id: String,
    /// State under the base.
    pub base: State,
    /// State under the policy.
    pub policy: State,
    /// Posterior mean of the base's success probability, with its interval.
    pub base_rate: Estimate,
    /// Posterior mean of the policy's success probability, with its interval.
    pub policy_rate: Estimate,
    /// Probability that the base can solve it and the policy cannot.
    pub lost: f64,
    /// Probability that the policy can solve it and the base cannot.
    pub gained: f64,
}

/// Support figures of the literature under their own names; `None` where one would divide by 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Support {
    /// Support retention rate (arXiv 2507.14843): kept / (kept + lost).
    pub srr: Option<Estimate>,
    /// Net discovery rate (same): gained / (kept + gained).
    pub ndr: Option<Estimate>,
    /// Support dynamic score (same): harmonic mean of SRR and NDR.
    pub sds: Option<Estimate>,
    /// Net support change rate (same): (gained − lost) / (kept + gained + lost).
    pub nscr: Option<Estimate>,
    /// Share of problems with success probability at least τ (arXiv 2510.08325).
    pub cover: Vec<Cover>,
    /// Probability that all of k draws are correct, mean over problems (pass^k; arXiv 2406.12045).
    pub pass_hat_k: Vec<PassHatK>,
}

/// Cover@τ of both models.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cover {
    /// The threshold.
    pub tau: f64,
    /// Of the base.
    pub base: Estimate,
    /// Of the policy.
    pub policy: Estimate,
    /// Policy less base.
    pub delta: Estimate,
}

/// pass^k of both models.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PassHatK {
    /// Draws that must all be correct.
    pub k: u64,
    /// Of the base.
    pub base: Estimate,
    /// Of the policy.
    pub policy: Estimate,
    /// Policy less base.
    pub delta: Estimate,
}

/// pass@k beyond the draws that were made. Extrapolation: as good as the prior's tail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Extrapolation {
    /// Powers of two beyond k_max.
    pub k: Vec<u64>,
    /// The base's, from its prior's fit; intervals are over refits.
    pub base: Vec<Estimate>,
    /// The policy's.
    pub policy: Vec<Estimate>,
    /// pass@2n by Good–Toulmin, which knows no prior.
    pub good_toulmin: Option<GoodToulmin>,
}

/// Good–Toulmin's estimate of pass@2n.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GoodToulmin {
    /// Twice k_max.
    pub k: u64,
    /// Of the base.
    pub base: Estimate,
    /// Of the policy.
    pub policy: Estimate,
}

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
    /// all problems.
    pub outside: Estimate,
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

/// Base and policy at other temperatures than the probe's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Temperatures {
    /// The policy's temperature at which its mean token entropy is the base's, if there is one.
    pub matched: Option<TemperaturePoint>,
    /// Why there is none, where one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmatched: Option<String>,
    /// The grid that the recipe asks for.
    pub grid: Vec<TemperaturePoint>,
}

/// Both models at one setting. The lists of `base` and `policy` are aligned with
/// [`Boundary::k`](crate::Boundary::k) up to their length.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TemperaturePoint {
    /// The base's temperature.
    pub base_temperature: f64,
    /// The policy's temperature.
    pub policy_temperature: f64,
    /// The base's mean token entropy there, in nats: over all draws that count at a point of the
    /// grid; over as many of each problem by both models where the entropies were matched.
    pub base_entropy: f64,
    /// The policy's mean token entropy there, in nats, over likewise.
    pub policy_entropy: f64,
    /// pass@k of the base, with its interval.
    pub base: Vec<Estimate>,
    /// pass@k of the policy, with its interval.
    pub policy: Vec<Estimate>,
    /// Policy less base.
    pub delta: Vec<Estimate>,
    /// Draws made for this point.
    pub draws: u64,
}
