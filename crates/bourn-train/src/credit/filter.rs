//! Which groups are trained on: with dynamic sampling, those whose raw verdicts differ.

use std::ops::Range;

use bourn_algo::shaping;

use crate::error::TrainError;
use crate::experience::{Experience, Sample};
use crate::settings::Credit;
use crate::world::World;

/// How many groups have raw verdicts that differ, of all processes.
///
/// # Errors
/// As [`World::sum`].
pub(crate) fn teaching_groups(
    experience: &Experience,
    world: &dyn World,
) -> Result<usize, TrainError> {
    let mut count = [teaching(experience, 0..experience.problems.len()) as f64];
    world.sum(&mut count)?;
    Ok(count[0] as usize)
}

/// How many of these groups of this process do.
fn teaching(experience: &Experience, groups: Range<usize>) -> usize {
    groups.filter(|&group| teaches(experience, group)).count()
}

/// Whether raw verdicts differ among what was drawn for a group.
fn teaches(experience: &Experience, group: usize) -> bool {
    let drawn = experience.samples[experience.members(group)].iter().filter(|s| s.is_credited());
    shaping::teaches(&drawn.map(Sample::correct).collect::<Vec<_>>())
}

/// Keeps the first groups that teach, as many as a step is to have, where sampling is dynamic.
///
/// # Errors
/// As [`World::gather`].
pub(crate) fn filter(
    experience: &mut Experience,
    settings: &Credit<'_>,
    world: &dyn World,
) -> Result<(), TrainError> {
    if settings.algorithm.dynamic_sampling == 0 {
        return Ok(());
    }
    // Batch after batch, and in each process after process, as one process would have drawn them.
    let batches = 1 + experience.extra_batches as usize;
    let size = experience.problems.len().div_ceil(batches);
    let range = |batch: usize| {
        let end = ((batch + 1) * size).min(experience.problems.len());
        (batch * size).min(end)..end
    };
    let own: Vec<f32> =
        (0..batches).map(|batch| teaching(experience, range(batch)) as f32).collect();
    let all = world.gather(&own)?;
    let mut kept = Vec::with_capacity(experience.problems.len());
    for batch in 0..batches {
        let before = all.iter().flat_map(|counts| &counts[..batch]).sum::<f32>();
        let beside = all[..world.rank()].iter().map(|counts| counts[batch]).sum::<f32>();
        let mut wanted = settings.groups.saturating_sub((before + beside) as usize);
        for group in range(batch) {
            let keep = wanted > 0 && teaches(experience, group);
            wanted -= usize::from(keep);
            kept.push(keep);
        }
    }
    experience.kept = kept;
    Ok(())
}
