//! Which completions an update reads, in which minibatch and micro batch, and what each weighs.

use bourn_algo::{Totals, token_weights};
use bourn_seed::rng;
use rand::seq::SliceRandom;

use crate::error::TrainError;
use crate::experience::{Experience, Sample};
use crate::loss::MicroBatch;
use crate::settings::{Batching, Cut, PolicyLoss};
use crate::world::World;

/// The groups of each update of a step: of each pass, an even split of a permutation of those that are
/// trained on, keyed by seed, step and pass. Every process has as many, of its own groups.
///
/// # Errors
/// As [`World::gather`].
pub(crate) fn plan(
    experience: &Experience,
    batching: &Batching,
    step: u64,
    world: &dyn World,
) -> Result<Vec<Vec<usize>>, TrainError> {
    let mut plan = Vec::new();
    for iteration in 0..batching.num_iterations {
        let mut own = minibatches(experience, batching, step, iteration);
        let counts = world.gather(&[own.len() as f32])?;
        let most = counts.iter().flatten().fold(0.0, |most: f32, &count| most.max(count));
        own.resize(most as usize, Vec::new());
        plan.extend(own);
    }
    Ok(plan)
}

/// The groups of each minibatch of a pass.
pub(super) fn minibatches(
    experience: &Experience,
    batching: &Batching,
    step: u64,
    iteration: usize,
) -> Vec<Vec<usize>> {
    let mut groups = experience.kept_groups();
    let count = batching.minibatches;
    if count > 1 {
        groups.shuffle(&mut rng(batching.seed, "minibatch", &[step, iteration as u64]));
    }
    groups.chunks(groups.len().div_ceil(count).max(1)).map(<[usize]>::to_vec).collect()
}

/// Packs the trajectories of `groups` that can matter to the policy's gradient.
pub(super) fn micro_batches(
    experience: &Experience,
    groups: &[usize],
    reference: Option<&[Vec<f32>]>,
    settings: &PolicyLoss<'_>,
    world: &dyn World,
) -> Result<Vec<MicroBatch>, TrainError> {
    let mut rows = weighted_rows(experience, groups, settings, world)?;
    // Without KL and entropy terms in the loss a trajectory whose advantages are all zero has a gradient
    // of exactly zero: it has counted in the weights, and takes no forward.
    if settings.algorithm.kl_in_loss() == 0.0 && experience.entropy_coef == 0.0 {
        rows.retain(|row| experience.samples[row.index].signals.speaks());
    }
    let asks = |row: &LossRow| !experience.samples[row.index].signals.kl.is_zero();
    if reference.is_none() && rows.iter().any(asks) {
        return Err(TrainError::Unknown { what: "reference's log-probs" });
    }
    pack(experience, &rows, reference, settings.scoring.cut)
}

/// A trajectory in the loss.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LossRow {
    /// Index into the experience.
    pub index: usize,
    /// Weight of each of its tokens in the sum over the whole minibatch.
    pub weight: f64,
    /// What the weights of its tokens' log-likelihoods are divided by.
    pub likelihoods: f64,
}

/// The trajectories of `groups` that are in the loss, weighted whatever `micro_batch_size` is: those
/// that were drawn share the policy gradient; the likelihood is a mean over all tokens that have one.
pub(super) fn weighted_rows(
    experience: &Experience,
    groups: &[usize],
    settings: &PolicyLoss<'_>,
    world: &dyn World,
) -> Result<Vec<LossRow>, TrainError> {
    let all: Vec<usize> = groups.iter().flat_map(|&group| experience.members(group)).collect();
    let sample = |index: usize| &experience.samples[index];
    let masks = settings.algorithm.mask_truncated_completions;
    let is_kept = |index: usize| !(masks && sample(index).truncated());
    let drawn: Vec<usize> = all.iter().copied().filter(|&i| sample(i).is_credited()).collect();
    let lengths: Vec<usize> = drawn.iter().map(|&index| sample(index).count()).collect();
    let kept: Vec<bool> = drawn.iter().map(|&index| is_kept(index)).collect();
    let likely = all.iter().filter(|&&i| is_kept(i) && !sample(i).signals.ce.is_zero());
    let likely: f64 = likely.map(|&index| sample(index).count() as f64).sum();
    // Over every process's part of the update.
    let own = Totals::of(&lengths, &kept);
    let mut sums = [own.completions, own.tokens, likely];
    world.sum(&mut sums)?;
    let [completions, tokens, likely] = sums;
    let totals = Totals { completions, tokens };
    let kind = settings.algorithm.loss_type;
    let mut weights = token_weights(&lengths, &kept, kind, settings.longest, totals)?.into_iter();
    let likelihoods = f64::max(likely, 1.0);
    let row = |index| {
        // What was not drawn has no part in the policy gradient.
        let weight = if sample(index).is_credited() { weights.next() } else { None };
        LossRow { index, weight: weight.unwrap_or(0.0), likelihoods }
    };
    Ok(all.into_iter().map(row).filter(|row| is_kept(row.index)).collect())
}

