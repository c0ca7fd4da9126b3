//! CPU kernels: packed matrix multiplication and fused transformer operations.
//!
//! Every number that leaves this room is the same sequence of roundings whatever the batch, the
//! position in it or the number of threads: sums over `k` and over positions are one chain of
//! multiply-adds in order, and reductions over a row use [`LANES`] partial sums folded in a fixed
//! tree. On machines with a fused multiply-add the instruction set does not matter either.
//!
//! This room **does not know** what a model is, draws no random numbers and does no I/O. It is the
//! only one with `unsafe`, all of it in one module (`dispatch`): the calls into functions that were
//! compiled for an instruction set after that set has been detected. Each kernel has a plain
//! scalar twin in [`reference`] that the tests compare it with.
//!
//! ```
//! use bourn_kernel::{Matrix, MatrixMut, Store, gemm, log_softmax};
//!
//! // Two rows of states, `[2, 3]`, through a head of four outputs, `[4, 3]`.
//! let states = [1.0, 0.0, 0.0, 0.0, 0.0, 2.0];
//! let head = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0];
//! let mut logits = [0.0; 8];
//! let transposed = Matrix::new(&head, 4, 3)?.transpose();
//! let out = MatrixMut::new(&mut logits, 2, 4)?;
//! gemm(Matrix::new(&states, 2, 3)?, transposed, Store::Set, out)?;
//! assert_eq!(logits, [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 2.0, 2.0]);
//!
//! let mut logprobs = [0.0; 4];
//! log_softmax(&logits[..4], 1.0, &mut logprobs)?;
//! let total: f32 = logprobs.iter().map(|logprob| logprob.exp()).sum();
//! assert!((total - 1.0).abs() < 1e-6 && logprobs[0] > logprobs[1]);
//! # Ok::<(), bourn_kernel::KernelError>(())
//! ```

mod attention;
mod dispatch;
mod error;
mod gemm;
mod gradient;
mod math;
mod matmul;
mod packed;
pub mod reference;
mod rows;
mod tile;
mod weights;

pub use attention::{AttendScratch, HeadLayout, Queries, attend};
pub use dispatch::Isa;
pub use error::KernelError;
pub use gemm::{Matrix, MatrixMut, Store, gemm};
pub use gradient::{
    AdamW, Heads, ScoredRow, add, add_row_sums, add_to_rows, rms_norm_backward,
    rms_norm_heads_backward, scale, score_rows, score_rows_backward, sum_of_squares,
    swiglu_backward,
};
pub use matmul::{matmul, matmul_add};
pub use packed::{GroupedHeads, Tree, attend_packed, attend_packed_backward};
pub use rows::{
    SoftmaxSums, TERM_BLOCK, log_softmax, rms_norm, rms_norm_heads, rope, softmax, softmax_terms,
    swiglu,
};
pub use tile::PANEL;
pub use weights::{PackedMatrix, Storage};
