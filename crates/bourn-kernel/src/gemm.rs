//! Products of matrices as they lie in memory: training, where weights change after every use and
//! each matrix is read in both orientations.
//!
//! Both operands are copied into the layout of the tile on the way: rows of the left one once for
//! the whole product, panels of the right one by the thread that uses them, a few at a time so that
//! they stay in its cache.

use std::cell::Cell;
use std::ops::Range;

use rayon::prelude::*;

use crate::dispatch::{self, Isa};
use crate::error::{KernelError, check_len, check_range, elements};
use crate::matmul::{Blocks, PARALLEL_FROM, transpose};
use crate::tile::{MAX_ROWS, PANEL};

/// Values of packed panels that a thread works on at a time, and of packed rows that pass by them:
/// 128 KiB each, which together fit the second-level cache of every machine of the last ten years.
const CACHED: usize = 1 << 15;

/// Steps of `k` at a time where sums are continued from memory.
const K_BLOCK: usize = 512;

/// A matrix in memory, row-major or the transpose of one.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
    stride: usize,
    transposed: bool,
}

impl<'a> Matrix<'a> {
    /// `[rows, columns]`, row-major.
    ///
    /// # Errors
    /// If the slice does not have that many values.
    pub fn new(data: &'a [f32], rows: usize, columns: usize) -> Result<Matrix<'a>, KernelError> {
        check_len("a matrix", elements(rows, columns)?, data.len())?;
        Ok(Matrix { data, rows, columns, stride: columns, transposed: false })
    }

    /// Part of a wider matrix: `rows` rows of `columns` values from the start of `data` on, each
    /// `stride` after the one before.
    ///
    /// # Errors
    /// If rows overlap or the slice ends before the last one.
    pub fn strided(
        data: &'a [f32],
        rows: usize,
        columns: usize,
        stride: usize,
    ) -> Result<Matrix<'a>, KernelError> {
        check_strided(data.len(), rows, columns, stride)?;
        Ok(Matrix { data, rows, columns, stride, transposed: false })
    }

    /// Some columns of `[rows, stride]`, row-major.
    ///
    /// # Errors
    /// If the slice does not have that many values or the columns are not among them.
    pub fn columns(
        data: &'a [f32],
        rows: usize,
        stride: usize,
        columns: Range<usize>,
    ) -> Result<Matrix<'a>, KernelError> {
        let start = check_columns(data.len(), rows, stride, &columns)?;
        Matrix::strided(&data[start..], rows, columns.len(), stride)
    }

    /// The transpose, in the same memory.
    pub fn transpose(self) -> Matrix<'a> {
        let Matrix { data, rows, columns, stride, transposed } = self;
        Matrix { data, rows: columns, columns: rows, stride, transposed: !transposed }
    }

    /// A stretch of one line of memory: of a row, or of a column where transposed.
    fn line(&self, line: usize, range: &Range<usize>) -> &'a [f32] {
        &self.data[line * self.stride + range.start..line * self.stride + range.end]
    }
}

/// Where a product goes: rows of `columns` values, each `stride` after the one before.
#[derive(Debug)]
pub struct MatrixMut<'a> {
    data: &'a mut [f32],
    rows: usize,
    columns: usize,
    stride: usize,
}

impl<'a> MatrixMut<'a> {
    /// `[rows, columns]`, row-major.
    ///
    /// # Errors
    /// If the slice does not have that many values.
    pub fn new(
        data: &'a mut [f32],
        rows: usize,
        columns: usize,
    ) -> Result<MatrixMut<'a>, KernelError> {
        check_len("a matrix", elements(rows, columns)?, data.len())?;
        Ok(MatrixMut { data, rows, columns, stride: columns })
    }

    /// Part of a wider matrix; see [`Matrix::strided`].
    ///
    /// # Errors
    /// If rows overlap or the slice ends before the last one.
    pub fn strided(
        data: &'a mut [f32],
        rows: usize,
        columns: usize,
        stride: usize,
    ) -> Result<MatrixMut<'a>, KernelError> {
        check_strided(data.len(), rows, columns, stride)?;
        Ok(MatrixMut { data, rows, columns, stride })
    }

    /// Some columns of a wider matrix; see [`Matrix::columns`].
    ///
    /// # Errors
    /// If the slice does not have that many values or the columns are not among them.
    pub fn columns(
        data: &'a mut [f32],
        rows: usize,
        stride: usize,
        columns: Range<usize>,
    ) -> Result<MatrixMut<'a>, KernelError> {
        let start = check_columns(data.len(), rows, stride, &columns)?;
        MatrixMut::strided(&mut data[start..], rows, columns.len(), stride)
    }
}

