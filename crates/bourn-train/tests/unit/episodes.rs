//! Episodes through the real engine, on random weights and a vocabulary of eleven.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use bourn_env::{Environment, EnvironmentError};
use bourn_rollout::{Engine, EngineOptions, ScoreItem, Storage};
use bourn_task::Paid;
use bourn_verify::{Judge, JudgeError, Judgement, Submission, Verdict};
use burn::tensor::Device;

use super::*;
use crate::drawing::{self, DrawBatch};
use crate::experience::{Experience, Sample};
use crate::settings::Draws;
use crate::testing::{self, recipe};

/// Has the policy write once more, after this text.
#[derive(Debug)]
struct Again {
    text: &'static str,
    turns: usize,
    tokens: usize,
    fails: bool,
}

const AGAIN: Again = Again { text: "78", turns: 2, tokens: 12, fails: false };

impl Environment for Again {
    fn identity(&self) -> String {
        format!("again {} {}", self.text, self.turns)
    }

    fn turns(&self) -> usize {
        self.turns
    }

    fn tokens(&self) -> Option<usize> {
        Some(self.tokens)
    }

    fn reply(&self, transcript: &Transcript<'_>) -> Result<Reply, EnvironmentError> {
        let turns: Vec<_> =
            transcript.turns.iter().map(|turn| turn.observation.is_some()).collect();
        assert!(turns.split_last().is_some_and(|(last, before)| !last && !before.contains(&false)));
        match self.fails {
            true => Err(EnvironmentError { environment: "again".into(), problem: "broken".into() }),
            false => Ok(Reply::Observation(self.text.into())),
        }
    }
}

/// Counts what it is asked, and takes a while for each.
#[derive(Debug, Default)]
struct Slow {
    asked: AtomicUsize,
    /// Fails from this question on.
    until: Option<usize>,
}

impl Judge for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }

    fn version(&self) -> u32 {
        1
    }

    fn settings(&self) -> String {
        "{}".to_owned()
    }

    fn verdict(&self, submission: &Submission<'_>) -> Result<Judgement, JudgeError> {
        let before = self.asked.fetch_add(1, Ordering::Relaxed);
        if self.until.is_some_and(|until| before >= until) {
            return Err(JudgeError { verifier: "slow", problem: "gave up".into() });
        }
        // Later questions are answered first.
        std::thread::sleep(Duration::from_millis(8 / (1 + before as u64)));
        let right = submission.text.len().is_multiple_of(2);
        Ok(if right { Verdict::Correct } else { Verdict::Wrong }.into())
    }

    fn waits(&self) -> bool {
        true
    }
}

fn prompter() -> Prompter {
    Prompter::new(&testing::bundle(1), false, "").unwrap()
}

fn engine(batch_size: usize) -> Engine {
    let model = testing::model(1, &Device::flex());
    let options = EngineOptions { batch_size, cache_bytes: 1 << 24, storage: Storage::F32 };
    Engine::new(model.config(), &model.to_weights().unwrap(), &options).unwrap()
}

/// Three problems; what changes them is given.
fn problems(change: impl FnMut(&mut Problem)) -> Vec<Problem> {
    let mut problems = testing::problems(&["1", "2", "33"]);
    problems.iter_mut().for_each(change);
    problems
}

fn collect(problems: &[Problem], batch_size: usize) -> Result<Experience, TrainError> {
    let recipe = recipe("", "");
    let batch = DrawBatch { purpose: "train", step: 3, batch: 0, size: 4 };
    let problems: Vec<&Problem> = problems.iter().collect();
    let stop = AtomicBool::new(false);
    drawing::collect(
        &mut engine(batch_size),
        &prompter(),
        &problems,
        Draws::of(&recipe),
        batch,
        &stop,
    )
}

fn judged_by(judge: &Arc<Slow>) -> impl Fn(&mut Problem) {
    let judge: Arc<dyn Judge> = judge.clone();
    move |problem| {
        problem.rewards = vec![Paid {
            judge: judge.clone(),
            weight: 1.0,
            step_weight: 0.0,
            second_opinion: false,
        }];
    }
}

/// Samples stand group after group in the order of their numbers, whoever is done first.
#[test]
fn verdicts_come_back_in_any_order_to_their_own_place() {
    let plain = collect(&problems(|_| ()), 64).unwrap();
    assert_eq!((plain.problems.len(), plain.samples.len()), (3, 12));
    for batch_size in [1, 5, 64] {
        let judge = Arc::new(Slow::default());
        let got = collect(&problems(judged_by(&judge)), batch_size).unwrap();
        assert_eq!(judge.asked.load(Ordering::Relaxed), 12);
        for (index, (got, plain)) in got.samples.iter().zip(&plain.samples).enumerate() {
            assert_eq!(got.trajectory, plain.trajectory, "{index} at {batch_size}");
            assert_eq!(got.trajectory.group, index / 4);
            let text = prompter().decode(&got.trajectory.tokens()).unwrap();
            assert_eq!(got.correct(), text.len().is_multiple_of(2));
        }
    }
}

