//! `[algorithm]` and `[critic]`: settings of the name, moved by keys; keys that have no effect.

use super::Site;
use crate::AlgorithmName;
use crate::algorithm::*;
use crate::algorithms::HEAD_LR;
use crate::error::RecipeError;
use crate::names::list;
use crate::recipe::Rollout;
use crate::written::*;

impl Site<'_> {
    pub(super) fn algorithm(
        &self,
        written: &AlgorithmWritten,
        rollout: &Rollout,
    ) -> Result<Algorithm, RecipeError> {
        let mut settings = written.name.settings();
        let one_range = settings.epsilon_high == settings.epsilon;
        macro_rules! take {
            ($from:ident, $to:ident; $($key:ident),*) => {
                $(if let Some(value) = $from.$key { $to.$key = value; })*
            };
        }
        algorithm_keys!(take, written, settings);
        if let (Some(epsilon), None, true) = (written.epsilon, written.epsilon_high, one_range) {
            settings.epsilon_high = epsilon;
        }
        // ∇E[k] = E[k ∇log π] + E[∇k]. A reward gives the first part, which is the whole for k1
        // alone: its E[∇k] is 0.
        if written.kl_estimator.is_none() && settings.kl_in == KlIn::Reward {
            settings.kl_estimator = KlEstimator::K1;
        }

        macro_rules! check {
            ($from:ident, $settings:ident; $($key:ident),*) => {
                $(if $from.$key.is_some()
                    && let Err(why) = effect(stringify!($key), &$settings)
                {
                    let key = concat!("algorithm.", stringify!($key));
                    return Err(self.error(&[key], format!("has no effect: {why}; remove it")));
                })*
            };
        }
        algorithm_keys!(check, written, settings);
        self.baseline(written.name, settings.baseline)?;

        let group = rollout.num_generations;
        let most = match (settings.baseline, settings.pass_k_baseline) {
            (Baseline::PassAtK, PassAtKBaseline::LeaveOneOut) => group - 1,
            (Baseline::PassAtK, _) => group,
            _ => usize::MAX,
        };
        if settings.pass_k > most {
            return Err(self.error(
                &["algorithm.pass_k", "rollout.num_generations"],
                format!(
                    "pass@{} cannot be estimated from {group} completions with this baseline; \
                     write {most} or less, or raise `num_generations`",
                    settings.pass_k
                ),
            ));
        }
        if settings.covariance == Covariance::Clip
            && settings.covariance_low >= settings.covariance_high
        {
            return Err(self.error(
                &["algorithm.covariance_low", "algorithm.covariance_high"],
                format!(
                    "no covariance lies between {} and {}; lower `covariance_low` or raise \
                     `covariance_high`",
                    settings.covariance_low, settings.covariance_high
                ),
            ));
        }
        let scale = settings.scale_rewards;
        let whole_step = matches!(scale, ScaleRewards::Advantages | ScaleRewards::None);
        if settings.baseline == Baseline::Critic && !whole_step {
            return Err(self.error(
                &["algorithm.scale_rewards"],
                "a critic's advantages are a token's own and have no group to be scaled by; write \
                 \"advantages\" or \"none\"",
            ));
        }
        Ok(settings)
    }

    fn baseline(&self, name: AlgorithmName, found: Baseline) -> Result<(), RecipeError> {
        if found == name.settings().baseline || choices(name).contains(&found) {
            return Ok(());
        }
        let quoted = |baseline: &Baseline| {
            serde_json::to_value(baseline).map(|name| name.to_string()).unwrap_or_default()
        };
        let choices: Vec<String> = choices(name).iter().map(quoted).collect();
        Err(self.error(
            &["algorithm.baseline"],
            format!("{} has {} to choose from", name.name(), choices.join(" and ")),
        ))
    }

    pub(super) fn critic(
        &self,
        written: Option<&CriticWritten>,
        algorithm: &Algorithm,
    ) -> Result<Option<Critic>, RecipeError> {
        let Some(mut settings) = algorithm.name.critic() else {
            if written.is_some() {
                let with: Vec<&str> = AlgorithmName::ALL
                    .iter()
                    .filter(|name| name.critic().is_some())
                    .map(|name| name.name())
                    .collect();
                return Err(self.error(
                    &["critic"],
                    format!(
                        "`{}` has no value model; the algorithms that have one are {}",
                        algorithm.name.name(),
                        list(&with)
                    ),
                ));
            }
            return Ok(None);
        };
        let Some(written) = written else { return Ok(Some(settings)) };
        macro_rules! take {
            ($from:ident, $to:ident; $($key:ident),*) => {
                $(if let Some(value) = $from.$key { $to.$key = value; })*
            };
        }
        if written.trunk == Some(Trunk::Shared) {
            settings.lr = HEAD_LR;
        }
        critic_keys!(take, written, settings);
        macro_rules! check {
            ($from:ident, $settings:ident; $($key:ident),*) => {
                $(if $from.$key.is_some()
                    && let Err(why) = critic_effect(stringify!($key), &$settings)
                {
                    let key = concat!("critic.", stringify!($key));
                    return Err(self.error(&[key], format!("has no effect: {why}; remove it")));
                })*
            };
        }
        critic_keys!(check, written, settings);
        Ok(Some(settings))
    }
}

