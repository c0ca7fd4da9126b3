//! The operations of a transformer block, composed of Burn's primitives.
//!
//! Every function works on *packed* tokens: the sequences of a batch stand one after the other
//! in a `[tokens, width]` tensor, so that no matrix product is spent on padding.

use std::ops::Range;

use burn::tensor::{Bool, Device, Int, Tensor, TensorData, activation};

use crate::Rotation;

/// `x / rms(x) * weight`, per row (Zhang & Sennrich 2019, eq. 4). `x` is `[n, width]`, `weight`
/// is `[1, width]`.
pub fn rms_norm(x: Tensor<2>, weight: Tensor<2>, eps: f64) -> Tensor<2> {
    let mean_square = x.clone().square().mean_dim(1); // [n, 1]
    let inverse = mean_square.add_scalar(eps).sqrt().recip();
    x * inverse * weight
}

/// `silu(gate) * up`, element by element (Shazeer 2020, SwiGLU).
pub fn swiglu(gate: Tensor<2>, up: Tensor<2>) -> Tensor<2> {
    activation::silu(gate) * up
}

/// Cosines and sines of the rotary embedding for each token of a packed batch.
pub struct Rotary {
    cos: Tensor<3>, // [tokens, 1, head_dim]
    sin: Tensor<3>, // [tokens, 1, head_dim]
}

impl Rotary {
    /// Tables for tokens at `positions`.
    pub fn new(positions: &[usize], rotation: &Rotation, device: &Device) -> Rotary {
        let half = rotation.pairs();
        let mut cos = Vec::with_capacity(positions.len() * 2 * half);
        let mut sin = Vec::with_capacity(positions.len() * 2 * half);
        for &position in positions {
            // Hugging Face weights pair element i with element i + half ("rotate half").
            let pairs = rotation.at(position);
            for (c, s) in pairs.clone().chain(pairs) {
                cos.push(c);
                sin.push(s);
            }
        }
        let shape = [positions.len(), 1, 2 * half];
        Rotary {
            cos: Tensor::from_data(TensorData::new(cos, shape), device),
            sin: Tensor::from_data(TensorData::new(sin, shape), device),
        }
    }

    /// The rows of these tables at `positions`, `[tokens]`: of tables for all positions in order, those
    /// of tokens at these positions.
    pub fn at(&self, positions: Tensor<1, Int>) -> Rotary {
        let rows = |table: &Tensor<3>| table.clone().select(0, positions.clone());
        Rotary { cos: rows(&self.cos), sin: rows(&self.sin) }
    }

    /// Rotates every head of `x`, `[tokens, heads, head_dim]` (Su et al. 2021, eq. 34).
    pub fn apply(&self, x: Tensor<3>) -> Tensor<3> {
        let [_, _, head_dim] = x.dims();
        let half = head_dim / 2;
        let first = x.clone().narrow(2, 0, half);
        let second = x.clone().narrow(2, half, half);
        let rotated = Tensor::cat(vec![second.neg(), first], 2);
        x * self.cos.clone() + rotated * self.sin.clone()
    }
}

/// The sizes that a packed batch's tensors have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shapes {
    /// Rows of packed tensors.
    pub tokens: usize,
    /// Sequences side by side in attention.
    pub rows: usize,
    /// Their length in attention.
    pub longest: usize,
}

impl Shapes {
    /// The sizes of `sequences` as they are.
    pub fn exact(sequences: &[Range<usize>]) -> Shapes {
        let longest = sequences.iter().map(Range::len).max().unwrap_or(0);
        let tokens = sequences.iter().map(Range::len).sum();
        Shapes { tokens, rows: sequences.len(), longest }
    }

    /// Rounded up to [`bucket`]s, so that a GPU compiles and tunes its kernels for few shapes.
    pub(crate) fn bucketed(self) -> Shapes {
        let Shapes { tokens, rows, longest } = self;
        Shapes { tokens: bucket(tokens), rows: bucket(rows), longest: bucket(longest) }
    }
}

/// The least of 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, … (powers of two and the middles between them) that
/// is at least `size`: at most half of a size is added, a quarter in the mean.
pub fn bucket(size: usize) -> usize {
    let power = size.next_power_of_two();
    let middle = power / 4 * 3;
    if power >= 4 && size <= middle { middle } else { power }
}

