//! Rows of tokens that go through the network together, and their attention.

use std::cell::Cell;
use std::ops::Range;

use bourn_kernel::{AttendScratch, KernelError, PANEL, Queries, attend};
use rayon::prelude::*;

use crate::cache::{CacheShape, CachedSequence};

/// Most rows of one forward pass: enough for full speed, few enough that activations stay in cache.
pub(crate) const MAX_ROWS: usize = 512;

/// Query rows that are best handed to the attention kernel together.
const TILE: usize = 6;

/// Consecutive positions of one sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// Position of the first row in its sequence.
    pub(crate) start: usize,
    /// Rows of the batch.
    pub(crate) rows: Range<usize>,
}

/// Tokens of one forward pass; the segments partition them in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) tokens: Vec<u32>,
    pub(crate) segments: Vec<Segment>,
}

impl Batch {
    pub(crate) fn push(&mut self, start: usize, tokens: &[u32]) {
        let first = self.tokens.len();
        self.tokens.extend_from_slice(tokens);
        self.segments.push(Segment { start, rows: first..self.tokens.len() });
    }

    /// Rows that the batch still has room for.
    pub(crate) fn room(&self) -> usize {
        MAX_ROWS - self.tokens.len()
    }
}

/// Attention heads of one layer.
pub(crate) struct SegmentHeads {
    pub(crate) cache: CacheShape,
    pub(crate) layer: usize,
    pub(crate) kv_heads: usize,
    /// Query heads per key/value head.
    pub(crate) group: usize,
    pub(crate) head_dim: usize,
}

/// Consecutive rows of one segment that share a call of the attention kernel.
struct Unit<'a> {
    sequence: &'a CachedSequence,
    /// Position of the first row.
    start: usize,
    /// `[rows, q + k + v]`
    qkv: &'a [f32],
    /// `[rows, q]`
    out: &'a mut [f32],
}

impl SegmentHeads {
    fn queries(&self) -> usize {
        self.kv_heads * self.group * self.head_dim
    }

    fn stride(&self) -> usize {
        self.queries() + 2 * self.kv_heads * self.head_dim
    }

    /// Stores the keys and values of every row of `qkv`, `[rows, q + k + v]`.
    pub(crate) fn write(
        &self,
        batch: &Batch,
        sequences: &mut [&mut CachedSequence],
        qkv: &[f32],
    ) -> Result<(), KernelError> {
        let rows = sequences.par_iter_mut().zip(&batch.segments).with_min_len(16);
        rows.try_for_each(|(sequence, segment)| {
            for (offset, row) in segment.rows.clone().enumerate() {
                let row = &qkv[row * self.stride()..(row + 1) * self.stride()];
                self.write_row(sequence, segment.start + offset, row)?;
            }
            Ok(())
        })
    }

    fn write_row(
        &self,
        sequence: &mut CachedSequence,
        position: usize,
        row: &[f32],
    ) -> Result<(), KernelError> {
        let missing = KernelError::Length { argument: "the KV cache", expected: 1, found: 0 };
        let block = sequence.block_mut(position).ok_or(missing)?;
        let (keys, values) = row[self.queries()..].split_at(self.kv_heads * self.head_dim);
        let pairs = keys.chunks_exact(self.head_dim).zip(values.chunks_exact(self.head_dim));
        for (head, (key, value)) in pairs.enumerate() {
            let offset = self.cache.offset(self.layer, head);
            let layout = self.cache.layout;
            let block = &mut block[offset..offset + layout.block_len()];
            layout.write(block, position % PANEL, key, value)?;
        }
        Ok(())
    }

    /// Mixes values into `out`, `[rows, q]`, for every row of `qkv`.
    pub(crate) fn attend(
        &self,
        batch: &Batch,
        sequences: &[&mut CachedSequence],
        qkv: &[f32],
        out: &mut [f32],
    ) -> Result<(), KernelError> {
        let rows_at_once = (TILE / self.group).max(1);
        let mut units = Vec::with_capacity(batch.tokens.len());
        let mut rest = out;
        for (sequence, segment) in sequences.iter().zip(&batch.segments) {
            for first in segment.rows.clone().step_by(rows_at_once) {
                let rows = rows_at_once.min(segment.rows.end - first);
                let (out, others) = rest.split_at_mut(rows * self.queries());
                rest = others;
                units.push(Unit {
                    sequence,
                    start: segment.start + first - segment.rows.start,
                    qkv: &qkv[first * self.stride()..(first + rows) * self.stride()],
                    out,
                });
            }
        }
        units.into_par_iter().with_min_len(4).try_for_each(|unit| self.attend_unit(unit))
    }

    fn attend_unit(&self, unit: Unit<'_>) -> Result<(), KernelError> {
        // Taken out rather than borrowed; a thread that finds none starts afresh.
        thread_local!(static SCRATCH: Cell<BatchScratch> = Cell::new(BatchScratch::default()));
        let mut scratch = SCRATCH.take();
        let result = self.attend_with(unit, &mut scratch);
        SCRATCH.set(scratch);
        result
    }

    fn attend_with(&self, unit: Unit<'_>, scratch: &mut BatchScratch) -> Result<(), KernelError> {
        let BatchScratch { queries, mixed, visible, kernel } = scratch;
        let (dim, width) = (self.head_dim, self.group * self.head_dim);
        let scale = 1.0 / (dim as f32).sqrt();
        let blocks: Vec<&[f32]> = unit.sequence.blocks().collect();
        let rows = unit.qkv.len() / self.stride();
        visible.clear();
        visible.extend((0..rows * self.group).map(|i| unit.start + i / self.group + 1));
        mixed.resize(rows * width, 0.0);
        for head in 0..self.kv_heads {
            let columns = head * width..(head + 1) * width;
            queries.clear();
            for row in unit.qkv.chunks_exact(self.stride()) {
                queries.extend(row[columns.clone()].iter().map(|q| q * scale));
            }
            let asked = Queries { rows: queries, visible };
            let offset = self.cache.offset(self.layer, head);
            attend(self.cache.layout, asked, &blocks, offset, kernel, mixed)?;
            let rows = unit.out.chunks_exact_mut(self.queries());
            for (out, mixed) in rows.zip(mixed.chunks_exact(width)) {
                out[columns.clone()].copy_from_slice(mixed);
            }
        }
        Ok(())
    }
}

/// Working memory of one thread's attention.
#[derive(Default)]
struct BatchScratch {
    queries: Vec<f32>,
    mixed: Vec<f32>,
    visible: Vec<usize>,
    kernel: AttendScratch,
}
