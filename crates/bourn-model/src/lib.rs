//! The transformer in Burn, its weights, tokenizer and chat template.
//!
//! [`open`] reads a model from a Hugging Face directory, a hub id or a GGUF file into a [`Bundle`];
//! [`save`] writes a directory that `transformers` opens. **This room knows nothing of rewards**,
//! and everything here but the transformer itself is plain data on the host: weights are f32,
//! row-major, under Hugging Face's names, whatever the file held.
//!
//! ```
//! use bourn_model::transformer::{Packed, Transformer, read_values};
//! use bourn_model::{Family, HostTensor, ModelConfig, Part, Rope, Weights};
//! use burn::tensor::Device;
//!
//! let config = ModelConfig {
//!     family: Family::Llama, vocab_size: 11, hidden_size: 8, intermediate_size: 12, num_layers: 2,
//!     num_heads: 2, num_kv_heads: 1, head_dim: 4, max_position: 64,
//!     rope: Rope { theta: 10_000.0, scaling: None }, rms_norm_eps: 1e-5, tie_embeddings: true,
//!     qkv_bias: false, qk_norm: false, output_bias: false, mlp_bias: false, sliding: None,
//! };
//! let tensor = |(name, shape): (String, Vec<usize>)| {
//!     let count = shape.iter().product::<usize>();
//!     let data = (0..count).map(|i| (i * 7919 % 101) as f32 / 101.0 - 0.5).collect();
//!     (name, HostTensor { shape, data })
//! };
//! let mut weights: Weights = config.expected_tensors().into_iter().map(tensor).collect();
//! let model = Transformer::from_weights(&config, &weights, &Device::flex())?;
//!
//! // log π of 5 after 1, 2, 3: the place of the token before it is asked for.
//! let mut batch = Packed::default();
//! batch.push([1, 2, 3]);
//! let (scores, _) = model.score(&batch, vec![2], &[5], 1.0, false);
//! assert!(read_values(&scores.logprobs)?[0] < 0.0);
//!
//! // Upper layers alone learn.
//! let upper = model.with_trainable(|_, layer| layer == Some(1));
//! assert!(upper.trainable().all(|(name, _)| name.starts_with("model.layers.1.")));
//!
//! // Whatever is not the configuration's is named.
//! weights.remove(&Part::Q.in_layer(1));
//! let error = Transformer::from_weights(&config, &weights, &Device::flex()).unwrap_err();
//! assert!(error.to_string().contains("model.layers.1.self_attn.q_proj.weight"));
//! # Ok::<(), bourn_model::ModelError>(())
//! ```

mod adapter;
mod bundle;
mod chat;
mod config;
mod device;
mod error;
mod fused;
mod gguf;
mod hf_config;
mod hf_rope;
mod hub;
mod json_file;
pub mod ops;
mod packed;
mod parts;
pub mod prompt;
mod resident;
mod rope;
mod safetensors_file;
mod source;
mod special_ids;
mod stop;
mod template_files;
mod tokenizer;
pub mod transformer;
mod weights;

pub use bourn_episode::Message;
pub use bourn_hub::HubSettings;
pub use bundle::{Bundle, FILES, KEPT_BELOW, open, open_path, save};
pub use chat::{ChatTemplate, render_templates_apart};
pub use config::{Family, ModelConfig, SlidingWindow};
pub use device::{built_for, is_cpu, open_device};
pub use error::ModelError;
pub use fused::{activation_bytes, composed_bytes};
pub use hub::ask_hub;
pub use parts::Part;
pub use resident::Resident;
pub use rope::{Llama3Scaling, Rope, RopeScaling, Rotation, YarnScaling};
pub use safetensors_file::{read_tensors, write_tensors};
pub use source::{SourceKind, seems_chat};
pub use stop::StopStrings;
pub use tokenizer::Tokenizer;
pub use weights::{HostTensor, Values, Weights, weights_hash};
