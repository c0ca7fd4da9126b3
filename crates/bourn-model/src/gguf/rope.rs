//! RoPE in GGUF's metadata, read as llama.cpp reads it: whatever is there is applied or refused.

use super::reader::Gguf;
use crate::config::ModelConfig;
use crate::rope::{Llama3Scaling, RopeScaling, YarnScaling};
use crate::{ModelError, Rope};

/// Llama 3.x's scaling, as the factors that come of it.
pub(super) const ROPE_FACTORS: &str = "rope_freqs.weight";

/// The keys under `<architecture>.rope.` that are read here.
pub(super) const KEYS: [&str; 13] = [
    "dimension_count",
    "freq_base",
    "scale_linear",
    "scaling.type",
    "scaling.factor",
    "scaling.original_context_length",
    "scaling.attn_factor",
    "scaling.finetuned",
    "scaling.yarn_ext_factor",
    "scaling.yarn_attn_factor",
    "scaling.yarn_beta_fast",
    "scaling.yarn_beta_slow",
    "scaling.yarn_log_multiplier",
];

/// RoPE of a model whose sizes are known and checked.
pub(super) fn read(file: &Gguf, config: &ModelConfig, name: &str) -> Result<Rope, ModelError> {
    let own = |rest: &str| format!("{name}.rope.{rest}");
    let theta = config.rope.theta;
    let written = scaling(file, config, &own)?;
    let scaling = match (factors(file, config, name)?, written) {
        (Some(_), Some(_)) => {
            let message = format!("scales what the tensor `{ROPE_FACTORS}` scales already");
            return Err(file.key_error(&own("scaling.factor"), message));
        }
        (factors, written) => factors.or(written),
    };
    Ok(Rope { theta, scaling })
}

/// What the metadata says. A factor without a type is a linear one, and so is the old key's.
fn scaling(
    file: &Gguf,
    config: &ModelConfig,
    own: &dyn Fn(&str) -> String,
) -> Result<Option<RopeScaling>, ModelError> {
    let number = |rest: &str| file.number(&own(rest));
    let factor = match number("scaling.factor")? {
        Some(factor) => Some(factor),
        None => number("scale_linear")?,
    };
    // Zero is none there.
    let factor = factor.filter(|factor| *factor != 0.0);
    let kind = own("scaling.type");
    let scaling = match (file.text(&kind)?, factor) {
        (Some("none"), _) | (None, None) => None,
        (Some("linear") | None, Some(factor)) => {
            (factor != 1.0).then_some(RopeScaling::Linear { factor })
        }
        (Some("yarn"), Some(factor)) => Some(RopeScaling::Yarn(yarn(file, config, factor, own)?)),
        (Some(kind @ ("linear" | "yarn")), None) => {
            let message = format!("is missing, and the scaling is `{kind}`");
            return Err(file.key_error(&own("scaling.factor"), message));
        }
        (Some(other), _) => {
            let message = format!("`{other}` is not supported; bourn reads none, linear and yarn");
            return Err(file.key_error(&kind, message));
        }
    };
    if !matches!(scaling, Some(RopeScaling::Yarn(_))) {
        for rest in ["scaling.attn_factor", "scaling.yarn_attn_factor"] {
            if let Some(factor) = number(rest)?.filter(|factor| *factor != 1.0) {
                let message = format!("{factor} is supported with yarn alone; elsewhere only 1 is");
                return Err(file.key_error(&own(rest), message));
            }
        }
    }
    Ok(scaling)
}

fn yarn(
    file: &Gguf,
    config: &ModelConfig,
    factor: f64,
    own: &dyn Fn(&str) -> String,
) -> Result<YarnScaling, ModelError> {
    let number = |rest: &str| file.number(&own(rest));
    // −1 stands for what the type implies, and that is all of it.
    let extrapolated = "scaling.yarn_ext_factor";
    if let Some(share) = number(extrapolated)?.filter(|share| *share >= 0.0 && *share != 1.0) {
        return Err(file.key_error(&own(extrapolated), format!("{share}: only 1 is supported")));
    }
    let logarithm = "scaling.yarn_log_multiplier";
    if let Some(times) = number(logarithm)?.filter(|times| *times != 0.0) {
        return Err(file.key_error(&own(logarithm), format!("{times} is not supported")));
    }
    let attention = number("scaling.attn_factor")?.unwrap_or(1.0)
        * number("scaling.yarn_attn_factor")?.unwrap_or(1.0);
    let original = file.size(&own("scaling.original_context_length"))?;
    Ok(YarnScaling {
        factor,
        original_max_position: original.unwrap_or(config.max_position),
        beta_fast: number("scaling.yarn_beta_fast")?.unwrap_or(32.0),
        beta_slow: number("scaling.yarn_beta_slow")?.unwrap_or(1.0),
        attention_factor: attention * YarnScaling::recommended(factor, 1.0),
        truncate: true,
    })
}

/// Llama 3.x's scaling, which GGUF holds as the factors that come of it. All such models share the
/// two frequency factors 1 and 4 and an original length of 8192 (or what the metadata says); the
/// factors are recomputed from them, and any that come out differently are refused.
fn factors(
    file: &Gguf,
    config: &ModelConfig,
    name: &str,
) -> Result<Option<RopeScaling>, ModelError> {
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
                "factor {pair} is {found} where Llama 3.x's scaling by {factor} gives {wanted}; bourn has no other scaling by a tensor"
            );
            let error = ModelError::Tensor { tensor: ROPE_FACTORS.to_owned(), message };
            return Err(error.inside(&file.path));
        }
    }
    Ok(Some(RopeScaling::Llama3(scaling)))
}
