//! The decoder-only transformer of the Llama and Qwen families as Burn tensors.
//!
//! Parameters are named tensors in an ordered map, under the names and in the orientation
//! (`[out, in]`) of Hugging Face checkpoints: what is loaded, optimised and saved is the same
//! thing, and its order never depends on a hash.

mod trace;
mod value;

use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use rayon::prelude::*;

pub use self::trace::Trace;
use self::trace::{GraphStart, Way};
use crate::fused::{Asked, FusedNetwork, FusedScores, Keep, Residents, Tape};
use crate::ops::{Attention, Rotary, Shapes, bucket, indices, rms_norm, swiglu};
pub use crate::packed::Packed;
use crate::resident::Resident;
use crate::weights::{Values, extent};
use crate::{HostTensor, ModelConfig, ModelError, Part, Rotation, Weights};

/// Log-probabilities and entropies of given tokens, in the order they were asked for.
#[derive(Clone)]
pub struct TokenScores {
    /// log π(token | prefix) at the temperature, `[n]`.
    pub logprobs: Tensor<1>,
    /// Entropy of the full distribution at the temperature, in nats, `[n]`, where asked for.
    pub entropies: Option<Tensor<1>>,
}

/// Why a kernel has nothing to complain of.
const FITS: &str = "every shape follows from the configuration, which the parameters fit";

