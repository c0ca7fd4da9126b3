//! Chooses the instruction set at run time; the only module with `unsafe`.
//!
//! Each kernel is one generic function that is compiled again inside a function with the target
//! features of an instruction set. Calling such a function is sound exactly if the machine has the
//! features, which [`Isa`] stands for: it cannot be made without detecting them.
#![allow(unsafe_code)]

use std::sync::OnceLock;

use half::bf16;

use crate::attention::{self, AttendScratch, HeadLayout, Queries};
use crate::gradient::{self, AdamW, ScoreSlopes};
use crate::rows;
use crate::tile::{self, PANEL, Sums};

/// An instruction set that this machine has been found to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Isa(Level);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// Whether the target's baseline fuses a multiply and an add in hardware.
const BASELINE_FMA: bool = cfg!(any(target_arch = "aarch64", target_feature = "fma"));

impl Isa {
    /// The widest instruction set of this machine, detected once.
    pub fn best() -> Isa {
        static BEST: OnceLock<Isa> = OnceLock::new();
        *BEST.get_or_init(|| Isa::available().last().copied().unwrap_or(Isa(Level::Portable)))
    }

    /// Every instruction set of this machine that kernels are compiled for, narrowest first.
    pub fn available() -> Vec<Isa> {
        let mut sets = vec![Isa(Level::Portable)];
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq");
            if avx2 {
                sets.push(Isa(Level::Avx2));
            }
            if avx2 && avx512 {
                sets.push(Isa(Level::Avx512));
            }
        }
        sets
    }

    /// Name of the instruction set, for logs.
    pub fn name(self) -> &'static str {
        match self.0 {
            Level::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => "avx512",
        }
    }

    /// Whether a multiply-add rounds once; all sets that do give the same bits.
    pub fn fused(self) -> bool {
        self.0 != Level::Portable || BASELINE_FMA
    }

    /// Rows of a matrix-multiplication tile that fit the registers.
    pub(crate) fn rows(self) -> usize {
        // 16 registers of 4 lanes on baseline x86-64; 32 on AArch64.
        let narrow = self.0 == Level::Portable && !cfg!(target_arch = "aarch64");
        if narrow { 4 } else { tile::MAX_ROWS }
    }
}

/// Defines a function that runs the generic kernel compiled for the given [`Isa`].
macro_rules! dispatch {
    ($(
        $(#[$meta:meta])*
        fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? = $kernel:path;
    )*) => {$(
        $(#[$meta])*
        #[allow(clippy::too_many_arguments)]
        pub(crate) fn $name(isa: Isa, $($arg: $ty),*) $(-> $ret)? {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
            fn avx512($($arg: $ty),*) $(-> $ret)? {
                use $kernel as kernel;
                kernel::<32, true>($($arg),*)
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2($($arg: $ty),*) $(-> $ret)? {
                use $kernel as kernel;
                kernel::<16, true>($($arg),*)
            }
            use $kernel as kernel;
            match isa.0 {
                Level::Portable => kernel::<8, BASELINE_FMA>($($arg),*),
                // SAFETY: an `Isa` of this level exists only where `Isa::available` has detected
                // every feature that the function enables.
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => unsafe { avx2($($arg),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => unsafe { avx512($($arg),*) },
            }
        }
    )*};
}

dispatch! {
    /// See [`tile::tile`].
    fn tile(rows: usize, x: &[f32], panel: &[[f32; PANEL]], sums: &mut Sums) = tile::tile;
    /// See [`tile::tile`].
    fn tile_bf16(rows: usize, x: &[f32], panel: &[[bf16; PANEL]], sums: &mut Sums) = tile::tile;
    /// See [`attention::head`].
    fn attend(
        layout: HeadLayout,
        queries: Queries<'_>,
        tile_rows: usize,
        blocks: &[&[f32]],
        offset: usize,
        scratch: &mut AttendScratch,
        out: &mut [f32],
    ) = attention::head;
    /// See [`rows::rms_norm_row`].
    fn rms_norm_row(x: &[f32], weight: &[f32], eps: f32, out: &mut [f32]) = rows::rms_norm_row;
    /// See [`rows::rms_norm_head`].
    fn rms_norm_head(x: &mut [f32], weight: &[f32], eps: f32) = rows::rms_norm_head;
    /// See [`rows::rope_head`].
    fn rope_head(x: &mut [f32], cos: &[f32], sin: &[f32]) = rows::rope_head;
    /// See [`rows::swiglu_row`].
    fn swiglu_row(gate: &[f32], up: &[f32], out: &mut [f32]) = rows::swiglu_row;
    /// See [`rows::exp_row`].
    #[cfg(test)]
    fn exp_row(x: &mut [f32]) = rows::exp_row;
    /// See [`rows::scale_and_max`].
    fn scale_and_max(x: &[f32], temperature: f32, out: &mut [f32]) -> f32 = rows::scale_and_max;
    /// See [`rows::terms_block`].
    fn terms_block(terms: &mut [f32], max: f32) -> (f32, f32) = rows::terms_block;
    /// See [`gradient::rms_norm_backward_row`].
    fn rms_norm_backward_row(
        x: &[f32],
        weight: &[f32],
        eps: f32,
        gradient: &mut [f32],
        weight_sums: &mut [f32],
    ) = gradient::rms_norm_backward_row;
    /// See [`gradient::swiglu_backward_row`].
    fn swiglu_backward_row(
        gate: &mut [f32],
        up: &mut [f32],
        gradient: &[f32],
    ) = gradient::swiglu_backward_row;
    /// See [`gradient::softmax_backward_row`].
    fn softmax_backward_row(
        terms: &[f32],
        slopes: ScoreSlopes,
        logits: &mut [f32],
    ) = gradient::softmax_backward_row;
    /// See [`gradient::attention_backward_row`].
    fn attention_backward_row(
        scores: &mut [f32],
        slopes: &mut [f32],
        visible: usize,
    ) = gradient::attention_backward_row;
    /// See [`gradient::sum_of_squares_block`].
    fn sum_of_squares(x: &[f32]) -> f64 = gradient::sum_of_squares_block;
    /// See [`gradient::adamw`].
    fn adamw(
        with: &AdamW,
        parameter: &mut [f32],
        gradient: &[f32],
        moment1: &mut [f32],
        moment2: &mut [f32],
    ) = gradient::adamw;
}
