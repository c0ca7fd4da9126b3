//! Attention of query rows over a cache of keys and values in blocks of positions.
//!
//! A block holds [`PANEL`] positions of one head. Keys lie as a panel `[head_dim][position]` and
//! values as panels `[position][column]`, so that scores and mixtures are the tile of matrix
//! multiplication again: each score is one chain over `head_dim`, each output one over positions.

use std::ops::Range;

use crate::dispatch::{self, Isa};
use crate::error::{KernelError, check_len, check_range, elements};
use crate::math::{exp, fold};
use crate::rows::LANES;
use crate::tile::{MAX_ROWS, PANEL, tile};

/// How the keys and values of one head lie in a block of [`PANEL`] positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLayout {
    head_dim: usize,
}

impl HeadLayout {
    /// The layout for heads of `head_dim` values.
    pub fn new(head_dim: usize) -> HeadLayout {
        HeadLayout { head_dim }
    }

    /// f32 values of one head's block: its keys, then its values with columns filled up to panels.
    pub fn block_len(self) -> usize {
        self.keys_len() + self.head_dim.div_ceil(PANEL) * PANEL * PANEL
    }

    fn keys_len(self) -> usize {
        self.head_dim * PANEL
    }

    /// Stores the key and value of the position `slot` (below [`PANEL`]) into one head's block.
    ///
    /// # Errors
    /// If a slice does not have the length of this layout, or there is no such slot.
    pub fn write(
        self,
        block: &mut [f32],
        slot: usize,
        key: &[f32],
        value: &[f32],
    ) -> Result<(), KernelError> {
        check_len("a cache block", self.block_len(), block.len())?;
        check_len("a key", self.head_dim, key.len())?;
        check_len("a value", self.head_dim, value.len())?;
        check_range("a cache slot", 0, PANEL - 1, slot)?;
        let (keys, values) = block.split_at_mut(self.keys_len());
        for (column, key) in keys.as_chunks_mut::<PANEL>().0.iter_mut().zip(key) {
            column[slot] = *key;
        }
        let panels = values.chunks_exact_mut(PANEL * PANEL);
        for (panel, value) in panels.zip(value.chunks(PANEL)) {
            panel[slot * PANEL..slot * PANEL + value.len()].copy_from_slice(value);
        }
        Ok(())
    }
}

/// Query rows that attend through one key/value head: one or more heads of one or more consecutive
/// positions of a sequence.
#[derive(Clone, Copy, Debug)]
pub struct Queries<'a> {
    /// `[rows, head_dim]`, already divided by √head_dim.
    pub rows: &'a [f32],
    /// How many positions each row sees, from the first; at least 1.
    pub visible: &'a [usize],
}

/// Working memory of [`attend`], reused from call to call.
#[derive(Debug, Default)]
pub struct AttendScratch {
    /// Queries as the tile reads them, `[head_dim, rows]`.
    queries: Vec<f32>,
    /// Scores, `[rows, positions]`.
    scores: Vec<f32>,
    /// Softmax terms as the tile reads them, `[positions, rows]`.
    terms: Vec<f32>,
}

/// `out = softmax(q Kᵀ) V` for each query row over the positions that it sees, `[rows, head_dim]`.
///
/// `blocks` are the cache blocks of the sequence in order; this head's part of each starts at
/// `offset`. A row's result is the same bits whichever rows it is computed beside.
///
/// # Errors
/// If the slices do not fit the layout, a row sees no position, or more than the blocks hold.
pub fn attend(
    layout: HeadLayout,
    queries: Queries<'_>,
    blocks: &[&[f32]],
    offset: usize,
    scratch: &mut AttendScratch,
    out: &mut [f32],
) -> Result<(), KernelError> {
    attend_on(Isa::best(), layout, queries, blocks, offset, scratch, out)
}

pub(crate) fn attend_on(
    isa: Isa,
    layout: HeadLayout,
    queries: Queries<'_>,
    blocks: &[&[f32]],
    offset: usize,
    scratch: &mut AttendScratch,
    out: &mut [f32],
) -> Result<(), KernelError> {
    let dim = layout.head_dim;
    let expected = elements(queries.visible.len(), dim)?;
    check_len("the queries", expected, queries.rows.len())?;
    check_len("the output of attention", expected, out.len())?;
    for &visible in queries.visible {
        check_range("the number of positions a query sees", 1, blocks.len() * PANEL, visible)?;
    }
    let end = offset.saturating_add(layout.block_len());
    for block in blocks {
        check_len("a cache block", end.max(block.len()), block.len())?;
    }
    if dim == 0 {
        return Ok(());
    }
    let step = isa.rows();
    let chunks = queries.rows.chunks(step * dim).zip(queries.visible.chunks(step));
    for ((rows, visible), out) in chunks.zip(out.chunks_mut(step * dim)) {
        let queries = Queries { rows, visible };
        dispatch::attend(isa, layout, queries, visible.len(), blocks, offset, scratch, out);
    }
    Ok(())
}

