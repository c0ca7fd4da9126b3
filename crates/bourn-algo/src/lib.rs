//! Pure arithmetic of policy optimisation: baselines, losses, schedules.
//!
//! Plain numbers in, plain numbers out. **This crate knows no tensor framework, no recipe, no file,
//! no clock and no randomness**, so every figure in it can be worked by hand, and its tests do.
//!
//! - [`group`]: rewards to advantages with a group baseline.
//! - [`advantage`]: one advantage per completion to one per token.
//! - [`kl`]: the estimators k1, k2 and k3, and what each one's gradient really is.
//! - [`loss`]: the clipped objective, scalar by scalar; the twin that the tensor version is
//!   checked against, and the token weights that it uses.
//! - [`schedule`]: learning rate and gradient-norm clipping.

pub mod advantage;
mod error;
pub mod group;
pub mod kl;
pub mod loss;
pub mod schedule;

pub use advantage::per_token;
pub use error::AlgoError;
pub use group::{
    Scale, frac_reward_zero_std, group_advantages, mean_centred, sample_std, zero_advantage_groups,
};
pub use kl::{KlEstimator, kl_k1, kl_k2, kl_k3};
pub use loss::{
    Clip, CompletionTerms, LossReport, LossType, Objective, clipped_surrogate, policy_loss,
    policy_loss_slopes, token_weights,
};
pub use schedule::{Shape, clip_scale, learning_rate};
