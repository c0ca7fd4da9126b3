//! GGUF's metadata and tensor names in Hugging Face's terms.

use std::collections::BTreeMap;

use super::reader::{Gguf, GgufValue};
use crate::config::{Family, Llama3Scaling, ModelConfig, Rope};
use crate::weights::{self, Expected, HostTensor, Weights};
use crate::{ModelError, Part};

const ROPE_FACTORS: &str = "rope_freqs.weight";

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
        qkv_bias: family == Family::Qwen2,
        qk_norm: family == Family::Qwen3,
    };
    let check = |config: &ModelConfig| {
        config.check().map_err(|(key, message)| file.key_error(&format!("{name} ({key})"), message))
    };
    check(&config)?;
    config.rope.scaling = rope_scaling(file, &config, name)?;
    check(&config)?;
    Ok(config)
}

fn refuse_unsupported(file: &Gguf, name: &str) -> Result<(), ModelError> {
    let scaling = format!("{name}.rope.scaling.type");
    if let Some(kind) = file.text(&scaling)?.filter(|kind| *kind != "none") {
        return Err(file.key_error(&scaling, format!("`{kind}` is not supported")));
    }
    for key in ["expert_count", "attention.sliding_window"] {
        let key = format!("{name}.{key}");
        if file.size(&key)?.is_some_and(|n| n > 0) {
            return Err(file.key_error(&key, "is not supported"));
        }
    }
    Ok(())
}

/// Llama 3.x's scaling, which GGUF holds as the factors that come of it. All such models share the
/// two frequency factors 1 and 4 and an original length of 8192 (or what the metadata says); the
/// factors are recomputed from them, and any that come out differently are refused.
fn rope_scaling(
    file: &Gguf,
    config: &ModelConfig,
    name: &str,
) -> Result<Option<Llama3Scaling>, ModelError> {
    let Some(entry) = file.tensors.get(ROPE_FACTORS) else { return Ok(None) };
    let pairs = config.head_dim / 2;
    if entry.shape != [pairs] {
        let (tensor, found) = (ROPE_FACTORS.to_owned(), entry.shape.clone());
        let error = ModelError::Shape { tensor, found, expected: vec![pairs] };
        return Err(error.inside(&file.path));
    }
    let factors = file.values(ROPE_FACTORS, entry)?;
    let factor = f64::from(factors.iter().copied().fold(1.0, f32::max));
    if factors.iter().all(|f| *f == 1.0) {
        return Ok(None);
    }
    let original = format!("{name}.rope.scaling.original_context_length");
    let scaling = Llama3Scaling {
        factor,
        low_freq_factor: 1.0,
        high_freq_factor: 4.0,
        original_max_position: file.size(&original)?.unwrap_or(8_192),
    };
    for (pair, &found) in factors.iter().enumerate() {
        let exponent = 2.0 * pair as f64 / config.head_dim as f64;
        let wanted = scaling.stretch(config.rope.theta.powf(-exponent));
        // The file's factors were computed in f32 and rounded to it: a few units of 6e-8.
        let close = (f64::from(found) - wanted).abs() <= 1e-5 * wanted;
        if !close {
            let message = format!(
                "factor {pair} is {found} where Llama 3.x's scaling by {factor} gives {wanted}; bourn has no other RoPE scaling"
            );
            let error = ModelError::Tensor { tensor: ROPE_FACTORS.to_owned(), message };
            return Err(error.inside(&file.path));
        }
    }
    Ok(Some(scaling))
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
            Some((Part::Q, _)) => Some(config.num_heads),
            Some((Part::K, _)) => Some(config.num_kv_heads),
            _ => None,
        };
        let heads = heads.filter(|_| config.family == Family::Llama);
        let data = match heads {
            Some(heads) => rotate_half_order(&data, heads, config.head_dim, config.hidden_size),
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
