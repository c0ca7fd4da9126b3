//! The one loop that fits a model: minibatches, micro batches, gradients, one update of AdamW a
//! minibatch. What it is fitted to is an [`Objective`].

use bourn_algo::clip_scale;
use bourn_model::transformer::{Trace, Transformer};
use bourn_model::{ModelConfig, Weights};
use bourn_recipe::{Optimizer, Pace};
use burn::tensor::Tensor;

use crate::error::TrainError;
use crate::optimizer::{AdamWOptimizer, NamedGradients};
use crate::world::{Accord, World};

/// What a model is fitted to.
pub trait Objective {
    /// What one forward and backward reads.
    type Batch;

    /// What the gradient's norm is called where it is no number.
    const NORM: &'static str;

    /// The micro batches of a minibatch, of which this process has these groups; over all processes their
    /// losses add up to its own.
    ///
    /// # Errors
    /// What is to be learned from lacks something.
    fn batches(
        &mut self,
        groups: &[usize],
        world: &dyn World,
    ) -> Result<Vec<Self::Batch>, UpdateError>;

    /// The loss of a micro batch under `model`.
    ///
    /// # Errors
    /// A loss that is not finite.
    fn loss(&mut self, model: &Transformer, batch: &Self::Batch) -> Result<Loss, UpdateError>;

    /// Which problems these groups are of, for an error.
    fn problems(&self, groups: &[usize]) -> String;
}

/// The loss of a micro batch.
pub struct Loss {
    /// What is differentiated, `[1]`.
    pub scalar: Tensor<1>,
    /// The way back to the parameters.
    pub trace: Trace,
    /// What counts of it in [`Fit::loss`].
    pub value: f64,
}

/// What stops being a number, and where; the caller knows the step and the checkpoint.
#[derive(Debug)]
pub struct NonFinite {
    /// The loss or the gradient norm.
    pub what: &'static str,
    /// Its value.
    pub value: f64,
    /// Id of the problem whose group it was found in.
    pub problem: String,
}

/// Either the trainer's own error or a number that is none.
#[derive(Debug)]
pub enum UpdateError {
    /// An ordinary error.
    Train(TrainError),
    /// A loss or gradient that is not finite.
    NonFinite(NonFinite),
}

impl<E: Into<TrainError>> From<E> for UpdateError {
    fn from(error: E) -> Self {
        UpdateError::Train(error.into())
    }
}

/// The updates that were taken.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Fit {
    /// How many.
    pub updates: u64,
    /// Sum of their losses.
    pub loss: f64,
    /// Sum of their gradients' norms before clipping.
    pub grad_norm: f64,
    /// Learning rate of the last; `None` where there was none.
    pub lr: Option<f64>,
}

impl Fit {
    /// A sum over the updates as their mean; without any it stays.
    pub fn mean(&self, sum: f64) -> f64 {
        sum / self.updates.max(1) as f64
    }
}

/// How a model is taken down its gradient: clipped, at the pace of its schedule.
#[derive(Clone)]
pub struct Descent {
    optimizer: AdamWOptimizer,
    pace: Pace,
    /// Updates that the schedule is for.
    total: u64,
    /// Names of the parameters that are fitted; `None` for all that are trainable.
    only: Option<&'static [&'static str]>,
}

impl Descent {
    /// Of all that is trainable, by AdamW with these settings, whose schedule is for `total` updates.
    pub fn new(settings: &Optimizer, total: u64) -> Descent {
        let (optimizer, pace) = (AdamWOptimizer::new(settings), settings.pace());
        Descent { optimizer, pace, total, only: None }
    }