/// Where the first of the columns begins.
fn check_columns(
    found: usize,
    rows: usize,
    stride: usize,
    columns: &Range<usize>,
) -> Result<usize, KernelError> {
    check_len("a matrix", elements(rows, stride)?, found)?;
    check_range("the end of a matrix's columns", columns.start, stride, columns.end)?;
    // Without rows there is nowhere to begin.
    Ok(columns.start.min(found))
}

fn check_strided(
    found: usize,
    rows: usize,
    columns: usize,
    stride: usize,
) -> Result<(), KernelError> {
    check_len("a row of a matrix", stride.max(columns), stride)?;
    let least = match rows.checked_sub(1) {
        None => 0,
        Some(before) => elements(before, stride)?.saturating_add(columns),
    };
    check_len("a matrix", least.max(found), found)
}

/// What becomes of the sums of a product.
#[derive(Clone, Copy, Debug)]
pub enum Store<'a> {
    /// They replace the output.
    Set,
    /// They replace the output, plus a bias for each column.
    SetBiased(&'a [f32]),
    /// They are added to the output when they are whole: the residual stream.
    Add,
    /// They begin with the output instead of 0, so that products of parts, one after the other,
    /// have the bits of the product of the whole: gradients over micro batches.
    Continue,
}

/// The product of `a`, `[m, k]`, and `b`, `[k, n]`, into `out`, `[m, n]`.
///
/// Each output is one chain of multiply-adds in order of `k`, as in [`crate::matmul()`]: the same bits
/// whatever the other rows and columns, the layout and the number of threads.
///
/// # Errors
/// If the shapes do not fit.
pub fn gemm(
    a: Matrix<'_>,
    b: Matrix<'_>,
    store: Store<'_>,
    out: MatrixMut<'_>,
) -> Result<(), KernelError> {
    gemm_on(Isa::best(), a, b, store, out)
}

pub(crate) fn gemm_on(
    isa: Isa,
    a: Matrix<'_>,
    b: Matrix<'_>,
    store: Store<'_>,
    mut out: MatrixMut<'_>,
) -> Result<(), KernelError> {
    let (m, k, n) = (a.rows, a.columns, b.columns);
    check_len("the rows of the right factor", k, b.rows)?;
    check_len("the rows of a product", m, out.rows)?;
    check_len("the columns of a product", n, out.columns)?;
    if let Store::SetBiased(bias) = store {
        check_len("a bias", n, bias.len())?;
    }
    if m == 0 || n == 0 {
        return Ok(());
    }
    let blocks = Blocks::new(m, isa.rows());
    let threads = rayon::current_num_threads();
    let parallel = threads > 1 && m.saturating_mul(n).saturating_mul(k) >= PARALLEL_FROM;
    let depth = if matches!(store, Store::Continue) { K_BLOCK } else { k.max(1) };

    // Taken out rather than borrowed, here and below: while this thread waits for its tasks it may
    // be given another product.
    thread_local!(static ROWS: Cell<Vec<f32>> = const { Cell::new(Vec::new()) });
    let mut rows = ROWS.take();
    for start in (0..k.max(1)).step_by(depth) {
        let step = GemmStep { isa, a, b, store, blocks: &blocks, k: start..k.min(start + depth) };
        let packed = step.pack_rows(parallel, &mut rows);
        if parallel {
            // Several tasks a thread, so that one that is slowed down by another process holds up
            // less.
            let tasks = split(&mut out, &blocks, 4 * threads);
            tasks.into_par_iter().with_max_len(1).for_each(|mut task| {
                let (blocks, panels) = (task.blocks.clone(), task.panels.clone());
                step.rectangle(packed, blocks, panels, &mut task);
            });
        } else {
            step.rectangle(packed, 0..blocks.count, 0..n.div_ceil(PANEL), &mut out);
        }
    }
    ROWS.set(rows);
    Ok(())
}

