//! Figures of solvability: which problems each model can solve, with probabilities.

use serde::{Deserialize, Serialize};

use crate::Estimate;

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
    #[serde(alias = "gained")]
    pub new_or_nearly: Estimate,
    /// Solvable by the base only.
    #[serde(alias = "lost")]
    pub lost_or_nearly: Estimate,
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
pub enum SolvableState {
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
    pub base: SolvableState,
    /// State under the policy.
    pub policy: SolvableState,
    /// Posterior mean of the base's success probability, with its interval.
    pub base_rate: Estimate,
    /// Posterior mean of the policy's success probability, with its interval.
    pub policy_rate: Estimate,
    /// Probability that the base can solve it and the policy cannot.
    #[serde(alias = "lost")]
    pub lost_or_nearly: f64,
    /// Probability that the policy can solve it and the base cannot.
    #[serde(alias = "gained")]
    pub new_or_nearly: f64,
}
