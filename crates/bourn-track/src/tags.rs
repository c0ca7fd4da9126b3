//! The names of all metrics, in one place; `docs/metrics.md` says what each means.

/// Mean reward of the step's completions.
pub const REWARD: &str = "train/reward";
/// Mean over groups of the standard deviation of the group's rewards.
pub const REWARD_STD: &str = "train/reward_std";
/// Share of groups whose rewards are all equal, and which therefore teach nothing.
pub const FRAC_REWARD_ZERO_STD: &str = "train/frac_reward_zero_std";
/// Mean entropy of the policy's next-token distribution at the sampler's temperature, nats/token.
pub const ENTROPY: &str = "train/entropy";
/// Mean of the KL estimator against the frozen base, nats/token.
pub const KL: &str = "train/kl";
/// Share of tokens whose ratio is under the lower clip limit while their advantage is negative.
pub const CLIP_RATIO_LOW: &str = "train/clip_ratio/low_mean";
/// Share of tokens whose ratio is over the upper clip limit while their advantage is positive.
pub const CLIP_RATIO_HIGH: &str = "train/clip_ratio/high_mean";
/// Share of tokens whose gradient the clip removed: the sum of low and high.
pub const CLIP_RATIO_REGION: &str = "train/clip_ratio/region_mean";
/// Mean length of the step's completions, tokens.
pub const COMPLETIONS_MEAN_LENGTH: &str = "train/completions/mean_length";
/// Length of the step's shortest completion, tokens.
pub const COMPLETIONS_MIN_LENGTH: &str = "train/completions/min_length";
/// Length of the step's longest completion, tokens.
pub const COMPLETIONS_MAX_LENGTH: &str = "train/completions/max_length";
/// Share of completions that ran into the length limit.
pub const COMPLETIONS_CLIPPED_RATIO: &str = "train/completions/clipped_ratio";
/// KL between the sampler that drew the completions and the trainer that scores them before the
/// first update, nats/token.
pub const MISMATCH_KL: &str = "train/mismatch_kl";
/// Duration of the whole step, seconds.
pub const STEP_TIME: &str = "train/step_time";
/// Completion tokens drawn and trained on, per second of the step.
pub const TOKENS_PER_SECOND: &str = "train/tokens_per_second";
/// Policy-gradient term of the loss.
pub const PG_LOSS: &str = "actor/pg_loss";
/// KL between the policy that drew the rollout and the policy being updated, nats/token.
pub const PPO_KL: &str = "actor/ppo_kl";
/// Global gradient norm before clipping.
pub const GRAD_NORM: &str = "actor/grad_norm";
/// Learning rate of the update.
pub const LR: &str = "actor/lr";
/// Weight of the entropy bonus, where a target steers it.
pub const ENTROPY_COEF: &str = "actor/entropy_coef";
/// Share of the groups drawn that are trained on, with dynamic sampling.
pub const KEPT_GROUPS: &str = "train/dynamic_sampling/kept";
/// Groups drawn in the step, with dynamic sampling.
pub const DRAWN_GROUPS: &str = "train/dynamic_sampling/groups";
/// Watched problems that were being lost at the last look, with replay.
pub const REPLAY_PROBLEMS: &str = "train/replay/problems";
/// Completions of the frozen base in the step's groups, with replay.
pub const REPLAY_COMPLETIONS: &str = "train/replay/completions";
/// Mean importance weight of their tokens, after truncation.
pub const REPLAY_WEIGHT_MEAN: &str = "train/replay/weight_mean";
/// Share of their tokens whose importance weight was truncated.
pub const REPLAY_WEIGHT_CLIPPED: &str = "train/replay/weight_clipped";
/// Loss of the value model, mean over its updates.
pub const VF_LOSS: &str = "critic/vf_loss";
/// Share of tokens whose value the clip held.
pub const VF_CLIPFRAC: &str = "critic/vf_clipfrac";
/// Share of the targets' variance that the values explained before the step's updates.
pub const VF_EXPLAINED_VAR: &str = "critic/vf_explained_var";
/// How far values are from their targets, on average over tenths of the tokens by value.
pub const VF_CALIBRATION: &str = "critic/vf_calibration";
/// Mean value before the step's updates.
pub const VALUES_MEAN: &str = "critic/values/mean";
/// Mean target of the values.
pub const RETURNS_MEAN: &str = "critic/returns/mean";
/// Gradient norm of a value model of its own, before clipping.
pub const CRITIC_GRAD_NORM: &str = "critic/grad_norm";
/// Learning rate of a value model of its own.
pub const CRITIC_LR: &str = "critic/lr";
/// Cross-entropy of the verdicts under the implicit reward model, before each of its updates, nats.
pub const IMPLICIT_LOSS: &str = "train/implicit/loss";
/// Share of completions whose verdict the sign of their implicit reward had right, before them.
pub const IMPLICIT_ACCURACY: &str = "train/implicit/accuracy";
/// Mean implicit reward of a completion, after the updates.
pub const IMPLICIT_REWARD: &str = "train/implicit/reward";
/// Gradient norm of the implicit reward model, before clipping.
pub const IMPLICIT_GRAD_NORM: &str = "train/implicit/grad_norm";
/// Learning rate of the implicit reward model.
pub const IMPLICIT_LR: &str = "train/implicit/lr";
/// Cross-entropy of the base's pretraining, nats/token.
pub const BASE_LOSS: &str = "base/loss";

