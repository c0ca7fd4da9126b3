//! RoPE in `config.json`, to and from a [`Rope`].

use serde_json::{Map, Value, json};

use crate::json_file::Object;
use crate::rope::{Llama3Scaling, RopeScaling, YarnScaling};
use crate::{ModelError, Rope};

const ORIGINAL: &str = "original_max_position_embeddings";

/// Keys of the table that say nothing of the scaling itself.
const COMMON: [&str; 4] = ["rope_type", "type", "rope_theta", "partial_rotary_factor"];
const LLAMA3: [&str; 4] = ["factor", "low_freq_factor", "high_freq_factor", ORIGINAL];
const YARN: [&str; 8] = [
    "factor",
    ORIGINAL,
    "attention_factor",
    "mscale",
    "mscale_all_dim",
    "beta_fast",
    "beta_slow",
    "truncate",
];

/// RoPE from `rope_parameters` (version 5 of `transformers`) or from `rope_theta` and `rope_scaling`
/// (before), of a model whose longest sequence is `max_position`.
pub(crate) fn read(o: &Object, max_position: usize) -> Result<Rope, ModelError> {
    let empty = Map::new();
    let (name, table) = match (o.get("rope_parameters"), o.get("rope_scaling")) {
        (Some(Value::Object(t)), _) => ("rope_parameters", t),
        (None, Some(Value::Object(t))) => ("rope_scaling", t),
        (None, None) => ("rope_scaling", &empty),
        (Some(_), _) => return Err(o.error("rope_parameters", "must be an object")),
        (None, Some(_)) => return Err(o.error("rope_scaling", "must be an object")),
    };
    let s = o.child(name, table);
    if s.number("partial_rotary_factor")?.is_some_and(|f| f != 1.0) {
        return Err(s.error("partial_rotary_factor", "only 1 is supported"));
    }
    if let Some((key, _)) = table.iter().find(|(_, value)| value.is_object()) {
        return Err(s.error(key, "RoPE that differs between layers is not supported"));
    }
    let theta = match s.number("rope_theta")? {
        Some(theta) => theta,
        None => o.number("rope_theta")?.unwrap_or(10_000.0),
    };
    let kind = match s.string("rope_type")? {
        Some(kind) => Some(kind),
        None => s.string("type")?,
    };
    let need = |key: &str| s.number(key)?.ok_or_else(|| s.error(key, "is missing"));
    // The key beside the table goes before the one in it, as `transformers` has it.
    let original = || match o.size(ORIGINAL)? {
        Some(length) => Ok::<_, ModelError>(length),
        None => Ok(s.size(ORIGINAL)?.unwrap_or(max_position)),
    };
    let (scaling, known): (_, &[&str]) = match kind.as_deref() {
        None | Some("default") => (None, &[]),
        Some("linear") => (Some(RopeScaling::Linear { factor: need("factor")? }), &["factor"]),
        Some("dynamic") => {
            // Some files say what the context was; with `transformers` it is the configuration's.
            (Some(RopeScaling::Dynamic { factor: need("factor")? }), &["factor", ORIGINAL])
        }
        Some("llama3") => {
            let scaling = Llama3Scaling {
                factor: need("factor")?,
                low_freq_factor: need("low_freq_factor")?,
                high_freq_factor: need("high_freq_factor")?,
                original_max_position: original()?,
            };
            (Some(RopeScaling::Llama3(scaling)), &LLAMA3)
        }
        Some("yarn") => (Some(RopeScaling::Yarn(yarn(&s, original()?, max_position)?)), &YARN),
        Some(other) => {
            let message = format!(
                "`{other}` is not supported; bourn has default, linear, dynamic, yarn and llama3"
            );
            return Err(s.error("rope_type", message));
        }
    };
    let strange = |key: &&String| {
        !COMMON.contains(&key.as_str()) && !known.contains(&key.as_str()) && s.get(key).is_some()
    };
    match (table.keys().find(strange), &kind) {
        (Some(key), None) => {
            let message =
                "there is no `rope_type` that says what it scales; write one, or remove it";
            Err(s.error(key, message))
        }
        (Some(key), Some(kind)) => {
            // As `transformers` does, for the same numbers.
            let path = o.path().display();
            tracing::warn!(
                "{path}: `{name}.{key}`: is no part of rope_type = {kind}; it is left out"
            );
            Ok(Rope { theta, scaling })
        }
        (None, _) => Ok(Rope { theta, scaling }),
    }
}

fn yarn(s: &Object, original: usize, max_position: usize) -> Result<YarnScaling, ModelError> {
    let factor = match s.number("factor")? {
        Some(factor) => factor,
        None if s.contains("factor") => max_position as f64 / original.max(1) as f64,
        None => return Err(s.error("factor", "is missing")),
    };
    // A zero is a default too.
    let given = |key: &str| s.number(key).map(|value| value.filter(|value| *value != 0.0));
    let attention_factor = match (s.number("attention_factor")?, given("mscale")?) {
        (Some(written), _) => written,
        (None, mscale) => match (mscale, given("mscale_all_dim")?) {
            (Some(one), Some(all)) => {
                YarnScaling::recommended(factor, one) / YarnScaling::recommended(factor, all)
            }
            _ => YarnScaling::recommended(factor, 1.0),
        },
    };
    Ok(YarnScaling {
        factor,
        original_max_position: original,
        beta_fast: given("beta_fast")?.unwrap_or(32.0),
        beta_slow: given("beta_slow")?.unwrap_or(1.0),
        attention_factor,
        truncate: s.boolean("truncate")?.unwrap_or(true),
    })
}

/// The table that `transformers` reads the scaling from.
pub(crate) fn write(scaling: &RopeScaling) -> Value {
    match scaling {
        RopeScaling::Linear { factor } => json!({"rope_type": "linear", "factor": factor}),
        RopeScaling::Dynamic { factor } => json!({"rope_type": "dynamic", "factor": factor}),
        RopeScaling::Llama3(s) => json!({
            "rope_type": "llama3",
            "factor": s.factor,
            "low_freq_factor": s.low_freq_factor,
            "high_freq_factor": s.high_freq_factor,
            "original_max_position_embeddings": s.original_max_position,
        }),
        RopeScaling::Yarn(s) => json!({
            "rope_type": "yarn",
            "factor": s.factor,
            "original_max_position_embeddings": s.original_max_position,
            "attention_factor": s.attention_factor,
            "beta_fast": s.beta_fast,
            "beta_slow": s.beta_slow,
            "truncate": s.truncate,
        }),
    }
}