/// Nothing that a judge failed on becomes a reward, and nothing is waited for in vain.
#[test]
fn a_judge_that_fails_ends_the_drawing_with_its_error() {
    for until in [0, 1, 11] {
        let judge = Arc::new(Slow { until: Some(until), ..Slow::default() });
        let error = collect(&problems(judged_by(&judge)), 4).unwrap_err().to_string();
        assert!(error.contains("gave up") && error.contains("test"), "{error}");
    }
}

#[test]
fn the_users_wish_to_stop_is_heard_while_verdicts_are_awaited() {
    let judge = Arc::new(Slow::default());
    let problems = problems(judged_by(&judge));
    let (recipe, stop) = (recipe("", ""), AtomicBool::new(true));
    let batch = DrawBatch { purpose: "train", step: 0, batch: 0, size: 4 };
    let problems: Vec<&Problem> = problems.iter().collect();
    let drawn =
        drawing::collect(&mut engine(4), &prompter(), &problems, Draws::of(&recipe), batch, &stop);
    assert!(matches!(drawn, Err(TrainError::Rollout(RolloutError::Interrupted))));
}

/// An episode of two turns is one flat row: the prompt, the first completion, the answer, which is
/// nobody's own, and the second completion. Its log-probs are those of each token after all that
/// stands before it, and its judge reads the last completion.
#[test]
fn an_environment_answers_and_the_row_goes_on() {
    let environment: Arc<dyn Environment> = Arc::new(AGAIN);
    let of = |batch_size| {
        let within = |problem: &mut Problem| problem.environment = environment.clone();
        collect(&problems(within), batch_size).unwrap()
    };
    let (got, plain) = (of(64), collect(&problems(|_| ()), 64).unwrap());
    let whole = Sampling::whole(testing::TEMPERATURE).unwrap();
    let mut engine = engine(8);
    let mut long = 0;
    for (sample, first) in got.samples.iter().zip(&plain.samples) {
        let row = &sample.trajectory;
        row.check().unwrap();
        let (ids, start, first) = (row.inputs.ids(), row.start(), first.trajectory.tokens());
        // The first completion is what it is without an environment.
        assert_eq!(ids[start..start + first.len()], first);
        let answer = start + first.len();
        if row.own[answer..].is_empty() {
            // Two tokens and one to be drawn did not fit after it.
            assert!(first.len() + 3 > 12 || row.finish == Finish::Length);
            continue;
        }
        long += 1;
        assert_eq!(ids[answer..answer + 2], prompter().encode_completion("78").unwrap());
        let own: Vec<bool> = row.own[start..].to_vec();
        let expect = [vec![true; first.len()], vec![false; 2]].concat();
        assert_eq!(own[..first.len() + 2], expect);
        assert!(own[first.len() + 2..].iter().all(|&own| own) && own.len() <= 12);
        let prompt = Inputs::from(ids[..start].to_vec());
        let item = ScoreItem { prompt: &prompt, completion: &ids[start..] };
        let scored = engine.score(&[item], &whole, &mut |_| std::ops::ControlFlow::Continue(()));
        let scored = scored.unwrap().remove(0).logprobs;
        let own: Vec<f32> =
            scored.iter().zip(&own).filter(|(_, own)| **own).map(|(&logp, _)| logp).collect();
        assert_eq!(sample.logprobs().unwrap(), own);
    }
    assert!(long > 6, "{long} of 12 went on");
    // Nothing of it depends on what was drawn beside it.
    let rows = |all: Experience| -> Vec<Trajectory> {
        all.samples.into_iter().map(|sample: Sample| sample.trajectory).collect()
    };
    assert_eq!(rows(of(1)), rows(of(64)));
    assert_eq!(rows(of(3)), rows(got));
}

#[test]
fn an_environment_that_fails_ends_no_episode() {
    let broken: Arc<dyn Environment> = Arc::new(Again { fails: true, ..AGAIN });
    let problems = problems(|problem| problem.environment = broken.clone());
    let error = collect(&problems, 8).unwrap_err().to_string();
    assert_eq!(error, "the again environment: broken");
}

/// What does not fit beside an answer is not read: the episode is over, cut by its budget.
#[test]
fn an_answer_that_leaves_no_room_ends_the_episode() {
    let long: Arc<dyn Environment> = Arc::new(Again { text: "0123456780123", ..AGAIN });
    let got = collect(&problems(|problem| problem.environment = long.clone()), 8).unwrap();
    for sample in &got.samples {
        assert!(sample.truncated() && sample.trajectory.own.last() == Some(&true));
    }
}
