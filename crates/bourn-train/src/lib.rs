//! The training loop, losses, pretraining, checkpoints and exact resume.
//!
//! Begin with [`run`]: it is the table of contents of the whole system. **This room knows
//! nothing of the command line**: it is given a recipe, a console and a flag to stop.
//!
//! Everything that learns goes through one loop, [`Learner::fit`](learner::Learner::fit); a loss is a type
//! with [`Objective`](learner::Objective):
//!
//! ```
//! use bourn_model::transformer::{Packed, Transformer, read_values};
//! # use bourn_model::{Family, HostTensor, ModelConfig, Rope, Weights};
//! use bourn_recipe::Optimizer;
//! use bourn_train::learner::{Descent, Learner, Loss, Objective, UpdateError};
//! use bourn_train::world::{Alone, World};
//! use burn::tensor::Device;
//!
//! /// −log π of token 5 after 1, 2, 3.
//! struct SayFive;
//!
//! impl Objective for SayFive {
//!     type Batch = Packed;
//!     const NORM: &'static str = "the gradient norm";
//!
//!     fn batches(&mut self, _: &[usize], _: &dyn World) -> Result<Vec<Packed>, UpdateError> {
//!         let mut batch = Packed::default();
//!         batch.push([1, 2, 3]);
//!         Ok(vec![batch])
//!     }
//!
//!     fn loss(&mut self, model: &Transformer, batch: &Packed) -> Result<Loss, UpdateError> {
//!         let (scores, trace) = model.score(batch, vec![2], &[5], 1.0, false);
//!         let scalar = scores.logprobs.sum().neg();
//!         let value = f64::from(read_values(&scalar.clone().inner())?[0]);
//!         Ok(Loss { scalar, trace, value })
//!     }
//!
//!     fn problems(&self, _: &[usize]) -> String {
//!         "five".into()
//!     }
//! }
//!
//! # let config = ModelConfig {
//! #     family: Family::Llama, vocab_size: 11, hidden_size: 8, intermediate_size: 12, num_layers: 1,
//! #     num_heads: 2, num_kv_heads: 1, head_dim: 4, max_position: 64,
//! #     rope: Rope { theta: 10_000.0, scaling: None }, rms_norm_eps: 1e-5, tie_embeddings: true,
//! #     qkv_bias: false, qk_norm: false, output_bias: false, mlp_bias: false, sliding: None,
//! # };
//! # let tensor = |(name, shape): (String, Vec<usize>)| {
//! #     let count = shape.iter().product::<usize>();
//! #     let data = (0..count).map(|i| (i * 7919 % 101) as f32 / 101.0 - 0.5).collect();
//! #     (name, HostTensor { shape, data })
//! # };
//! # let weights: Weights = config.expected_tensors().into_iter().map(tensor).collect();
//! let model = Transformer::from_weights(&config, &weights, &Device::flex().autodiff())?;
//! let adamw = Optimizer { lr: 1e-2, ..Optimizer::default() };
//! let mut learner = Learner::new(model, Descent::new(&adamw, 20));
//! let mut losses = Vec::new();
//! for _ in 0..20 {
//!     // One update: a plan of one minibatch.
//!     let fit = learner.fit(&[vec![0]], &mut SayFive, &Alone).expect("numbers");
//!     losses.push(fit.loss);
//! }
//! assert!(losses[19] < 0.5 * losses[0], "{losses:?}");
//! # Ok::<(), bourn_model::ModelError>(())
//! ```

pub mod ablate;
mod announce;
pub mod base;
mod cache_dir;
pub mod checkpoint;
mod clock;
mod credit;
mod critic;
pub mod doctor;
mod drawing;
pub mod engine;
mod engine_source;
mod episodes;
mod error;
pub mod experience;
mod forecast;
mod implicit;
mod judging;
pub mod learner;
mod learners;
mod likelihood;
mod logbook;
mod loss;
pub mod memory;
mod metrics;
pub mod optimizer;
mod origins;
pub mod probe;
mod prompts;
mod replay;
pub mod run;
mod rundir;
mod sealed;
pub mod settings;
mod side;
mod standalone;
mod stopping;
mod temperature;
#[cfg(test)]
#[path = "../tests/unit/testing.rs"]
mod testing;
pub mod update;
pub mod world;

pub use announce::detectable_before;
pub use error::{RunDirError, TrainError};
pub use forecast::{Forecast, Preview, preview};
pub use memory::{check_context, engine_options};
pub use probe::check_probe;
pub use run::{Outcome, RunOptions, train, train_in};
pub use standalone::{ProbeModels, ProbeOptions, Probing, probe_of_run};
