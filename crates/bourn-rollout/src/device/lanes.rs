//! The KV cache on a device: rows of equally many positions, written in place.

use std::ops::Range;

use bourn_model::ModelConfig;
use burn::tensor::{Device, IndexingUpdateOp, Int, Tensor};

use crate::device::link::Link;

/// Keys and values of all layers, for rows that are decoded or prefilled together. What lies beyond
/// a row's own length is finite and never seen.
pub(crate) struct Lanes {
    pub(crate) rows: usize,
    /// Positions of each row.
    pub(crate) length: usize,
    heads: usize,
    head_dim: usize,
    /// Of each layer `[rows * heads * length, head_dim]`; no other handle is held, so that writes are
    /// in place.
    keys: Vec<Tensor<2>>,
    values: Vec<Tensor<2>>,
    /// Where each head of each row begins, `[rows, 1, heads]`.
    bases: Tensor<3, Int>,
    /// 0, 1, … `[1, 1, length]`.
    columns: Tensor<3, Int>,
    /// Stands where a cache has been taken out to be written.
    blank: Tensor<2>,
    device: Device,
}

/// The cache of a prefilled prompt, of all positions but its last token's: rows that start from it
/// read that token themselves, and so predict their first.
#[derive(Default)]
pub(crate) struct Prefilled {
    /// Of each layer `[1, heads, length, head_dim]`; none for a prompt of one token.
    keys: Vec<Tensor<4>>,
    values: Vec<Tensor<4>>,
}

impl Lanes {
    /// Rows of nothing yet.
    pub(crate) fn new(config: &ModelConfig, rows: usize, length: usize, device: &Device) -> Lanes {
        let (heads, head_dim) = (config.num_kv_heads, config.head_dim);
        let zeros = || Tensor::zeros([rows * heads * length, head_dim], device);
        let all = || (0..config.num_layers).map(|_| zeros()).collect();
        Lanes {
            rows,
            length,
            heads,
            head_dim,
            keys: all(),
            values: all(),
            bases: bases(rows, heads, length, device),
            columns: columns(length, device),
            blank: Tensor::zeros([1, 1], device),
            device: device.clone(),
        }
    }

    /// Where in a layer the keys and values of tokens at `positions`, `[rows, chunk]`, lie:
    /// `[rows * chunk * heads, 1]`.
    pub(crate) fn places(&self, positions: &Tensor<2, Int>) -> Tensor<2, Int> {
        let [rows, chunk] = positions.dims();
        let places = self.bases.clone() + positions.clone().reshape([rows, chunk, 1]);
        places.reshape([rows * chunk * self.heads, 1])
    }

    /// What is added to attention scores of tokens at `positions`, `[rows, chunk]`, so that each sees
    /// itself and what came before: `[rows, 1, 1, chunk, length]`.
    pub(crate) fn mask(&self, positions: &Tensor<2, Int>) -> Tensor<5> {
        let [rows, chunk] = positions.dims();
        let hidden = self.columns.clone().greater(positions.clone().reshape([rows, chunk, 1]));
        hidden.float().mul_scalar(HIDDEN).reshape([rows, 1, 1, chunk, self.length])
    }

    /// Stores keys and values, `[tokens * heads, head_dim]`, at `places`.
    pub(crate) fn write(
        &mut self,
        layer: usize,
        places: &Tensor<2, Int>,
        keys: Tensor<2>,
        values: Tensor<2>,
        link: &mut Link,
    ) {
        link.operation();
        for (cache, new) in [(&mut self.keys[layer], keys), (&mut self.values[layer], values)] {
            let taken = std::mem::replace(cache, self.blank.clone());
            *cache = taken.scatter_nd(places.clone(), new, IndexingUpdateOp::Assign);
        }
    }

    /// Keys and values of a layer, `[rows, heads, length, head_dim]`.
    pub(crate) fn layer(&self, layer: usize) -> (Tensor<4>, Tensor<4>) {
        let shape = self.shape();
        (self.keys[layer].clone().reshape(shape), self.values[layer].clone().reshape(shape))
    }

