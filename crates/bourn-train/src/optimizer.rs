//! AdamW over named parameters, with a global gradient-norm clip and a state that can be saved.

use std::collections::BTreeMap;

use bourn_model::transformer::{Trace, Transformer, read_values};
use bourn_model::{HostTensor, ModelError, Resident, Values, Weights};
use burn::tensor::{Device, Tensor, TensorData};
use burn_optim::{AdamW, AdamWConfig, AdamWState, AdaptiveMomentumState, Optimizer as _};

use crate::error::TrainError;
use crate::world::World;

/// Gradients by parameter name, without history.
pub struct NamedGradients(BTreeMap<String, Tensor<2>>);

impl NamedGradients {
    /// Zero for every parameter that learns.
    pub fn zeros(policy: &Transformer) -> NamedGradients {
        let device = policy.device().clone().inner();
        let zeros =
            |(name, p): (&String, &Tensor<2>)| (name.clone(), Tensor::zeros(p.dims(), &device));
        NamedGradients(policy.trainable().map(zeros).collect())
    }

    /// Zero for the parameters of these names alone; no others are summed or updated.
    pub(crate) fn zeros_of(policy: &Transformer, names: &[&str]) -> NamedGradients {
        let mut all = NamedGradients::zeros(policy);
        all.0.retain(|name, _| names.contains(&name.as_str()));
        all
    }

    /// Adds the gradient of `loss`, which was made of what `trace` belongs to.
    pub fn add(&mut self, policy: &Transformer, trace: Trace, loss: Tensor<1>) {
        trace.add_gradients(policy, loss, &mut self.0);
    }

    /// Adds up the gradients of all processes.
    ///
    /// # Errors
    /// As [`World::sum`]; a device that gives no values back.
    pub(crate) fn sum_over(&mut self, world: &dyn World) -> Result<(), TrainError> {
        if world.size() == 1 {
            return Ok(());
        }
        for gradient in self.0.values_mut() {
            let (shape, device) = (gradient.dims(), gradient.device());
            let mut values: Vec<f64> = read_values(gradient)?.into_iter().map(f64::from).collect();
            world.sum(&mut values)?;
            let sums: Vec<f32> = values.into_iter().map(|value| value as f32).collect();
            *gradient = Tensor::from_data(TensorData::new(sums, shape), &device);
        }
        Ok(())
    }

    /// The Euclidean norm over all parameters, summed in f64 and in name order. On another device
    /// than the CPU rows are reduced there: a full device-side sum of a large tensor may differ
    /// from run to run.
    ///
    /// # Errors
    /// The device does not give the sums back.
    pub fn norm(&self) -> Result<f64, TrainError> {
        let mut sum = 0.0;
        for gradient in self.0.values() {
            sum += match Resident::of(gradient.clone()) {
                Ok(gradient) => bourn_kernel::sum_of_squares(gradient.values()),
                Err(gradient) => {
                    let rows = read_values(&gradient.square().sum_dim(1))?;
                    rows.into_iter().map(f64::from).sum()
                }
            };
        }
        Ok(sum.sqrt())
    }

    /// Multiplies every gradient by `factor`.
    pub fn scale(&mut self, factor: f64) {
        let scaled = |(name, gradient): (String, Tensor<2>)| {
            let tensor = match Resident::of(gradient) {
                Ok(mut gradient) => {
                    bourn_kernel::scale(gradient.values_mut(), factor as f32);
                    gradient.into_tensor()
                }
                Err(gradient) => *gradient * factor,
            };
            (name, tensor)
        };
        self.0 = std::mem::take(&mut self.0).into_iter().map(scaled).collect();
    }

    /// The gradients by name.
    pub fn tensors(&self) -> &BTreeMap<String, Tensor<2>> {
        &self.0
    }
}

/// AdamW (Loshchilov & Hutter 2019); norms and biases are not decayed.
#[derive(Clone)]
pub struct AdamWOptimizer {
    matrices: AdamW,
    vectors: AdamW,
    states: BTreeMap<String, AdamWState<2>>,
    updates: u64,
    /// Updates taken when the moments last started anew.
    reset_at: u64,
    settings: bourn_recipe::Optimizer,
}

impl AdamWOptimizer {
    /// An optimiser without state.
    pub fn new(settings: &bourn_recipe::Optimizer) -> AdamWOptimizer {
        let config = AdamWConfig::new()
            .with_beta_1(settings.beta1 as f32)
            .with_beta_2(settings.beta2 as f32)
            .with_epsilon(settings.eps as f32);
        AdamWOptimizer {
            matrices: config.clone().with_weight_decay(settings.weight_decay as f32).build(),
            vectors: config.with_weight_decay(0.0).build(),
            states: BTreeMap::new(),
            updates: 0,
            reset_at: 0,
            settings: settings.clone(),
        }
    }

    /// Forgets all moments; the schedule goes on.
    pub fn reset(&mut self) {
        self.states.clear();
        self.reset_at = self.updates;
    }

    /// Updates taken when the moments last started anew.
    pub(crate) fn reset_at(&self) -> u64 {
        self.reset_at
    }

