//! The judged completions of one step: what is credited and trained on.

use bourn_rollout::{Completion, Finish};
use bourn_verify::Verdict;

use crate::implicit::ImplicitReport;

/// One completion with what its verifiers said and what it is worth.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Index of the group (and of its prompt).
    pub group: usize,
    /// Whether the frozen base drew it, and not the policy: then log-probs and entropies are the
    /// base's.
    pub witness: bool,
    /// Tokens, log-probs and entropies as the sampler gave them.
    pub completion: Completion,
    /// Verdict of each reward of the problem's task, in their order; the first is the raw verdict.
    pub verdicts: Vec<Verdict>,
    /// The verifier that gave each verdict.
    pub verifiers: Vec<&'static str>,
    /// The score beside each verdict, from 0 to 1.
    pub scores: Vec<f32>,
    /// Weighted sum of the scores.
    pub reward: f32,
    /// What is paid for steps at each token, beside `reward`; empty where steps are worth nothing.
    pub step_rewards: Vec<f32>,
    /// For each reward whose steps are worth something: how many are right, of how many.
    pub steps: Vec<Option<(usize, usize)>>,
    /// Log-probs under the KL penalty's reference; empty unless that penalty is in the reward.
    pub reference_logprobs: Vec<f32>,
    /// What the implicit reward model pays for each token; empty without one.
    pub implicit_rewards: Vec<f32>,
    /// Advantage of each token.
    pub advantages: Vec<f32>,
    /// Weight of the anchor to the sampler at each token; empty for none.
    pub anchors: Vec<f32>,
    /// The value model's prediction before each token; empty without one.
    pub values: Vec<f32>,
    /// What those values are trained towards; empty without a value model.
    pub returns: Vec<f32>,
}

impl Sample {
    /// A judged completion that no algorithm has looked at.
    pub fn new(group: usize, completion: Completion, verdicts: Vec<Verdict>, reward: f32) -> Self {
        Sample {
            group,
            witness: false,
            completion,
            verdicts,
            verifiers: Vec::new(),
            scores: Vec::new(),
            reward,
            step_rewards: Vec::new(),
            steps: Vec::new(),
            reference_logprobs: Vec::new(),
            implicit_rewards: Vec::new(),
            advantages: Vec::new(),
            anchors: Vec::new(),
            values: Vec::new(),
            returns: Vec::new(),
        }
    }

    /// Whether the completion ran into the length limit.
    pub fn truncated(&self) -> bool {
        self.completion.finish == Finish::Length
    }

    /// Whether the raw verdict is correct.
    pub fn correct(&self) -> bool {
        self.verdicts.first().is_some_and(|verdict| verdict.is_correct())
    }

    /// log π of the whole completion under the sampler, in nats.
    pub fn logprob(&self) -> f64 {
        self.completion.logprobs.iter().copied().map(f64::from).sum()
    }
}

/// The judged completions of one step.
#[derive(Clone, Debug)]
pub struct Experience {
    /// Prompt token ids of each group.
    pub prompts: Vec<Vec<u32>>,
    /// Problem id of each group.
    pub problems: Vec<String>,
    /// Completions, group after group, `num_generations` of each.
    pub samples: Vec<Sample>,
    /// The greedy completion of each group, where it is the baseline; empty otherwise.
    pub greedy: Vec<Sample>,
    /// Whether each group is trained on.
    pub kept: Vec<bool>,
    /// Weight of the entropy bonus in this step.
    pub entropy_coef: f64,
    /// Batches that dynamic sampling drew beyond the first.
    pub extra_batches: u64,
    /// What was replayed; the groups of it are the last.
    pub replayed: Replayed,
    /// What the implicit reward model learned of this step, where there is one.
    pub implicit: Option<ImplicitReport>,
}

/// Groups of a step that hold witnesses, completions that the frozen base drew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Problems that were being lost when they were looked at last.
    pub endangered: usize,
    /// Groups of some of these.
    pub groups: usize,
}

impl Experience {
    /// Groups that are all trained on, without greedy completions and entropy bonus.
    pub fn new(prompts: Vec<Vec<u32>>, problems: Vec<String>, samples: Vec<Sample>) -> Self {
        let (greedy, kept) = (Vec::new(), vec![true; problems.len()]);
        let (replayed, implicit) = (Replayed::default(), None);
        Experience {
            prompts,
            problems,
            samples,
            greedy,
            kept,
            entropy_coef: 0.0,
            extra_batches: 0,
            replayed,
            implicit,
        }
    }

    /// The groups that are trained on, in order.
    pub fn kept_groups(&self) -> Vec<usize> {
        (0..self.problems.len()).filter(|&group| self.kept[group]).collect()
    }

    /// Number of groups that the step drew for the problems of its turn: those before the replayed.
    pub fn own_groups(&self) -> usize {
        self.problems.len() - self.replayed.groups
    }

    /// The completions of these groups: what metrics are about.
    pub fn own(&self) -> &[Sample] {
        &self.samples[..self.members(self.own_groups()).start]
    }

    /// Puts the groups that are replayed behind these; filters know nothing of them.
    pub fn replay(&mut self, other: Experience) {
        self.replayed = other.replayed;
        self.append(other);
    }

    /// Puts the groups of `other` behind these.
    pub fn append(&mut self, other: Experience) {
        let groups = self.problems.len();
        self.prompts.extend(other.prompts);
        self.problems.extend(other.problems);
        self.kept.extend(other.kept);
        let moved = |sample: Sample| Sample { group: sample.group + groups, ..sample };
        self.samples.extend(other.samples.into_iter().map(moved));
        self.greedy.extend(other.greedy.into_iter().map(moved));
    }
}
