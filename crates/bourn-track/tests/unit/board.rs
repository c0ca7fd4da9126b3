use std::collections::BTreeSet;
use std::path::PathBuf;

use super::*;
use crate::messages::{Content, What};
use crate::sample;
use crate::tensorboard::read_events;

/// The tags and steps of scalars in a folder's only file.
fn scalars(dir: &Path, run: &str) -> BTreeSet<(String, i64)> {
    let files: Vec<PathBuf> =
        std::fs::read_dir(dir.join(run)).unwrap().map(|entry| entry.unwrap().path()).collect();
    let file = files.iter().find(|path| path.is_file()).unwrap();
    let mut found = BTreeSet::new();
    for event in read_events(file) {
        let Some(What::Summary(summary)) = event.what else { continue };
        for value in summary.value {
            if matches!(value.content, Some(Content::Scalar(_))) {
                found.insert((value.tag, event.step));
            }
        }
    }
    found
}

fn tags_of(dir: &Path, run: &str) -> BTreeSet<String> {
    scalars(dir, run).into_iter().map(|(tag, _)| tag).collect()
}

/// The numbers that every run with GRPO logs, with a KL term.
fn step() -> BTreeMap<String, f64> {
    let mut tags: Vec<String> = [
        tags::REWARD,
        tags::REWARD_STD,
        tags::FRAC_REWARD_ZERO_STD,
        tags::ENTROPY,
        tags::KL,
        tags::CLIP_RATIO_LOW,
        tags::CLIP_RATIO_HIGH,
        tags::CLIP_RATIO_REGION,
        tags::COMPLETIONS_MEAN_LENGTH,
        tags::COMPLETIONS_MIN_LENGTH,
        tags::COMPLETIONS_MAX_LENGTH,
        tags::COMPLETIONS_CLIPPED_RATIO,
        tags::MISMATCH_KL,
        tags::STEP_TIME,
        tags::TOKENS_PER_SECOND,
        tags::PG_LOSS,
        tags::PPO_KL,
        tags::GRAD_NORM,
        tags::LR,
        tags::BASE_SECONDS,
        tags::PROBE_SECONDS,
    ]
    .map(str::to_owned)
    .to_vec();
    tags.push(tags::verifier_mean("countdown"));
    let verdicts = ["correct", "wrong", "unparsed", "timeout", "bad_gold"];
    tags.extend(verdicts.map(tags::verdict));
    tags.into_iter().map(|tag| (tag, 0.5)).collect()
}

#[test]
fn ten_tags_are_watched_and_the_rest_is_short() {
    let dir = tempfile::tempdir().unwrap();
    let mut board = Board::create(dir.path(), None).unwrap();
    board.step(1, &step()).unwrap();
    board.probe(1, "heldout", &sample::rich(), &[0.5], &[0.25]).unwrap();
    board.probe(1, "heldout-t1", &sample::rich(), &[0.5], &[0.25]).unwrap();
    board.flush().unwrap();

    let policy = tags_of(dir.path(), "policy");
    let watched: Vec<&String> = policy.iter().filter(|tag| tag.starts_with("Watch/")).collect();
    assert_eq!(
        watched,
        [
            "Watch/1 reward",
            "Watch/10 tokens per second",
            "Watch/2 pass@1",
            "Watch/3 pass@256",
            "Watch/4 never solved again",
            "Watch/5 newly solved",
            "Watch/6 entropy",
            "Watch/7 KL from the base",
            "Watch/8 completion length",
            "Watch/9 clipped completions",
        ]
    );
    // Capitals come before every other tag, in TensorBoard as here.
    assert!(policy.iter().take(10).all(|tag| tag.starts_with("Watch/")), "{policy:?}");
    assert!(policy.len() <= 30, "{}: {policy:?}", policy.len());
    assert_eq!(
        tags_of(dir.path(), "base").into_iter().collect::<Vec<_>>(),
        ["Watch/2 pass@1", "Watch/3 pass@256"]
    );
    for run in ["base", "policy"] {
        assert!(!tags_of(dir.path(), run).iter().any(|tag| tag.contains("/ci_")), "{run}");
    }
}

#[test]
fn details_are_what_charts_show() {
    let dir = tempfile::tempdir().unwrap();
    let mut board = Board::create(dir.path(), None).unwrap();
    board.step(1, &step()).unwrap();
    board.probe(2, "cd", &sample::rich(), &[0.5], &[0.25]).unwrap();
    let (base, policy) = (tags_of(dir.path(), "detail/base"), tags_of(dir.path(), "detail/policy"));
    for tag in ["pass@16", "pass@16/ci_low", "solvable/expected/lost_or_nearly", "ppl/policy/wrong"]
    {
        let tag = format!("boundary/cd/{tag}");
        assert!(base.contains(&tag) && policy.contains(&tag), "{tag}");
    }
    assert!(policy.contains("boundary/cd/delta/pass@16") && policy.contains(tags::CLIP_RATIO_LOW));
    for (run, tags) in [("base", &base), ("policy", &policy)] {
        for hidden in ["_band/", "nested", "prior", "extrapolated", "detectable", "temperature"] {
            assert!(!tags.iter().any(|tag| tag.contains(hidden)), "{run} has {hidden}");
        }
    }
}

#[test]
fn one_number_of_tries_is_watched_once() {
    assert_eq!(watched_tries(&[1], &[0.5]), [("Watch/2 pass@1".to_owned(), 0.5)]);
    assert_eq!(watched_tries(&[], &[]), []);
    assert_eq!(watched_tries(&[1, 2, 4], &[0.5, 0.6, 0.7])[1], ("Watch/3 pass@4".to_owned(), 0.7));
}

#[test]
fn a_resumed_run_is_marked_in_every_folder() {
    let dir = tempfile::tempdir().unwrap();
    let mut board = Board::create(dir.path(), Some(4)).unwrap();
    for writer in board.writers() {
        let events = read_events(writer.path());
        assert!(matches!(events[1].what, Some(What::SessionLog(_))), "{writer:?}");
        assert_eq!(events[1].step, 4, "{writer:?}");
    }
}

#[test]
fn no_problems_is_an_error_not_an_empty_histogram() {
    let dir = tempfile::tempdir().unwrap();
    let mut board = Board::create(dir.path(), None).unwrap();
    let error = board.probe(4, "cd", &sample::boundary(), &[], &[0.5]);
    assert_eq!(
        error.unwrap_err().to_string(),
        "histogram `boundary/cd/accuracy` at step 4: there are no values"
    );
}
