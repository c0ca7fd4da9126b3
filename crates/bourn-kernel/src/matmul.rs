//! `x Wᵀ` with `W` packed once into the layout that the inner loop reads.

use std::cell::Cell;
use std::ops::Range;

use rayon::prelude::*;

use crate::dispatch::{self, Isa};
use crate::error::{KernelError, check_len, elements};
use crate::tile::{MAX_ROWS, PANEL};
use crate::weights::{PackedMatrix, Panel};

/// Below this many multiply-adds a call stays on its thread: handing work over costs microseconds.
/// Miri, which has all day for one product, is to see several threads too.
pub(crate) const PARALLEL_FROM: usize = if cfg!(miri) { 1 << 12 } else { 1 << 18 };

/// `out = x Wᵀ + bias`, `[m, inputs]` to `[m, outputs]`, both row-major.
///
/// Each output is 0 plus the products in order of `k`, then the bias: the same bits whatever `m`,
/// the row's place and the number of threads.
///
/// # Errors
/// If a slice does not have the values of its shape.
pub fn matmul(
    x: &[f32],
    m: usize,
    w: &PackedMatrix,
    bias: Option<&[f32]>,
    out: &mut [f32],
) -> Result<(), KernelError> {
    if let Some(bias) = bias {
        check_len("a bias", w.outputs(), bias.len())?;
    }
    let store = |out: &mut [f32], sums: &[f32], columns: Range<usize>| match bias {
        None => out.copy_from_slice(sums),
        Some(bias) => {
            for ((out, sum), bias) in out.iter_mut().zip(sums).zip(&bias[columns]) {
                *out = sum + bias;
            }
        }
    };
    run(Isa::best(), x, m, w, out, store)
}

/// `out += x Wᵀ`, `[m, inputs]` to `[m, outputs]`: the way back into the residual stream.
///
/// # Errors
/// If a slice does not have the values of its shape.
pub fn matmul_add(
    x: &[f32],
    m: usize,
    w: &PackedMatrix,
    out: &mut [f32],
) -> Result<(), KernelError> {
    run(Isa::best(), x, m, w, out, |out, sums, _| {
        for (out, sum) in out.iter_mut().zip(sums) {
            *out += sum;
        }
    })
}

/// A rectangle of the output: blocks of rows by panels of columns.
struct MatmulTask<'a> {
    blocks: Range<usize>,
    panels: Range<usize>,
    /// The columns of `panels`, for each row of `blocks`.
    rows: Vec<&'a mut [f32]>,
}

fn run(
    isa: Isa,
    x: &[f32],
    m: usize,
    w: &PackedMatrix,
    out: &mut [f32],
    store: impl Fn(&mut [f32], &[f32], Range<usize>) + Sync,
) -> Result<(), KernelError> {
    let (n, k) = (w.outputs(), w.inputs());
    check_len("the input", elements(m, k)?, x.len())?;
    check_len("the output", elements(m, n)?, out.len())?;
    if m == 0 || n == 0 {
        return Ok(());
    }
    let blocks = Blocks::new(m, isa.rows());
    let threads = rayon::current_num_threads();
    let parallel = threads > 1 && m.saturating_mul(n).saturating_mul(k) >= PARALLEL_FROM;

    // The buffer is taken out rather than borrowed: while this thread waits for its tasks it may
    // be given another multiplication.
    thread_local!(static BUFFER: Cell<Vec<f32>> = const { Cell::new(Vec::new()) });
    let mut buffer = if m == 1 { Vec::new() } else { BUFFER.take() };
    let x = if m == 1 { x } else { interleave(x, k, &blocks, parallel, &mut buffer) };

    let work = |task: MatmulTask<'_>| {
        let MatmulTask { blocks: range, panels, mut rows } = task;
        let (first_row, first_column) = (blocks.start(range.start), panels.start * PANEL);
        for panel in panels {
            let start = panel * PANEL;
            let columns = start..n.min(start + PANEL);
            let local = start - first_column..columns.end - first_column;
            for block in range.clone() {
                let (row, end) = (blocks.start(block), blocks.start(block + 1));
                let mut sums = [[0.0; PANEL]; MAX_ROWS];
                let x = &x[row * k..end * k];
                match w.panel(panel) {
                    Panel::F32(panel) => dispatch::tile(isa, end - row, x, panel, &mut sums),
                    Panel::Bf16(panel) => dispatch::tile_bf16(isa, end - row, x, panel, &mut sums),
                }
                for (out, sums) in rows[row - first_row..end - first_row].iter_mut().zip(&sums) {
                    store(&mut out[local.clone()], &sums[..local.len()], columns.clone());
                }
            }
        }
    };
    // Several tasks a thread, so that one that is slowed down by another process holds up less.
    let tasks = split(out, n, &blocks, if parallel { 4 * threads } else { 1 });
    if parallel {
        tasks.into_par_iter().with_max_len(1).for_each(work);
    } else {
        tasks.into_iter().for_each(work);
    }
    BUFFER.set(buffer);
    Ok(())
}

