//! `config.json` as `transformers` writes it, to and from a [`ModelConfig`].

use serde_json::{Value, json};

use crate::ModelError;
use crate::config::{Family, ModelConfig, SlidingWindow};
use crate::hf_rope;
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
        let max_position = o.size("max_position_embeddings")?.unwrap_or(max_position);
        let num_layers = o.size("num_hidden_layers")?.unwrap_or(32);
        // Qwen2 has its own three whatever the key says, as `transformers` has it.
        let asks = |key: &str| o.boolean(key).map(|bias| bias.unwrap_or(false));
        let attention_bias = family != Family::Qwen2 && asks("attention_bias")?;
        let mut config = ModelConfig {
            family,
            vocab_size: o.size("vocab_size")?.unwrap_or(vocab_size),
            hidden_size,
            intermediate_size: o.size("intermediate_size")?.unwrap_or(intermediate_size),
            num_layers,
            num_heads,
            num_kv_heads: o.size("num_key_value_heads")?.unwrap_or(kv_default),
            head_dim,
            max_position,
            rope: hf_rope::read(o, max_position)?,
            rms_norm_eps: o.number("rms_norm_eps")?.unwrap_or(1e-6),
            tie_embeddings: o.boolean("tie_word_embeddings")?.unwrap_or(false),
            qkv_bias: family == Family::Qwen2 || attention_bias,
            qk_norm: family == Family::Qwen3,
            output_bias: attention_bias,
            mlp_bias: family == Family::Llama && asks("mlp_bias")?,
            sliding: None,
        };
        config.check().map_err(|(key, message)| o.error(key, message))?;
        if let Some(sliding) = sliding_window(o, &config)? {
            tracing::warn!("{}: `use_sliding_window`: {}", o.path().display(), sliding.remark());
            config.max_position = sliding.window;
            config.sliding = Some(sliding);
        }
        Ok(config)
    }

    /// The `config.json` that `transformers` opens this model with. Token ids are not part of the
    /// configuration; `save` adds them.
    pub(crate) fn to_hf_json(&self) -> Value {
        let longest = self.sliding.as_ref().map_or(self.max_position, |s| s.max_position);
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
            "max_position_embeddings": longest,
            "rope_theta": self.rope.theta,
            "rope_scaling": self.rope.scaling.as_ref().map_or(Value::Null, hf_rope::write),
            "rms_norm_eps": self.rms_norm_eps,
            "tie_word_embeddings": self.tie_embeddings,
            "attention_dropout": 0.0,
            "torch_dtype": "float32",
            "use_cache": true,
        });
        let (bias, slides) = (self.output_bias, self.sliding.is_some());
        let extra = match self.family {
            Family::Llama => json!({"attention_bias": bias, "mlp_bias": self.mlp_bias}),
            Family::Qwen2 => json!({"use_sliding_window": slides}),
            Family::Qwen3 => json!({"attention_bias": bias, "use_sliding_window": slides}),
        };
        if let Some(sliding) = &self.sliding {
            let kind = |slides: &bool| match slides {
                true => "sliding_attention",
                false => "full_attention",
            };
            object["sliding_window"] = json!(sliding.window);
            // Older versions know the first layer that slides alone, newer ones the list.
            let full = sliding.layers.iter().take_while(|slides| !**slides).count();
            object["max_window_layers"] = json!(full);
            object["layer_types"] = sliding.layers.iter().map(kind).collect();
        }
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
    // Qwen's classes have no such bias, and read nothing of the key.
    if family != Family::Llama && o.boolean("mlp_bias")?.unwrap_or(false) {
        return Err(o.error("mlp_bias", format!("true is not supported for {}", family.name())));
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

/// The window of the layers that have one; none where it never cuts anything off.
fn sliding_window(o: &Object, config: &ModelConfig) -> Result<Option<SlidingWindow>, ModelError> {
    let layer_types = match o.get("layer_types") {
        None => None,
        Some(Value::Array(types)) => Some(types),
        Some(_) => return Err(o.error("layer_types", "must be a list of a type for each layer")),
    };
    let other = |t: &&Value| !matches!(t.as_str(), Some("full_attention" | "sliding_attention"));
    if let Some(t) = layer_types.and_then(|types| types.iter().find(other)) {
        return Err(o.error("layer_types", format!("{t} is not supported")));
    }
    let layers = config.num_layers;
    if let Some(types) = layer_types.filter(|types| types.len() != layers) {
        let message = format!("has {} types for {layers} layers", types.len());
        return Err(o.error("layer_types", message));
    }
    // Llama's class has no windows, and reads none of the keys. An explicit null is none either.
    let null = o.contains("sliding_window") && o.get("sliding_window").is_none();
    if config.family == Family::Llama || null || !o.boolean("use_sliding_window")?.unwrap_or(false)
    {
        return Ok(None);
    }
    let window = o.size("sliding_window")?.unwrap_or(4_096);
    let from = o.size("max_window_layers")?.unwrap_or(28);
    let slides: Vec<bool> = match layer_types {
        Some(types) => types.iter().map(|t| t.as_str() == Some("sliding_attention")).collect(),
        None => (0..layers).map(|layer| layer >= from).collect(),
    };
    if window == 0 {
        return Err(o.error("sliding_window", "0 tokens are no window"));
    }
    let cuts = window < config.max_position && slides.contains(&true);
    let max_position = config.max_position;
    Ok(cuts.then_some(SlidingWindow { window, layers: slides, max_position }))
}

impl SlidingWindow {
    /// What the user has to know of it.
    fn remark(&self) -> String {
        let SlidingWindow { window, max_position, .. } = self;
        format!(
            "layers attend over a window of {window} tokens, which bourn does not compute; up to that \
             length the model is exact, so that prompt and completion may have {window} tokens \
             together, and not {max_position}"
        )
    }
}

#[cfg(test)]
#[path = "../tests/unit/hf_config.rs"]
mod tests;