/// The baselines that an algorithm leaves open; none where its baseline is what makes it.
fn choices(name: AlgorithmName) -> &'static [Baseline] {
    match name {
        AlgorithmName::Reinforce => &[Baseline::None, Baseline::Batch],
        AlgorithmName::ReinforcePp => &[Baseline::Batch, Baseline::Group],
        _ => &[],
    }
}

/// Whether a key of `[algorithm]` changes anything under these settings, and if not, why.
pub(crate) fn effect(key: &str, settings: &Algorithm) -> Result<(), String> {
    let a = settings;
    let when = |holds: bool, why: &str| if holds { Ok(()) } else { Err(why.to_string()) };
    let name = a.name.name();
    match key {
        "baseline" => when(
            !choices(a.name).is_empty(),
            &format!("its baseline is what makes {name} what it is"),
        ),
        "scale_rewards" => match a.baseline {
            Baseline::Verdict => Err(format!("{name} takes advantages from verdicts alone")),
            Baseline::PassAtK => Err(format!(
                "the transformed rewards of {name} estimate a gradient only as they are"
            )),
            _ => Ok(()),
        },
        "epsilon" | "epsilon_high" => when(
            matches!(a.surrogate, Surrogate::Clip | Surrogate::ClippedWeight),
            &format!("the surrogate of {name} here clips no ratio (`surrogate` says which do)"),
        ),
        "ratio_level" => when(
            a.surrogate != Surrogate::LogProb,
            &format!("the surrogate of {name} here has no ratio (`surrogate` says which do)"),
        ),
        "kl_in" if a.kl_coef == 0.0 => {
            Err("`kl_coef` is 0, and there is no penalty to stand anywhere".to_string())
        }
        "kl_in" => when(
            a.kl_in == KlIn::Loss || a.baseline != Baseline::Verdict,
            &format!("{name} takes advantages from raw verdicts, which nothing shapes"),
        ),
        "entropy_step" => {
            when(a.entropy_target > 0.0, "without `entropy_target` the weight is fixed")
        }
        "entropy_coef" => {
            when(a.entropy_target == 0.0, "with `entropy_target` the weight starts at 0")
        }
        "overlong_penalty" => when(a.overlong_share > 0.0, "`overlong_share` is 0"),
        "overlong_share" | "unlikeliness" | "smoothing_positive" | "smoothing_negative" => when(
            a.baseline != Baseline::Verdict,
            &format!("{name} takes advantages from raw verdicts, which nothing shapes"),
        ),
        "covariance_share" => when(a.covariance != Covariance::None, "`covariance` is \"none\""),
        "covariance_low" | "covariance_high" => {
            when(a.covariance == Covariance::Clip, "only `covariance = \"clip\"` has a band")
        }
        "covariance_coef" => {
            when(a.covariance == Covariance::Kl, "only `covariance = \"kl\"` has a penalty")
        }
        "positive_weight" | "negative_weight" => when(
            a.baseline == Baseline::Verdict,
            &format!("{name} takes advantages from rewards, not from verdicts"),
        ),
        "pass_k" | "pass_k_baseline" => {
            when(a.baseline == Baseline::PassAtK, &format!("{name} does not follow pass@k"))
        }
        _ => Ok(()),
    }
}

/// The same for a key of `[critic]`.
pub(crate) fn critic_effect(key: &str, critic: &Critic) -> Result<(), String> {
    let when = |holds: bool, why: &str| if holds { Ok(()) } else { Err(why.to_string()) };
    match key {
        "lambda_policy" => {
            when(critic.length_adaptive == 0.0, "`length_adaptive` gives every completion its λ")
        }
        "value_coef" => {
            when(critic.trunk == Trunk::Shared, "a trunk of its own has a loss of its own")
        }
        "lr" | "warmup_steps" | "schedule" | "weight_decay" | "max_grad_norm" => {
            let alone = critic.pretrain_steps > 0 || critic.critic_warmup > 0;
            when(
                critic.trunk == Trunk::Own || alone,
                "a shared trunk is trained by `[optimizer]`, and its head alone only where \
                 `pretrain_steps` or `critic_warmup` is not 0",
            )
        }
        _ => Ok(()),
    }
}
