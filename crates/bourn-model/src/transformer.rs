//! The decoder-only transformer of the Llama and Qwen families as Burn tensors.
//!
//! Parameters are named tensors in an ordered map, under the names and in the orientation
//! (`[out, in]`) of Hugging Face checkpoints: what is loaded, optimised and saved is the same
//! thing, and its order never depends on a hash.

mod value;

use std::collections::BTreeMap;
use std::ops::Range;

use burn::tensor::{Device, Int, Tensor, TensorData, activation};

use crate::ops::{Attention, Rotary, indices, rms_norm, swiglu};
use crate::{HostTensor, ModelConfig, ModelError, Weights};

/// Sequences of token ids packed one after the other.
#[derive(Clone, Debug, Default)]
pub struct Packed {
    ids: Vec<u32>,
    sequences: Vec<Range<usize>>,
}

impl Packed {
    /// Appends a sequence and returns the packed range it occupies. An empty sequence is ignored.
    pub fn push(&mut self, ids: impl IntoIterator<Item = u32>) -> Range<usize> {
        let start = self.ids.len();
        self.ids.extend(ids);
        let range = start..self.ids.len();
        if !range.is_empty() {
            self.sequences.push(range.clone());
        }
        range
    }

    /// The packed token ids.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// The packed range of each sequence, in order.
    pub fn sequences(&self) -> &[Range<usize>] {
        &self.sequences
    }
}

/// Log-probabilities and entropies of given tokens, in the order they were asked for.
pub struct TokenScores {
    /// log π(token | prefix) at the temperature, `[n]`.
    pub logprobs: Tensor<1>,
    /// Entropy of the full distribution at the temperature, in nats, `[n]`, where asked for.
    pub entropies: Option<Tensor<1>>,
}

/// A transformer on a device. Every parameter is two-dimensional: norms and biases are `[1, n]`.
#[derive(Clone, Debug)]
pub struct Transformer {
    config: ModelConfig,
    parameters: BTreeMap<String, Tensor<2>>,
    inverse_frequencies: Vec<f32>,
    device: Device,
}

impl Transformer {
    /// Puts `weights` on `device`. On an autodiff device every parameter asks for its gradient.
    ///
    /// # Errors
    /// Names the tensor that is missing or misshapen, with both shapes.
    pub fn from_weights(
        config: &ModelConfig,
        weights: &Weights,
        device: &Device,
    ) -> Result<Transformer, ModelError> {
        let mut parameters = BTreeMap::new();
        for (name, shape) in config.expected_tensors() {
            let host = weights
                .get(&name)
                .ok_or_else(|| ModelError::MissingTensor { tensor: name.clone() })?;
            if host.shape != shape || host.data.len() != shape.iter().product::<usize>() {
                return Err(ModelError::Shape {
                    tensor: name,
                    expected: shape,
                    found: host.shape.clone(),
                });
            }
            let data = TensorData::new(host.data.clone(), matrix_shape(&shape));
            parameters.insert(name, leaf(Tensor::from_data(data, device)));
        }
        Ok(Transformer {
            config: config.clone(),
            parameters,
            inverse_frequencies: config.inverse_frequencies(),
            device: device.clone(),
        })
    }

    /// The parameters read back to the host, under their Hugging Face names and shapes.
    pub fn to_weights(&self) -> Weights {
        let shapes: BTreeMap<_, _> = self.config.expected_tensors().into_iter().collect();
        // A value head is none of the checkpoint's tensors.
        let read = |(name, tensor): (&String, &Tensor<2>)| {
            let shape = shapes.get(name)?.clone();
            Some((name.clone(), HostTensor { shape, data: to_vec(tensor) }))
        };
        self.parameters.iter().filter_map(read).collect()
    }

    /// The model's shape.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The device that the parameters live on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The named parameters, in name order.
    pub fn parameters(&self) -> &BTreeMap<String, Tensor<2>> {
        &self.parameters
    }

    /// Replaces one parameter by `value` (without history); an unknown name is ignored.
    pub fn set_parameter(&mut self, name: &str, value: Tensor<2>) {
        if let Some(parameter) = self.parameters.get_mut(name) {
            *parameter = if self.device.is_autodiff() {
                leaf(Tensor::from_inner(value.inner()))
            } else {
                value.inner()
            };
        }
    }

    /// Final hidden states of every packed token, `[tokens, hidden_size]`.
    pub fn hidden(&self, batch: &Packed) -> Tensor<2> {
        let positions: Vec<usize> =
            batch.sequences.iter().flat_map(|range| 0..range.len()).collect();
        let rotary = Rotary::new(&positions, &self.inverse_frequencies, &self.device);
        let attention = Attention::new(&batch.sequences, &self.device);
        let ids = indices(batch.ids.iter().map(|&id| i64::from(id)).collect(), &self.device);

        let mut x = self.parameter("model.embed_tokens.weight").select(0, ids); // [tokens, hidden]
        for layer in 0..self.config.num_layers {
            x = self.block(layer, x, &rotary, &attention);
        }
        rms_norm(x, self.parameter("model.norm.weight"), self.config.rms_norm_eps)
    }

