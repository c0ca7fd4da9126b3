//! `config.json` as `transformers` writes it, to and from a [`ModelConfig`].

use serde_json::{Map, Value, json};

use crate::ModelError;
use crate::config::{Family, Llama3Scaling, ModelConfig, Rope};
use crate::json_file::Object;

impl Family {
    /// The class that `transformers` opens it with.
    fn class(self) -> &'static str {
        match self {
            Family::Llama => "LlamaForCausalLM",
            Family::Qwen2 => "Qwen2ForCausalLM",
            Family::Qwen3 => "Qwen3ForCausalLM",
        }
    }

    /// Values of absent keys: vocabulary, intermediate size, longest sequence
    /// (`transformers`' configuration classes).
    fn defaults(self) -> (usize, usize, usize) {
        match self {
            Family::Llama => (32_000, 11_008, 2_048),
            Family::Qwen2 | Family::Qwen3 => (151_936, 22_016, 32_768),
        }
    }
}

impl ModelConfig {
    /// Checks a `config.json`, as `transformers` before and after version 5 writes it. Absent keys have
    /// `transformers`' defaults; an error names the file and the key.
    pub(crate) fn from_object(o: &Object) -> Result<ModelConfig, ModelError> {
        let name = o.string("model_type")?.unwrap_or_default();
        let family = Family::from_name(&name).ok_or_else(|| {
            o.error(
                "model_type",
                format!("`{name}` is not supported; bourn runs llama, qwen2 and qwen3"),
            )
        })?;
        refuse_unsupported(o, family)?;
        let (vocab_size, intermediate_size, max_position) = family.defaults();
        let hidden_size = o.size("hidden_size")?.unwrap_or(4_096);
        let num_heads = o.size("num_attention_heads")?.unwrap_or(32);
        let kv_default = match family {
            // A null in Qwen's files means one per query head too.
            Family::Qwen2 | Family::Qwen3 if !o.contains("num_key_value_heads") => 32,
            _ => num_heads,
        };
        let head_dim = match (o.size("head_dim")?, family) {
            (Some(d), _) => d,
            (None, Family::Qwen3) => 128,
            (None, _) if num_heads > 0 && hidden_size % num_heads == 0 => hidden_size / num_heads,
            (None, _) => {
                return Err(o.error(
                    "num_attention_heads",
                    format!("{num_heads} heads do not divide hidden_size = {hidden_size}, and there is no `head_dim`"),
                ));
            }
        };
        let config = ModelConfig {
            family,
            vocab_size: o.size("vocab_size")?.unwrap_or(vocab_size),
            hidden_size,
            intermediate_size: o.size("intermediate_size")?.unwrap_or(intermediate_size),
            num_layers: o.size("num_hidden_layers")?.unwrap_or(32),
            num_heads,
            num_kv_heads: o.size("num_key_value_heads")?.unwrap_or(kv_default),
            head_dim,
            max_position: o.size("max_position_embeddings")?.unwrap_or(max_position),
            rope: read_rope(o)?,
            rms_norm_eps: o.number("rms_norm_eps")?.unwrap_or(1e-6),
            tie_embeddings: o.boolean("tie_word_embeddings")?.unwrap_or(false),
            qkv_bias: family == Family::Qwen2,
            qk_norm: family == Family::Qwen3,
        };
        config.check().map_err(|(key, message)| o.error(key, message))?;
        refuse_sliding_window(o, &config)?;
        Ok(config)
    }

    /// The `config.json` that `transformers` opens this model with. Token ids are not part of the
    /// configuration; `save` adds them.
    pub(crate) fn to_hf_json(&self) -> Value {
        let scaling = self.rope.scaling.as_ref().map_or(Value::Null, |s| {
            json!({
                "rope_type": "llama3",
                "factor": s.factor,
                "low_freq_factor": s.low_freq_factor,
                "high_freq_factor": s.high_freq_factor,
                "original_max_position_embeddings": s.original_max_position,
            })
        });
        let mut object = json!({
            "architectures": [self.family.class()],
            "model_type": self.family.name(),
            "vocab_size": self.vocab_size,
            "hidden_size": self.hidden_size,
            "intermediate_size": self.intermediate_size,
            "num_hidden_layers": self.num_layers,
            "num_attention_heads": self.num_heads,
            "num_key_value_heads": self.num_kv_heads,
            "head_dim": self.head_dim,
            "hidden_act": "silu",
            "max_position_embeddings": self.max_position,
            "rope_theta": self.rope.theta,
            "rope_scaling": scaling,
            "rms_norm_eps": self.rms_norm_eps,
            "tie_word_embeddings": self.tie_embeddings,
            "attention_dropout": 0.0,
            "torch_dtype": "float32",
            "use_cache": true,
        });
        let extra = match self.family {
            Family::Llama => json!({"attention_bias": false, "mlp_bias": false}),
            Family::Qwen2 => json!({"use_sliding_window": false}),
            Family::Qwen3 => json!({"attention_bias": false, "use_sliding_window": false}),
        };
        if let (Value::Object(object), Value::Object(extra)) = (&mut object, extra) {
            object.extend(extra);
        }
        object
    }
}

