//! Causal attention over packed sequences that may share a beginning, and its backward pass.
//!
//! Forward is [`attend`] over keys and values in the engine's blocks, and has its bits. Backward
//! recomputes the softmax for a block of query rows at a time: no more than that block's scores is
//! ever in memory.

use std::ops::Range;

use rayon::prelude::*;

use crate::attention::{AttendScratch, HeadLayout, Queries, attend};
use crate::dispatch::{self, Isa};
use crate::error::{KernelError, check_len, check_range, elements};
use crate::gemm::{Matrix, MatrixMut, Store, gemm};
use crate::tile::PANEL;

/// Query rows whose scores are in memory at once, in the backward pass: enough that packing the keys
/// for their products costs little beside them.
const QUERY_ROWS: usize = 48;

/// Query rows of a unit of forward work.
const UNIT_ROWS: usize = 24;

/// Sequences that share their beginning, in consecutive packed rows: the beginning once, then each
/// continuation. A sequence that shares nothing is a beginning without continuations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// First packed row.
    pub start: usize,
    /// Rows of the shared beginning.
    pub root: usize,
    /// Rows of each continuation.
    pub branches: Vec<usize>,
}

impl Tree {
    /// Packed rows in all.
    pub fn rows(&self) -> usize {
        self.root + self.branches.iter().sum::<usize>()
    }

    /// The root, then the branches.
    fn stretches(&self) -> impl Iterator<Item = Stretch> {
        let root = Stretch { first: 0, len: self.root, before: 0 };
        let mut first = self.root;
        let branches = self.branches.iter().map(move |&len| {
            first += len;
            Stretch { first: first - len, len, before: self.root }
        });
        std::iter::once(root).chain(branches)
    }
}

/// Consecutive rows of a tree.
#[derive(Clone, Copy)]
struct Stretch {
    /// First row, counted from the tree's.
    first: usize,
    len: usize,
    /// Positions of the root that come before.
    before: usize,
}

/// The heads of a row of queries, keys and values, `[kv_heads * group | kv_heads | kv_heads]` heads
/// of `head_dim` values.
#[derive(Clone, Copy, Debug)]
pub struct GroupedHeads {
    /// Key/value heads.
    pub kv_heads: usize,
    /// Query heads that share a key/value head.
    pub group: usize,
    /// Values of a head.
    pub head_dim: usize,
}

impl GroupedHeads {
    fn queries(self) -> usize {
        self.kv_heads * self.group * self.head_dim
    }

    fn stride(self) -> usize {
        self.queries() + 2 * self.kv_heads * self.head_dim
    }

    fn scale(self) -> f32 {
        1.0 / (self.head_dim as f32).sqrt()
    }

    /// Columns of a head's queries, key and value in a row.
    fn columns(self, head: usize) -> [Range<usize>; 3] {
        let (dim, width) = (self.head_dim, self.group * self.head_dim);
        let key = self.queries() + head * dim;
        let value = key + self.kv_heads * dim;
        [head * width..(head + 1) * width, key..key + dim, value..value + dim]
    }

    fn check(self, trees: &[Tree], qkv: usize, mixed: usize) -> Result<(), KernelError> {
        let mut rows = 0;
        for tree in trees {
            check_range("the first row of a tree", rows, rows, tree.start)?;
            rows += tree.rows();
        }
        check_range("the values of a head", 1, usize::MAX, self.queries())?;
        check_len("queries, keys and values", elements(rows, self.stride())?, qkv)?;
        check_len("the mixed values", elements(rows, self.queries())?, mixed)
    }
}

/// Scaled causal attention of each row over its own sequence: `qkv`, `[rows, q + k + v]`, to `out`,
/// `[rows, q]`. The trees partition the rows in order.
///
/// # Errors
/// If the slices do not fit the heads and the trees.
pub fn attend_packed(
    heads: GroupedHeads,
    trees: &[Tree],
    qkv: &[f32],
    out: &mut [f32],
) -> Result<(), KernelError> {
    heads.check(trees, qkv.len(), out.len())?;
    let stretches: Vec<(&Tree, Stretch)> =
        trees.iter().flat_map(|tree| tree.stretches().map(move |part| (tree, part))).collect();
    let caches: Vec<Vec<Vec<f32>>> = stretches
        .par_iter()
        .map(|(tree, part)| cache(heads, tree, *part, qkv))
        .collect::<Result<_, _>>()?;

    let at_once = (UNIT_ROWS / heads.group).max(1);
    let (mut units, mut rest, mut root) = (Vec::new(), out, 0);
    for (index, (tree, part)) in stretches.iter().enumerate() {
        if part.before == 0 {
            root = index;
        }
        // Whole blocks of the root are shared; the one that it leaves unfinished has been copied.
        let shared = part.before / PANEL;
        let blocks: Vec<&[f32]> =
            caches[root][..shared].iter().chain(&caches[index]).map(Vec::as_slice).collect();
        for first in (0..part.len).step_by(at_once) {
            let rows = at_once.min(part.len - first);
            let (out, others) = rest.split_at_mut(rows * heads.queries());
            rest = others;
            let row = tree.start + part.first + first;
            let qkv = &qkv[row * heads.stride()..(row + rows) * heads.stride()];
            units.push((blocks.clone(), part.before + first, qkv, out));
        }
    }
    let units = units.into_par_iter();
    units.try_for_each_init(AttendScratch::default, |scratch, (blocks, before, qkv, out)| {
        let rows = qkv.len() / heads.stride();
        let visible: Vec<usize> =
            (0..rows * heads.group).map(|i| before + i / heads.group + 1).collect();
        let layout = HeadLayout::new(heads.head_dim);
        let mut mixed = vec![0.0; rows * heads.group * heads.head_dim];
        let mut queries = Vec::with_capacity(mixed.len());
        for head in 0..heads.kv_heads {
            let [columns, ..] = heads.columns(head);
            queries.clear();
            for row in qkv.chunks_exact(heads.stride()) {
                queries.extend(row[columns.clone()].iter().map(|q| q * heads.scale()));
            }
            let asked = Queries { rows: &queries, visible: &visible };
            attend(layout, asked, &blocks, head * layout.block_len(), scratch, &mut mixed)?;
            let rows = out.chunks_exact_mut(heads.queries());
            for (out, mixed) in rows.zip(mixed.chunks_exact(columns.len())) {
                out[columns.clone()].copy_from_slice(mixed);
            }
        }
        Ok(())
    })
}

