//! The judged trajectories of one step: what is credited and trained on.

use std::ops::Range;

use bourn_algo::Groups;
use bourn_episode::{Finish, Signals, Source, Trajectory};
use bourn_verify::{Judgement, Verdict};

use crate::error::TrainError;
use crate::implicit::ImplicitReport;

/// A trajectory with what was said of it and what it is trained by.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Its tokens, and who drew them.
    pub trajectory: Trajectory,
    /// What its judges said.
    pub judged: Judged,
    /// What its tokens weigh in the loss: nothing, until credit is assigned.
    pub signals: Signals,
}

/// What judges said of a trajectory, and what that is worth.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judged {
    /// What each judge of its problem said, in the order of the task's rewards; the first gives the raw
    /// verdict.
    pub said: Vec<Said>,
    /// Weighted sum of the scores.
    pub reward: f32,
    /// What is paid for steps, beside `reward`; `None` where steps are worth nothing.
    pub steps: Option<Steps>,
}

/// What one judge said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Said {
    /// The verifier, as metric tags name it.
    pub verifier: &'static str,
    /// Its verdict and score.
    pub judgement: Judgement,
    /// Whether that is only held against the first judge's.
    pub second_opinion: bool,
}

impl Judged {
    /// The raw verdict; `None` where nobody judged.
    pub fn verdict(&self) -> Option<Verdict> {
        self.said.first().map(|said| said.judgement.verdict)
    }
}

/// What is paid for the steps of a trajectory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Steps {
    /// At each own token.
    pub paid: Vec<f32>,
    /// For each reward whose steps are worth something: how many are right, of how many.
    pub counts: Vec<Option<(usize, usize)>>,
}

impl Sample {
    /// A judged trajectory that no algorithm has looked at.
    pub fn new(trajectory: Trajectory, judged: Judged) -> Self {
        let signals = Signals::silent(trajectory.count());
        Sample { trajectory, judged, signals }
    }

    /// Whether the last completion ran into the length limit.
    pub fn truncated(&self) -> bool {
        self.trajectory.finish == Finish::Length
    }

    /// Whether the raw verdict is correct.
    pub fn correct(&self) -> bool {
        self.judged.verdict().is_some_and(Verdict::is_correct)
    }

    /// Number of own tokens.
    pub fn count(&self) -> usize {
        self.signals.rl.len()
    }

    /// Whether its reward is held against those of its group: a draw of the policy, or of the frozen
    /// base beside it. What a teacher or a person wrote says nothing of what is drawn.
    pub(crate) fn is_credited(&self) -> bool {
        matches!(self.trajectory.source, Source::Policy | Source::Witness)
    }

    /// log π of each own token under what drew it.
    ///
    /// # Errors
    /// Nobody knows it.
    pub fn logprobs(&self) -> Result<&[f32], TrainError> {
        self.trajectory.logprobs.as_deref().ok_or(TrainError::Unknown { what: "log-probs" })
    }

    /// Entropy before each own token.
    ///
    /// # Errors
    /// The engine does not say.
    pub fn entropies(&self) -> Result<&[f32], TrainError> {
        self.trajectory.entropies.as_deref().ok_or(TrainError::Unknown { what: "entropies" })
    }

    /// log π of all own tokens together under what drew them, in nats.
    ///
    /// # Errors
    /// Nobody knows it.
    pub fn logprob(&self) -> Result<f64, TrainError> {
        Ok(self.logprobs()?.iter().copied().map(f64::from).sum())
    }
}

/// The judged trajectories of one step.
#[derive(Clone, Debug, Default)]
pub struct Experience {
    /// Problem id of each group.
    pub problems: Vec<String>,
    /// Trajectories, group after group.
    pub samples: Vec<Sample>,
    /// The greedy completion of each group, where it is the baseline.
    pub greedy: Option<Vec<Sample>>,
    /// Whether each group is trained on.
    pub kept: Vec<bool>,
    /// Weight of the entropy bonus in this step.
    pub entropy_coef: f64,
    /// Batches that dynamic sampling drew beyond the first.
    pub extra_batches: u64,
    /// What was replayed; the groups of it are the last.
    pub replayed: Replayed,
    /// What a value model says of every trajectory, where there is one.
    pub values: Option<ValueEstimates>,
    /// What an implicit reward model pays, where there is one.
    pub implicit: Option<ImplicitPay>,
    /// Log-probs of every trajectory under the KL penalty's reference, `[samples][own]`, where that
    /// penalty is in the reward.
    pub reference: Option<Vec<Vec<f32>>>,
}