    /// Starts neighbouring rows from a prompt.
    pub(crate) fn place(&mut self, rows: Range<usize>, prompt: &Prefilled, link: &mut Link) {
        let (shape, heads, width) = (self.shape(), self.heads, self.head_dim);
        let keys = self.keys.iter_mut().zip(&prompt.keys);
        for (cache, prompt) in keys.chain(self.values.iter_mut().zip(&prompt.values)) {
            link.operation();
            let (flat, length) = (cache.dims(), prompt.dims()[2]);
            let prompt = prompt.clone().expand([rows.len(), heads, length, width]);
            let taken = std::mem::replace(cache, self.blank.clone()).reshape(shape);
            let place = [rows.clone(), 0..heads, 0..length, 0..width];
            *cache = taken.slice_assign(place, prompt).reshape(flat);
        }
    }

    /// Keeps the rows of `order`, in that order, as the first of `rows` rows of `length` positions;
    /// what they hold must fit. Layer after layer, so that memory is needed twice for one only.
    pub(crate) fn resize(&mut self, order: &Tensor<1, Int>, rows: usize, length: usize) {
        let (shape, kept) = (self.shape(), order.dims()[0]);
        let (heads, width, common) = (self.heads, self.head_dim, length.min(self.length));
        let device = &self.device;
        for cache in self.keys.iter_mut().chain(&mut self.values) {
            let taken = std::mem::replace(cache, self.blank.clone()).reshape(shape);
            let old = taken.select(0, order.clone()).narrow(2, 0, common);
            let new = Tensor::zeros([rows, heads, length, width], device);
            let new = new.slice_assign([0..kept, 0..heads, 0..common, 0..width], old);
            *cache = new.reshape([rows * heads * length, width]);
        }
        (self.rows, self.length) = (rows, length);
        self.bases = bases(rows, heads, length, device);
        self.columns = columns(length, device);
    }

    /// Each row as a prompt of its own. Layer after layer, as [`Lanes::resize`].
    pub(crate) fn split(self, link: &mut Link) -> Vec<Prefilled> {
        let (shape, rows) = (self.shape(), self.rows);
        let mut prompts: Vec<Prefilled> = (0..rows).map(|_| Prefilled::default()).collect();
        let orders: Vec<Tensor<1, Int>> =
            (0..rows).map(|row| integers(row..row + 1, &self.device)).collect();
        let mut apart = |cache: Tensor<2>, list: fn(&mut Prefilled) -> &mut Vec<Tensor<4>>| {
            link.operation();
            let cache = cache.reshape(shape);
            if let [prompt] = &mut prompts[..] {
                list(prompt).push(cache);
                return;
            }
            for (prompt, order) in prompts.iter_mut().zip(&orders) {
                // A copy, where a view would keep all of the rows in memory.
                list(prompt).push(cache.clone().select(0, order.clone()));
            }
        };
        self.keys.into_iter().for_each(|cache| apart(cache, |prompt| &mut prompt.keys));
        self.values.into_iter().for_each(|cache| apart(cache, |prompt| &mut prompt.values));
        prompts
    }

    fn shape(&self) -> [usize; 4] {
        [self.rows, self.heads, self.length, self.head_dim]
    }
}

/// Far below any score, and finite: what is added to the scores of positions that are not seen.
const HIDDEN: f32 = -1e30;

fn bases(rows: usize, heads: usize, length: usize, device: &Device) -> Tensor<3, Int> {
    integers(0..rows * heads, device).mul_scalar(length as i32).reshape([rows, 1, heads])
}

fn columns(length: usize, device: &Device) -> Tensor<3, Int> {
    integers(0..length, device).reshape([1, 1, length])
}

/// The integers of a range, `[n]`.
pub(crate) fn integers(range: Range<usize>, device: &Device) -> Tensor<1, Int> {
    Tensor::arange(range.start as i64..range.end as i64, device)
}

#[cfg(test)]
#[path = "../../tests/unit/device/lanes.rs"]
mod tests;
