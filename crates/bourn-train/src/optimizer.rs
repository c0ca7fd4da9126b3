//! AdamW over named parameters, with a global gradient-norm clip and a state that can be saved.

use std::collections::BTreeMap;

use bourn_model::transformer::{Transformer, to_vec};
use bourn_model::{HostTensor, Weights};
use burn::optim::{AdamW, AdamWConfig, AdamWState, AdaptiveMomentumState, Optimizer as _};
use burn::tensor::{Gradients, Tensor, TensorData};

use crate::error::TrainError;

/// Gradients by parameter name, without history.
pub struct NamedGradients(BTreeMap<String, Tensor<2>>);

impl NamedGradients {
    /// Zero for every parameter.
    pub fn zeros(policy: &Transformer) -> NamedGradients {
        let zeros = |(name, p): (&String, &Tensor<2>)| (name.clone(), p.clone().inner() * 0.0);
        NamedGradients(policy.parameters().iter().map(zeros).collect())
    }

    /// Adds the gradients of one backward pass.
    pub fn add(&mut self, policy: &Transformer, mut gradients: Gradients) {
        for (name, parameter) in policy.parameters() {
            if let Some(gradient) = parameter.grad_remove(&mut gradients)
                && let Some(sum) = self.0.remove(name)
            {
                self.0.insert(name.clone(), sum + gradient);
            }
        }
    }

    /// The Euclidean norm over all parameters. Rows are reduced on the device and summed in f64
    /// on the host, in name order: a full device-side sum of a large tensor may differ from run
    /// to run.
    pub fn norm(&self) -> f64 {
        let square = |g: &Tensor<2>| -> f64 {
            to_vec(&g.clone().square().sum_dim(1)).into_iter().map(f64::from).sum()
        };
        self.0.values().map(square).sum::<f64>().sqrt()
    }

    /// Multiplies every gradient by `factor`.
    pub fn scale(&mut self, factor: f64) {
        for gradient in self.0.values_mut() {
            *gradient = gradient.clone() * factor;
        }
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
        }
    }

    /// Updates taken so far.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// One update of every parameter.
    pub fn step(&mut self, policy: &mut Transformer, gradients: NamedGradients, lr: f64) {
        for (name, gradient) in gradients.0 {
            let Some(parameter) = policy.parameters().get(&name) else { continue };
            let parameter = parameter.clone().inner();
            let adamw = if parameter.dims()[0] == 1 { &self.vectors } else { &self.matrices };
            let state = self.states.remove(&name);
            let (updated, state) = adamw.step(lr, parameter, gradient, state);
            policy.set_parameter(&name, updated);
            if let Some(state) = state {
                self.states.insert(name, state);
            }
        }
        self.updates += 1;
    }

    /// Both moments of every parameter, as `m/{name}` and `v/{name}`, for a checkpoint.
    pub fn to_weights(&self) -> Weights {
        let mut weights = Weights::new();
        for (name, state) in &self.states {
            for (prefix, moment) in
                [("m", &state.momentum.moment_1), ("v", &state.momentum.moment_2)]
            {
                let shape = moment.dims().to_vec();
                let host = HostTensor { shape, data: to_vec(moment) };
                weights.insert(format!("{prefix}/{name}"), host);
            }
        }
        weights
    }

    /// Restores what [`AdamWOptimizer::to_weights`] gave after `updates` updates.
    ///
    /// # Errors
    /// Names the moment that is missing or misshapen.
    pub fn restore(
        &mut self,
        policy: &Transformer,
        weights: &Weights,
        updates: u64,
    ) -> Result<(), TrainError> {
        self.updates = updates;
        self.states.clear();
        if updates == 0 {
            return Ok(());
        }
        let device = policy.device().clone().inner();
        for (name, parameter) in policy.parameters() {
            let moment = |prefix: &str| {
                let key = format!("{prefix}/{name}");
                match weights.get(&key) {
                    Some(host) if host.shape == parameter.dims() => {
                        let data = TensorData::new(host.data.clone(), parameter.dims());
                        Ok(Tensor::<2>::from_data(data, &device))
                    }
                    _ => Err(TrainError::OptimizerState { tensor: key }),
                }
            };
            let momentum = AdaptiveMomentumState::new(updates as usize, moment("m")?, moment("v")?);
            self.states.insert(name.clone(), AdamWState::new(momentum));
        }
        Ok(())
    }
}
