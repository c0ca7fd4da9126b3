use super::*;
use crate::reference;

fn values(seed: u32, n: usize) -> Vec<f32> {
    let mix = |i: u32| {
        let h = (i ^ seed.wrapping_mul(0x9E37_79B9)).wrapping_mul(0x85EB_CA6B);
        (h ^ (h >> 13)).wrapping_mul(0xC2B2_AE35) >> 8
    };
    (0..n as u32).map(|i| mix(i) as f32 / (1 << 23) as f32 - 1.0).collect()
}

fn transposed(x: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..rows * columns).map(|i| x[i % rows * columns + i / rows]).collect()
}

fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

/// All four layouts on every instruction set with a fused multiply-add give the bits of the scalar
/// chain, into a part of a wider matrix whose other columns stay what they were.
#[track_caller]
fn check(m: usize, k: usize, n: usize) {
    let (x, weights, bias) = (values(1, m * k), values(2, n * k), values(3, n));
    let expect = reference::matmul(&x, &weights, None, k.max(1));
    let (xt, wt) = (transposed(&x, m, k), transposed(&weights, n, k));
    let left = [Matrix::new(&x, m, k).unwrap(), Matrix::new(&xt, k, m).unwrap().transpose()];
    let right = [Matrix::new(&weights, n, k).unwrap().transpose(), Matrix::new(&wt, k, n).unwrap()];
    for isa in Isa::available().into_iter().filter(|isa| isa.fused()) {
        for a in left {
            for b in right {
                let run = |store, fill: f32| {
                    let mut out = vec![fill; m * (n + 3)];
                    let place = MatrixMut::strided(&mut out[2..], m, n, n + 3).unwrap();
                    gemm_on(isa, a, b, store, place).unwrap();
                    let beside = |i: usize| !(2..n + 2).contains(&(i % (n + 3)));
                    let kept = |i: usize| out[i].to_bits() == fill.to_bits();
                    assert!((0..out.len()).all(|i| !beside(i) || kept(i)));
                    let rows = out.chunks(n + 3).flat_map(|row| row[2..n + 2].to_vec());
                    rows.collect::<Vec<f32>>()
                };
                assert_eq!(bits(&run(Store::Set, f32::NAN)), bits(&expect), "{m} {k} {n}");
                let column = |i: usize| bias[i % n];
                let biased: Vec<f32> =
                    expect.iter().enumerate().map(|(i, e)| e + column(i)).collect();
                assert_eq!(bits(&run(Store::SetBiased(&bias), f32::NAN)), bits(&biased));
                let added: Vec<f32> = expect.iter().map(|e| 0.75 + e).collect();
                assert_eq!(bits(&run(Store::Add, 0.75)), bits(&added));
                let chain = |i: usize| {
                    let pairs = x[i / n * k..].iter().zip(&weights[i % n * k..]).take(k);
                    pairs.fold(0.75_f32, |sum, (x, w)| x.mul_add(*w, sum))
                };
                let chains: Vec<f32> = (0..m * n).map(chain).collect();
                assert_eq!(bits(&run(Store::Continue, 0.75)), bits(&chains));
            }
        }
    }
}

#[test]
fn every_layout_gives_the_scalar_chain() {
    for m in 1..=8 {
        check(m, 7, 33);
    }
    for n in [1, 7, 8, 9, 31, 32, 33, 64, 65] {
        check(5, 19, n);
    }
    if cfg!(miri) {
        return;
    }
    // More than one block of `k`, several threads, several groups of panels and rows.
    check(70, 2 * K_BLOCK + 3, 130);
    check(13, CACHED / PANEL + 1, 66);
    check(CACHED / 500, 500, 33);
}

#[test]
fn nothing_times_nothing() {
    let mut out = [2.0; 6];
    let (a, b) = (Matrix::new(&[], 2, 0).unwrap(), Matrix::new(&[], 0, 3).unwrap());
    gemm(a, b, Store::Continue, MatrixMut::new(&mut out, 2, 3).unwrap()).unwrap();
    assert_eq!(out, [2.0; 6]);
    gemm(a, b, Store::Set, MatrixMut::new(&mut out, 2, 3).unwrap()).unwrap();
    assert_eq!(out, [0.0; 6]);
}

