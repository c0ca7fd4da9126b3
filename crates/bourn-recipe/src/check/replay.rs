//! `[replay]`: with which settings of the algorithm it has a meaning.

use super::Site;
use crate::algorithm::{Algorithm, Baseline};
use crate::error::RecipeError;
use crate::recipe::{Replay, Train};
use crate::written::ReplayWritten;

impl Site<'_> {
    pub(super) fn replay(
        &self,
        written: &ReplayWritten,
        algorithm: &Algorithm,
        train: &Train,
        implicit: bool,
    ) -> Result<Option<Replay>, RecipeError> {
        if written.share == 0.0 {
            return match written.other_key() {
                None => Ok(None),
                Some(key) => Err(self.error(
                    &[key],
                    "has no effect: `replay.share` is 0, with which nothing is replayed; raise it \
                     or remove this",
                )),
            };
        }
        let settings = written.settings();
        if let Some(why) = obstacle(algorithm) {
            return Err(self.error(&["replay.share"], why));
        }
        if implicit {
            let why = "the implicit reward model learns from the policy's own draws, which witnesses are \
                       not; remove one of the two sections";
            return Err(self.error(&["replay.share"], why));
        }
        if settings.interval >= train.max_steps {
            return Err(self.error(
                &["replay.interval", "replay.share"],
                format!(
                    "the first look would be after step {}, and the run has {} steps, so that \
                     nothing could be replayed; lower `interval`",
                    settings.interval, train.max_steps
                ),
            ));
        }
        Ok(Some(settings))
    }
}

/// Why a group cannot hold what the policy did not draw.
fn obstacle(algorithm: &Algorithm) -> Option<String> {
    let name = algorithm.name.name();
    match algorithm.baseline {
        Baseline::PassAtK => Some(format!(
            "{name} estimates pass@k of the policy from the group, which has to be the policy's own \
             draws; choose another algorithm or remove `[replay]`"
        )),
        Baseline::Critic => Some(format!(
            "the value model of {name} says what the policy's own draws are worth, and knows \
             nothing of others; choose another algorithm or remove `[replay]`"
        )),
        Baseline::Verdict if algorithm.positive_weight == 0.0 => Some(format!(
            "has no effect: {name} gives correct completions no advantage, and witnesses are \
             correct; remove `[replay]`"
        )),
        _ if algorithm.unlikeliness > 0.0
            || algorithm.smoothing_positive > 0.0
            || algorithm.smoothing_negative > 0.0 =>
        {
            Some(format!(
                "{name} shapes rewards by the log-probs of the policy's draws, which witnesses are \
                 not; choose another algorithm or remove `[replay]`"
            ))
        }
        _ if algorithm.kl_in_reward() > 0.0 => Some(
            "the KL in the reward is of the policy's own draws, which witnesses are not; put it into \
             the loss (`algorithm.kl_in`) or remove `[replay]`"
                .to_owned(),
        ),
        _ => None,
    }
}
