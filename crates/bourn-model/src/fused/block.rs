//! One layer: attention and SwiGLU, each after a norm and beside the residual stream.

use std::ops::Range;

use bourn_kernel::{
    Heads, KernelError, Matrix, MatrixMut, Store, add, add_row_sums, add_to_rows, attend_packed,
    attend_packed_backward, rms_norm, rms_norm_backward, rms_norm_heads, rms_norm_heads_backward,
    rope, swiglu, swiglu_backward,
};

use super::{FusedNetwork, Linear, PackedRows, Residents, sum};
use crate::Part;

/// What the backward pass of a layer needs beside its input. Norms and the product of the gates are
/// computed again: they cost little.
pub(crate) struct Activations {
    /// Queries and keys before their norms, as `qkv`; empty without such norms.
    raw: Vec<f32>,
    /// Rotated queries and keys, and values, `[rows, q + k + v]`.
    qkv: Vec<f32>,
    /// `[rows, q]`
    mixed: Vec<f32>,
    /// The residual stream between the two halves, `[rows, hidden]`.
    middle: Vec<f32>,
    /// `[rows, gate + up]`
    gate_up: Vec<f32>,
}

/// A projection of a layer, and the columns of the wider rows that it writes.
struct Projection<'a> {
    linear: Linear<'a>,
    name: String,
    bias: Option<(String, &'a [f32])>,
    columns: Range<usize>,
}

