//! `[algorithm]` and `[critic]` as written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::algorithm::*;
use crate::algorithms::AlgorithmName;
use crate::recipe::Schedule;

/// The policy-gradient algorithm. Its name chooses the defaults of all other keys, which are in the
/// table below; a key that has no effect with it is an error.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlgorithmWritten {
    /// Which algorithm.
    pub name: AlgorithmName,
    /// What a completion's reward is compared with. It can be chosen with `reinforce` (`"none"` or
    /// `"batch"`) and `reinforce_pp` (`"batch"` or `"group"`); the other algorithms have their own.
    #[schemars(extend("x-default" = "by `name`"))]
    pub baseline: Option<Baseline>,
    /// How token losses are averaged.
    #[schemars(extend("x-default" = "by `name`"))]
    pub loss_type: Option<LossType>,
    /// What the difference of reward and baseline is divided by.
    #[schemars(extend("x-default" = "by `name`"))]
    pub scale_rewards: Option<ScaleRewards>,
    /// What a token's part of the objective is, with r the ratio and A the advantage.
    #[schemars(extend("x-default" = "by `name`"))]
    pub surrogate: Option<Surrogate>,
    /// Of what the ratio of new to old probability is taken.
    #[schemars(extend("x-default" = "by `name`"))]
    pub ratio_level: Option<RatioLevel>,
    /// Lower clip range of the ratio: 1 − epsilon.
    #[schemars(range(max = 1.0), extend("exclusiveMinimum" = 0, "x-default" = "by `name`"))]
    pub epsilon: Option<f64>,
    /// Upper clip range of the ratio: 1 + epsilon_high.
    #[schemars(
        range(max = 1000.0),
        extend("exclusiveMinimum" = 0, "x-default" = "by `name`; `epsilon` where that has one for both")
    )]
    pub epsilon_high: Option<f64>,
    /// Weight of the KL penalty against the frozen base; 0 for none.
    #[schemars(range(min = 0.0, max = 1000.0), extend("x-default" = "by `name`"))]
    pub kl_coef: Option<f64>,
    /// Estimator of that KL.
    #[schemars(extend("x-default" = "by `name`; `\"k1\"` with `kl_in = \"reward\"`"))]
    pub kl_estimator: Option<KlEstimator>,
    /// Where the KL penalty stands.
    #[schemars(extend("x-default" = "by `name`"))]
    pub kl_in: Option<KlIn>,
    /// Weight of the entropy bonus.
    #[schemars(range(min = 0.0, max = 1000.0), extend("x-default" = "by `name`"))]
    pub entropy_coef: Option<f64>,
    /// Entropy, in nats a token, that the bonus aims at: below it the bonus's weight rises by
    /// `entropy_step` a step, above it the weight falls and the bonus is off. 0 for a fixed weight.
    #[schemars(range(min = 0.0, max = 20.0), extend("x-default" = "by `name`"))]
    pub entropy_target: Option<f64>,
    /// By how much the weight of the entropy bonus rises or falls in a step, with `entropy_target`.
    #[schemars(range(max = 10.0), extend("exclusiveMinimum" = 0, "x-default" = "by `name`"))]
    pub entropy_step: Option<f64>,
    /// Leave completions that ran into the length limit out of the loss.
    #[schemars(extend("x-default" = "by `name`"))]
    pub mask_truncated_completions: Option<bool>,
    /// The last share of `max_completion_length`, in which a length penalty grows from 0; 0 for no
    /// penalty.
    #[schemars(range(min = 0.0, max = 1.0), extend("x-default" = "by `name`"))]
    pub overlong_share: Option<f64>,
    /// The length penalty at `max_completion_length`.
    #[schemars(range(min = 0.0, max = 1000.0), extend("x-default" = "by `name`"))]
    pub overlong_penalty: Option<f64>,
    /// Most further batches that a step draws until it has `prompts_per_step` groups whose raw
    /// verdicts differ. Groups whose verdicts are all equal are not trained on. 0 turns this off.
    #[schemars(range(min = 0, max = 1000), extend("x-default" = "by `name`"))]
    pub dynamic_sampling: Option<u64>,
    /// Share of the step's tokens that keep their advantage, those of the highest entropy; 1 for
    /// all.
    #[schemars(range(max = 1.0), extend("exclusiveMinimum" = 0, "x-default" = "by `name`"))]
    pub top_entropy_share: Option<f64>,
    /// What is done about tokens of high covariance of log-prob and advantage.
    #[schemars(extend("x-default" = "by `name`"))]
    pub covariance: Option<Covariance>,
    /// Share of the step's tokens that `covariance` applies to; at least one token.
    #[schemars(range(max = 1.0), extend("exclusiveMinimum" = 0, "x-default" = "by `name`"))]
    pub covariance_share: Option<f64>,
    /// Lowest covariance of the band that `covariance = "clip"` draws from.
    #[schemars(range(min = -1e6, max = 1e6), extend("x-default" = "by `name`"))]
    pub covariance_low: Option<f64>,
    /// Highest covariance of that band.
    #[schemars(range(min = -1e6, max = 1e6), extend("x-default" = "by `name`"))]
    pub covariance_high: Option<f64>,
    /// Weight of the KL penalty of `covariance = "kl"`.
    #[schemars(range(min = 0.0, max = 1000.0), extend("x-default" = "by `name`"))]
    pub covariance_coef: Option<f64>,
    /// Share of its reward that the likeliest correct completion of a group loses; rarer ones lose
    /// less. 0 for none.
    #[schemars(range(min = 0.0, max = 1.0), extend("x-default" = "by `name`"))]
    pub unlikeliness: Option<f64>,
    /// This times log π of the completion is subtracted from the advantage of a correct one.
    #[schemars(range(min = 0.0, max = 1000.0), extend("x-default" = "by `name`"))]
    pub smoothing_positive: Option<f64>,
    /// This times log π of the completion is added to the advantage of any other.
    #[schemars(range(min = 0.0, max = 1000.0), extend("x-default" = "by `name`"))]
    pub smoothing_negative: Option<f64>,
    /// Advantage of a correct completion, where the verdict is the reward.
    #[schemars(range(min = 0.0, max = 1000.0), extend("x-default" = "by `name`"))]
    pub positive_weight: Option<f64>,
    /// Minus the advantage of any other completion, where the verdict is the reward.
    #[schemars(range(min = 0.0, max = 1000.0), extend("x-default" = "by `name`"))]
    pub negative_weight: Option<f64>,
    /// The k of the pass@k whose gradient is followed; at most `num_generations`.
    #[schemars(range(min = 1, max = 65_536), extend("x-default" = "by `name`"))]
    pub pass_k: Option<usize>,
    /// How the variance of that gradient is reduced.
    #[schemars(extend("x-default" = "by `name`"))]
    pub pass_k_baseline: Option<PassAtKBaseline>,
    /// Weight of the mean negative log-likelihood of correct completions; 0 for none.
    #[schemars(range(min = 0.0, max = 1000.0), extend("x-default" = "by `name`"))]
    pub positive_nll: Option<f64>,
    /// Every this many steps the policy becomes the KL penalty's reference and the optimiser starts
    /// anew; 0 for never. The probe's base does not change.
    #[schemars(range(min = 0, max = 1_000_000_000), extend("x-default" = "by `name`"))]
    pub reset_interval: Option<u64>,
}

