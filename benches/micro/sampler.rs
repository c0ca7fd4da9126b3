//! The sampler, by way of the engine on a model so narrow that drawing is nearly all it does:
//! items are drawn tokens, at SmolLM2's vocabulary and at the tiny model's.

// A bench has nobody to hand an error to.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use bourn_bench::{Shape, random_weights, sampling};
use bourn_rollout::{Engine, EngineOptions, Inputs, Request, Sampling, Storage, generate};
use divan::Bencher;
use divan::counter::ItemsCount;

// The allocator of `bourn` itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    divan::main();
}

const BATCH: usize = 64;
const TOKENS: usize = 4;
const VOCABULARIES: [usize; 2] = [512, 49152];

fn draw(bencher: Bencher, vocab: usize, sampling: &Sampling) {
    let shape = Shape { layers: 1, hidden: 8, heads: 1, kv_heads: 1, intermediate: 8, vocab };
    let config = shape.config(2 * TOKENS);
    let options = EngineOptions { batch_size: BATCH, cache_bytes: 64 << 20, storage: Storage::F32 };
    let mut engine = Engine::new(&config, &random_weights(&config), &options).unwrap();
    let prompt = Inputs::from(vec![1, 2]);
    let request = Request { prompt: &prompt, stream: "bench", first: 0, count: BATCH as u64 };
    bencher.counter(ItemsCount::new(BATCH * TOKENS)).bench_local(|| {
        generate(&mut engine, &[request], sampling, &mut |_| ControlFlow::Continue(())).unwrap()
    });
}

#[divan::bench(args = VOCABULARIES)]
fn whole_distribution(bencher: Bencher, vocab: usize) {
    draw(bencher, vocab, &sampling(TOKENS, BTreeSet::new()));
}

#[divan::bench(args = VOCABULARIES)]
fn top_p(bencher: Bencher, vocab: usize) {
    draw(bencher, vocab, &Sampling { top_p: 0.95, ..sampling(TOKENS, BTreeSet::new()) });
}

#[divan::bench(args = VOCABULARIES)]
fn top_k(bencher: Bencher, vocab: usize) {
    draw(bencher, vocab, &Sampling { top_k: 50, ..sampling(TOKENS, BTreeSet::new()) });
}

#[divan::bench(args = VOCABULARIES)]
fn greedy(bencher: Bencher, vocab: usize) {
    draw(bencher, vocab, &Sampling { temperature: 0.0, ..sampling(TOKENS, BTreeSet::new()) });
}