/// The part of a product over a stretch of `k`.
struct GemmStep<'a> {
    isa: Isa,
    a: Matrix<'a>,
    b: Matrix<'a>,
    store: Store<'a>,
    blocks: &'a Blocks,
    k: Range<usize>,
}

impl GemmStep<'_> {
    /// Copies the rows of `a` into `[blocks][k][rows of the block]`.
    fn pack_rows<'b>(&self, parallel: bool, buffer: &'b mut Vec<f32>) -> &'b [f32] {
        let length = self.blocks.rows * self.k.len();
        if buffer.len() < length {
            buffer.resize(length, 0.0);
        }
        let mut rest = &mut buffer[..length];
        let mut pieces = Vec::with_capacity(self.blocks.count);
        for block in 0..self.blocks.count {
            let rows = self.blocks.start(block)..self.blocks.start(block + 1);
            let (piece, others) = rest.split_at_mut(rows.len() * self.k.len());
            rest = others;
            pieces.push((rows, piece));
        }
        let copy = |(rows, out): (Range<usize>, &mut [f32])| {
            if self.a.transposed {
                for (k, out) in self.k.clone().zip(out.chunks_exact_mut(rows.len())) {
                    out.copy_from_slice(self.a.line(k, &rows));
                }
                return;
            }
            let lines = rows.clone().map(|row| self.a.line(row, &self.k));
            match rows.len() {
                1 => transpose::<1>(lines, out),
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
        &buffer[..length]
    }

    /// Copies `columns` of `b`, at most [`PANEL`], into `[k][PANEL]`, filled up with zeros.
    fn pack_panel(&self, columns: Range<usize>, out: &mut [[f32; PANEL]]) {
        if !self.b.transposed {
            for (k, out) in self.k.clone().zip(out) {
                let (values, padding) = out.split_at_mut(columns.len());
                values.copy_from_slice(self.b.line(k, &columns));
                padding.fill(0.0);
            }
            return;
        }
        if columns.len() < PANEL {
            out.fill([0.0; PANEL]);
        }
        // In blocks of eight lines, each read in stretches that are whole in the cache.
        for (group, first) in columns.clone().step_by(8).enumerate() {
            let mut lines = [&self.b.data[..0]; 8];
            let here = (columns.end - first).min(8);
            for (line, column) in lines.iter_mut().zip(first..first + here) {
                *line = self.b.line(column, &self.k);
            }
            if here == 8 {
                for (k, out) in out.iter_mut().enumerate() {
                    for (out, line) in out[8 * group..8 * group + 8].iter_mut().zip(lines) {
                        *out = line[k];
                    }
                }
            } else {
                for (k, out) in out.iter_mut().enumerate() {
                    for (out, line) in out[8 * group..].iter_mut().zip(&lines[..here]) {
                        *out = line[k];
                    }
                }
            }
        }
    }

    fn rectangle(
        &self,
        packed: &[f32],
        blocks: Range<usize>,
        panels: Range<usize>,
        out: &mut impl Output,
    ) {
        thread_local!(static PANELS: Cell<Vec<[f32; PANEL]>> = const { Cell::new(Vec::new()) });
        let mut buffer = PANELS.take();
        let (depth, n) = (self.k.len(), self.b.columns);
        let at_once = (CACHED / (depth * PANEL).max(1)).max(1);
        let rows_at_once = (CACHED / (depth * MAX_ROWS).max(1)).max(1);
        for first in panels.clone().step_by(at_once) {
            let group = first..panels.end.min(first + at_once);
            buffer.resize(group.len() * depth, [0.0; PANEL]);
            for (panel, out) in group.clone().zip(buffer.chunks_exact_mut(depth.max(1))) {
                self.pack_panel(panel * PANEL..n.min((panel + 1) * PANEL), out);
            }
            for block in blocks.clone().step_by(rows_at_once) {
                for (index, panel) in group.clone().enumerate() {
                    let right = &buffer[index * depth..(index + 1) * depth];
                    for block in block..blocks.end.min(block + rows_at_once) {
                        self.tile(packed, block, panel, right, out);
                    }
                }
            }
        }
        PANELS.set(buffer);
    }

    fn tile(
        &self,
        packed: &[f32],
        block: usize,
        panel: usize,
        right: &[[f32; PANEL]],
        out: &mut impl Output,
    ) {
        let rows = self.blocks.start(block)..self.blocks.start(block + 1);
        let columns = panel * PANEL..self.b.columns.min((panel + 1) * PANEL);
        let left = &packed[rows.start * self.k.len()..rows.end * self.k.len()];
        let mut sums = [[0.0; PANEL]; MAX_ROWS];
        if matches!(self.store, Store::Continue) {
            for (row, sums) in rows.clone().zip(&mut sums) {
                sums[..columns.len()].copy_from_slice(out.piece(row, &columns));
            }
        }
        dispatch::tile(self.isa, rows.len(), left, right, &mut sums);
        for (row, sums) in rows.zip(&sums) {
            let (out, sums) = (out.piece(row, &columns), &sums[..columns.len()]);
            match self.store {
                Store::Set | Store::Continue => out.copy_from_slice(sums),
                Store::SetBiased(bias) => {
                    for ((out, sum), bias) in out.iter_mut().zip(sums).zip(&bias[columns.clone()]) {
                        *out = sum + bias;
                    }
                }
                Store::Add => {
                    for (out, sum) in out.iter_mut().zip(sums) {
                        *out += sum;
                    }
                }
            }
        }
    }
}

