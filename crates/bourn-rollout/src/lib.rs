//! Prompts to completions: sampler, KV cache, batched generation, scoring of given text.
//!
//! [`Rollouts`] is what any engine can be asked: to draw what a [`Work`] asks for, and to score what is
//! there. [`HoldWeights`] is apart from it: to take weights, to give them up. [`generate`] draws a fixed
//! list of requests through any engine. **Whoever draws knows these traits alone**, so that another
//! engine is one more type with both.
//!
//! [`Engine`] is bourn's own. It holds a model's weights, packed for the CPU's kernels
//! ([`Engine::new`]) or on another device of Burn's ([`Engine::on_device`]). It draws
//! with continuous batching: prompts are prefilled once and shared by all completions that start
//! from them, what several prompts begin with (a system prompt, examples) once for all of these,
//! finished rows leave, waiting rows enter. A row whose work goes on with tokens from elsewhere
//! ([`Next::Continue`]) keeps its cache, reads them and draws another completion.
//!
//! **A completion does not depend on what it shared a batch with.** On the CPU its tokens, log-probs and
//! entropies are the same bits whatever the batch size, the number of threads, and the order and
//! number of other requests; and [`Rollouts::score`] at the same temperature gives the log-probs and
//! entropies of [`Rollouts::draw`] bit for bit. This holds on one machine; another instruction set with a
//! fused multiply-add gives the same bits too, up to the mathematical functions of its standard
//! library (cosine and logarithm in f64). Another device adds up in an order that follows the shape of
//! the batch, so that all this holds there up to rounding: the random numbers are the CPU's, and a
//! token differs where one lies within rounding of a boundary between two tokens.
//!
//! This room **knows nothing of gradients**, rewards or text: inputs in, token ids out. Stop strings are
//! data ([`Sampling::stop_strings`]), looked for by whoever knows the tokenizer.
//!
//! ```
//! use std::ops::ControlFlow;
//!
//! # use bourn_model::{Family, HostTensor, ModelConfig, Rope, Weights};
//! use bourn_rollout::{
//!     Engine, EngineOptions, Inputs, Request, Rollouts, Sampling, ScoreItem, Storage, generate,
//! };
//!
//! # let config = ModelConfig {
//! #     family: Family::Llama, vocab_size: 61, hidden_size: 8, intermediate_size: 12, num_layers: 1,
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
//! let options = EngineOptions { batch_size: 8, cache_bytes: 1 << 20, storage: Storage::F32 };
//! let mut engine = Engine::new(&config, &weights, &options)?;
//! let prompt = Inputs::from(vec![1, 2, 3]);
//! let request = Request { prompt: &prompt, stream: "sum-7", first: 0, count: 4 };
//! let sampling = Sampling { seed: 1, purpose: "train".into(), ..Sampling::new(16) };
//! let go_on = &mut |_| ControlFlow::Continue(());
//! let drawn = generate(&mut engine, &[request], &sampling, go_on)?.remove(0);
//! assert_eq!(drawn.len(), 4);
//!
//! // Scored, a completion has the log-probs that it was drawn with, to the last bit.
//! let item = ScoreItem { prompt: &prompt, completion: &drawn[2].tokens };
//! let scored = engine.score(&[item], &Sampling::whole(1.0)?, go_on)?.remove(0);
//! assert_eq!(scored.logprobs, drawn[2].logprobs);
//! # Ok::<(), bourn_rollout::RolloutError>(())
//! ```

mod batch;
mod cache;
mod cpu;
mod device;
mod engine;
mod error;
mod generate;
mod listed;
mod network;
mod path;
mod paths;
mod rollouts;
mod sampler;
mod score;
mod trunks;
mod types;

pub use bourn_episode::{Finish, Inputs, Next};
pub use bourn_kernel::Storage;
pub use cache::cache_bytes;
pub use device::{Counts, cache_bytes as device_cache_bytes};
pub use error::RolloutError;
pub use network::working_bytes;
pub use paths::Engine;
pub use rollouts::{Capabilities, HoldWeights, RolloutEngine, Rollouts, generate};
pub use types::{
    Completion, EngineOptions, Progress, Prompt, Request, Sampling, ScoreItem, Scored, Stopped,
    Work,
};
