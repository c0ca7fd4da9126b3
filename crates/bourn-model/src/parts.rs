//! The tensors of a model by what they do: one table of their names, in checkpoints and in GGUF
//! files, and one check that a set of tensors is the configuration's.

use crate::{ModelConfig, ModelError};

/// What a tensor of a model does. Those of a layer stand once in each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Token embeddings, `[vocab, hidden]`.
    Embedding,
    /// The norm before attention, `[hidden]`.
    InputNorm,
    /// Queries, `[heads × head_dim, hidden]`.
    Q,
    /// Their bias.
    QBias,
    /// Keys, `[kv_heads × head_dim, hidden]`.
    K,
    /// Their bias.
    KBias,
    /// Values, `[kv_heads × head_dim, hidden]`.
    V,
    /// Their bias.
    VBias,
    /// The norm of each head's queries, `[head_dim]`.
    QNorm,
    /// The norm of each head's keys, `[head_dim]`.
    KNorm,
    /// Attention's output, `[hidden, heads × head_dim]`.
    O,
    /// Its bias.
    OBias,
    /// The norm before the SwiGLU, `[hidden]`.
    MlpNorm,
    /// Its gates, `[intermediate, hidden]`.
    Gate,
    /// Their bias.
    GateBias,
    /// Its linear half, `[intermediate, hidden]`.
    Up,
    /// Its bias.
    UpBias,
    /// Its output, `[hidden, intermediate]`.
    Down,
    /// Its bias.
    DownBias,
    /// The norm before the output head, `[hidden]`.
    FinalNorm,
    /// The output head where it is not the embedding, `[vocab, hidden]`.
    Head,
    /// The value head's weights, `[1, hidden]`; no part of a checkpoint's tensors.
    Value,
    /// The value head's bias, `[1, 1]`.
    ValueBias,
}

/// A part, its name in Hugging Face checkpoints (within a layer, for those of a layer), and in GGUF
/// files where they have it.
struct PartNames(Part, &'static str, Option<&'static str>);

const LAYER: &str = "model.layers.";
const GGUF_LAYER: &str = "blk.";

/// Parts of a layer, in the order in which a configuration lists them.
const OF_LAYER: [PartNames; 18] = [
    PartNames(Part::InputNorm, "input_layernorm.weight", Some("attn_norm.weight")),
    PartNames(Part::Q, "self_attn.q_proj.weight", Some("attn_q.weight")),
    PartNames(Part::QBias, "self_attn.q_proj.bias", Some("attn_q.bias")),
    PartNames(Part::K, "self_attn.k_proj.weight", Some("attn_k.weight")),
    PartNames(Part::KBias, "self_attn.k_proj.bias", Some("attn_k.bias")),
    PartNames(Part::V, "self_attn.v_proj.weight", Some("attn_v.weight")),
    PartNames(Part::VBias, "self_attn.v_proj.bias", Some("attn_v.bias")),
    PartNames(Part::QNorm, "self_attn.q_norm.weight", Some("attn_q_norm.weight")),
    PartNames(Part::KNorm, "self_attn.k_norm.weight", Some("attn_k_norm.weight")),
    PartNames(Part::O, "self_attn.o_proj.weight", Some("attn_output.weight")),
    PartNames(Part::OBias, "self_attn.o_proj.bias", Some("attn_output.bias")),
    PartNames(Part::MlpNorm, "post_attention_layernorm.weight", Some("ffn_norm.weight")),
    PartNames(Part::Gate, "mlp.gate_proj.weight", Some("ffn_gate.weight")),
    PartNames(Part::GateBias, "mlp.gate_proj.bias", Some("ffn_gate.bias")),
    PartNames(Part::Up, "mlp.up_proj.weight", Some("ffn_up.weight")),
    PartNames(Part::UpBias, "mlp.up_proj.bias", Some("ffn_up.bias")),
    PartNames(Part::Down, "mlp.down_proj.weight", Some("ffn_down.weight")),
    PartNames(Part::DownBias, "mlp.down_proj.bias", Some("ffn_down.bias")),
];

/// Parts that a model has once.
const OF_MODEL: [PartNames; 5] = [
    PartNames(Part::Embedding, "model.embed_tokens.weight", Some("token_embd.weight")),
    PartNames(Part::FinalNorm, "model.norm.weight", Some("output_norm.weight")),
    PartNames(Part::Head, "lm_head.weight", Some("output.weight")),
    PartNames(Part::Value, "value_head.weight", None),
    PartNames(Part::ValueBias, "value_head.bias", None),
];

impl Part {
    /// Queries, keys and values, in the order of their columns.
    pub const QKV: [Part; 3] = [Part::Q, Part::K, Part::V];

    /// Their biases.
    pub const QKV_BIAS: [Part; 3] = [Part::QBias, Part::KBias, Part::VBias];

    /// The parameters of a value head.
    pub const VALUE_HEAD: [Part; 2] = [Part::ValueBias, Part::Value];

