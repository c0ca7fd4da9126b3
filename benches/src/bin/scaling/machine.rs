//! What the machine can do, and what a decoded token asks of it.

use std::thread::available_parallelism;
use std::time::Instant;

use bourn_bench::{Shape, values};
use bourn_kernel::{Matrix, MatrixMut, Store, gemm};

/// What this machine reached.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine {
    /// Floating-point operations a second, in a product of 1,024³.
    flops: f64,
    /// Bytes a second that all threads together read, of more than any cache holds.
    bandwidth: f64,
}

/// Seconds that a decoded token takes at least.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bound {
    /// For its multiplications and additions, at the best product's pace.
    pub arithmetic: f64,
    /// For its share of the weights, which are read once a step, and for its keys and values, all from
    /// memory. What stays in a cache is read faster.
    pub memory: f64,
}

impl Machine {
    /// Measures for about a second.
    pub(crate) fn measure() -> anyhow::Result<Machine> {
        const SIZE: usize = 1024;
        let (a, b) = (values(SIZE * SIZE), values(SIZE * SIZE));
        let mut out = vec![0.0; SIZE * SIZE];
        let mut product = f64::INFINITY;
        for _ in 0..20 {
            let start = Instant::now();
            let (a, b) = (Matrix::new(&a, SIZE, SIZE)?, Matrix::new(&b, SIZE, SIZE)?);
            gemm(a, b, Store::Set, MatrixMut::new(&mut out, SIZE, SIZE)?)?;
            product = product.min(start.elapsed().as_secs_f64());
        }
        std::hint::black_box(&out);
        let threads = available_parallelism().map_or(1, usize::from);
        let data = vec![1_u64; 1 << 26];
        let mut reading = f64::INFINITY;
        for _ in 0..5 {
            let start = Instant::now();
            let sum: u64 = std::thread::scope(|scope| {
                let part = |part: &'_ [u64]| part.iter().fold(0_u64, |sum, x| sum.wrapping_add(*x));
                let parts = data.chunks(data.len().div_ceil(threads));
                let running: Vec<_> = parts.map(|p| scope.spawn(move || part(p))).collect();
                running.into_iter().map(|thread| thread.join().unwrap_or(0)).sum()
            });
            reading = reading.min(start.elapsed().as_secs_f64());
            std::hint::black_box(sum);
        }
        Ok(Machine {
            flops: 2.0 * (SIZE as f64).powi(3) / product,
            bandwidth: size_of_val(&data[..]) as f64 / reading,
        })
    }

    /// One line of it.
    pub(crate) fn describe(&self) -> String {
        let (flops, bandwidth) = (self.flops / 1e9, self.bandwidth / 1e9);
        format!("{flops:.0} GFLOP/s in a product of 1,024³, {bandwidth:.1} GB/s read")
    }

    /// The least time of a token of a step of `batch` sequences, each with `context` tokens before it.
    pub(crate) fn bound(&self, shape: Shape, batch: usize, context: usize) -> Bound {
        let config = shape.config(1);
        // A tied embedding is the head's matrix; to look a row of it up is nothing.
        let parameters = config.parameters() as f64;
        let (queries, kv) = (shape.hidden as f64, (config.num_kv_heads * config.head_dim) as f64);
        let (layers, context) = (shape.layers as f64, context as f64);
        // Two operations a weight; a query with each key, and each value, two an element.
        let operations = 2.0 * parameters + 4.0 * layers * queries * context;
        let bytes = 4.0 * (parameters / batch as f64 + 2.0 * layers * kv * context);
        Bound { arithmetic: operations / self.flops, memory: bytes / self.bandwidth }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_by_hand() {
        let machine = Machine { flops: 1e9, bandwidth: 1e9 };
        let shape =
            Shape { layers: 1, hidden: 4, heads: 2, kv_heads: 1, intermediate: 8, vocab: 10 };
        // Embedding 40, norms 3 × 4, queries and output 16 each, keys and values 8 each, MLP 96.
        let parameters = 40.0 + 12.0 + 32.0 + 16.0 + 96.0;
        let bound = machine.bound(shape, 2, 3);
        assert!((bound.arithmetic - (2.0 * parameters + 4.0 * 4.0 * 3.0) / 1e9).abs() < 1e-18);
        assert!((bound.memory - 4.0 * (parameters / 2.0 + 2.0 * 2.0 * 3.0) / 1e9).abs() < 1e-18);
    }
}
