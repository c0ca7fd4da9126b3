//! Which problems a step trains on: a pure function of (seed, step).

use rand::seq::SliceRandom;

use crate::problem::{Problem, Problems};

/// Prompts in one round of the mixture; a task's share is rounded to 1/4096.
const ROUND: usize = 4096;

impl Problems {
    /// The problems of step `step` (counted from 0), all different, when each step takes `count`.
    ///
    /// Tasks are interleaved by weight. Each task goes through its problems in epochs, each epoch
    /// a fresh permutation keyed by (seed, task, epoch); what is left of a permutation when it no
    /// longer fills a step is dropped, so that no problem is met twice in a step. A task with
    /// fewer problems than its part of a step gives all it has: the step is shorter.
    pub fn step_problems(&self, seed: u64, step: u64, count: usize) -> Vec<&Problem> {
        let weights: Vec<f64> = self.train_weight.iter().map(|share| share.weight).collect();
        let mixture = Mixture::new(&weights);
        let mut queues: Vec<_> = (0..weights.len())
            .map(|task| self.task_problems(&mixture, seed, step, count, task).into_iter())
            .collect();
        let start = step as u128 * count as u128;
        (0..count as u128)
            .filter_map(|slot| queues.get_mut(mixture.task_at(start + slot)?)?.next())
            .collect()
    }

    /// The problems that one task gives to a step, at least as many as the mixture asks of it.
    fn task_problems(
        &self,
        mixture: &Mixture,
        seed: u64,
        step: u64,
        count: usize,
        task: usize,
    ) -> Vec<&Problem> {
        let share = &self.train_weight[task];
        let most = mixture.most_in(task, count);
        if most == 0 || share.count == 0 {
            return Vec::new();
        }
        let steps_per_epoch = (share.count / most).max(1) as u64;
        let (epoch, place) = (step / steps_per_epoch, step % steps_per_epoch);
        let mut order: Vec<u32> = (0..share.count as u32).collect();
        order.shuffle(&mut bourn_seed::rng(seed, "epoch", &[task as u64, epoch]));
        let first = place as usize * most;
        order[first..share.count.min(first + most)]
            .iter()
            .map(|&at| &self.train[share.first + at as usize])
            .collect()
    }
}

/// Turns weights into a fixed round of tasks; counts within any window follow from it.
pub(crate) struct Mixture {
    round: Vec<usize>,
    /// `counts[task][i]`: how often the task stands among the first `i` places of the round.
    counts: Vec<Vec<usize>>,
}

impl Mixture {
    /// A round in which each place goes to the task furthest behind its weight (D'Hondt's rule).
    pub(crate) fn new(weights: &[f64]) -> Mixture {
        let mut apportion = Apportion::new(weights);
        let usable = vec![true; weights.len()];
        let round: Vec<usize> = (0..ROUND).map_while(|_| apportion.next(&usable)).collect();
        let mut counts = vec![vec![0]; weights.len()];
        for &chosen in &round {
            for (task, count) in counts.iter_mut().enumerate() {
                let so_far = count[count.len() - 1];
                count.push(so_far + usize::from(task == chosen));
            }
        }
        Mixture { round, counts }
    }

    /// Is `task` ever asked?
    pub(crate) fn includes(&self, task: usize) -> bool {
        self.counts[task].last().is_some_and(|&count| count > 0)
    }

    fn task_at(&self, slot: u128) -> Option<usize> {
        let length = self.round.len() as u128;
        (length > 0).then(|| self.round[(slot % length) as usize])
    }

    /// The most prompts of `task` in any `count` consecutive places.
    pub(crate) fn most_in(&self, task: usize, count: usize) -> usize {
        let counts = &self.counts[task];
        let length = self.round.len();
        if length == 0 {
            return 0;
        }
        let (rounds, rest) = (count / length, count % length);
        let window = |start: usize| {
            let end = start + rest;
            if end <= length {
                counts[end] - counts[start]
            } else {
                counts[length] - counts[start] + counts[end - length]
            }
        };
        rounds * counts[length] + (0..length).map(window).max().unwrap_or(0)
    }
}

/// Hands out places one by one, each to the task with the largest weight / (places + 1).
///
/// House-monotone: the first n places are the same however many follow, which is what keeps a
/// smaller held-out set a prefix of a larger one.
pub(crate) struct Apportion {
    weights: Vec<f64>,
    places: Vec<u64>,
}

impl Apportion {
    pub(crate) fn new(weights: &[f64]) -> Apportion {
        Apportion { weights: weights.to_vec(), places: vec![0; weights.len()] }
    }

    /// The task that gets the next place, among those still `usable` with a positive weight.
    pub(crate) fn next(&mut self, usable: &[bool]) -> Option<usize> {
        let claim = |task: usize| self.weights[task] / (self.places[task] + 1) as f64;
        let mut best: Option<usize> = None;
        for (task, (weight, usable)) in self.weights.iter().zip(usable).enumerate() {
            let ahead = best.is_none_or(|other| claim(task) > claim(other));
            if *usable && *weight > 0.0 && ahead {
                best = Some(task);
            }
        }
        self.places[best?] += 1;
        best
    }
}
