//! The processes that train one policy together. One alone is the only world there is now. What a step
//! is trained by (normalisers, baselines, whitening, which groups are kept, the entropy's control) is
//! counted over all of them, and who may write is asked of it. What is logged of a step is of the writing
//! process's own share, but for gradient norms.

use std::fmt::Debug;
use std::ops::Range;

use bourn_rollout::RolloutError;

use crate::error::TrainError;

/// How a process stands with what it was doing: the gravest of all processes' words is everybody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Accord {
    /// It is done, and can go on.
    GoOn,
    /// It was asked to stop.
    Stop,
    /// It failed.
    Failed,
}

/// The processes that train one policy together, each with its share of the problems. Every process
/// asks the same questions in the same order; one that is gone is an error for those that ask, and never
/// a wait.
pub trait World: Debug + Sync {
    /// This process's number, from 0.
    fn rank(&self) -> usize;

    /// How many processes there are.
    fn size(&self) -> usize;

    /// Replaces each value by its sum over all processes, added in the order of ranks: everyone gets
    /// the same bits.
    ///
    /// # Errors
    /// Another process is gone.
    fn sum(&self, values: &mut [f64]) -> Result<(), TrainError>;

    /// What each process has, in the order of ranks.
    ///
    /// # Errors
    /// As [`World::sum`].
    fn gather(&self, own: &[f32]) -> Result<Vec<Vec<f32>>, TrainError>;

    /// The gravest word of all.
    ///
    /// # Errors
    /// As [`World::sum`].
    fn agree(&self, own: Accord) -> Result<Accord, TrainError>;

    /// Whether this process writes: the run directory, the records, the console, the store of draws,
    /// the checkpoints. The others write nothing.
    fn writes(&self) -> bool {
        self.rank() == 0
    }

    /// This process's share of so many problems: ranges one after the other, so that the shares in the
    /// order of ranks are the whole.
    fn share(&self, all: usize) -> Range<usize> {
        let (rank, size) = (self.rank(), self.size());
        all * rank / size..all * (rank + 1) / size
    }
}

/// One process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alone;

impl World for Alone {
    fn rank(&self) -> usize {
        0
    }

    fn size(&self) -> usize {
        1
    }

    fn sum(&self, _: &mut [f64]) -> Result<(), TrainError> {
        Ok(())
    }

    fn gather(&self, own: &[f32]) -> Result<Vec<Vec<f32>>, TrainError> {
        Ok(vec![own.to_vec()])
    }

    fn agree(&self, own: Accord) -> Result<Accord, TrainError> {
        Ok(own)
    }
}

/// The whole of what every process has a part of, and where this one's part lies in it.
///
/// # Errors
/// As [`World::sum`].
pub(crate) fn whole(
    world: &dyn World,
    own: &[f32],
) -> Result<(Vec<f32>, Range<usize>), TrainError> {
    let parts = world.gather(own)?;
    let start = parts[..world.rank()].iter().map(Vec::len).sum();
    Ok((parts.concat(), start..start + own.len()))
}

/// What this process did, as all agree on it: where another was asked to stop or failed, so is this
/// one.
///
/// # Errors
/// Its own, or another's.
pub(crate) fn together<T>(world: &dyn World, own: Result<T, TrainError>) -> Result<T, TrainError> {
    let word = match &own {
        Ok(_) => Accord::GoOn,
        Err(
            TrainError::Rollout(RolloutError::Interrupted)
            | TrainError::Interrupted { .. }
            | TrainError::PretrainingInterrupted { .. },
        ) => Accord::Stop,
        Err(_) => Accord::Failed,
    };
    match (own, world.agree(word)?) {
        (Ok(_), Accord::Stop) => Err(TrainError::Rollout(RolloutError::Interrupted)),
        (Ok(_), Accord::Failed) => Err(TrainError::Elsewhere),
        (own, _) => own,
    }
}

#[cfg(test)]
#[path = "../tests/unit/world.rs"]
mod tests;
