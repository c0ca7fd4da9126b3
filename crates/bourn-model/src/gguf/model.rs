//! GGUF's metadata and tensor names in Hugging Face's terms.

use std::collections::BTreeMap;

use super::reader::{Gguf, GgufValue};
use super::rope::{self, ROPE_FACTORS};
use crate::config::{Family, ModelConfig};
use crate::weights::{self, Expected, HostTensor, Weights};
use crate::{ModelError, Part, Rope};

/// The checked configuration.
pub(super) fn config(file: &Gguf) -> Result<ModelConfig, ModelError> {
    let key = "general.architecture";
    let name = file.text(key)?.unwrap_or_default();
    let family = Family::from_name(name).ok_or_else(|| {
        file.key_error(key, format!("`{name}` is not supported; bourn runs llama, qwen2 and qwen3"))
    })?;
    let own = |rest: &str| format!("{name}.{rest}");
    let need =
        |rest: &str| file.size(&own(rest))?.ok_or_else(|| file.key_error(&own(rest), "is missing"));
    refuse_unsupported(file, name)?;
    let (hidden_size, num_heads) = (need("embedding_length")?, need("attention.head_count")?);
    let head_dim = match file.size(&own("attention.key_length"))? {
        Some(d) => d,
        None => hidden_size.checked_div(num_heads).unwrap_or(0),
    };
    for rest in ["attention.value_length", "rope.dimension_count"] {
        if file.size(&own(rest))?.is_some_and(|d| d != head_dim) {
            let message = format!("must be the length of a head, {head_dim}");
            return Err(file.key_error(&own(rest), message));
        }
    }
    let vocab_size = match file.tensors.get("token_embd.weight") {
        Some(entry) if entry.shape.len() == 2 => entry.shape[0],
        Some(_) => return Err(file.error("tensor `token_embd.weight` is not a matrix")),
        None => return Err(file.error("tensor `token_embd.weight` is missing")),
    };
    let eps = own("attention.layer_norm_rms_epsilon");
    // Metadata says nothing of biases. A family has all of a kind or none: the first layer tells.
    let biased = |parts: &[&str]| {
        parts.iter().any(|part| file.tensors.contains_key(&format!("blk.0.{part}.bias")))
    };
    let mut config = ModelConfig {
        family,
        vocab_size,
        hidden_size,
        intermediate_size: need("feed_forward_length")?,
        num_layers: need("block_count")?,
        num_heads,
        num_kv_heads: file.size(&own("attention.head_count_kv"))?.unwrap_or(num_heads),
        head_dim,
        max_position: need("context_length")?,
        rope: Rope {
            theta: file.number(&own("rope.freq_base"))?.unwrap_or(10_000.0),
            scaling: None,
        },
        rms_norm_eps: file.number(&eps)?.ok_or_else(|| file.key_error(&eps, "is missing"))?,
        tie_embeddings: !file.tensors.contains_key("output.weight"),
        qkv_bias: family == Family::Qwen2 || biased(&["attn_q", "attn_output"]),
        qk_norm: family == Family::Qwen3,
        // Qwen2 has none in `transformers`: what a file has is refused as what has no place.
        output_bias: family != Family::Qwen2 && biased(&["attn_q", "attn_output"]),
        mlp_bias: family == Family::Llama && biased(&["ffn_gate", "ffn_up", "ffn_down"]),
        sliding: None,
    };
    let check = |config: &ModelConfig| {
        config.check().map_err(|(key, message)| file.key_error(&format!("{name} ({key})"), message))
    };
    check(&config)?;
    refuse_window(file, &config, name)?;
    config.rope = rope::read(file, &config, name)?;
    check(&config)?;
    Ok(config)
}

/// Keys under `<architecture>.attention.` that are read, or that say nothing of the numbers of these
/// families.
const ATTENTION: [&str; 11] = [
    "head_count",
    "head_count_kv",
    "key_length",
    "value_length",
    "layer_norm_rms_epsilon",
    "layer_norm_epsilon",
    "sliding_window",
    "causal",
    "scale",
    "clamp_kqv",
    "max_alibi_bias",
];

/// Numbers that other architectures have, with the value that changes nothing beside 0.
const NEUTRAL: [(&str, f64); 10] = [
    ("expert_count", 0.0),
    ("logit_scale", 1.0),
    ("embedding_scale", 1.0),
    ("residual_scale", 1.0),
    ("attn_logit_softcapping", 0.0),
    ("final_logit_softcapping", 0.0),
    ("router_logit_softcapping", 0.0),
    ("attention.scale", 0.0),
    ("attention.clamp_kqv", 0.0),
    ("attention.max_alibi_bias", 0.0),
];

