//! The one inner loop of matrix multiplication and attention.

use half::bf16;

use crate::math::mul_add;

/// Columns of a panel, in f32: two AVX-512 registers, four of AVX2, eight of NEON.
pub const PANEL: usize = 32;

/// Most rows of a tile on any instruction set. Six rows of two registers hide the latency of a
/// multiply-add. Larger tiles gained nothing on Zen 4 and met a vectoriser of LLVM that then
/// transposes the rows instead.
pub(crate) const MAX_ROWS: usize = 6;

/// A weight as it is stored.
pub(crate) trait PanelWeight: Copy {
    /// Its value, exactly.
    fn widen(self) -> f32;
}

impl PanelWeight for f32 {
    #[inline(always)]
    fn widen(self) -> f32 {
        self
    }
}

impl PanelWeight for bf16 {
    // Not the crate's own, whose branch for what is no number would keep loops from vectorising.
    #[inline(always)]
    fn widen(self) -> f32 {
        f32::from_bits(u32::from(self.to_bits()) << 16)
    }
}

/// Sums of a tile: rows of `x` by columns of a panel.
pub(crate) type Sums = [[f32; PANEL]; MAX_ROWS];

/// `sums[i][c] += Σ_k x[k][i] · panel[k][c]` in order of `k`, for `rows ≤ MAX_ROWS` interleaved
/// rows of `x` (`[k, rows]`). `WIDTH` columns are kept in registers at a time; which width that is
/// changes no result, since every column is its own chain.
#[inline(always)]
pub(crate) fn tile<const WIDTH: usize, const FMA: bool>(
    rows: usize,
    x: &[f32],
    panel: &[[impl PanelWeight; PANEL]],
    sums: &mut Sums,
) {
    for column in (0..PANEL).step_by(WIDTH) {
        match rows {
            1 => strip::<1, WIDTH, FMA>(x, panel, column, sums),
            2 => strip::<2, WIDTH, FMA>(x, panel, column, sums),
            3 => strip::<3, WIDTH, FMA>(x, panel, column, sums),
            4 => strip::<4, WIDTH, FMA>(x, panel, column, sums),
            5 => strip::<5, WIDTH, FMA>(x, panel, column, sums),
            _ => strip::<6, WIDTH, FMA>(x, panel, column, sums),
        }
    }
}

#[inline(always)]
fn strip<const ROWS: usize, const WIDTH: usize, const FMA: bool>(
    x: &[f32],
    panel: &[[impl PanelWeight; PANEL]],
    column: usize,
    sums: &mut Sums,
) {
    // Accumulators are a local array so that they live in registers across the loop.
    let mut acc = [[0.0; WIDTH]; ROWS];
    for (acc, sums) in acc.iter_mut().zip(sums.iter()) {
        acc.copy_from_slice(&sums[column..column + WIDTH]);
    }
    for (x, panel) in x.as_chunks::<ROWS>().0.iter().zip(panel) {
        let panel = &panel[column..column + WIDTH];
        for i in 0..ROWS {
            for j in 0..WIDTH {
                acc[i][j] = mul_add::<FMA>(x[i], panel[j].widen(), acc[i][j]);
            }
        }
    }
    for (acc, sums) in acc.iter().zip(sums.iter_mut()) {
        sums[column..column + WIDTH].copy_from_slice(acc);
    }
}
