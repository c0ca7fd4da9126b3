//! GRPO (Shao et al. 2024, DeepSeekMath, arXiv 2402.03300): the group is the baseline and the scale.
//!
//! A_i = (r_i − mean) / (std + 1e-4) of its group, PPO's clip with ε = 0.2. The mean over all tokens
//! (`loss_type = "dapo"`) is the default, as it is in TRL and verl; the paper's is `"grpo"`.

use super::*;

pub(super) const SETTINGS: Algorithm = Algorithm { name: AlgorithmName::Grpo, ..PLAIN };