/// Metadata that asks for arithmetic bourn does not do, or that nobody here knows and that stands where
/// such metadata stands.
fn refuse_unsupported(file: &Gguf, name: &str) -> Result<(), ModelError> {
    for (key, neutral) in NEUTRAL {
        let key = format!("{name}.{key}");
        if let Some(value) = file.number(&key)?.filter(|v| *v != 0.0 && *v != neutral) {
            return Err(file.key_error(&key, format!("{value} is not supported")));
        }
    }
    let causal = format!("{name}.attention.causal");
    if file.boolean(&causal)? == Some(false) {
        return Err(file.key_error(&causal, "false is not supported"));
    }
    for (group, known) in [("attention", &ATTENTION[..]), ("rope", &rope::KEYS[..])] {
        let group = format!("{name}.{group}.");
        let strange =
            |key: &&String| key.strip_prefix(&group).is_some_and(|rest| !known.contains(&rest));
        if let Some(key) = file.metadata.keys().find(strange) {
            let message = "is not supported: bourn does not know what it does to the numbers";
            return Err(file.key_error(key, message));
        }
    }
    Ok(())
}

/// A window that no sequence reaches is none.
fn refuse_window(file: &Gguf, config: &ModelConfig, name: &str) -> Result<(), ModelError> {
    let key = format!("{name}.attention.sliding_window");
    match file.size(&key)?.filter(|&window| window > 0 && window < config.max_position) {
        None => Ok(()),
        Some(window) => {
            let message = format!(
                "attention over a window of {window} tokens is not supported where {} are a context; use the model's Hugging Face directory, of which bourn takes sequences up to the window",
                config.max_position
            );
            Err(file.key_error(&key, message))
        }
    }
}

/// The weights, each checked against the configuration before memory is taken.
pub(super) fn weights(file: &Gguf, config: &ModelConfig) -> Result<Weights, ModelError> {
    let expected = Expected::new(config);
    let mut out: BTreeMap<String, HostTensor> = BTreeMap::new();
    for (gguf_name, entry) in file.tensors.iter().filter(|(name, _)| *name != ROPE_FACTORS) {
        // A name with no counterpart fails the check as itself.
        let name = Part::from_gguf(gguf_name).unwrap_or_else(|| gguf_name.clone());
        expected.check(&name, &entry.shape).map_err(|e| e.inside(&file.path))?;
        let data = file.values(gguf_name, entry)?;
        let heads = match Part::of(&name) {
            Some((Part::Q | Part::QBias, _)) => Some(config.num_heads),
            Some((Part::K | Part::KBias, _)) => Some(config.num_kv_heads),
            _ => None,
        };
        let heads = heads.filter(|_| config.family == Family::Llama);
        let width = if entry.shape.len() == 1 { 1 } else { config.hidden_size };
        let data = match heads {
            Some(heads) => rotate_half_order(&data, heads, config.head_dim, width),
            None => data,
        };
        let data = data.into();
        out.insert(name, HostTensor { shape: entry.shape.clone(), data });
    }
    weights::settle(config, out).map_err(|e| e.inside(&file.path))
}

/// Llama-architecture files hold each head's rows of Q and K in the order of interleaved rotation
/// (0, d/2, 1, d/2 + 1, …); Hugging Face rotates halves (0, 1, …, d − 1).
fn rotate_half_order(data: &[f32], heads: usize, head_dim: usize, width: usize) -> Vec<f32> {
    let half = head_dim / 2;
    let mut out = Vec::with_capacity(data.len());
    for head in 0..heads {
        for row in 0..head_dim {
            let from = head * head_dim + 2 * (row % half) + row / half;
            out.extend_from_slice(&data[from * width..(from + 1) * width]);
        }
    }
    out
}

/// An array of integers or floats under a key, if it is there.
pub(super) fn floats(file: &Gguf, key: &str) -> Result<Option<Vec<f32>>, ModelError> {
    match file.metadata.get(key) {
        None => Ok(None),
        Some(GgufValue::Floats(f)) => Ok(Some(f.clone())),
        Some(_) => Err(file.key_error(key, "must be an array of f32")),
    }
}

#[cfg(test)]
#[path = "../../tests/unit/gguf/model.rs"]
mod tests;