/// One tile of query rows, at most as many as the instruction set's tile is high.
#[inline(always)]
pub(crate) fn head<const WIDTH: usize, const FMA: bool>(
    layout: HeadLayout,
    queries: Queries<'_>,
    rows: usize,
    blocks: &[&[f32]],
    offset: usize,
    scratch: &mut AttendScratch,
    out: &mut [f32],
) {
    let dim = layout.head_dim;
    let longest = queries.visible.iter().copied().max().unwrap_or(0);
    let shortest = queries.visible.iter().copied().min().unwrap_or(0);
    let blocks = &blocks[..longest.div_ceil(PANEL)];
    let padded = blocks.len() * PANEL;

    // Stale contents are overwritten before they are read.
    scratch.queries.resize(dim * rows, 0.0);
    scratch.scores.resize(padded * rows, 0.0);
    scratch.terms.resize(padded * rows, 0.0);
    for (row, query) in queries.rows.chunks_exact(dim).enumerate() {
        for (column, value) in scratch.queries.chunks_exact_mut(rows).zip(query) {
            column[row] = *value;
        }
    }

    for (b, block) in blocks.iter().enumerate() {
        let keys = block[offset..offset + layout.keys_len()].as_chunks::<PANEL>().0;
        let mut sums = [[0.0; PANEL]; MAX_ROWS];
        tile::<WIDTH, FMA>(rows, &scratch.queries, keys, &mut sums);
        for (scores, sums) in scratch.scores.chunks_exact_mut(padded).zip(&sums) {
            scores[b * PANEL..(b + 1) * PANEL].copy_from_slice(sums);
        }
    }

    let mut totals = [1.0; MAX_ROWS];
    for (row, scores) in scratch.scores.chunks_exact_mut(padded).enumerate() {
        totals[row] = softmax_in_place::<FMA>(&mut scores[..queries.visible[row]]);
        for (terms, score) in scratch.terms.chunks_exact_mut(rows).zip(&scores[..shortest]) {
            terms[row] = *score;
        }
    }

    // Positions that all rows see are mixed for all at once, the few after them row by row: no
    // row meets a value that it does not see, not even with weight 0, which times NaN is NaN.
    for panel in 0..dim.div_ceil(PANEL) {
        let mut sums = [[0.0; PANEL]; MAX_ROWS];
        let start = offset + layout.keys_len() + panel * PANEL * PANEL;
        let values = |positions: &Range<usize>| {
            let block = &blocks[positions.start / PANEL][start..start + PANEL * PANEL];
            let first = positions.start % PANEL;
            &block.as_chunks::<PANEL>().0[first..first + positions.len()]
        };
        for seen in by_block(0..shortest) {
            let terms = &scratch.terms[seen.start * rows..seen.end * rows];
            tile::<WIDTH, FMA>(rows, terms, values(&seen), &mut sums);
        }
        for (row, &visible) in queries.visible.iter().enumerate() {
            for seen in by_block(shortest..visible) {
                let mut one = [sums[row]; MAX_ROWS];
                let terms = &scratch.scores[row * padded + seen.start..row * padded + seen.end];
                tile::<WIDTH, FMA>(1, terms, values(&seen), &mut one);
                sums[row] = one[0];
            }
        }
        let columns = panel * PANEL..dim.min((panel + 1) * PANEL);
        for (row, out) in out.chunks_exact_mut(dim).enumerate() {
            for (out, sum) in out[columns.clone()].iter_mut().zip(sums[row]) {
                *out = sum / totals[row];
            }
        }
    }
}

/// Cuts a range of positions at the borders of blocks.
#[inline(always)]
fn by_block(positions: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let blocks = positions.start / PANEL..positions.end.div_ceil(PANEL);
    blocks.map(move |b| positions.start.max(b * PANEL)..positions.end.min((b + 1) * PANEL))
}

/// Replaces scores by e^(s − max) and returns their sum.
#[inline(always)]
pub(crate) fn softmax_in_place<const FMA: bool>(scores: &mut [f32]) -> f32 {
    let mut max = [f32::NEG_INFINITY; LANES];
    let (chunks, rest) = scores.as_chunks_mut::<LANES>();
    for chunk in chunks.iter() {
        for i in 0..LANES {
            max[i] = if chunk[i] > max[i] { chunk[i] } else { max[i] };
        }
    }
    let all = max.iter().chain(rest.iter());
    let max = all.fold(f32::NEG_INFINITY, |a, &b| if b > a { b } else { a });

    let mut total = [0.0; LANES];
    for chunk in chunks {
        for i in 0..LANES {
            chunk[i] = exp::<FMA>(chunk[i] - max);
            total[i] += chunk[i];
        }
    }
    for (score, total) in rest.iter_mut().zip(&mut total) {
        *score = exp::<FMA>(*score - max);
        *total += *score;
    }
    fold(total)
}

#[cfg(test)]
#[path = "../tests/unit/attention.rs"]
mod tests;