/// Hands every key whose default is the algorithm's to `$use`, after its own arguments.
macro_rules! algorithm_keys {
    ($use:ident, $($first:tt),*) => {
        $use!($($first),*;
            baseline, loss_type, scale_rewards, surrogate, ratio_level, epsilon, epsilon_high,
            kl_coef, kl_estimator, kl_in, entropy_coef, entropy_target, entropy_step,
            mask_truncated_completions, overlong_share, overlong_penalty, dynamic_sampling,
            top_entropy_share, covariance, covariance_share, covariance_low, covariance_high,
            covariance_coef, unlikeliness, smoothing_positive, smoothing_negative,
            positive_weight, negative_weight, pass_k, pass_k_baseline, positive_nll,
            reset_interval)
    };
}
pub(crate) use algorithm_keys;

/// The value model of algorithms that have one (`ppo`, `vc_ppo`, `vapo`), and its AdamW.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CriticWritten {
    /// From whose hidden states the value is computed.
    #[schemars(extend("x-default" = "`\"own\"`"))]
    pub trunk: Option<Trunk>,
    /// Discount per token.
    #[schemars(range(min = 0.0, max = 1.0), extend("x-default" = "`1.0`"))]
    pub gamma: Option<f64>,
    /// λ of the policy's advantages: 1 is Monte Carlo, 0 the one-step error.
    #[schemars(
        range(min = 0.0, max = 1.0),
        extend("x-default" = "`1.0`; `0.95` with `vc_ppo` and `vapo`")
    )]
    pub lambda_policy: Option<f64>,
    /// λ of the value's targets.
    #[schemars(range(min = 0.0, max = 1.0), extend("x-default" = "`1.0`"))]
    pub lambda_value: Option<f64>,
    /// α of λ = 1 − 1/(α · length), which replaces `lambda_policy`; 0 to keep `lambda_policy`.
    #[schemars(range(min = 0.0, max = 1e6), extend("x-default" = "`0.0`; `0.05` with `vapo`"))]
    pub length_adaptive: Option<f64>,
    /// How far a value may move from the old one in the loss; 0 for no limit.
    #[schemars(range(min = 0.0, max = 1e6), extend("x-default" = "`0.5`"))]
    pub value_clip: Option<f64>,
    /// Weight of the value loss beside the policy's, with `trunk = "shared"`.
    #[schemars(range(min = 0.0, max = 1000.0), extend("x-default" = "`0.5`"))]
    pub value_coef: Option<f64>,
    /// Rollouts of the frozen policy that the value is trained on before the first step, with Monte
    /// Carlo targets. They do not count as steps. With `trunk = "shared"` they train the head
    /// alone.
    #[schemars(
        range(min = 0, max = 1_000_000_000),
        extend("x-default" = "`0`; `50` with `vc_ppo` and `vapo`")
    )]
    pub pretrain_steps: Option<u64>,
    /// For so many first steps only the value is trained; with `trunk = "shared"`, only its head.
    #[schemars(range(min = 0, max = 1_000_000_000), extend("x-default" = "`0`"))]
    pub critic_warmup: Option<u64>,
    /// Peak learning rate of a value that is trained by itself: a trunk of its own, or the head of a
    /// shared one while the policy waits. Moments decay as `[optimizer]` says.
    #[schemars(
        range(min = 0.0, max = 10.0),
        extend("x-default" = "`1e-5`; `1e-3` with `trunk = \"shared\"`")
    )]
    pub lr: Option<f64>,
    /// Updates of linear warmup from 0.
    #[schemars(range(min = 0, max = 1_000_000_000), extend("x-default" = "`0`"))]
    pub warmup_steps: Option<u64>,
    /// What follows the warmup.
    #[schemars(extend("x-default" = "`\"constant\"`"))]
    pub schedule: Option<Schedule>,
    /// Decoupled weight decay.
    #[schemars(range(min = 0.0, max = 1.0), extend("x-default" = "`0.0`"))]
    pub weight_decay: Option<f64>,
    /// Global gradient-norm clip; 0 for none.
    #[schemars(range(min = 0.0, max = 1e6), extend("x-default" = "`1.0`"))]
    pub max_grad_norm: Option<f64>,
}

/// As [`algorithm_keys`], for the keys of `[critic]`.
macro_rules! critic_keys {
    ($use:ident, $($first:tt),*) => {
        $use!($($first),*;
            trunk, gamma, lambda_policy, lambda_value, length_adaptive, value_clip, value_coef,
            pretrain_steps, critic_warmup, lr, warmup_steps, schedule, weight_decay, max_grad_norm)
    };
}
pub(crate) use critic_keys;
