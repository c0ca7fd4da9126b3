//! The transformer's forward and backward pass by hand, on the CPU.
//!
//! Forward does what the engine that draws does, with the same kernels in the same order: the
//! log-probs of a completion are its sampler's, bit for bit. Backward goes through the layers in
//! reverse and adds every gradient to where it is summed; sums are in a fixed order, whatever the
//! number of threads. `Transformer::score_composed` is the same in Burn's operations, with Burn's
//! automatic differentiation: the tests compare the two.

mod block;
mod bytes;
mod head;
mod value;

pub use bytes::{activation_bytes, composed_bytes};

use std::collections::BTreeMap;

use bourn_kernel::{GroupedHeads, KernelError, Matrix, MatrixMut, Store, gemm};

use self::block::Activations;
use self::head::Head;
use crate::packed::Packed;
use crate::resident::Resident;
use crate::{ModelConfig, Part, Rotation};

/// Tensors by parameter name, where they lie.
pub(crate) type Residents = BTreeMap<String, Resident>;

/// A model's parameters as slices.
pub(crate) struct FusedNetwork<'a> {
    pub(crate) config: &'a ModelConfig,
    pub(crate) weights: &'a Residents,
    pub(crate) rotation: &'a Rotation,
}

/// What is scored: `targets[i]` after the packed token `positions[i]`, and the value there.
pub(crate) struct Asked<'a> {
    pub(crate) batch: &'a Packed,
    pub(crate) positions: Vec<usize>,
    /// As many as positions, or none.
    pub(crate) targets: &'a [u32],
    pub(crate) temperature: f32,
    /// Whether the value head is asked, which is then among the parameters.
    pub(crate) values: bool,
}

impl<'a> Asked<'a> {
    /// Targets at a temperature; no values.
    pub(crate) fn targets(
        batch: &'a Packed,
        positions: Vec<i64>,
        targets: &'a [u32],
        temperature: f64,
    ) -> Asked<'a> {
        let temperature = temperature as f32;
        Asked { targets, temperature, ..Asked::states(batch, positions) }
    }

    /// Final hidden states alone.
    pub(crate) fn states(batch: &'a Packed, positions: Vec<i64>) -> Asked<'a> {
        let positions = positions.into_iter().map(|position| position as usize).collect();
        Asked { batch, positions, targets: &[], temperature: 1.0, values: false }
    }
}

/// How much of the forward pass is kept for the backward pass.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Nothing: there will be none.
    Nothing,
    /// What enters each layer; the rest is computed again.
    Inputs,
    /// All that is not cheaper to compute again.
    Everything,
}

/// A forward pass that is to be differentiated.
pub(crate) struct Tape {
    ids: Vec<u32>,
    rows: PackedRows,
    layers: Vec<(Vec<f32>, Option<Activations>)>,
    head: Head,
}

/// Log-probs and entropies of the targets, and what the head made them of.
pub(crate) struct FusedScores {
    pub(crate) logprobs: Vec<f32>,
    pub(crate) entropies: Vec<f32>,
    /// Final hidden states at the positions, `[n, hidden]`.
    pub(crate) states: Vec<f32>,
    /// The value head's, `[n]`; empty where it was not asked.
    pub(crate) values: Vec<f32>,
}

/// Gradients of a loss with respect to what was scored.
pub(crate) struct FusedSlopes<'a> {
    pub(crate) logprobs: &'a [f32],
    pub(crate) entropies: Option<&'a [f32]>,
    pub(crate) states: Option<&'a [f32]>,
    pub(crate) values: Option<&'a [f32]>,
}

/// What the rows of a batch have in common in every layer.
struct PackedRows {
    count: usize,
    trees: Vec<bourn_kernel::Tree>,
    /// `[rows, head_dim / 2]`
    cos: Vec<f32>,
    /// `[rows, head_dim / 2]`
    sin: Vec<f32>,
}

impl PackedRows {
    fn new(batch: &Packed, rotation: &Rotation) -> PackedRows {
        let positions = batch.positions();
        let (mut cos, mut sin) = (Vec::new(), Vec::new());
        for &position in &positions {
            for (c, s) in rotation.at(position) {
                cos.push(c);
                sin.push(s);
            }
        }
        PackedRows { count: positions.len(), trees: batch.trees().to_vec(), cos, sin }
    }
}