    /// Updates taken so far.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// One update of every parameter that there is a gradient of.
    ///
    /// # Errors
    /// A gradient of a parameter that the model does not have.
    pub fn step(
        &mut self,
        policy: &mut Transformer,
        gradients: NamedGradients,
        lr: f64,
    ) -> Result<(), ModelError> {
        for (name, gradient) in gradients.0 {
            let state = self.states.remove(&name);
            let mut updated = None;
            policy.change_parameter(&name, |parameter| {
                let matrix = parameter.dims()[0] > 1;
                let (parameter, state) = match (Resident::of(parameter), Resident::of(gradient)) {
                    (Ok(parameter), Ok(gradient)) => {
                        self.update_on_host(parameter, &gradient, state, lr, matrix)
                    }
                    (parameter, gradient) => {
                        let tensor = |part: Result<Resident, Box<Tensor<2>>>| {
                            part.map_or_else(|tensor| *tensor, Resident::into_tensor)
                        };
                        let adamw = if matrix { &self.matrices } else { &self.vectors };
                        adamw.step(lr, tensor(parameter), tensor(gradient), state)
                    }
                };
                updated = state;
                parameter
            })?;
            if let Some(state) = updated {
                self.states.insert(name, state);
            }
        }
        self.updates += 1;
        Ok(())
    }

    /// The update in one pass over the memory, where a step of Burn's takes one for each operation.
    fn update_on_host(
        &self,
        mut parameter: Resident,
        gradient: &Resident,
        state: Option<AdamWState<2>>,
        lr: f64,
        matrix: bool,
    ) -> (Tensor<2>, Option<AdamWState<2>>) {
        let zeros = || Tensor::zeros(parameter.dims(), &Device::flex());
        let (time, moments) = match state.map(|state| state.momentum) {
            Some(m) => (m.time + 1, [m.moment_1, m.moment_2]),
            None => (1, [zeros(), zeros()]),
        };
        let [mut first, mut second] = moments.map(|moment| {
            Resident::of(moment).unwrap_or_else(|_| unreachable!("moments lie with parameters"))
        });
        let decay = if matrix { self.settings.weight_decay } else { 0.0 };
        let correction = |beta: f64| 1.0 / (1.0 - (beta as f32).powi(time as i32));
        let update = bourn_kernel::AdamW {
            lr: lr as f32,
            beta1: self.settings.beta1 as f32,
            beta2: self.settings.beta2 as f32,
            eps: self.settings.eps as f32,
            keep: (1.0 - lr * decay) as f32,
            correct1: correction(self.settings.beta1),
            correct2: correction(self.settings.beta2),
        };
        update
            .update(
                parameter.values_mut(),
                gradient.values(),
                first.values_mut(),
                second.values_mut(),
            )
            .expect("a parameter, its gradient and its moments have one shape");
        let momentum = AdaptiveMomentumState::new(time, first.into_tensor(), second.into_tensor());
        (parameter.into_tensor(), Some(AdamWState::new(momentum)))
    }

    /// Both moments of every parameter, as `m/{name}` and `v/{name}`, for a checkpoint.
    ///
    /// # Errors
    /// Names the moment that the device does not give back.
    pub fn to_weights(&self) -> Result<Weights, ModelError> {
        let mut weights = Weights::new();
        for (name, state) in &self.states {
            for (prefix, moment) in
                [("m", &state.momentum.moment_1), ("v", &state.momentum.moment_2)]
            {
                let (name, shape) = (format!("{prefix}/{name}"), moment.dims().to_vec());
                let data = Values::of(moment).map_err(|error| error.of_tensor(&name))?;
                weights.insert(name, HostTensor { shape, data });
            }
        }
        Ok(weights)
    }

    /// Restores what [`AdamWOptimizer::to_weights`] gave after `updates` updates, with moments that
    /// started anew after `reset_at` of them: of all that learns, or of these names `only`.
    ///
    /// # Errors
    /// Names the moment that is missing or misshapen.
    pub fn restore(
        &mut self,
        policy: &Transformer,
        only: Option<&[&str]>,
        weights: &Weights,
        updates: u64,
        reset_at: u64,
    ) -> Result<(), TrainError> {
        self.updates = updates;
        self.reset_at = reset_at;
        self.states.clear();
        let age = updates.saturating_sub(reset_at);
        if age == 0 {
            return Ok(());
        }
        let device = policy.device().clone().inner();
        let named = |(name, _): &(&String, &Tensor<2>)| {
            only.is_none_or(|only| only.contains(&name.as_str()))
        };
        for (name, parameter) in policy.trainable().filter(named) {
            let moment = |prefix: &str| {
                let key = format!("{prefix}/{name}");
                match weights.get(&key) {
                    Some(host) if host.shape == parameter.dims() => {
                        Ok(host.data.to_tensor(parameter.dims(), &device))
                    }
                    _ => Err(TrainError::OptimizerState { tensor: key }),
                }
            };
            let momentum = AdaptiveMomentumState::new(age as usize, moment("m")?, moment("v")?);
            self.states.insert(name.clone(), AdamWState::new(momentum));
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "../tests/unit/optimizer.rs"]
mod tests;
