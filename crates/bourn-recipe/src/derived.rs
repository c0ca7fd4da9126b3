//! What follows from a recipe: the counts that its user should see before the run starts.

use crate::recipe::Recipe;

impl Recipe {
    /// Completions drawn in one step.
    pub(crate) fn completions_per_step(&self) -> u64 {
        (self.rollout.prompts_per_step as u64).saturating_mul(self.rollout.num_generations as u64)
    }

    /// Probes of the whole run: at step 0, at every interval, and at the last step.
    pub fn probes(&self) -> u64 {
        match self.probe.interval {
            0 => 0,
            interval => self.train.max_steps.div_ceil(interval).saturating_add(1),
        }
    }

    /// Checkpoints written in the whole run: at every interval and at the last step.
    pub fn checkpoints(&self) -> u64 {
        match self.checkpoint.interval {
            0 => 1,
            interval => self.train.max_steps.div_ceil(interval),
        }
    }

    /// The derived table of a dry run: what each count is called, and the count.
    pub fn derived(&self) -> Vec<(String, u64)> {
        let completions = self.completions_per_step();
        // A checked recipe has at least one minibatch, and micro batches of at least one.
        let per_update = completions / (self.train.minibatches as u64).max(1);
        let micro_batches = per_update.div_ceil((self.train.micro_batch_size as u64).max(1));
        let longest =
            self.rollout.max_prompt_length.saturating_add(self.rollout.max_completion_length);
        let draws = (self.probe.problems as u64)
            .saturating_mul(self.probe.n_max as u64)
            .saturating_mul(self.probe.samplers.len() as u64);
        let kept = match self.checkpoint.keep_last as u64 {
            0 => self.checkpoints(),
            keep => keep.min(self.checkpoints()),
        };
        [
            ("rollout steps", self.train.max_steps),
            ("completions per step", completions),
            ("optimiser updates per rollout", self.train.updates_per_step()),
            ("optimiser updates in all", self.train.total_updates()),
            ("completions per update", per_update),
            ("micro batches per update", micro_batches),
            ("tokens per step, at most", completions.saturating_mul(longest as u64)),
            (
                "generated tokens per step, at most",
                completions.saturating_mul(self.rollout.max_completion_length as u64),
            ),
            ("draws per probe and model, at most", draws),
            ("probes", self.probes()),
            ("checkpoints written", self.checkpoints()),
            ("checkpoints kept", kept),
        ]
        .into_iter()
        .map(|(what, count)| (what.to_string(), count))
        .collect()
    }
}