/// Where each sequence of a packed batch stands, and the mask its attention needs.
pub struct Attention {
    rows: usize,
    longest: usize,
    /// Packed index of every `[row, position]` slot (padding slots repeat a token), absent where all
    /// rows are equally long and packed order is already padded order.
    pad: Option<Tensor<1, Int>>,
    /// Padded slot of every packed token, present with `pad`.
    unpad: Option<Tensor<1, Int>>,
    /// True above the diagonal, `[longest, longest]`.
    future: Tensor<2, Bool>,
}

impl Attention {
    /// Plans causal attention within each of `sequences`, which partition the packed tokens in
    /// order, but for tokens behind the last of them up to `shapes.tokens`: those are padding and
    /// attend to something finite that nobody reads.
    pub fn new(sequences: &[Range<usize>], shapes: &Shapes, device: &Device) -> Attention {
        let &Shapes { tokens, rows, longest } = shapes;
        let ragged = rows * longest != tokens || sequences.iter().any(|row| row.len() != longest);
        let (pad, unpad) = if ragged {
            let mut pad = Vec::with_capacity(rows * longest);
            let mut unpad = Vec::new();
            let nothing = 0..0;
            let empty = std::iter::repeat_n(&nothing, rows.saturating_sub(sequences.len()));
            for (row, range) in sequences.iter().chain(empty).enumerate() {
                for position in 0..longest {
                    let inside = position < range.len();
                    pad.push((if inside { range.start + position } else { range.start }) as i64);
                    if inside {
                        unpad.push((row * longest + position) as i64);
                    }
                }
            }
            unpad.resize(tokens, 0);
            (Some(indices(pad, device)), Some(indices(unpad, device)))
        } else {
            (None, None)
        };
        let mut future = vec![false; longest * longest];
        for query in 0..longest {
            future[query * longest + query + 1..(query + 1) * longest].fill(true);
        }
        let future = Tensor::from_data(TensorData::new(future, [longest, longest]), device);
        Attention { rows, longest, pad, unpad, future }
    }

    /// Scaled dot-product attention with grouped key/value heads. `q` is `[tokens, heads,
    /// head_dim]`, `k` and `v` are `[tokens, kv_heads, head_dim]`; the result is `[tokens,
    /// heads * head_dim]`.
    pub fn apply(&self, q: Tensor<3>, k: Tensor<3>, v: Tensor<3>) -> Tensor<2> {
        let [tokens, heads, head_dim] = q.dims();
        let [_, kv_heads, _] = k.dims();
        let group = heads / kv_heads;
        let (rows, len) = (self.rows, self.longest);

        // The query heads that share a key head stand below one another, so that keys and values
        // are never repeated in memory.
        let q = self
            .padded(q) // [rows, len, heads * head_dim]
            .reshape([rows, len, kv_heads, group, head_dim])
            .permute([0, 2, 3, 1, 4])
            .reshape([rows, kv_heads, group * len, head_dim]);
        let k = self.padded(k).reshape([rows, len, kv_heads, head_dim]).permute([0, 2, 3, 1]);
        let v = self.padded(v).reshape([rows, len, kv_heads, head_dim]).permute([0, 2, 1, 3]);

        let scale = (head_dim as f64).sqrt().recip();
        let scores = q.matmul(k).mul_scalar(scale); // [rows, kv_heads, group * len, len]
        let future = self.future.clone().repeat_dim(0, group).reshape([1, 1, group * len, len]);
        let future = future.expand([rows, kv_heads, group * len, len]);
        let weights = activation::softmax(scores.mask_fill(future, f32::NEG_INFINITY), 3);
        let mixed = weights
            .matmul(v) // [rows, kv_heads, group * len, head_dim]
            .reshape([rows, kv_heads, group, len, head_dim])
            .permute([0, 3, 1, 2, 4])
            .reshape([rows * len, heads * head_dim]);
        match &self.unpad {
            Some(unpad) => mixed.select(0, unpad.clone()),
            None => mixed.reshape([tokens, heads * head_dim]),
        }
    }

    fn padded(&self, x: Tensor<3>) -> Tensor<3> {
        let [tokens, heads, head_dim] = x.dims();
        let x = x.reshape([tokens, heads * head_dim]);
        let x = match &self.pad {
            Some(pad) => x.select(0, pad.clone()),
            None => x,
        };
        x.reshape([self.rows, self.longest, heads * head_dim])
    }
}

/// A one-dimensional index tensor on `device`.
pub fn indices(values: Vec<i64>, device: &Device) -> Tensor<1, Int> {
    let shape = [values.len()];
    Tensor::from_data(TensorData::new(values, shape), device)
}

#[cfg(test)]
#[path = "../tests/unit/ops.rs"]
mod tests;
