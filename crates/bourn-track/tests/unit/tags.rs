use super::*;

#[test]
fn every_tag_is_documented() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
    let page = std::fs::read_to_string(page).unwrap();
    let fixed = [
        REWARD,
        REWARD_STD,
        FRAC_REWARD_ZERO_STD,
        ENTROPY,
        KL,
        CLIP_RATIO_LOW,
        CLIP_RATIO_HIGH,
        CLIP_RATIO_REGION,
        COMPLETIONS_MEAN_LENGTH,
        COMPLETIONS_MIN_LENGTH,
        COMPLETIONS_MAX_LENGTH,
        COMPLETIONS_CLIPPED_RATIO,
        MISMATCH_KL,
        STEP_TIME,
        TOKENS_PER_SECOND,
        PG_LOSS,
        PPO_KL,
        GRAD_NORM,
        LR,
        BASE_LOSS,
        BASE_SECONDS,
        PROBE_SECONDS,
        ENTROPY_COEF,
        KEPT_GROUPS,
        DRAWN_GROUPS,
        REPLAY_PROBLEMS,
        REPLAY_COMPLETIONS,
        REPLAY_WEIGHT_MEAN,
        REPLAY_WEIGHT_CLIPPED,
        VF_LOSS,
        VF_CLIPFRAC,
        VF_EXPLAINED_VAR,
        VF_CALIBRATION,
        VALUES_MEAN,
        RETURNS_MEAN,
        CRITIC_GRAD_NORM,
        CRITIC_LR,
        IMPLICIT_LOSS,
        IMPLICIT_ACCURACY,
        IMPLICIT_REWARD,
        IMPLICIT_GRAD_NORM,
        IMPLICIT_LR,
        WATCH_REWARD,
        WATCH_PASS_AT_1,
        WATCH_NEVER_SOLVED_AGAIN,
        WATCH_NEWLY_SOLVED,
        WATCH_ENTROPY,
        WATCH_KL,
        WATCH_LENGTH,
        WATCH_CLIPPED,
        WATCH_TOKENS_PER_SECOND,
    ];
    let made = [
        verifier_mean("{verifier}"),
        verifier_steps("{verifier}"),
        second_opinion("{verifier}", "differs"),
        second_opinion("{verifier}", "first_alone"),
        verdict("{kind}"),
        boundary("{set}", ""),
        watch_pass_at_most(0).replace("@0", "@{k}"),
    ];
    for tag in fixed.into_iter().chain(made.iter().map(String::as_str)) {
        assert!(page.contains(&format!("`{tag}`")), "docs/metrics.md has no `{tag}`");
    }
}

#[test]
fn made_tags() {
    let check = |got: String, expect: &str| assert_eq!(got, expect);
    check(verifier_mean("countdown"), "train/rewards/countdown/mean");
    check(verdict("bad_gold"), "train/verdict/bad_gold");
    check(pass_at_k("cd", BoundarySide::Delta, 16), "boundary/cd/delta/pass@16");
    check(ci_low(&entropy("cd", BoundarySide::Base)), "boundary/cd/base/entropy/ci_low");
    check(perplexity("base", "policy", false), "ppl/base/policy/wrong");
    check(boundary("cd", "solvable/never_solved_again"), "boundary/cd/solvable/never_solved_again");
}
