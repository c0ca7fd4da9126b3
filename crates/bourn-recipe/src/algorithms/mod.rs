//! The algorithms there are, a file each: its paper, its formula and its settings.
//!
//! To add one, write its file, and a line of the table below: modules, names, schema, reference page
//! and tests follow. What no key of [`Algorithm`] says yet is first a key there, for all of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::algorithm::*;
use crate::recipe::Schedule;

/// Makes the modules, [`AlgorithmName`] and its settings of one table.
macro_rules! table {
    ($($(#[$about:meta])* $name:ident => $file:ident $(with $critic:ident)?,)*) => {
        $(mod $file;)*

        /// The algorithms there are.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum AlgorithmName {
            $($(#[$about])* $name,)*
        }

        impl AlgorithmName {
            /// Every algorithm, in the order of the reference page.
            pub const ALL: &[AlgorithmName] = &[$(AlgorithmName::$name,)*];

            /// The name as a recipe has it.
            pub fn name(self) -> &'static str {
                match self {
                    $(AlgorithmName::$name => stringify!($file),)*
                }
            }

            /// Its vetted settings, before any key of a recipe.
            pub fn settings(self) -> Algorithm {
                match self {
                    $(AlgorithmName::$name => $file::SETTINGS,)*
                }
            }

            /// The settings of its value model, for those that have one.
            pub fn critic(self) -> Option<Critic> {
                match self {
                    $($(AlgorithmName::$name => Some($file::$critic),)?)*
                    _ => None,
                }
            }
        }
    };
}

table! {
    /// Group relative policy optimisation (Shao et al. 2024, arXiv 2402.03300).
    Grpo => grpo,
    /// REINFORCE (Williams 1992): the reward times ∇log π.
    Reinforce => reinforce,
    /// RLOO (arXiv 2402.14740): the others of the group are the baseline.
    Rloo => rloo,
    /// REINFORCE++ (arXiv 2501.03262): advantages normalised over the whole step.
    ReinforcePp => reinforce_pp,
    /// ReMax (arXiv 2310.10505): the greedy completion is the baseline.
    Remax => remax,
    /// Dr. GRPO (arXiv 2503.20783): no division by the group's spread or a completion's length.
    DrGrpo => dr_grpo,
    /// DAPO (arXiv 2503.14476): clip-higher, token mean, dynamic sampling, overlong penalty.
    Dapo => dapo,
    /// GSPO (arXiv 2507.18071): one ratio for a whole completion.
    Gspo => gspo,
    /// CISPO (arXiv 2506.13585): the importance weight is clipped, never the gradient.
    Cispo => cispo,
    /// PPO (arXiv 1707.06347) with a value model; see `[critic]`.
    Ppo => ppo with CRITIC,
    /// VC-PPO (arXiv 2503.01491): value pretraining and decoupled GAE.
    VcPpo => vc_ppo with CRITIC,
    /// VAPO (arXiv 2504.05118): length-adaptive GAE and a likelihood term.
    Vapo => vapo with CRITIC,
    /// PSR (arXiv 2506.01347): only correct completions are reinforced.
    Psr => psr,
    /// NSR (arXiv 2506.01347): only wrong completions are penalised.
    Nsr => nsr,
    /// W-REINFORCE (arXiv 2506.01347): wrong completions are penalised fully, correct ones
    /// reinforced a little.
    WReinforce => w_reinforce,
    /// PKPO (arXiv 2505.15201): the gradient of pass@k.
    Pkpo => pkpo,
    /// GRPO with the unlikeliness reward (arXiv 2506.02355).
    Unlikeliness => unlikeliness,
    /// Clip-Cov (arXiv 2505.22617): a few tokens of high covariance take no gradient.
    ClipCov => clip_cov,
    /// KL-Cov (arXiv 2505.22617): a few tokens of high covariance are held near the sampler.
    KlCov => kl_cov,
    /// The 80/20 rule (arXiv 2506.01939): DAPO on the tokens of the highest entropy.
    TopEntropy => top_entropy,
    /// Differential smoothing (arXiv 2511.19942): rare correct completions count for more.
    DifferentialSmoothing => differential_smoothing,
    /// ProRL (arXiv 2505.24864): clip-higher, KL, and reference resets.
    Prorl => prorl,
}

/// GRPO's advantages and PPO's clip, with every other device off: what files below start from.
const PLAIN: Algorithm = Algorithm {
    name: AlgorithmName::Grpo,
    baseline: Baseline::Group,
    loss_type: LossType::Dapo,
    scale_rewards: ScaleRewards::Group,
    surrogate: Surrogate::Clip,
    ratio_level: RatioLevel::Token,
    epsilon: 0.2,
    epsilon_high: 0.2,
    kl_coef: 0.0,
    kl_estimator: KlEstimator::K3,
    kl_in: KlIn::Loss,
    entropy_coef: 0.0,
    entropy_target: 0.0,
    entropy_step: 0.005,
    mask_truncated_completions: false,
    overlong_share: 0.0,
    overlong_penalty: 1.0,
    dynamic_sampling: 0,
    top_entropy_share: 1.0,
    covariance: Covariance::None,
    covariance_share: 2e-3,
    covariance_low: 1.0,
    covariance_high: 5.0,
    covariance_coef: 1.0,
    unlikeliness: 0.0,
    smoothing_positive: 0.0,
    smoothing_negative: 0.0,
    positive_weight: 1.0,
    negative_weight: 1.0,
    pass_k: 4,
    pass_k_baseline: PassAtKBaseline::LeaveOneOutMinusOne,
    positive_nll: 0.0,
    reset_interval: 0,
};

/// Learning rate of a head alone, on a trunk that waits: a linear fit from 0, whose weights have a
/// way to go.
pub(crate) const HEAD_LR: f64 = 1e-3;

/// A value model on a trunk of its own, with Monte Carlo advantages and targets: what files below
/// start from.
const PLAIN_CRITIC: Critic = Critic {
    trunk: Trunk::Own,
    gamma: 1.0,
    lambda_policy: 1.0,
    lambda_value: 1.0,
    length_adaptive: 0.0,
    value_clip: 0.5,
    value_coef: 0.5,
    pretrain_steps: 0,
    critic_warmup: 0,
    lr: 1e-5,
    warmup_steps: 0,
    schedule: Schedule::Constant,
    weight_decay: 0.0,
    max_grad_norm: 1.0,
};