impl FusedNetwork<'_> {
    /// Scores the targets.
    pub(crate) fn score(
        &self,
        asked: &Asked<'_>,
        keep: Keep,
    ) -> Result<(FusedScores, Option<Tape>), KernelError> {
        let rows = PackedRows::new(asked.batch, self.rotation);
        let hidden = self.config.hidden_size;
        let mut x = Vec::with_capacity(rows.count * hidden); // [rows, hidden]
        let table = self.weight(Part::Embedding.name());
        for &id in asked.batch.ids() {
            x.extend_from_slice(&table[id as usize * hidden..(id as usize + 1) * hidden]);
        }
        let mut layers = Vec::with_capacity(self.config.num_layers);
        for layer in 0..self.config.num_layers {
            let input = (keep != Keep::Nothing).then(|| x.clone());
            let activations = self.block(layer, &rows, &mut x, keep == Keep::Everything)?;
            layers.extend(input.map(|input| (input, activations)));
        }
        let (scores, head) = self.score_head(&x, asked, keep != Keep::Nothing)?;
        let ids = asked.batch.ids().to_vec();
        Ok((scores, head.map(|head| Tape { ids, rows, layers, head })))
    }

    /// Adds the gradient of every parameter to `sums`.
    pub(crate) fn backward(
        &self,
        tape: Tape,
        slopes: &FusedSlopes<'_>,
        sums: &mut Residents,
    ) -> Result<(), KernelError> {
        let Tape { ids, rows, mut layers, head } = tape;
        let hidden = self.config.hidden_size;
        let mut gradient = vec![0.0; rows.count * hidden]; // [rows, hidden]
        self.head_backward(head, slopes, &mut gradient, sums)?;
        for layer in (0..self.config.num_layers).rev() {
            // The invariant of `score`: a tape has an entry for each layer.
            let Some((input, activations)) = layers.pop() else { break };
            let activations = match activations {
                Some(activations) => activations,
                None => self.activations(layer, &rows, &input)?,
            };
            self.block_backward(layer, &rows, &input, activations, &mut gradient, sums)?;
        }
        let table = sum(sums, Part::Embedding.name());
        for (&id, gradient) in ids.iter().zip(gradient.chunks_exact(hidden)) {
            let row = &mut table[id as usize * hidden..(id as usize + 1) * hidden];
            row.iter_mut().zip(gradient).for_each(|(sum, gradient)| *sum += gradient);
        }
        Ok(())
    }

    /// The values of a parameter that the configuration says there is.
    fn weight(&self, name: &str) -> &[f32] {
        self.weights[name].values()
    }

    fn heads(&self) -> GroupedHeads {
        let c = self.config;
        let group = c.num_heads / c.num_kv_heads;
        GroupedHeads { kv_heads: c.num_kv_heads, group, head_dim: c.head_dim }
    }

    fn eps(&self) -> f32 {
        self.config.rms_norm_eps as f32
    }

    fn head_name(&self) -> &'static str {
        if self.config.tie_embeddings { Part::Embedding.name() } else { Part::Head.name() }
    }
}

/// The sum of a parameter's gradients. `Trace::add_gradients` sees to it that every parameter has one.
fn sum<'a>(sums: &'a mut Residents, name: &str) -> &'a mut [f32] {
    match sums.get_mut(name) {
        Some(sum) => sum.values_mut(),
        None => unreachable!("the gradients of `{name}` have no place"),
    }
}

/// A linear layer of `[outputs, inputs]` weights and the rows that enter and leave it, which may be
/// part of wider rows.
struct Linear<'a> {
    weights: &'a [f32],
    outputs: usize,
    inputs: usize,
}

impl Linear<'_> {
    /// `out = x Wᵀ` (+ bias, or added).
    fn forward(
        &self,
        x: &[f32],
        rows: usize,
        store: Store<'_>,
        out: MatrixMut<'_>,
    ) -> Result<(), KernelError> {
        let weights = Matrix::new(self.weights, self.outputs, self.inputs)?;
        gemm(Matrix::new(x, rows, self.inputs)?, weights.transpose(), store, out)
    }

    /// `dx = dy W`, or continued where several layers read the same rows.
    fn input_gradient(
        &self,
        dy: Matrix<'_>,
        store: Store<'_>,
        out: &mut [f32],
        rows: usize,
    ) -> Result<(), KernelError> {
        let weights = Matrix::new(self.weights, self.outputs, self.inputs)?;
        gemm(dy, weights, store, MatrixMut::new(out, rows, self.inputs)?)
    }

    /// `dW += dyᵀ x`.
    fn weight_gradient(
        &self,
        dy: Matrix<'_>,
        x: &[f32],
        rows: usize,
        sums: &mut [f32],
    ) -> Result<(), KernelError> {
        let x = Matrix::new(x, rows, self.inputs)?;
        let sums = MatrixMut::new(sums, self.outputs, self.inputs)?;
        gemm(dy.transpose(), x, Store::Continue, sums)
    }
}
