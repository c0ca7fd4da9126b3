//! The transformer in Burn, its weights, tokenizer and chat template.
//!
//! [`open`] reads a model from a Hugging Face directory, a hub id or a GGUF file into a [`Bundle`];
//! [`save`] writes a directory that `transformers` opens. **This room knows nothing of rewards**,
//! and everything here but the transformer itself is plain data on the host: weights are f32,
//! row-major, under Hugging Face's names, whatever the file held.

mod bundle;
mod chat;
mod config;
mod device;
mod error;
mod fused;
mod gguf;
mod hf_config;
mod hub;
mod json_file;
pub mod ops;
mod packed;
mod parts;
pub mod prompt;
mod resident;
mod safetensors_file;
mod stop;
mod tokenizer;
pub mod transformer;
mod weights;

pub use bundle::{Bundle, KEPT_BELOW, open, save};
pub use chat::{ChatTemplate, Message};
pub use config::{Family, Llama3Scaling, ModelConfig, Rope};
pub use device::{is_cpu, open_device};
pub use error::ModelError;
pub use fused::{activation_bytes, composed_bytes};
pub use parts::Part;
pub use resident::Resident;
pub use safetensors_file::{read_tensors, write_tensors};
pub use stop::StopStrings;
pub use tokenizer::Tokenizer;
pub use weights::{HostTensor, Values, Weights, weights_hash};