/// Keys that ask for arithmetic bourn does not do.
fn refuse_unsupported(o: &Object, family: Family) -> Result<(), ModelError> {
    if let Some(act) = o.string("hidden_act")?.filter(|act| act != "silu") {
        return Err(o.error("hidden_act", format!("`{act}` is not supported; only silu is")));
    }
    if o.get("quantization_config").is_some() {
        let message =
            "quantised checkpoints are not supported; use the unquantised model or a GGUF";
        return Err(o.error("quantization_config", message));
    }
    for key in ["attention_bias", "mlp_bias"] {
        if o.boolean(key)?.unwrap_or(false) {
            return Err(o.error(key, format!("true is not supported for {}", family.name())));
        }
    }
    if let Some(Value::Array(names)) = o.get("architectures")
        && !names.iter().any(|n| n.as_str().is_some_and(|n| n.ends_with("ForCausalLM")))
    {
        let message = format!("{names:?} is not a causal language model ({})", family.class());
        return Err(o.error("architectures", message));
    }
    if o.number("partial_rotary_factor")?.is_some_and(|f| f != 1.0) {
        return Err(o.error("partial_rotary_factor", "only 1 is supported"));
    }
    Ok(())
}

/// Windows that never cut anything off are no windows.
fn refuse_sliding_window(o: &Object, config: &ModelConfig) -> Result<(), ModelError> {
    let layer_types = match o.get("layer_types") {
        Some(Value::Array(types)) => Some(types),
        _ => None,
    };
    let other = |t: &&Value| !matches!(t.as_str(), Some("full_attention" | "sliding_attention"));
    if let Some(t) = layer_types.and_then(|types| types.iter().find(other)) {
        return Err(o.error("layer_types", format!("{t} is not supported")));
    }
    if config.family == Family::Llama || !o.boolean("use_sliding_window")?.unwrap_or(false) {
        return Ok(());
    }
    let window = o.size("sliding_window")?.unwrap_or(4_096);
    let from = o.size("max_window_layers")?.unwrap_or(28);
    let slides = match layer_types {
        Some(types) => types.iter().any(|t| t.as_str() == Some("sliding_attention")),
        None => from < config.num_layers,
    };
    if slides
        && window < config.max_position
        && o.get("sliding_window").is_none_or(|w| !w.is_null())
    {
        let message = format!("attention over a window of {window} tokens is not supported");
        return Err(o.error("use_sliding_window", message));
    }
    Ok(())
}

/// RoPE from `rope_parameters` (version 5) or from `rope_theta` and `rope_scaling` (before).
fn read_rope(o: &Object) -> Result<Rope, ModelError> {
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
    let theta = match s.number("rope_theta")? {
        Some(theta) => theta,
        None => o.number("rope_theta")?.unwrap_or(10_000.0),
    };
    let kind = match s.string("rope_type")? {
        Some(kind) => Some(kind),
        None => s.string("type")?,
    };
    let scaling = match kind.as_deref() {
        None | Some("default") => None,
        Some("llama3") => {
            let need = |key: &str| s.number(key)?.ok_or_else(|| s.error(key, "is missing"));
            let original = "original_max_position_embeddings";
            Some(Llama3Scaling {
                factor: need("factor")?,
                low_freq_factor: need("low_freq_factor")?,
                high_freq_factor: need("high_freq_factor")?,
                original_max_position: s
                    .size(original)?
                    .ok_or_else(|| s.error(original, "is missing"))?,
            })
        }
        Some(other) => {
            let message = format!("`{other}` is not supported; bourn has default and llama3");
            return Err(s.error("rope_type", message));
        }
    };
    Ok(Rope { theta, scaling })
}
