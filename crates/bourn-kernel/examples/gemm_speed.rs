//! Prints the speed of the packed matrix multiplication: `gemm_speed [m k n] [seconds]`.
// The clock is what this program is for.
#![allow(clippy::disallowed_methods)]

use std::time::{Duration, Instant};

use bourn_kernel::{Isa, PackedMatrix, matmul};

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
        let (start, mut best) = (Instant::now(), f64::INFINITY);
        while start.elapsed() < budget {
            let one = Instant::now();
            matmul(&x, m, &packed, None, std::hint::black_box(&mut out))?;
            best = best.min(one.elapsed().as_secs_f64());
        }
        let work = 2.0 * (m * k * n) as f64;
        println!("{m} x {k} x {n}: best of many {:.1} GFLOP/s", work / best / 1e9);
    }
    Ok(())
}