/// An output of which a thread may write some rows and columns.
trait Output {
    fn piece(&mut self, row: usize, columns: &Range<usize>) -> &mut [f32];
}

impl Output for MatrixMut<'_> {
    fn piece(&mut self, row: usize, columns: &Range<usize>) -> &mut [f32] {
        &mut self.data[row * self.stride + columns.start..row * self.stride + columns.end]
    }
}

/// A rectangle of the output: blocks of rows by panels of columns.
struct GemmTask<'a> {
    blocks: Range<usize>,
    panels: Range<usize>,
    first_row: usize,
    /// The columns of `panels`, for each row of `blocks`.
    rows: Vec<&'a mut [f32]>,
}

impl Output for GemmTask<'_> {
    fn piece(&mut self, row: usize, columns: &Range<usize>) -> &mut [f32] {
        let before = self.panels.start * PANEL;
        &mut self.rows[row - self.first_row][columns.start - before..columns.end - before]
    }
}

/// Cuts the output into about `wanted` tasks: first by columns, so that each panel is packed by one
/// thread, then by rows if there are too few panels.
fn split<'a>(out: &'a mut MatrixMut<'_>, blocks: &Blocks, wanted: usize) -> Vec<GemmTask<'a>> {
    let n = out.columns;
    let panels = n.div_ceil(PANEL);
    let stripes = panels.min(wanted);
    let groups = blocks.count.min(wanted.div_ceil(stripes));
    let part = |total: usize, parts: usize, i: usize| total * i / parts;

    let mut tasks = Vec::with_capacity(groups * stripes);
    let mut lines = out.data.chunks_mut(out.stride);
    for group in 0..groups {
        let range = part(blocks.count, groups, group)..part(blocks.count, groups, group + 1);
        let rows = blocks.start(range.start)..blocks.start(range.end);
        let first = tasks.len();
        tasks.extend((0..stripes).map(|stripe| GemmTask {
            blocks: range.clone(),
            panels: part(panels, stripes, stripe)..part(panels, stripes, stripe + 1),
            first_row: rows.start,
            rows: Vec::with_capacity(rows.len()),
        }));
        for line in lines.by_ref().take(rows.len()) {
            let mut line = &mut line[..n];
            for task in &mut tasks[first..] {
                let width = (task.panels.len() * PANEL).min(line.len());
                let (columns, others) = line.split_at_mut(width);
                task.rows.push(columns);
                line = others;
            }
        }
    }
    tasks
}

#[cfg(test)]
#[path = "../tests/unit/gemm.rs"]
mod tests;