/// A gradient over micro batches has the bits of the gradient over the whole batch.
#[test]
fn parts_continue_the_whole() {
    let (m, k, n) = if cfg!(miri) { (5, 70, 33) } else { (40, 700, 50) };
    let cut = k / 7 * 6;
    let (dy, x) = (values(4, k * m), values(5, k * n));
    let product = |parts: &[Range<usize>]| {
        let mut out = vec![0.0; m * n];
        for part in parts {
            let a = Matrix::new(&dy[part.start * m..part.end * m], part.len(), m).unwrap();
            let b = Matrix::new(&x[part.start * n..part.end * n], part.len(), n).unwrap();
            let place = MatrixMut::new(&mut out, m, n).unwrap();
            gemm(a.transpose(), b, Store::Continue, place).unwrap();
        }
        bits(&out)
    };
    let whole = product(std::slice::from_ref(&(0..k)));
    assert_eq!(product(&[0..1, 1..cut, cut..k]), whole);
}

#[test]
fn the_number_of_threads_does_not_matter() {
    // Either way more than a call takes on one thread.
    let (m, k, n) = if cfg!(miri) { (13, 10, 40) } else { (100, 600, 90) };
    assert!(m * k * n >= PARALLEL_FROM);
    let (x, w) = (values(6, m * k), values(7, n * k));
    let product = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut out = vec![0.0; m * n];
        let (a, b) = (Matrix::new(&x, m, k).unwrap(), Matrix::new(&w, n, k).unwrap());
        let place = MatrixMut::new(&mut out, m, n).unwrap();
        pool.install(|| gemm(a, b.transpose(), Store::Set, place)).unwrap();
        bits(&out)
    };
    let one = product(1);
    assert_eq!(one, product(2));
    assert_eq!(one, product(if cfg!(miri) { 3 } else { 5 }));
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let x = [0.0; 12];
    assert!(Matrix::new(&x, 3, 5).is_err());
    assert!(Matrix::strided(&x, 3, 4, 3).is_err());
    assert!(Matrix::strided(&x, 3, 4, 5).is_err());
    assert!(Matrix::strided(&x, 3, 2, 5).is_ok());
    for (values, rows, columns, fits) in [
        (12, 3, 0..4, true),
        (12, 3, 1..3, true),
        (12, 3, 4..4, true),
        (0, 0, 1..3, true),
        (12, 3, 1..5, false),
        (12, 3, Range { start: 3, end: 1 }, false),
        (12, 2, 0..4, false),
        (11, 3, 0..2, false),
        (0, 3, 0..2, false),
    ] {
        let mut out = [0.0; 12];
        let (x, out) = (&x[..values], &mut out[..values]);
        let found = (
            Matrix::columns(x, rows, 4, columns.clone()).is_ok(),
            MatrixMut::columns(out, rows, 4, columns.clone()).is_ok(),
        );
        assert_eq!(found, (fits, fits), "{values} values, {rows} rows, columns {columns:?}");
    }
    let (a, b) = (Matrix::new(&x, 3, 4).unwrap(), Matrix::new(&x, 4, 3).unwrap());
    let mut out = [0.0; 9];
    assert!(gemm(a, b, Store::Set, MatrixMut::new(&mut out, 3, 3).unwrap()).is_ok());
    assert!(gemm(a, a, Store::Set, MatrixMut::new(&mut out, 3, 3).unwrap()).is_err());
    let bias = [0.0; 2];
    let place = MatrixMut::new(&mut out, 3, 3).unwrap();
    assert!(gemm(a, b, Store::SetBiased(&bias), place).is_err());
    assert!(gemm(a, b, Store::Set, MatrixMut::new(&mut out[..6], 2, 3).unwrap()).is_err());
}