/// A transformer on a device. Every parameter is two-dimensional: norms and biases are `[1, n]`.
#[derive(Clone, Debug)]
pub struct Transformer {
    config: ModelConfig,
    parameters: BTreeMap<String, Tensor<2>>,
    /// Names of the parameters that do not learn.
    held: BTreeSet<String>,
    rotation: Rotation,
    device: Device,
    checkpoints: bool,
    /// Whether tensors are padded to few shapes.
    buckets: bool,
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
        config.check_tensors(|name| weights.get(name).map(extent))?;
        let put = |(name, shape): (String, Vec<usize>)| {
            let tensor = weights[&name].data.to_tensor(matrix_shape(&shape), device);
            (name, leaf(tensor))
        };
        Ok(Transformer {
            config: config.clone(),
            parameters: config.expected_tensors().into_iter().map(put).collect(),
            held: BTreeSet::new(),
            rotation: config.rotation(),
            device: device.clone(),
            checkpoints: false,
            buckets: !crate::is_cpu(device),
        })
    }

    /// The same model, of which only the parameters learn for which `learns` says so, of their part
    /// and their layer: the others have no gradient, and no state of an optimiser.
    pub fn with_trainable(mut self, learns: impl Fn(Part, Option<usize>) -> bool) -> Transformer {
        let is_held =
            |name: &&String| Part::of(name).is_some_and(|(part, layer)| !learns(part, layer));
        self.held = self.parameters.keys().filter(is_held).cloned().collect();
        for (name, parameter) in &mut self.parameters {
            if parameter.is_autodiff() {
                let plain = Tensor::from_inner(parameter.clone().inner());
                *parameter = if self.held.contains(name) { plain } else { leaf(plain) };
            }
        }
        self
    }

    /// The same model with other weights: on the same device, checkpointing and learning as it does;
    /// a value head takes its own from them too.
    ///
    /// # Errors
    /// Names the tensor that is missing or misshapen, with both shapes.
    pub fn with_weights(&self, weights: &Weights) -> Result<Transformer, ModelError> {
        let mut model = Transformer::from_weights(&self.config, weights, &self.device)?
            .with_gradient_checkpointing(self.checkpoints)
            .with_buckets(self.buckets);
        if self.has_value_head() {
            model.set_value_head(weights)?;
        }
        let held = &self.held;
        let learns = |part: Part, layer: Option<usize>| {
            let name = layer.map_or_else(|| part.name().to_owned(), |layer| part.in_layer(layer));
            !held.contains(&name)
        };
        Ok(model.with_trainable(learns))
    }

    /// Whether the forward pass keeps no more of a layer than what enters it, and the backward pass
    /// computes the rest again: less memory, a third more work. It changes no number.
    pub fn with_gradient_checkpointing(mut self, on: bool) -> Transformer {
        self.checkpoints = on;
        self
    }

    /// Whether composed passes pad their tensors to few shapes, as they do on every device but the
    /// CPU: there a kernel is compiled, and tuned, for each shape that it meets.
    pub fn with_buckets(mut self, on: bool) -> Transformer {
        self.buckets = on;
        self
    }

    /// The parameters under their Hugging Face names and shapes: shared with the model where it lies
    /// on the CPU, read back from another device.
    ///
    /// # Errors
    /// Names the tensor that the device does not give back.
    pub fn to_weights(&self) -> Result<Weights, ModelError> {
        let shapes: BTreeMap<_, _> = self.config.expected_tensors().into_iter().collect();
        // A value head is none of the checkpoint's tensors.
        let read = |(name, tensor): (&String, &Tensor<2>)| {
            Some(host_tensor(name, tensor, shapes.get(name)?.clone()))
        };
        self.parameters.par_iter().filter_map(read).collect()
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

    /// Those of them that learn, in name order: what has a gradient and is updated.
    pub fn trainable(&self) -> impl Iterator<Item = (&String, &Tensor<2>)> {
        self.parameters.iter().filter(|(name, _)| !self.held.contains(*name))
    }

    /// Replaces one parameter by `value` (without history).
    ///
    /// # Errors
    /// There is no parameter of this name.
    pub fn set_parameter(&mut self, name: &str, value: Tensor<2>) -> Result<(), ModelError> {
        let is_held = self.held.contains(name);
        let parameter = self.parameters.get_mut(name).ok_or_else(|| unknown(name))?;
        *parameter = match (self.device.is_autodiff(), is_held) {
            (false, _) => value.inner(),
            (true, true) => Tensor::from_inner(value.inner()),
            (true, false) => leaf(Tensor::from_inner(value.inner())),
        };
        Ok(())
    }

    /// Replaces one parameter by what `change` makes of it. It is handed over whole, so that a change
    /// in place copies nothing.
    ///
    /// # Errors
    /// There is no parameter of this name.
    pub fn change_parameter(
        &mut self,
        name: &str,
        change: impl FnOnce(Tensor<2>) -> Tensor<2>,
    ) -> Result<(), ModelError> {
        let parameter = self.parameters.get_mut(name).ok_or_else(|| unknown(name))?;
        let device = self.device.clone().inner();
        let value = std::mem::replace(parameter, Tensor::empty([1, 1], &device));
        let value = if value.is_autodiff() { value.inner() } else { value };
        self.set_parameter(name, change(value))
    }

    /// Final hidden states of every packed token, `[tokens, hidden_size]`; with buckets, of rows of
    /// padding behind them too.
    pub fn hidden(&self, batch: &Packed) -> Tensor<2> {
        if batch.trees().iter().any(|tree| !tree.branches.is_empty()) {
            let (flat, rows) = batch.unshared();
            let rows = rows.into_iter().map(|row| row as i64).collect();
            return self.hidden(&flat).select(0, indices(rows, &self.device));
        }
        let sequences: Vec<_> =
            batch.trees().iter().map(|tree| tree.start..tree.start + tree.root).collect();
        let exact = Shapes::exact(&sequences);
        let shapes = if self.buckets { exact.bucketed() } else { exact };
        let (mut positions, mut ids) = (batch.positions(), batch.ids().to_vec());
        // Padding is rows of any token that nobody reads.
        positions.resize(shapes.tokens, 0);
        ids.resize(shapes.tokens, 0);
        let rotary = Rotary::new(&positions, &self.rotation, &self.device);
        let attention = Attention::new(&sequences, &shapes, &self.device);
        let ids = indices(ids.into_iter().map(i64::from).collect(), &self.device);

        let mut x = self.parameter(Part::Embedding.name()).select(0, ids); // [tokens, hidden]
        for layer in 0..self.config.num_layers {
            x = self.block(layer, x, &rotary, &attention);
        }
        rms_norm(x, self.parameter(Part::FinalNorm.name()), self.config.rms_norm_eps)
    }

    /// Logits of hidden states `[n, hidden_size]`, `[n, vocab_size]`.
    pub fn head(&self, hidden: Tensor<2>) -> Tensor<2> {
        let part = if self.config.tie_embeddings { Part::Embedding } else { Part::Head };
        hidden.matmul(self.parameter(part.name()).transpose())
    }

    /// Logits of equally long sequences `ids`, `[rows, len]` to `[rows, len, vocab_size]`.
    ///
    /// # Errors
    /// The device does not give the ids back.
    pub fn logits(&self, ids: Tensor<2, Int>) -> Result<Tensor<3>, ModelError> {
        let [rows, len] = ids.dims();
        let ids = ids.try_into_vec_as::<i64>().map_err(|error| ModelError::Read {
            shape: vec![rows, len],
            message: error.to_string(),
        })?;
        let mut batch = Packed::default();
        for row in ids.chunks(len.max(1)) {
            batch.push(row.iter().map(|&id| id as u32));
        }
        let hidden = self.hidden(&batch).narrow(0, 0, rows * len);
        Ok(self.head(hidden).reshape([rows, len, self.config.vocab_size]))
    }

    /// Scores `targets`, where `positions[i]` is the packed index of the token *before*
    /// `targets[i]`: only those positions reach the output head. A loss of the scores goes back to
    /// the parameters through the [`Trace`].
    ///
    /// On the CPU this is one fused forward (see `fused`), elsewhere
    /// [`score_composed`](Transformer::score_composed).
    pub fn score(
        &self,
        batch: &Packed,
        positions: Vec<i64>,
        targets: &[u32],
        temperature: f64,
        with_entropy: bool,
    ) -> (TokenScores, Trace) {
        let Some(weights) = self.residents() else {
            return self.score_composed(batch, positions, targets, temperature, with_entropy);
        };
        let asked = Asked::targets(batch, positions, targets, temperature);
        let (scores, tape) = self.fused(&weights, &asked);
        let scores = self.token_scores(scores, with_entropy);
        let start = GraphStart { scores: Some(scores.clone()), ..GraphStart::default() };
        (scores, Trace::of(tape, start))
    }

    /// Final hidden states of the packed tokens at `positions`, `[n, hidden_size]`, for a head of
    /// another kind than the model's own, and the way back from a loss of them.
    pub fn states(&self, batch: &Packed, positions: Vec<i64>) -> (Tensor<2>, Trace) {
        let shape = [positions.len(), self.config.hidden_size];
        let Some(weights) = self.residents() else {
            let states = self.hidden(batch).select(0, indices(positions, &self.device));
            return (states, Trace(Way::Graph));
        };
        let (scores, tape) = self.fused(&weights, &Asked::states(batch, positions));
        let states: Tensor<2> = self.start(scores.states, shape);
        let start = GraphStart { states: Some(states.clone()), ..GraphStart::default() };
        (states, Trace::of(tape, start))
    }

    /// The same parameters, shared, on the device without autodiff: what it computes is no part of
    /// any graph, and its forward pass keeps nothing.
    pub fn frozen(&self) -> Transformer {
        let inner = |tensor: &Tensor<2>| match tensor.is_autodiff() {
            true => tensor.clone().inner(),
            false => tensor.clone(),
        };
        let parameters =
            self.parameters.iter().map(|(name, tensor)| (name.clone(), inner(tensor))).collect();
        Transformer {
            config: self.config.clone(),
            parameters,
            held: self.held.clone(),
            rotation: self.rotation.clone(),
            device: self.device.clone().inner(),
            checkpoints: self.checkpoints,
            buckets: self.buckets,
        }
    }

    fn fused(&self, weights: &Residents, asked: &Asked<'_>) -> (FusedScores, Option<Tape>) {
        let keep = match (self.device.is_autodiff(), self.checkpoints) {
            (false, _) => Keep::Nothing,
            (true, true) => Keep::Inputs,
            (true, false) => Keep::Everything,
        };
        self.network(weights).score(asked, keep).expect(FITS)
    }

    /// What Burn's graph of a loss of log-probs begins with.
    fn token_scores(&self, scores: FusedScores, with_entropy: bool) -> TokenScores {
        let shape = [scores.logprobs.len()];
        TokenScores {
            logprobs: self.start(scores.logprobs, shape),
            entropies: with_entropy.then(|| self.start(scores.entropies, shape)),
        }
    }

    /// A tensor that Burn's graph begins with.
    fn start<const D: usize>(&self, values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
        let tensor = Tensor::from_data(TensorData::new(values, shape), &self.device);
        if tensor.is_autodiff() { tensor.require_grad() } else { tensor }
    }

    /// [`score`](Transformer::score) composed of Burn's operations, on any device. Entropies hold two
    /// more `[n, vocab_size]` tensors for the backward pass, so that they are computed only
    /// `with_entropy`.
    pub fn score_composed(
        &self,
        batch: &Packed,
        positions: Vec<i64>,
        targets: &[u32],
        temperature: f64,
        with_entropy: bool,
    ) -> (TokenScores, Trace) {
        let (count, mut positions, mut targets) = (targets.len(), positions, targets.to_vec());
        if self.buckets {
            // Scored twice over and left out again.
            positions.resize(bucket(count), 0);
            targets.resize(bucket(count), 0);
        }
        let scored = targets.len();
        let hidden = self.hidden(batch).select(0, indices(positions, &self.device)); // [n, hidden]
        let logits = self.head(hidden).div_scalar(temperature); // [n, vocab]
        let logprobs = activation::log_softmax(logits, 1);
        let targets = indices(targets.iter().map(|&id| i64::from(id)).collect(), &self.device);
        let chosen = logprobs.clone().gather(1, targets.reshape([scored, 1])).reshape([scored]);
        let entropies = with_entropy
            .then(|| (logprobs.clone().exp() * logprobs).sum_dim(1).neg().reshape([scored]));
        let asked = |values: Tensor<1>| values.narrow(0, 0, count);
        let scores = TokenScores { logprobs: asked(chosen), entropies: entropies.map(asked) };
        (scores, Trace(Way::Graph))
    }

    /// The parameters as slices, where they lie in this process's memory.
    fn residents(&self) -> Option<Residents> {
        let share = |(name, tensor): (&String, &Tensor<2>)| {
            Some((name.clone(), Resident::of(tensor.clone()).ok()?))
        };
        self.parameters.iter().map(share).collect()
    }

    fn network<'a>(&'a self, weights: &'a Residents) -> FusedNetwork<'a> {
        let Transformer { config, rotation, .. } = self;
        FusedNetwork { config, weights, rotation }
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
        let norm =
            |x, part: Part| rms_norm(x, self.parameter(&part.in_layer(layer)), c.rms_norm_eps);
        // [tokens, heads, head_dim]
        let heads = |x: Tensor<2>, count| x.reshape([tokens, count, c.head_dim]);
        let normed_heads = |x: Tensor<2>, count, part| {
            let flat = x.reshape([tokens * count, c.head_dim]);
            norm(flat, part).reshape([tokens, count, c.head_dim])
        };
        let linear =
            |x: Tensor<2>, part: Part| x.matmul(self.parameter(&part.in_layer(layer)).transpose());
        let biased = |y: Tensor<2>, part: Part| match self.parameters.get(&part.in_layer(layer)) {
            Some(bias) => y + bias.clone(),
            None => y,
        };

        let n = norm(x.clone(), Part::InputNorm);
        let q = biased(linear(n.clone(), Part::Q), Part::QBias);
        let k = biased(linear(n.clone(), Part::K), Part::KBias);
        let v = heads(biased(linear(n, Part::V), Part::VBias), c.num_kv_heads);
        let (q, k) = if c.qk_norm {
            (
                normed_heads(q, c.num_heads, Part::QNorm),
                normed_heads(k, c.num_kv_heads, Part::KNorm),
            )
        } else {
            (heads(q, c.num_heads), heads(k, c.num_kv_heads))
        };
        let mixed = attention.apply(rotary.apply(q), rotary.apply(k), v);
        let x = biased(x + linear(mixed, Part::O), Part::OBias);

        let n = norm(x.clone(), Part::MlpNorm);
        let gate = biased(linear(n.clone(), Part::Gate), Part::GateBias);
        let up = biased(linear(n, Part::Up), Part::UpBias);
        biased(x + linear(swiglu(gate, up), Part::Down), Part::DownBias)
    }

    /// A parameter by name. `from_weights` has checked that every name that the configuration
    /// implies is there.
    fn parameter(&self, name: &str) -> Tensor<2> {
        self.parameters[name].clone()
    }
}

/// Reads a tensor back to the host as f32.
///
/// # Errors
/// The device does not give the values back.
pub fn read_values<const D: usize>(tensor: &Tensor<D>) -> Result<Vec<f32>, ModelError> {
    Ok(Values::of(tensor)?.to_vec())
}

/// A parameter on the host, with its name.
fn host_tensor(
    name: &str,
    tensor: &Tensor<2>,
    shape: Vec<usize>,
) -> Result<(String, HostTensor), ModelError> {
    let data = Values::of(tensor).map_err(|error| error.of_tensor(name))?;
    Ok((name.to_owned(), HostTensor { shape, data }))
}

fn unknown(name: &str) -> ModelError {
    ModelError::UnknownParameter { name: name.to_owned() }
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

#[cfg(test)]
#[path = "../tests/unit/transformer.rs"]
mod tests;