/// Blocks of keys and values of all heads from the root's last unfinished one on.
fn cache(
    heads: GroupedHeads,
    tree: &Tree,
    part: Stretch,
    qkv: &[f32],
) -> Result<Vec<Vec<f32>>, KernelError> {
    let layout = HeadLayout::new(heads.head_dim);
    let begin = part.before / PANEL * PANEL;
    let end = part.before + part.len;
    let length = heads.kv_heads * layout.block_len();
    let mut blocks = vec![vec![0.0; length]; (end - begin).div_ceil(PANEL)];
    for position in begin..end {
        let row = match position.checked_sub(part.before) {
            None => position,
            Some(own) => part.first + own,
        };
        let row = &qkv[(tree.start + row) * heads.stride()..][..heads.stride()];
        let block = blocks[(position - begin) / PANEL].chunks_exact_mut(layout.block_len());
        for (head, block) in block.enumerate() {
            let [_, key, value] = heads.columns(head);
            layout.write(block, position % PANEL, &row[key], &row[value])?;
        }
    }
    Ok(blocks)
}

/// The backward pass of [`attend_packed`]: the gradient of `qkv` into `out`, given that of the mixed
/// values, `gradient`. What continuations give to their root is summed in their order.
///
/// # Errors
/// If the slices do not fit the heads and the trees.
pub fn attend_packed_backward(
    heads: GroupedHeads,
    trees: &[Tree],
    qkv: &[f32],
    gradient: &[f32],
    out: &mut [f32],
) -> Result<(), KernelError> {
    heads.check(trees, qkv.len(), gradient.len())?;
    check_len("the gradient of queries, keys and values", qkv.len(), out.len())?;
    let rows = qkv.len() / heads.stride();
    let width = (heads.group + 2) * heads.head_dim;
    // [kv_heads][rows][queries, key, value], so that each task has a stretch of memory to itself.
    let mut by_head = vec![0.0; out.len()];
    let mut tasks = Vec::with_capacity(heads.kv_heads * trees.len());
    for (head, mut rest) in by_head.chunks_exact_mut((rows * width).max(1)).enumerate() {
        for tree in trees {
            let (out, others) = rest.split_at_mut(tree.rows() * width);
            rest = others;
            tasks.push(PackedTask { heads, tree, head, qkv, gradient, out });
        }
    }
    tasks.into_par_iter().with_max_len(1).try_for_each(PackedTask::run)?;

    out.par_chunks_exact_mut(heads.stride()).enumerate().with_min_len(16).for_each(|(row, out)| {
        for head in 0..heads.kv_heads {
            let mut from = &by_head[(head * rows + row) * width..][..width];
            for columns in heads.columns(head) {
                let (part, others) = from.split_at(columns.len());
                out[columns].copy_from_slice(part);
                from = others;
            }
        }
    });
    Ok(())
}

/// The backward pass of one key/value head over one tree.
struct PackedTask<'a> {
    heads: GroupedHeads,
    tree: &'a Tree,
    head: usize,
    qkv: &'a [f32],
    gradient: &'a [f32],
    /// `[rows of the tree][queries, key, value]`
    out: &'a mut [f32],
}

/// Keys and values of one sequence, and their gradients, each `[positions, head_dim]`.
#[derive(Default)]
struct PackedSequence {
    keys: Vec<f32>,
    values: Vec<f32>,
    key_gradients: Vec<f32>,
    value_gradients: Vec<f32>,
}