/// Groups of a step that hold witnesses, trajectories that the frozen base drew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Problems that were being lost when they were looked at last.
    pub endangered: usize,
    /// Groups of some of these.
    pub groups: usize,
}

/// What a value model says of every trajectory of a step, and what it is trained towards.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ValueEstimates {
    /// Its predictions before each own token, `[samples][own]`.
    pub before: Vec<Vec<f32>>,
    /// What they should have been, `[samples][own]`; none until credit is assigned.
    pub targets: Vec<Vec<f32>>,
}

/// What an implicit reward model learned of a step, and what it pays.
#[derive(Clone, Debug)]
pub struct ImplicitPay {
    /// At each own token, `[samples][own]`.
    pub rewards: Vec<Vec<f32>>,
    /// What it learned.
    pub report: ImplicitReport,
}

impl Experience {
    /// Groups that are all trained on, without greedy completions and entropy bonus. `samples` stand
    /// group after group, as their trajectories say.
    pub fn new(problems: Vec<String>, samples: Vec<Sample>) -> Self {
        Experience { kept: vec![true; problems.len()], problems, samples, ..Experience::default() }
    }

    /// Places of the trajectories of `group` among the samples.
    pub fn members(&self, group: usize) -> Range<usize> {
        let before = |group| self.samples.partition_point(|s| s.trajectory.group < group);
        before(group)..before(group + 1)
    }

    /// The groups that are trained on, in order.
    pub(crate) fn kept_groups(&self) -> Vec<usize> {
        (0..self.problems.len()).filter(|&group| self.kept[group]).collect()
    }

    /// Number of groups that the step drew for the problems of its turn: those before the replayed.
    pub(crate) fn own_groups(&self) -> usize {
        self.problems.len() - self.replayed.groups
    }

    /// The policy's trajectories in these groups: what metrics are about. Groups in which the base's
    /// draws stand beside the policy's say nothing of what the policy draws.
    pub fn own(&self) -> Vec<&Sample> {
        let own = &self.samples[..self.members(self.own_groups()).start];
        own.iter().filter(|sample| sample.trajectory.is_policys()).collect()
    }

    /// Puts a row that nobody drew for this step into a group, behind its others, before credit is
    /// assigned.
    pub fn add(&mut self, group: usize, sample: Sample) {
        let place = self.members(group).end;
        let trajectory = sample.trajectory.in_group(group);
        self.samples.insert(place, Sample { trajectory, ..sample });
    }

    /// Puts the groups that are replayed behind these; filters know nothing of them.
    pub fn replay(&mut self, other: Experience) {
        self.replayed = other.replayed;
        self.append(other);
    }

    /// Puts the groups of `other` behind these.
    pub fn append(&mut self, other: Experience) {
        let groups = self.problems.len();
        self.problems.extend(other.problems);
        self.kept.extend(other.kept);
        let moved = |mut sample: Sample| {
            sample.trajectory.group += groups;
            sample
        };
        self.samples.extend(other.samples.into_iter().map(moved));
        if let Some(greedy) = &mut self.greedy {
            greedy.extend(other.greedy.into_iter().flatten().map(moved));
        }
    }
}

/// The groups of these trajectories, which stand group after group.
pub(crate) fn groups_of<'s>(samples: impl IntoIterator<Item = &'s Sample>) -> Groups {
    let groups: Vec<usize> = samples.into_iter().map(|s| s.trajectory.group).collect();
    Groups::of(groups.chunk_by(|a, b| a == b).map(<[usize]>::len))
}