    /// The name in a checkpoint of a part that a model has once.
    pub const fn name(self) -> &'static str {
        self.entry().1
    }

    /// The name in a checkpoint of a part of this layer.
    pub fn in_layer(self, layer: usize) -> String {
        format!("{LAYER}{layer}.{}", self.entry().1)
    }

    /// The part of this name in a checkpoint, and its layer; `None` where there is none.
    pub fn of(name: &str) -> Option<(Part, Option<usize>)> {
        named(name, LAYER, |entry| Some(entry.1))
    }

    /// The name in a checkpoint of the tensor of this name in a GGUF file.
    pub(crate) fn from_gguf(name: &str) -> Option<String> {
        let spelt = |name: &str| {
            let (part, layer) = named(name, GGUF_LAYER, |entry| entry.2)?;
            Some(layer.map_or_else(|| part.name().to_owned(), |layer| part.in_layer(layer)))
        };
        // A bias that no model has is refused under the name of what it would be the bias of.
        let bias = || {
            let weight = spelt(&format!("{}.weight", name.strip_suffix(".bias")?))?;
            Some(format!("{}.bias", weight.strip_suffix(".weight")?))
        };
        spelt(name).or_else(bias)
    }

    const fn entry(self) -> &'static PartNames {
        let (mut layer, mut model) = (0, 0);
        while layer < OF_LAYER.len() {
            if OF_LAYER[layer].0 as u8 == self as u8 {
                return &OF_LAYER[layer];
            }
            layer += 1;
        }
        // One of the two has it: `every_part_has_a_name` holds them to that.
        while model + 1 < OF_MODEL.len() && OF_MODEL[model].0 as u8 != self as u8 {
            model += 1;
        }
        &OF_MODEL[model]
    }

    /// The shape that a configuration gives the part; `None` where it has none.
    pub fn shape(self, config: &ModelConfig) -> Option<Vec<usize>> {
        let c = config;
        let (h, m) = (c.hidden_size, c.intermediate_size);
        let (q, kv) = (c.num_heads * c.head_dim, c.num_kv_heads * c.head_dim);
        let (some, bias) = (Some, |asked: bool, width| asked.then(|| vec![width]));
        match self {
            Part::Embedding => some(vec![c.vocab_size, h]),
            Part::InputNorm | Part::MlpNorm | Part::FinalNorm => some(vec![h]),
            Part::Q => some(vec![q, h]),
            Part::K | Part::V => some(vec![kv, h]),
            Part::QBias => bias(c.qkv_bias, q),
            Part::KBias | Part::VBias => bias(c.qkv_bias, kv),
            Part::QNorm | Part::KNorm => c.qk_norm.then(|| vec![c.head_dim]),
            Part::O => some(vec![h, q]),
            Part::OBias => bias(c.output_bias, h),
            Part::Gate | Part::Up => some(vec![m, h]),
            Part::GateBias | Part::UpBias => bias(c.mlp_bias, m),
            Part::Down => some(vec![h, m]),
            Part::DownBias => bias(c.mlp_bias, h),
            Part::Head => (!c.tie_embeddings).then(|| vec![c.vocab_size, h]),
            Part::Value | Part::ValueBias => None,
        }
    }
}

/// What `key` of an entry gives for a name, within a layer for one that begins with `prefix`.
fn named(
    name: &str,
    prefix: &str,
    key: impl Fn(&PartNames) -> Option<&'static str>,
) -> Option<(Part, Option<usize>)> {
    let is = |entry: &&PartNames, name| key(entry) == Some(name);
    if let Some(entry) = OF_MODEL.iter().find(|entry| is(entry, name)) {
        return Some((entry.0, None));
    }
    let (digits, rest) = name.strip_prefix(prefix)?.split_once('.')?;
    // As numbers are written: no sign, no second spelling of a layer.
    let layer = digits.parse::<u16>().ok().filter(|layer| layer.to_string() == digits)?;
    let entry = OF_LAYER.iter().find(|entry| is(entry, rest))?;
    Some((entry.0, Some(usize::from(layer))))
}

impl ModelConfig {
    /// Every tensor of the model as (Hugging Face name, shape): linears are `[out, in]`, norms and
    /// biases `[size]`, embeddings `[vocab, hidden]`. `lm_head.weight` only when untied.
    pub fn expected_tensors(&self) -> Vec<(String, Vec<usize>)> {
        let once = |part: Part| Some((part.name().to_owned(), part.shape(self)?));
        let mut all: Vec<_> = once(Part::Embedding).into_iter().collect();
        for layer in 0..self.num_layers {
            let here = OF_LAYER.iter().map(|entry| entry.0);
            all.extend(here.filter_map(|part| Some((part.in_layer(layer), part.shape(self)?))));
        }
        all.extend([Part::FinalNorm, Part::Head].into_iter().filter_map(once));
        all
    }

    /// Checks that these are the tensors of the configuration: `find` gives a tensor's shape, and how
    /// many values it has, by name. What else there may be is not asked about.
    ///
    /// # Errors
    /// Names the tensor that is missing, or that has another shape or number of values, with both.
    pub fn check_tensors<'t>(
        &self,
        find: impl Fn(&str) -> Option<(&'t [usize], usize)>,
    ) -> Result<(), ModelError> {
        for (tensor, expected) in self.expected_tensors() {
            let Some((found, values)) = find(&tensor) else {
                return Err(ModelError::MissingTensor { tensor });
            };
            if *found != expected {
                return Err(ModelError::Shape { tensor, expected, found: found.to_vec() });
            }
            let size: usize = expected.iter().product();
            if values != size {
                let message = format!("has {values} values and its shape asks for {size}");
                return Err(ModelError::Tensor { tensor, message });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "../tests/unit/parts.rs"]
mod tests;