/// Seconds that pretraining the base took, at step 0; none where it was in the cache.
pub const BASE_SECONDS: &str = "base/seconds";
/// Seconds that a probe took, draws of the base that no earlier run had made among them.
pub const PROBE_SECONDS: &str = "probe/seconds";

/// Where TensorBoard shows what is watched. A capital letter comes before every other group, and the
/// numbers say in which order.
pub const WATCH_REWARD: &str = "Watch/1 reward";
/// The share of problems solved in one try, of base and policy.
pub const WATCH_PASS_AT_1: &str = "Watch/2 pass@1";
/// Problems that the base solved in its draws and the policy in none of its own.
pub const WATCH_NEVER_SOLVED_AGAIN: &str = "Watch/4 never solved again";
/// The converse.
pub const WATCH_NEWLY_SOLVED: &str = "Watch/5 newly solved";
/// [`ENTROPY`].
pub const WATCH_ENTROPY: &str = "Watch/6 entropy";
/// [`KL`].
pub const WATCH_KL: &str = "Watch/7 KL from the base";
/// [`COMPLETIONS_MEAN_LENGTH`].
pub const WATCH_LENGTH: &str = "Watch/8 completion length";
/// [`COMPLETIONS_CLIPPED_RATIO`].
pub const WATCH_CLIPPED: &str = "Watch/9 clipped completions";
/// [`TOKENS_PER_SECOND`].
pub const WATCH_TOKENS_PER_SECOND: &str = "Watch/10 tokens per second";

/// The share of problems solved in the largest number of tries, of base and policy.
pub fn watch_pass_at_most(k: u64) -> String {
    format!("Watch/3 pass@{k}")
}

/// The tag under which TensorBoard has a step's metric that is watched.
pub fn watched(tag: &str) -> Option<&'static str> {
    match tag {
        REWARD => Some(WATCH_REWARD),
        ENTROPY => Some(WATCH_ENTROPY),
        KL => Some(WATCH_KL),
        COMPLETIONS_MEAN_LENGTH => Some(WATCH_LENGTH),
        COMPLETIONS_CLIPPED_RATIO => Some(WATCH_CLIPPED),
        TOKENS_PER_SECOND => Some(WATCH_TOKENS_PER_SECOND),
        _ => None,
    }
}

/// Metrics that depend on the machine's speed, and are therefore kept out of the metrics file.
pub(crate) const TIMING: [&str; 4] = [STEP_TIME, TOKENS_PER_SECOND, BASE_SECONDS, PROBE_SECONDS];

/// Tag of the mean reward that one verifier gave, before weighting.
pub fn verifier_mean(verifier: &str) -> String {
    format!("train/rewards/{verifier}/mean")
}

/// Tag of the share of steps that one verifier found right.
pub fn verifier_steps(verifier: &str) -> String {
    format!("train/rewards/{verifier}/steps")
}

/// Tag of a share of completions by what a second opinion says of them: `differs`, where it or the first
/// verifier alone finds them correct, and `first_alone`, where the first alone does.
pub fn second_opinion(verifier: &str, which: &str) -> String {
    format!("train/second_opinion/{verifier}/{which}")
}

/// Tag of the share of completions with a verdict (`Verdict::name`).
pub fn verdict(kind: &str) -> String {
    format!("train/verdict/{kind}")
}

/// Whose figure a boundary tag is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoundarySide {
    /// The policy being trained.
    Policy,
    /// The frozen model it started from.
    Base,
    /// Policy minus base, paired by problem.
    Delta,
}

impl BoundarySide {
    /// The name used in tags.
    pub fn name(self) -> &'static str {
        match self {
            BoundarySide::Policy => "policy",
            BoundarySide::Base => "base",
            BoundarySide::Delta => "delta",
        }
    }
}

/// Tag of pass@k; the ends of its interval have `/ci_low` and `/ci_high` after it.
pub fn pass_at_k(set: &str, side: BoundarySide, k: u64) -> String {
    format!("{}/pass@{k}", boundary(set, side.name()))
}

/// Tag of a model's mean token entropy; the ends of its interval as in [`pass_at_k`].
pub fn entropy(set: &str, side: BoundarySide) -> String {
    format!("{}/entropy", boundary(set, side.name()))
}

/// Tag of a figure of a whole problem set: `crossover_k`, `delta_se`, `solvable/lost`, ….
pub fn boundary(set: &str, figure: &str) -> String {
    format!("boundary/{set}/{figure}")
}

/// Figure of the pooled perplexity under one model of the correct or wrong completions of another,
/// to be put behind the set by [`boundary`].
pub fn perplexity(under: &str, of: &str, correct: bool) -> String {
    format!("ppl/{under}/{of}/{}", if correct { "correct" } else { "wrong" })
}

/// Where the name of one end of an interval is appended.
pub fn ci_low(tag: &str) -> String {
    format!("{tag}/ci_low")
}

/// As [`ci_low`], for the upper end.
pub fn ci_high(tag: &str) -> String {
    format!("{tag}/ci_high")
}

#[cfg(test)]
#[path = "../tests/unit/tags.rs"]
mod tests;
