//! The kernels of `bourn-kernel` at the shapes that SmolLM2 and the tiny model have.
//!
//! Throughput is in items a second: floating-point operations for products (`Gitem/s` is GFLOP/s),
//! values for the rest. A product counts 2mkn, attention 4 operations for each query, position seen
//! and value of a head.

// A bench has nobody to hand an error to.
#![allow(clippy::unwrap_used)]

use bourn_bench::{Shape, random_weights, token_ids, values};
use bourn_kernel::{
    AttendScratch, GroupedHeads, HeadLayout, Matrix, MatrixMut, PANEL, PackedMatrix, Queries,
    Storage, Store, Tree, attend, attend_packed, attend_packed_backward, gemm, matmul, rms_norm,
    rms_norm_backward, swiglu, swiglu_backward,
};
use bourn_model::transformer::{Packed, Transformer};
use bourn_train::optimizer::NamedGradients;
use burn::tensor::Device;
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};

// The allocator of `bourn` itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    divan::main();
}

/// Rows, inputs, outputs of a product.
type Product = (usize, usize, usize);

/// Decoding 1, 16 and 64 rows of SmolLM2's MLP and head, and 256 rows of the tiny model's MLP.
const DECODE: [Product; 5] =
    [(1, 576, 1536), (16, 576, 1536), (64, 576, 1536), (16, 576, 49152), (256, 256, 704)];
/// Training on 2,048 tokens, and the square that the machine's own peak is taken from.
const TRAIN: [Product; 3] = [(2048, 576, 1536), (2048, 256, 704), (1024, 1024, 1024)];

#[divan::bench(args = DECODE)]
fn packed_matmul(bencher: Bencher, (m, k, n): Product) {
    let (x, weights) = (values(m * k), values(n * k));
    let packed = PackedMatrix::pack(n, k, &weights).unwrap();
    let mut out = vec![0.0; m * n];
    bencher
        .counter(ItemsCount::new(2 * m * k * n))
        .bench_local(|| matmul(&x, m, &packed, None, black_box(&mut out)).unwrap());
}

/// The same with weights in half the memory.
#[divan::bench(args = DECODE)]
fn packed_matmul_bf16(bencher: Bencher, (m, k, n): Product) {
    let (x, weights) = (values(m * k), values(n * k));
    let mut packed = PackedMatrix::empty(Storage::Bf16);
    packed.repack(k, &[(n, &weights)]).unwrap();
    let mut out = vec![0.0; m * n];
    bencher
        .counter(ItemsCount::new(2 * m * k * n))
        .bench_local(|| matmul(&x, m, &packed, None, black_box(&mut out)).unwrap());
}

/// x Wᵀ: the forward pass of training.
#[divan::bench(args = TRAIN)]
fn gemm_forward(bencher: Bencher, (m, k, n): Product) {
    let (x, weights) = (values(m * k), values(n * k));
    let mut out = vec![0.0; m * n];
    bencher.counter(ItemsCount::new(2 * m * k * n)).bench_local(|| {
        let a = Matrix::new(&x, m, k).unwrap();
        let b = Matrix::new(&weights, n, k).unwrap().transpose();
        gemm(a, b, Store::Set, MatrixMut::new(black_box(&mut out), m, n).unwrap()).unwrap();
    });
}

/// dyᵀ x: the gradient of the weights.
#[divan::bench(args = TRAIN)]
fn gemm_weight_gradient(bencher: Bencher, (m, k, n): Product) {
    let (x, dy) = (values(m * k), values(m * n));
    let mut out = vec![0.0; n * k];
    bencher.counter(ItemsCount::new(2 * m * k * n)).bench_local(|| {
        let a = Matrix::new(&dy, m, n).unwrap().transpose();
        let b = Matrix::new(&x, m, k).unwrap();
        gemm(a, b, Store::Set, MatrixMut::new(black_box(&mut out), n, k).unwrap()).unwrap();
    });
}

/// One key/value head of SmolLM2 (3 query heads of 64 values) over a cache of so many positions.
#[divan::bench(args = [128, 1024, 8192])]
fn attention_over_cache(bencher: Bencher, positions: usize) {
    let (head_dim, rows) = (64, 3);
    let layout = HeadLayout::new(head_dim);
    let blocks: Vec<Vec<f32>> =
        (0..positions.div_ceil(PANEL)).map(|_| values(layout.block_len())).collect();
    let blocks: Vec<&[f32]> = blocks.iter().map(Vec::as_slice).collect();
    let (queries, visible) = (values(rows * head_dim), vec![positions; rows]);
    let mut scratch = AttendScratch::default();
    let mut out = vec![0.0; rows * head_dim];
    bencher.counter(ItemsCount::new(4 * rows * positions * head_dim)).bench_local(|| {
        let queries = Queries { rows: &queries, visible: &visible };
        attend(layout, queries, &blocks, 0, &mut scratch, black_box(&mut out)).unwrap();
    });
}

