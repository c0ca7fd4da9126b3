//! Prints the speed of the packed matrix multiplication: `gemm_speed [m k n] [seconds]`.
// The clock is what this program is for.
#![allow(clippy::disallowed_methods)]

use std::time::{Duration, Instant};

use bourn_kernel::{Isa, KernelError, Matrix, MatrixMut, PackedMatrix, Store, gemm, matmul};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<usize> =
        std::env::args().skip(1).map(|word| word.parse()).collect::<Result<_, _>>()?;
    let shapes = match arguments[..] {
        [m, k, n, ..] => vec![(m, k, n)],
        _ => vec![
            (256, 512, 1536),
            (256, 256, 1376),
            (64, 576, 1536),
            (16, 576, 49152),
            (1, 576, 49152),
        ],
    };
    let budget = Duration::from_secs(arguments.get(3).copied().unwrap_or(1) as u64);
    println!("{} on {} threads", Isa::best().name(), rayon::current_num_threads());
    for (m, k, n) in shapes {
        let value = |i: usize| (i % 17) as f32 / 17.0 - 0.5;
        let x: Vec<f32> = (0..m * k).map(value).collect();
        let weights: Vec<f32> = (0..n * k).map(value).collect();
        let packed = PackedMatrix::pack(n, k, &weights)?;
        let mut out = vec![0.0; m * n];
        let work = 2.0 * (m * k * n) as f64;
        let speed = |name: &str, run: &mut dyn FnMut() -> Result<(), KernelError>| {
            let (start, mut best) = (Instant::now(), f64::INFINITY);
            while start.elapsed() < budget {
                let one = Instant::now();
                run()?;
                best = best.min(one.elapsed().as_secs_f64());
            }
            println!("{m} x {k} x {n}, {name}: best of many {:.1} GFLOP/s", work / best / 1e9);
            Ok::<(), KernelError>(())
        };
        speed("packed weights", &mut || {
            matmul(&x, m, &packed, None, std::hint::black_box(&mut out))
        })?;
        // The three products of training: forward, gradient of the input, gradient of the weights.
        let (a, b) = (Matrix::new(&x, m, k)?, Matrix::new(&weights, n, k)?);
        speed("x Wᵀ", &mut || {
            gemm(a, b.transpose(), Store::Set, MatrixMut::new(&mut out, m, n)?)
        })?;
        let mut dx = vec![0.0; m * k];
        let dy = Matrix::new(&out, m, n)?;
        speed("dy W", &mut || gemm(dy, b, Store::Set, MatrixMut::new(&mut dx, m, k)?))?;
        let mut dw = vec![0.0; n * k];
        speed("dyᵀ x", &mut || {
            gemm(dy.transpose(), a, Store::Continue, MatrixMut::new(&mut dw, n, k)?)
        })?;
    }
    Ok(())
}
