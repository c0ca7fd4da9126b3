//! All that a run fits: what a checkpoint keeps of each, and what a step puts back if it fails.

use std::path::Path;

use bourn_model::transformer::Transformer;
use bourn_model::{Weights, read_tensors, write_tensors};

use crate::checkpoint::State;
use crate::error::TrainError;
use crate::learner::{Descent, Fit, Learner, Objective, UpdateError};
use crate::world::World;

/// The name of the policy among the learners.
pub(crate) const POLICY: &str = "policy";

/// A learner beside the policy.
#[derive(Clone)]
pub(crate) enum Companion {
    /// A model of its own.
    Own(Box<Learner>),
    /// The value head of the policy, as far as it learns without the policy.
    Head(Box<Descent>),
}

/// All that a run fits, by name.
#[derive(Clone)]
pub(crate) struct Learners {
    /// The policy.
    pub policy: Learner,
    beside: Vec<(&'static str, Companion)>,
}

/// Learners as they were when a step began. It shares their memory for as long as they stay what they
/// were.
#[derive(Default)]
pub(crate) struct Before {
    policy: Option<Learner>,
    beside: Vec<(&'static str, Companion)>,
}

impl Learners {
    /// The policy alone.
    pub(crate) fn new(policy: Learner) -> Learners {
        Learners { policy, beside: Vec::new() }
    }

    /// Adds a learner beside the policy.
    pub(crate) fn add(&mut self, name: &'static str, companion: Companion) {
        self.beside.push((name, companion));
    }

    /// The learner of this name beside the policy.
    pub(crate) fn get(&self, name: &str) -> Option<&Companion> {
        self.beside.iter().find(|(own, _)| *own == name).map(|(_, companion)| companion)
    }

    /// The model that a learner fits, or fits a part of.
    pub(crate) fn model(&self, name: &str) -> Option<&Transformer> {
        match self.get(name) {
            Some(Companion::Own(learner)) => Some(&learner.model),
            Some(Companion::Head(_)) => Some(&self.policy.model),
            None => (name == POLICY).then_some(&self.policy.model),
        }
    }

    /// Fits the learner of this name.
    ///
    /// # Errors
    /// As [`Descent::fit`]; there is no such learner.
    pub(crate) fn fit<O: Objective>(
        &mut self,
        name: &str,
        plan: &[Vec<usize>],
        objective: &mut O,
        world: &dyn World,
    ) -> Result<Fit, UpdateError> {
        let beside = self.beside.iter_mut().find(|(own, _)| *own == name);
        match beside.map(|(_, companion)| companion) {
            Some(Companion::Own(learner)) => learner.fit(plan, objective, world),
            Some(Companion::Head(descent)) => {
                descent.fit(&mut self.policy.model, plan, objective, world)
            }
            None if name == POLICY => self.policy.fit(plan, objective, world),
            None => Err(TrainError::NoLearner { name: name.to_owned() }.into()),
        }
    }

    /// Updates that each has taken, into a run's counters.
    pub(crate) fn count(&self, state: &mut State) {
        state.set_updates(POLICY, self.policy.descent.updates());
        for (name, companion) in &self.beside {
            state.set_updates(name, companion.descent().updates());
        }
    }

    /// Writes what [`Learners::restore`] reads into a checkpoint's directory: all but the policy's
    /// weights, which the checkpoint is a model of.
    ///
    /// # Errors
    /// A file that cannot be written; a device that gives no values back.
    pub(crate) fn save(&self, dir: &Path) -> Result<(), TrainError> {
        write_tensors(&dir.join(moments_file(POLICY)), &self.policy.descent.moments()?)?;
        for (name, companion) in &self.beside {
            let mut weights = Weights::new();
            match companion {
                Companion::Own(learner) => {
                    weights.extend(learner.model.to_weights()?);
                    weights.extend(learner.model.value_head()?);
                }
                Companion::Head(_) => weights.extend(self.policy.model.value_head()?),
            }
            write_tensors(&dir.join(weights_file(name)), &weights)?;
            write_tensors(&dir.join(moments_file(name)), &companion.descent().moments()?)?;
        }
        Ok(())
    }

    /// Takes up the learners of a checkpoint; the policy has its weights already.
    ///
    /// # Errors
    /// Names the tensor that is missing or misshapen.
    pub(crate) fn restore(&mut self, dir: &Path, state: &State) -> Result<(), TrainError> {
        let policy = &mut self.policy;
        for (name, companion) in &mut self.beside {
            let weights = read_tensors(&dir.join(weights_file(name)))?;
            let moments = || read_tensors(&dir.join(moments_file(name)));
            let updates = state.updates_of(name);
            match companion {
                Companion::Own(learner) => {
                    learner.model = learner.model.with_weights(&weights)?;
                    learner.descent.restore(&learner.model, &moments()?, updates, 0)?;
                }
                Companion::Head(descent) => {
                    policy.model.set_value_head(&weights)?;
                    // One that has learned with the policy alone has none of its own, nor, in early
                    // checkpoints, a file of them.
                    if updates > 0 {
                        descent.restore(&policy.model, &moments()?, updates, 0)?;
                    }
                }
            }
        }
        let moments = read_tensors(&dir.join(moments_file(POLICY)))?;
        let updates = state.updates_of(POLICY);
        policy.descent.restore(&policy.model, &moments, updates, state.reset_at)
    }

    /// Remembers these learners as they are; what is remembered already stays as it was.
    pub(crate) fn remember(&self, before: &mut Before, names: &[&str]) {
        for name in names {
            if *name == POLICY {
                before.policy.get_or_insert_with(|| self.policy.clone());
            }
            let known = before.beside.iter().any(|(own, _)| own == name);
            let own = self.beside.iter().filter(|(own, _)| own == name && !known);
            before.beside.extend(own.cloned());
        }
    }

    /// Puts back what was remembered.
    pub(crate) fn put_back(&mut self, before: Before) {
        if let Some(policy) = before.policy {
            self.policy = policy;
        }
        for (name, companion) in before.beside {
            if let Some((_, own)) = self.beside.iter_mut().find(|(own, _)| *own == name) {
                *own = companion;
            }
        }
    }
}

impl Companion {
    /// A model of its own.
    pub(crate) fn own(model: Transformer, descent: Descent) -> Companion {
        Companion::Own(Box::new(Learner::new(model, descent)))
    }

    /// What takes it down its gradient.
    pub(crate) fn descent(&self) -> &Descent {
        match self {
            Companion::Own(learner) => &learner.descent,
            Companion::Head(descent) => descent,
        }
    }
}

fn weights_file(name: &str) -> String {
    format!("{name}.safetensors")
}

/// The file of a learner's moments. The policy's were the first there were, and have no name.
pub(crate) fn moments_file(name: &str) -> String {
    match name {
        POLICY => "optimizer.safetensors".to_owned(),
        name => format!("{name}_optimizer.safetensors"),
    }
}
