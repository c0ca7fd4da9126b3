//! Pure arithmetic of policy optimisation: baselines, losses, schedules.
//!
//! Plain numbers in, plain numbers out. **This crate knows no tensor framework, no recipe, no file,
//! no clock and no randomness**, so every figure in it can be worked by hand, and its tests do.
//!
//! - [`Groups`]: which completions share a baseline.
//! - [`group`]: rewards to advantages with a group baseline; [`baseline`]: with any other.
//! - [`pass_at_k`]: rewards whose policy gradient is that of pass@k.
//! - [`shaping`]: what a reward becomes before its baseline; groups that teach.
//! - [`tokens`]: which tokens are trained on, by entropy or covariance.
//! - [`gae`](mod@gae): advantages and targets from a value function.
//! - [`kl`]: the estimators k1, k2 and k3, and what each one's gradient really is.
//! - [`token_rewards`]: rewards of single tokens: the KL's, and returns.
//! - [`implicit`]: process rewards of a model that learns from outcomes.
//! - [`loss`]: the clipped objective, scalar by scalar; the twin that the tensor version is
//!   checked against, and the token weights that it uses.
//! - [`replay`]: completions that another model drew, with importance weights.
//! - [`schedule`]: learning rate and gradient-norm clipping.
//!
//! ```
//! use bourn_algo::{RewardBaseline, Groups, ScaleRewards, advantages, group_advantages};
//!
//! # fn main() -> Result<(), bourn_algo::AlgoError> {
//! // Two problems with four completions each; the first was solved twice, the second once.
//! let rewards = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
//! let groups = Groups::equal(2, 4);
//!
//! // The groups' means are 1/2 and 1/4; nothing divides what is left (Dr. GRPO).
//! let of_group = group_advantages(&rewards, &groups, ScaleRewards::None)?;
//! assert_eq!(of_group, [0.5, -0.5, -0.5, 0.5, -0.25, -0.25, -0.25, 0.75]);
//!
//! // Less the mean of the three others, as in RLOO: 1 − 0 for the last completion.
//! let of_others = advantages(&rewards, &groups, RewardBaseline::LeaveOneOut, ScaleRewards::None)?;
//! assert_eq!(of_others[7], 1.0);
//! # Ok(())
//! # }
//! ```

pub mod baseline;
mod error;
pub mod gae;
pub mod group;
mod groups;
pub mod implicit;
pub mod kl;
pub mod loss;
pub mod pass_at_k;
pub mod replay;
pub mod schedule;
pub mod shaping;
pub mod token_rewards;
pub mod tokens;

pub use baseline::{RewardBaseline, advantages, signed_advantages};
pub use error::AlgoError;
pub use gae::{calibration_error, explained_variance, gae, length_adaptive_lambda, value_loss};
pub use group::{ScaleRewards, frac_reward_zero_std, group_advantages, sample_std};
pub use groups::Groups;
pub use implicit::{implicit_advantages, implicit_loss, implicit_rewards};
pub use kl::{KlEstimator, kl_k1, kl_k2, kl_k3};
pub use loss::{
    Clip, CompletionTerms, LossReport, LossSettings, LossType, RatioLevel, Surrogate, Totals,
    policy_loss, policy_loss_slopes, surrogate, token_weights,
};
pub use pass_at_k::{PassAtKBaseline, pass_at_k_advantages};
pub use replay::{replayed_surrogate, truncated_weight};
pub use schedule::{Schedule, clip_scale, learning_rate};
pub use token_rewards::{kl_rewards, returns};