    /// Of the parameters of these names alone.
    pub fn only(self, names: &'static [&'static str]) -> Descent {
        Descent { only: Some(names), ..self }
    }

    /// Whether only some of what is trainable is fitted.
    pub(crate) fn is_partial(&self) -> bool {
        self.only.is_some()
    }

    /// One update of `model` for each minibatch of `plan`.
    ///
    /// # Errors
    /// A loss or gradient that is not finite; the update it belongs to is not applied.
    pub fn fit<O: Objective>(
        &mut self,
        model: &mut Transformer,
        plan: &[Vec<usize>],
        objective: &mut O,
        world: &dyn World,
    ) -> Result<Fit, UpdateError> {
        let mut fit = Fit::default();
        for groups in plan {
            let (loss, gradients) = self.gradient(model, groups, objective, world)?;
            let (lr, grad_norm) =
                self.step(model, gradients, || (O::NORM, objective.problems(groups)))?;
            fit.updates += 1;
            fit.loss += loss;
            fit.grad_norm += grad_norm;
            fit.lr = Some(lr);
        }
        Ok(fit)
    }

    /// The loss of one minibatch and its gradient, over all processes.
    ///
    /// # Errors
    /// As [`Descent::fit`].
    pub fn gradient<O: Objective>(
        &self,
        model: &Transformer,
        groups: &[usize],
        objective: &mut O,
        world: &dyn World,
    ) -> Result<(f64, NamedGradients), UpdateError> {
        // One process that fails does not leave the others waiting for its part.
        let own = self.own_gradient(model, groups, objective, world);
        let word = if own.is_ok() { Accord::GoOn } else { Accord::Failed };
        let all = world.agree(word)?;
        let (loss, mut sums) = own?;
        if all != Accord::GoOn {
            return Err(TrainError::Elsewhere.into());
        }
        let mut loss = [loss];
        world.sum(&mut loss)?;
        sums.sum_over(world)?;
        Ok((loss[0], sums))
    }

    /// This process's part of it.
    fn own_gradient<O: Objective>(
        &self,
        model: &Transformer,
        groups: &[usize],
        objective: &mut O,
        world: &dyn World,
    ) -> Result<(f64, NamedGradients), UpdateError> {
        let mut sums = match self.only {
            Some(names) => NamedGradients::zeros_of(model, names),
            None => NamedGradients::zeros(model),
        };
        let mut loss = 0.0;
        for batch in objective.batches(groups, world)? {
            let part = objective.loss(model, &batch)?;
            loss += part.value;
            sums.add(model, part.trace, part.scalar);
        }
        Ok((loss, sums))
    }

    /// One update; its learning rate, and the gradient's norm before clipping.
    fn step(
        &mut self,
        model: &mut Transformer,
        mut gradients: NamedGradients,
        named: impl FnOnce() -> (&'static str, String),
    ) -> Result<(f64, f64), UpdateError> {
        let norm = gradients.norm()?;
        if !norm.is_finite() {
            // Nothing has changed.
            let (what, problem) = named();
            return Err(UpdateError::NonFinite(NonFinite { what, value: norm, problem }));
        }
        let scale = clip_scale(norm, self.pace.max_grad_norm);
        if scale < 1.0 {
            gradients.scale(scale);
        }
        let lr = self.pace.lr_at(self.optimizer.updates(), self.total);
        self.optimizer.step(model, gradients, lr)?;
        Ok((lr, norm))
    }

    /// Updates taken so far.
    pub fn updates(&self) -> u64 {
        self.optimizer.updates()
    }

    /// Updates taken when the moments last started anew.
    pub(crate) fn reset_at(&self) -> u64 {
        self.optimizer.reset_at()
    }

    /// Forgets all moments; the schedule goes on.
    pub fn reset(&mut self) {
        self.optimizer.reset();
    }

    /// The optimiser's moments, for a checkpoint.
    ///
    /// # Errors
    /// As [`AdamWOptimizer::to_weights`].
    pub fn moments(&self) -> Result<Weights, TrainError> {
        Ok(self.optimizer.to_weights()?)
    }

    /// Takes up what [`Descent::moments`] gave after `updates` updates, with moments that started anew
    /// after `reset_at` of them.
    ///
    /// # Errors
    /// As [`AdamWOptimizer::restore`].
    pub fn restore(
        &mut self,
        model: &Transformer,
        moments: &Weights,
        updates: u64,
        reset_at: u64,
    ) -> Result<(), TrainError> {
        self.optimizer.restore(model, self.only, moments, updates, reset_at)
    }
}

/// A model with what fits it.
#[derive(Clone)]
pub struct Learner {
    /// The model.
    pub model: Transformer,
    /// Its optimiser, and its pace.
    pub descent: Descent,
}

impl Learner {
    /// A model that has learned nothing yet.
    pub fn new(model: Transformer, descent: Descent) -> Learner {
        Learner { model, descent }
    }

    /// What a learner of this shape holds, in bytes: the weights, and AdamW's moments.
    pub fn bytes(config: &ModelConfig) -> (u64, u64) {
        let weights = config.parameters() * size_of::<f32>() as u64;
        (weights, 2 * weights)
    }

    /// As [`Descent::fit`].
    ///
    /// # Errors
    /// As [`Descent::fit`].
    pub fn fit<O: Objective>(
        &mut self,
        plan: &[Vec<usize>],
        objective: &mut O,
        world: &dyn World,
    ) -> Result<Fit, UpdateError> {
        self.descent.fit(&mut self.model, plan, objective, world)
    }
}

#[cfg(test)]
#[path = "../tests/unit/learner.rs"]
mod tests;