/// Nearly equal blocks of rows, each at most a tile high.
pub(crate) struct Blocks {
    pub(crate) rows: usize,
    pub(crate) count: usize,
}

impl Blocks {
    /// `rows` rows in blocks of at most `most`.
    pub(crate) fn new(rows: usize, most: usize) -> Blocks {
        Blocks { rows, count: rows.div_ceil(most) }
    }

    /// First row of a block; of the one past the last, the number of rows.
    pub(crate) fn start(&self, block: usize) -> usize {
        block * (self.rows / self.count) + block.min(self.rows % self.count)
    }
}

/// Cuts the output into about `wanted` tasks: first by columns, so that each weight is read by one
/// thread, then by rows if there are too few panels.
fn split<'a>(out: &'a mut [f32], n: usize, blocks: &Blocks, wanted: usize) -> Vec<MatmulTask<'a>> {
    let panels = n.div_ceil(PANEL);
    let stripes = panels.min(wanted);
    let groups = blocks.count.min(wanted.div_ceil(stripes));
    let part = |total: usize, parts: usize, i: usize| total * i / parts;

    let mut tasks = Vec::with_capacity(groups * stripes);
    let mut rest = out;
    for group in 0..groups {
        let range = part(blocks.count, groups, group)..part(blocks.count, groups, group + 1);
        let rows = blocks.start(range.end) - blocks.start(range.start);
        let first = tasks.len();
        tasks.extend((0..stripes).map(|stripe| MatmulTask {
            blocks: range.clone(),
            panels: part(panels, stripes, stripe)..part(panels, stripes, stripe + 1),
            rows: Vec::with_capacity(rows),
        }));
        let (mine, others) = rest.split_at_mut(rows * n);
        rest = others;
        for mut row in mine.chunks_exact_mut(n) {
            for task in &mut tasks[first..] {
                let width = (task.panels.len() * PANEL).min(row.len());
                let (columns, others) = row.split_at_mut(width);
                task.rows.push(columns);
                row = others;
            }
        }
    }
    tasks
}

/// Copies `x`, `[m, k]`, into `[blocks][k][rows of the block]`, as the inner loop reads it.
fn interleave<'a>(
    x: &[f32],
    k: usize,
    blocks: &Blocks,
    parallel: bool,
    buffer: &'a mut Vec<f32>,
) -> &'a [f32] {
    if buffer.len() < x.len() {
        buffer.resize(x.len(), 0.0);
    }
    let out = &mut buffer[..x.len()];
    let mut rest = &mut *out;
    let mut pieces = Vec::with_capacity(blocks.count);
    for block in 0..blocks.count {
        let rows = blocks.start(block)..blocks.start(block + 1);
        let (piece, others) = rest.split_at_mut(rows.len() * k);
        rest = others;
        pieces.push((rows.len(), &x[rows.start * k..rows.end * k], piece));
    }
    let copy = |(rows, x, out): (usize, &[f32], &mut [f32])| {
        let lines = x.chunks_exact(k.max(1));
        match rows {
            1 => out.copy_from_slice(x),
            2 => transpose::<2>(lines, out),
            3 => transpose::<3>(lines, out),
            4 => transpose::<4>(lines, out),
            5 => transpose::<5>(lines, out),
            _ => transpose::<6>(lines, out),
        }
    };
    if parallel {
        pieces.into_par_iter().with_min_len(8).for_each(copy);
    } else {
        pieces.into_iter().for_each(copy);
    }
    out
}

/// Copies `ROWS` equally long rows into `[k][ROWS]`.
pub(crate) fn transpose<'a, const ROWS: usize>(
    lines: impl Iterator<Item = &'a [f32]>,
    out: &mut [f32],
) {
    let mut rows: [&[f32]; ROWS] = [&[]; ROWS];
    for (row, line) in rows.iter_mut().zip(lines) {
        *row = line;
    }
    for (k, out) in out.as_chunks_mut::<ROWS>().0.iter_mut().enumerate() {
        for (out, row) in out.iter_mut().zip(rows) {
            *out = row[k];
        }
    }
}

#[cfg(test)]
#[path = "../tests/unit/matmul.rs"]
mod tests;