impl PackedTask<'_> {
    fn run(mut self) -> Result<(), KernelError> {
        let dim = self.heads.head_dim;
        let mut sequence = PackedSequence::default();
        for (index, part) in self.tree.stretches().enumerate() {
            // The root's keys and values, and what has been added to their gradients, stay.
            for (rows, columns) in [
                (&mut sequence.keys, self.heads.columns(self.head)[1].clone()),
                (&mut sequence.values, self.heads.columns(self.head)[2].clone()),
            ] {
                rows.truncate(part.before * dim);
                for row in part.first..part.first + part.len {
                    let at = (self.tree.start + row) * self.heads.stride();
                    rows.extend_from_slice(&self.qkv[at + columns.start..at + columns.end]);
                }
            }
            for gradients in [&mut sequence.key_gradients, &mut sequence.value_gradients] {
                gradients.truncate(part.before * dim);
                gradients.resize((part.before + part.len) * dim, 0.0);
            }
            let at_once = (QUERY_ROWS / self.heads.group).max(1);
            for first in (0..part.len).step_by(at_once) {
                let positions = first..part.len.min(first + at_once);
                self.block(&mut sequence, part, positions)?;
            }
            if index > 0 {
                self.store(&sequence, part.before, part.first, part.len);
            }
        }
        self.store(&sequence, 0, 0, self.tree.root);
        Ok(())
    }

    /// Query rows of some positions of a stretch.
    fn block(
        &mut self,
        sequence: &mut PackedSequence,
        part: Stretch,
        positions: Range<usize>,
    ) -> Result<(), KernelError> {
        let GroupedHeads { group, head_dim: dim, .. } = self.heads;
        let (stride, queries, scale) =
            (self.heads.stride(), self.heads.queries(), self.heads.scale());
        let [columns, ..] = self.heads.columns(self.head);
        let rows = positions.len() * group;
        let seen = part.before + positions.end;
        let mut asked = Vec::with_capacity(rows * dim); // [rows, dim], scaled
        let mut given = Vec::with_capacity(rows * dim); // [rows, dim]
        for position in positions.clone() {
            let row = self.tree.start + part.first + position;
            asked.extend(self.qkv[row * stride..][columns.clone()].iter().map(|q| q * scale));
            given.extend_from_slice(&self.gradient[row * queries..][columns.clone()]);
        }
        let asked = Matrix::new(&asked, rows, dim)?;
        let given = Matrix::new(&given, rows, dim)?;
        let keys = Matrix::new(&sequence.keys[..seen * dim], seen, dim)?;
        let values = Matrix::new(&sequence.values[..seen * dim], seen, dim)?;

        let mut weights = vec![0.0; rows * seen];
        let mut slopes = vec![0.0; rows * seen];
        gemm(asked, keys.transpose(), Store::Set, MatrixMut::new(&mut weights, rows, seen)?)?;
        gemm(given, values.transpose(), Store::Set, MatrixMut::new(&mut slopes, rows, seen)?)?;
        let isa = Isa::best();
        let pairs = weights.chunks_exact_mut(seen).zip(slopes.chunks_exact_mut(seen));
        for (row, (weights, slopes)) in pairs.enumerate() {
            let visible = part.before + positions.start + row / group + 1;
            dispatch::attention_backward_row(isa, weights, slopes, visible);
        }
        let weights = Matrix::new(&weights, rows, seen)?;
        let slopes = Matrix::new(&slopes, rows, seen)?;

        let place = MatrixMut::new(&mut sequence.value_gradients[..seen * dim], seen, dim)?;
        gemm(weights.transpose(), given, Store::Continue, place)?;
        let place = MatrixMut::new(&mut sequence.key_gradients[..seen * dim], seen, dim)?;
        gemm(slopes.transpose(), asked, Store::Continue, place)?;
        let mut turned = vec![0.0; rows * dim];
        gemm(slopes, keys, Store::Set, MatrixMut::new(&mut turned, rows, dim)?)?;
        let width = (group + 2) * dim;
        let rows = self.out.chunks_exact_mut(width).skip(part.first + positions.start);
        for (out, turned) in rows.zip(turned.chunks_exact(group * dim)) {
            for (out, turned) in out.iter_mut().zip(turned) {
                *out = turned * scale;
            }
        }
        Ok(())
    }

    /// Stores the gradients of keys and values from `position` on as those of rows from `row` on.
    fn store(&mut self, sequence: &PackedSequence, position: usize, row: usize, count: usize) {
        let dim = self.heads.head_dim;
        let width = (self.heads.group + 2) * dim;
        let positions = position * dim..(position + count) * dim;
        let keys = sequence.key_gradients[positions.clone()].chunks_exact(dim);
        let values = sequence.value_gradients[positions].chunks_exact(dim);
        let rows = self.out.chunks_exact_mut(width).skip(row);
        for (out, (key, value)) in rows.zip(keys.zip(values)) {
            let (key_out, value_out) = out[self.heads.group * dim..].split_at_mut(dim);
            key_out.copy_from_slice(key);
            value_out.copy_from_slice(value);
        }
    }
}

#[cfg(test)]
#[path = "../tests/unit/packed.rs"]
mod tests;