/// Packs rows into micro batches, cut as `cut` says.
///
/// # Errors
/// A trajectory that cannot be trained on: one whose lists do not fit it, or with inserts.
pub(super) fn pack(
    experience: &Experience,
    rows: &[LossRow],
    reference: Option<&[Vec<f32>]>,
    cut: Cut,
) -> Result<Vec<MicroBatch>, TrainError> {
    let pack = |rows: &[LossRow]| {
        let mut batch = MicroBatch::default();
        for row in rows {
            batch.push_row(&experience.samples[row.index], row)?;
            if let Some(reference) = reference {
                batch.reference_logprobs.extend(&reference[row.index]);
            }
        }
        Ok(batch)
    };
    let group = |row: &LossRow| experience.samples[row.index].trajectory.group;
    chunks(rows, cut, group).into_iter().map(pack).collect()
}

/// Rows in chunks, in their order; those of a group stand together.
fn chunks<T>(rows: &[T], cut: Cut, group: impl Fn(&T) -> usize) -> Vec<&[T]> {
    let most = cut.size.max(1);
    if !cut.whole_groups {
        return rows.chunks(most).collect();
    }
    let (mut chunks, mut start, mut end) = (Vec::new(), 0, 0);
    for own in rows.chunk_by(|a, b| group(a) == group(b)) {
        if end > start && end + own.len() - start > most {
            chunks.push(&rows[start..end]);
            start = end;
        }
        end += own.len();
    }
    if end > start {
        chunks.push(&rows[start..end]);
    }
    chunks
}

/// These trajectories of the experience, packed to be scored; they weigh nothing.
///
/// # Errors
/// As [`pack`].
pub(crate) fn pack_rows(
    experience: &Experience,
    indices: &[usize],
    cut: Cut,
) -> Result<Vec<MicroBatch>, TrainError> {
    let row = |&index: &usize| LossRow { index, weight: 0.0, likelihoods: 1.0 };
    pack(experience, &indices.iter().map(row).collect::<Vec<_>>(), None, cut)
}

impl MicroBatch {
    /// Appends a trajectory: its own tokens are scored, the others are read.
    fn push_row(&mut self, sample: &Sample, row: &LossRow) -> Result<(), TrainError> {
        let Sample { trajectory, signals, .. } = sample;
        trajectory.check()?;
        if !trajectory.inputs.inserts().is_empty() {
            return Err(TrainError::Inserts);
        }
        let (ids, start, count) = (trajectory.inputs.ids(), trajectory.start(), sample.count());
        // Of every token behind the prompt the place of the one before it, which predicts it.
        let before: Vec<usize> =
            self.packed.push_completion(&ids[..start], &ids[start..]).collect();
        self.positions.extend(trajectory.places().map(|place| before[place - start] as i64));
        self.targets.extend(trajectory.tokens());
        match &trajectory.logprobs {
            Some(logprobs) => self.drawn_logprobs.extend(logprobs),
            // Nothing reads them: the tokens have no ratio.
            None => self.drawn_logprobs.extend(std::iter::repeat_n(0.0, count)),
        }
        self.weights.extend(std::iter::repeat_n(row.weight as f32, count));
        self.rl.extend(&signals.rl);
        self.ce.extend(signals.ce.over(row.likelihoods, count));
        self.kl.extend(signals.kl.over(1.0, count));
        self.anchor.extend(signals.anchor.over(1.0, count));
        self.sources.extend(std::iter::repeat_n(trajectory.source, count));
        self.rows.extend(std::iter::repeat_n(row.index, count));
        Ok(())
    }
}

#[cfg(test)]
#[path = "../../tests/unit/update/batches.rs"]
mod tests;