const HEADS: GroupedHeads = GroupedHeads { kv_heads: 3, group: 3, head_dim: 64 };

/// 16 sequences of so many tokens, their queries, keys and values, and the operations of a forward.
fn packed_input(length: usize) -> (Vec<Tree>, Vec<f32>, usize, usize) {
    let trees: Vec<Tree> =
        (0..16).map(|i| Tree { start: i * length, root: length, branches: Vec::new() }).collect();
    let (rows, width) = (16 * length, 9 * 64);
    let operations = 4 * 16 * (length * (length + 1) / 2) * width;
    (trees, values(rows * (width + 2 * 3 * 64)), rows * width, operations)
}

#[divan::bench(args = [128, 512])]
fn attention_training_forward(bencher: Bencher, length: usize) {
    let (trees, qkv, mixed, operations) = packed_input(length);
    let mut out = vec![0.0; mixed];
    bencher
        .counter(ItemsCount::new(operations))
        .bench_local(|| attend_packed(HEADS, &trees, &qkv, black_box(&mut out)).unwrap());
}

/// Counts the operations of the forward pass, of which it does two and a half times as many.
#[divan::bench(args = [128, 512])]
fn attention_training_backward(bencher: Bencher, length: usize) {
    let (trees, qkv, mixed, operations) = packed_input(length);
    let gradient = values(mixed);
    let mut out = vec![0.0; qkv.len()];
    bencher.counter(ItemsCount::new(operations)).bench_local(|| {
        attend_packed_backward(HEADS, &trees, &qkv, &gradient, black_box(&mut out)).unwrap();
    });
}

#[divan::bench(args = [1, 64, 2048])]
fn rms_norm_forward(bencher: Bencher, rows: usize) {
    let (x, weight) = (values(rows * 576), values(576));
    let mut out = vec![0.0; x.len()];
    bencher
        .counter(ItemsCount::new(x.len()))
        .bench_local(|| rms_norm(&x, &weight, 1e-5, black_box(&mut out)).unwrap());
}

#[divan::bench(args = [2048])]
fn rms_norm_gradient(bencher: Bencher, rows: usize) {
    let (x, weight) = (values(rows * 576), values(576));
    let mut sum = vec![0.0; 576];
    bencher.counter(ItemsCount::new(x.len())).with_inputs(|| values(rows * 576)).bench_local_refs(
        |gradient| rms_norm_backward(&x, &weight, 1e-5, gradient, black_box(&mut sum)).unwrap(),
    );
}

#[divan::bench(args = [1, 64, 2048])]
fn swiglu_forward(bencher: Bencher, rows: usize) {
    let x = values(rows * 2 * 1536);
    let mut out = vec![0.0; rows * 1536];
    bencher
        .counter(ItemsCount::new(out.len()))
        .bench_local(|| swiglu(&x, 1536, black_box(&mut out)).unwrap());
}

#[divan::bench(args = [2048])]
fn swiglu_gradient(bencher: Bencher, rows: usize) {
    let gradient = values(rows * 1536);
    bencher
        .counter(ItemsCount::new(gradient.len()))
        .with_inputs(|| values(rows * 2 * 1536))
        .bench_local_refs(|x| swiglu_backward(x, 1536, black_box(&gradient)).unwrap());
}

/// The output head, forward and backward, on so many scored tokens: a SmolLM2 without its layers.
/// Counts the three products of it, 6 operations for each token and weight.
#[divan::bench(args = [256, 2048])]
fn fused_head(bencher: Bencher, tokens: usize) {
    let config = Shape { layers: 0, ..Shape::SMOLLM2 }.config(tokens + 1);
    let device = Device::flex().autodiff();
    let model = Transformer::from_weights(&config, &random_weights(&config), &device).unwrap();
    let ids = token_ids(tokens + 1, config.vocab_size, 0);
    let mut packed = Packed::default();
    packed.push(ids.iter().copied());
    let work = 6 * tokens * config.hidden_size * config.vocab_size;
    bencher
        .counter(ItemsCount::new(work))
        .with_inputs(|| NamedGradients::zeros(&model))
        .bench_local_refs(|gradients| {
            let positions = (0..tokens as i64).collect();
            let (scores, trace) = model.score(&packed, positions, &ids[1..], 1.0, false);
            gradients.add(&model, trace, scores.logprobs.mean());
        });
}