    /// Logits of hidden states `[n, hidden_size]`, `[n, vocab_size]`.
    pub fn head(&self, hidden: Tensor<2>) -> Tensor<2> {
        let name =
            if self.config.tie_embeddings { "model.embed_tokens.weight" } else { "lm_head.weight" };
        hidden.matmul(self.parameter(name).transpose())
    }

    /// Logits of equally long sequences `ids`, `[rows, len]` to `[rows, len, vocab_size]`.
    pub fn logits(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        let [rows, len] = ids.dims();
        let ids = ids.try_into_vec_as::<i64>().unwrap_or_default();
        let mut batch = Packed::default();
        for row in ids.chunks(len.max(1)) {
            batch.push(row.iter().map(|&id| id as u32));
        }
        self.head(self.hidden(&batch)).reshape([rows, len, self.config.vocab_size])
    }

    /// Scores `targets`, where `positions[i]` is the packed index of the token *before*
    /// `targets[i]`: only those positions reach the output head. Entropies hold two more
    /// `[n, vocab_size]` tensors for the backward pass, so that they are computed only `with_entropy`.
    pub fn score(
        &self,
        batch: &Packed,
        positions: Vec<i64>,
        targets: &[u32],
        temperature: f64,
        with_entropy: bool,
    ) -> TokenScores {
        let count = targets.len();
        let hidden = self.hidden(batch).select(0, indices(positions, &self.device)); // [n, hidden]
        let logits = self.head(hidden).div_scalar(temperature); // [n, vocab]
        let logprobs = activation::log_softmax(logits, 1);
        let targets = indices(targets.iter().map(|&id| i64::from(id)).collect(), &self.device);
        let chosen = logprobs.clone().gather(1, targets.reshape([count, 1])).reshape([count]);
        let entropies = with_entropy
            .then(|| (logprobs.clone().exp() * logprobs).sum_dim(1).neg().reshape([count]));
        TokenScores { logprobs: chosen, entropies }
    }

    fn block(
        &self,
        layer: usize,
        x: Tensor<2>,
        rotary: &Rotary,
        attention: &Attention,
    ) -> Tensor<2> {
        let c = &self.config;
        let tokens = x.dims()[0];
        let name = |part: &str| format!("model.layers.{layer}.{part}");
        let norm = |x, part| rms_norm(x, self.parameter(&name(part)), c.rms_norm_eps);
        // [tokens, heads, head_dim]
        let heads = |x: Tensor<2>, count| x.reshape([tokens, count, c.head_dim]);
        let normed_heads = |x: Tensor<2>, count, part| {
            let flat = x.reshape([tokens * count, c.head_dim]);
            norm(flat, part).reshape([tokens, count, c.head_dim])
        };

        let n = norm(x.clone(), "input_layernorm.weight");
        let q = self.linear(n.clone(), &name("self_attn.q_proj"));
        let k = self.linear(n.clone(), &name("self_attn.k_proj"));
        let v = heads(self.linear(n, &name("self_attn.v_proj")), c.num_kv_heads);
        let (q, k) = if c.qk_norm {
            (
                normed_heads(q, c.num_heads, "self_attn.q_norm.weight"),
                normed_heads(k, c.num_kv_heads, "self_attn.k_norm.weight"),
            )
        } else {
            (heads(q, c.num_heads), heads(k, c.num_kv_heads))
        };
        let mixed = attention.apply(rotary.apply(q), rotary.apply(k), v);
        let x = x + self.linear(mixed, &name("self_attn.o_proj"));

        let n = norm(x.clone(), "post_attention_layernorm.weight");
        let gate = self.linear(n.clone(), &name("mlp.gate_proj"));
        let up = self.linear(n, &name("mlp.up_proj"));
        x + self.linear(swiglu(gate, up), &name("mlp.down_proj"))
    }

    /// `x Wᵀ`, plus the bias where the checkpoint has one.
    fn linear(&self, x: Tensor<2>, name: &str) -> Tensor<2> {
        let y = x.matmul(self.parameter(&format!("{name}.weight")).transpose());
        match self.parameters.get(&format!("{name}.bias")) {
            Some(bias) => y + bias.clone(),
            None => y,
        }
    }

    /// A parameter by name. `from_weights` has checked that every name that the configuration
    /// implies is there.
    fn parameter(&self, name: &str) -> Tensor<2> {
        self.parameters[name].clone()
    }
}

/// Reads a tensor back to the host as f32.
pub fn to_vec<const D: usize>(tensor: &Tensor<D>) -> Vec<f32> {
    // Every tensor of ours is f32, and a read from an eager CPU backend has nothing to wait for.
    tensor.try_to_vec_as::<f32>().unwrap_or_default()
}

fn leaf(tensor: Tensor<2>) -> Tensor<2> {
    if tensor.is_autodiff() { tensor.require_grad() } else { tensor }
}

fn matrix_shape(shape: &[usize]) -> [usize; 2] {
    match *shape {
        [rows, columns] => [rows, columns],
        _ => [1, shape.iter().product()],
    }
}
