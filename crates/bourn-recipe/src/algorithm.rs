//! The checked algorithm: settings of the loss and of what stands before it.
//!
//! An algorithm is a point in one space of settings; its name chooses the point (`algorithms`), and
//! keys of the recipe move it. The trainer reads the settings and never the name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use bourn_algo::{
    KlEstimator, LossType, PassAtKBaseline, RatioLevel, ScaleRewards, Schedule, Surrogate,
};

use crate::algorithms::AlgorithmName;
use crate::recipe::Optimizer;

/// The policy-gradient algorithm and its keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Algorithm {
    /// Which algorithm the settings started from; for people and records.
    pub name: AlgorithmName,
    /// What a completion's reward is compared with.
    pub baseline: Baseline,
    /// How token losses are averaged.
    pub loss_type: LossType,
    /// What rewards less their baseline are divided by.
    pub scale_rewards: ScaleRewards,
    /// What a token's part of the objective is.
    pub surrogate: Surrogate,
    /// What the ratio of new to old probability is of.
    pub ratio_level: RatioLevel,
    /// Lower bound of the ratio: 1 − epsilon.
    pub epsilon: f64,
    /// Upper bound of the ratio: 1 + epsilon_high.
    pub epsilon_high: f64,
    /// Weight of the KL penalty against the frozen base; 0 takes no base forward.
    pub kl_coef: f64,
    /// Estimator of that KL.
    pub kl_estimator: KlEstimator,
    /// Where that penalty stands.
    pub kl_in: KlIn,
    /// Weight of the entropy bonus, where no target steers it.
    pub entropy_coef: f64,
    /// Entropy below which the bonus's weight rises, nats a token; 0 for a fixed weight.
    pub entropy_target: f64,
    /// What that weight rises and falls by in a step.
    pub entropy_step: f64,
    /// Leave completions that ran into the length limit out of the loss.
    pub mask_truncated_completions: bool,
    /// Share of `max_completion_length`, at its end, in which length is penalised; 0 for none.
    pub overlong_share: f64,
    /// Largest such penalty.
    pub overlong_penalty: f64,
    /// Most further batches drawn for groups whose raw verdicts differ; 0 trains on what is drawn.
    pub dynamic_sampling: u64,
    /// Share of tokens, those of the highest entropy, that have an advantage; 1 for all.
    pub top_entropy_share: f64,
    /// What is done about tokens of high covariance of log-prob and advantage.
    pub covariance: Covariance,
    /// Share of tokens that it is done to.
    pub covariance_share: f64,
    /// Lowest covariance that Clip-Cov draws from.
    pub covariance_low: f64,
    /// Highest covariance that Clip-Cov draws from.
    pub covariance_high: f64,
    /// Weight of KL-Cov's penalty.
    pub covariance_coef: f64,
    /// How much less the likeliest correct completion of a group is worth; 0 for nothing.
    pub unlikeliness: f64,
    /// Times log π(y), off the advantage of a correct completion.
    pub smoothing_positive: f64,
    /// Times log π(y), onto the advantage of any other.
    pub smoothing_negative: f64,
    /// Advantage of a correct completion with [`Baseline::Verdict`].
    pub positive_weight: f64,
    /// Minus the advantage of any other with [`Baseline::Verdict`].
    pub negative_weight: f64,
    /// k of [`Baseline::PassAtK`].
    pub pass_k: usize,
    /// Its variance reduction.
    pub pass_k_baseline: PassAtKBaseline,
    /// Weight of the likelihood of correct completions in the loss; 0 for none.
    pub positive_nll: f64,
    /// Steps after which reference and optimiser start anew; 0 for never.
    pub reset_interval: u64,
}

/// What a completion's reward is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Baseline {
    /// Nothing.
    None,
    /// The mean over the step.
    Batch,
    /// The mean of the group.
    Group,
    /// The mean of the others of the group.
    LeaveOneOut,
    /// The reward of the problem's greedy completion.
    Greedy,
    /// The value model's prediction, token by token.
    Critic,
    /// Nothing, and the raw verdict is the reward: `positive_weight` or −`negative_weight`.
    Verdict,
    /// pass@k's own: rewards become what a completion adds to the best of k.
    PassAtK,
}

/// What is done about tokens of high covariance of log-prob and advantage (arXiv 2505.22617).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Covariance {
    /// Nothing.
    None,
    /// Some of those within a band lose their advantage.
    Clip,
    /// The highest are held near the sampler by a KL penalty.
    Kl,
}

/// Where the KL penalty stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KlIn {
    /// A term of the loss, with a gradient of its own.
    Loss,
    /// Taken off the reward of each token, as the sampler drew it; no gradient goes through it.
    Reward,
}

impl Algorithm {
    /// Weight of the KL penalty as a term of the loss.
    pub fn kl_in_loss(&self) -> f64 {
        if self.kl_in == KlIn::Loss { self.kl_coef } else { 0.0 }
    }

    /// Weight of the KL penalty in the reward.
    pub fn kl_in_reward(&self) -> f64 {
        if self.kl_in == KlIn::Reward { self.kl_coef } else { 0.0 }
    }
}

/// The value model and its optimiser.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Critic {
    /// Whose hidden states the value is read from.
    pub trunk: Trunk,
    /// Discount a token.
    pub gamma: f64,
    /// λ of the policy's advantages.
    pub lambda_policy: f64,
    /// λ of the value's targets.
    pub lambda_value: f64,
    /// α of λ_policy = 1 − 1/(α length), in place of `lambda_policy`; 0 for none.
    pub length_adaptive: f64,
    /// How far a value may move from the old one in the loss; 0 for any.
    pub value_clip: f64,
    /// Weight of the value loss beside the policy's, with a shared trunk.
    pub value_coef: f64,
    /// Rollouts of the frozen policy that the value is trained on before the first step.
    pub pretrain_steps: u64,
    /// First steps in which the value alone is trained.
    pub critic_warmup: u64,
    /// Peak learning rate of a value trained by itself; with the policy, the policy's serves.
    pub lr: f64,
    /// Its updates of linear warmup from 0.
    pub warmup_steps: u64,
    /// What follows the warmup.
    pub schedule: Schedule,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// Global gradient-norm clip; 0 for none.
    pub max_grad_norm: f64,
}

/// Whose hidden states the value is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trunk {
    /// A model of its own, which starts as a copy of the base.
    Own,
    /// The policy's.
    Shared,
}

impl Critic {
    /// What the value model learns by: its own pace, the policy's moments.
    pub fn optimizer(&self, policy: &Optimizer) -> Optimizer {
        policy.at_pace(self.pace())
    }
}