impl FusedNetwork<'_> {
    /// Runs `x` through a layer, and keeps what the backward pass needs if it is to be kept.
    pub(super) fn block(
        &self,
        layer: usize,
        rows: &PackedRows,
        x: &mut [f32],
        keep: bool,
    ) -> Result<Option<Activations>, KernelError> {
        let c = self.config;
        let (count, hidden, wide) = (rows.count, c.hidden_size, c.intermediate_size);
        let Activations { raw, qkv, mixed, .. } = self.attention(layer, rows, x)?;
        let output = self.linear(layer, Part::O, hidden, self.widths().0);
        output.forward(&mixed, count, Store::Add, MatrixMut::new(x, count, hidden)?)?;
        self.add_bias(layer, Part::OBias, x)?;
        let middle = if keep { x.to_vec() } else { Vec::new() };

        let gate_up = self.gates(layer, rows, x)?;
        let mut inner = vec![0.0; count * wide]; // [rows, wide]
        swiglu(&gate_up, wide, &mut inner)?;
        let down = self.linear(layer, Part::Down, hidden, wide);
        down.forward(&inner, count, Store::Add, MatrixMut::new(x, count, hidden)?)?;
        self.add_bias(layer, Part::DownBias, x)?;
        Ok(keep.then_some(Activations { raw, qkv, mixed, middle, gate_up }))
    }

    /// The activations of a layer from its input alone, without its output.
    pub(super) fn activations(
        &self,
        layer: usize,
        rows: &PackedRows,
        input: &[f32],
    ) -> Result<Activations, KernelError> {
        let mut activations = self.attention(layer, rows, input)?;
        let hidden = self.config.hidden_size;
        let mixed = &activations.mixed;
        let output = self.linear(layer, Part::O, hidden, self.widths().0);
        let mut middle = input.to_vec();
        let out = MatrixMut::new(&mut middle, rows.count, hidden)?;
        output.forward(mixed, rows.count, Store::Add, out)?;
        self.add_bias(layer, Part::OBias, &mut middle)?;
        activations.gate_up = self.gates(layer, rows, &middle)?;
        activations.middle = middle;
        Ok(activations)
    }

    /// Everything up to the mixed values.
    fn attention(
        &self,
        layer: usize,
        rows: &PackedRows,
        x: &[f32],
    ) -> Result<Activations, KernelError> {
        let c = self.config;
        let (q, _, stride) = self.widths();
        let normed = self.normed(layer, Part::InputNorm, x)?;
        let mut qkv = vec![0.0; rows.count * stride]; // [rows, q + k + v]
        for projection in self.projections(layer) {
            let store = match projection.bias {
                Some((_, bias)) => Store::SetBiased(bias),
                None => Store::Set,
            };
            let out = MatrixMut::columns(&mut qkv, rows.count, stride, projection.columns)?;
            projection.linear.forward(&normed, rows.count, store, out)?;
        }
        let mut raw = Vec::new();
        if c.qk_norm {
            raw = qkv.clone();
            for (heads, part) in self.normed_heads() {
                let weight = self.layer_weight(layer, part);
                let Heads { stride, offset, count } = heads;
                rms_norm_heads(&mut qkv, stride, offset, count, weight, self.eps())?;
            }
        }
        let heads = c.num_heads + c.num_kv_heads;
        rope(&mut qkv, stride, heads, c.head_dim, &rows.cos, &rows.sin)?;
        let mut mixed = vec![0.0; rows.count * q]; // [rows, q]
        attend_packed(self.heads(), &rows.trees, &qkv, &mut mixed)?;
        Ok(Activations { raw, qkv, mixed, middle: Vec::new(), gate_up: Vec::new() })
    }

    /// Gates and ups, `[rows, gate + up]`.
    fn gates(
        &self,
        layer: usize,
        rows: &PackedRows,
        middle: &[f32],
    ) -> Result<Vec<f32>, KernelError> {
        let wide = self.config.intermediate_size;
        let normed = self.normed(layer, Part::MlpNorm, middle)?;
        let mut gate_up = vec![0.0; rows.count * 2 * wide];
        for (index, part) in GATES.into_iter().enumerate() {
            let columns = index * wide..(index + 1) * wide;
            let out = MatrixMut::columns(&mut gate_up, rows.count, 2 * wide, columns)?;
            let linear = self.linear(layer, part, wide, self.config.hidden_size);
            let bias = self.bias(layer, GATE_BIASES[index]);
            let store = bias.map_or(Store::Set, Store::SetBiased);
            linear.forward(&normed, rows.count, store, out)?;
        }
        Ok(gate_up)
    }

    /// Turns the gradient of a layer's output into that of its input, in place.
    pub(super) fn block_backward(
        &self,
        layer: usize,
        rows: &PackedRows,
        input: &[f32],
        activations: Activations,
        gradient: &mut [f32],
        sums: &mut Residents,
    ) -> Result<(), KernelError> {
        let Activations { raw, qkv, mixed, middle, gate_up } = activations;
        self.gates_backward(layer, rows, &middle, gate_up, gradient, sums)?;

        let hidden = self.config.hidden_size;
        let output = self.linear(layer, Part::O, hidden, self.widths().0);
        let dy = Matrix::new(gradient, rows.count, hidden)?;
        let name = Part::O.in_layer(layer);
        output.weight_gradient(dy, &mixed, rows.count, sum(sums, &name))?;
        self.add_bias_gradient(layer, Part::OBias, gradient, hidden, 0, sums)?;
        let mut mixed_gradient = mixed; // its values are no longer needed
        output.input_gradient(dy, Store::Set, &mut mixed_gradient, rows.count)?;
        let mut qkv_gradient = vec![0.0; qkv.len()];
        attend_packed_backward(
            self.heads(),
            &rows.trees,
            &qkv,
            &mixed_gradient,
            &mut qkv_gradient,
        )?;
        self.projections_backward(layer, rows, input, &raw, qkv_gradient, gradient, sums)
    }

    /// From the residual stream after the second half to that before it.
    fn gates_backward(
        &self,
        layer: usize,
        rows: &PackedRows,
        middle: &[f32],
        mut gate_up: Vec<f32>,
        gradient: &mut [f32],
        sums: &mut Residents,
    ) -> Result<(), KernelError> {
        let (hidden, wide) = (self.config.hidden_size, self.config.intermediate_size);
        let mut inner = vec![0.0; rows.count * wide]; // [rows, wide]
        swiglu(&gate_up, wide, &mut inner)?;
        let down = self.linear(layer, Part::Down, hidden, wide);
        let dy = Matrix::new(gradient, rows.count, hidden)?;
        let name = Part::Down.in_layer(layer);
        down.weight_gradient(dy, &inner, rows.count, sum(sums, &name))?;
        down.input_gradient(dy, Store::Set, &mut inner, rows.count)?;
        self.add_bias_gradient(layer, Part::DownBias, gradient, hidden, 0, sums)?;
        swiglu_backward(&mut gate_up, wide, &inner)?;

        let normed = self.normed(layer, Part::MlpNorm, middle)?;
        let mut normed_gradient = vec![0.0; normed.len()];
        for (index, part) in GATES.into_iter().enumerate() {
            let linear = self.linear(layer, part, wide, hidden);
            let columns = index * wide..(index + 1) * wide;
            let dy = Matrix::columns(&gate_up, rows.count, 2 * wide, columns)?;
            let key = part.in_layer(layer);
            linear.weight_gradient(dy, &normed, rows.count, sum(sums, &key))?;
            linear.input_gradient(dy, continued(index), &mut normed_gradient, rows.count)?;
            let (bias, offset) = (GATE_BIASES[index], index * wide);
            self.add_bias_gradient(layer, bias, &gate_up, 2 * wide, offset, sums)?;
        }
        self.norm_backward(layer, Part::MlpNorm, middle, normed_gradient, gradient, sums)
    }

    /// From the gradient of rotated queries and keys, and of values, to that of the layer's input.
    #[allow(clippy::too_many_arguments)]
    fn projections_backward(
        &self,
        layer: usize,
        rows: &PackedRows,
        input: &[f32],
        raw: &[f32],
        mut qkv: Vec<f32>,
        gradient: &mut [f32],
        sums: &mut Residents,
    ) -> Result<(), KernelError> {
        let c = self.config;
        let (.., stride) = self.widths();
        // The inverse of a rotation is its transpose.
        let back: Vec<f32> = rows.sin.iter().map(|sin| -sin).collect();
        rope(&mut qkv, stride, c.num_heads + c.num_kv_heads, c.head_dim, &rows.cos, &back)?;
        if c.qk_norm {
            for (heads, part) in self.normed_heads() {
                let sum = sum(sums, &part.in_layer(layer));
                let weight = self.layer_weight(layer, part);
                rms_norm_heads_backward(raw, heads, weight, self.eps(), &mut qkv, sum)?;
            }
        }
        let normed = self.normed(layer, Part::InputNorm, input)?;
        let mut normed_gradient = vec![0.0; normed.len()];
        for (index, projection) in self.projections(layer).into_iter().enumerate() {
            let Projection { linear, name, bias, columns } = projection;
            let offset = columns.start;
            let dy = Matrix::columns(&qkv, rows.count, stride, columns)?;
            linear.weight_gradient(dy, &normed, rows.count, sum(sums, &name))?;
            linear.input_gradient(dy, continued(index), &mut normed_gradient, rows.count)?;
            if let Some((name, _)) = bias {
                add_row_sums(&qkv, stride, offset, sum(sums, &name))?;
            }
        }
        self.norm_backward(layer, Part::InputNorm, input, normed_gradient, gradient, sums)
    }

    /// Takes the gradient of a norm's output through the norm and adds it to that of the residual
    /// stream, from which the norm read.
    fn norm_backward(
        &self,
        layer: usize,
        part: Part,
        x: &[f32],
        mut normed: Vec<f32>,
        gradient: &mut [f32],
        sums: &mut Residents,
    ) -> Result<(), KernelError> {
        let (weight, sum) = (self.layer_weight(layer, part), sum(sums, &part.in_layer(layer)));
        rms_norm_backward(x, weight, self.eps(), &mut normed, sum)?;
        add(gradient, &normed)
    }

    fn normed(&self, layer: usize, part: Part, x: &[f32]) -> Result<Vec<f32>, KernelError> {
        let mut out = vec![0.0; x.len()];
        let weight = self.layer_weight(layer, part);
        rms_norm(x, weight, self.eps(), &mut out)?;
        Ok(out)
    }

    fn linear(&self, layer: usize, part: Part, outputs: usize, inputs: usize) -> Linear<'_> {
        let weights = self.layer_weight(layer, part);
        Linear { weights, outputs, inputs }
    }

    /// Queries, keys and values, in the order of their columns.
    fn projections(&self, layer: usize) -> [Projection<'_>; 3] {
        let c = self.config;
        let (q, kv, _) = self.widths();
        let places = [(q, 0), (kv, q), (kv, q + kv)];
        std::array::from_fn(|index| {
            let (part, bias, (outputs, offset)) =
                (Part::QKV[index], Part::QKV_BIAS[index], places[index]);
            let bias = c.qkv_bias.then(|| (bias.in_layer(layer), self.layer_weight(layer, bias)));
            let linear = self.linear(layer, part, outputs, c.hidden_size);
            let columns = offset..offset + outputs;
            Projection { linear, name: part.in_layer(layer), bias, columns }
        })
    }

    /// Where the heads lie whose queries and keys are normalised, and the norm's weight.
    fn normed_heads(&self) -> [(Heads, Part); 2] {
        let c = self.config;
        let (offset, _, stride) = self.widths();
        [
            (Heads { stride, offset: 0, count: c.num_heads }, Part::QNorm),
            (Heads { stride, offset, count: c.num_kv_heads }, Part::KNorm),
        ]
    }

    /// Columns of queries, of keys (and of values), and of all three.
    fn widths(&self) -> (usize, usize, usize) {
        let c = self.config;
        let (q, kv) = (c.num_heads * c.head_dim, c.num_kv_heads * c.head_dim);
        (q, kv, q + 2 * kv)
    }

    /// The bias of a part that is one, where the configuration has it.
    fn bias(&self, layer: usize, part: Part) -> Option<&[f32]> {
        part.shape(self.config).map(|_| self.layer_weight(layer, part))
    }

    /// Adds a bias to every row, where there is one.
    fn add_bias(&self, layer: usize, part: Part, x: &mut [f32]) -> Result<(), KernelError> {
        self.bias(layer, part).map_or(Ok(()), |bias| add_to_rows(x, bias))
    }

    /// Adds the gradient of a bias, where there is one: the sum of `dy`'s rows of `stride`, from the
    /// column `offset` on.
    fn add_bias_gradient(
        &self,
        layer: usize,
        part: Part,
        dy: &[f32],
        stride: usize,
        offset: usize,
        sums: &mut Residents,
    ) -> Result<(), KernelError> {
        match part.shape(self.config) {
            Some(_) => add_row_sums(dy, stride, offset, sum(sums, &part.in_layer(layer))),
            None => Ok(()),
        }
    }

    fn layer_weight(&self, layer: usize, part: Part) -> &[f32] {
        self.weight(&part.in_layer(layer))
    }
}

/// Gate and up, in the order of their columns.
const GATES: [Part; 2] = [Part::Gate, Part::Up];

/// Their biases.
const GATE_BIASES: [Part; 2] = [Part::GateBias, Part::UpBias];

/// The first of several products that are summed replaces what was there.
fn continued(index: usize) -> Store<'static> {
    if index == 0 { Store::Set } else { Store::Continue }
}
