use super::*;
use crate::reference;
use crate::weights::Storage;

/// Numbers in [−1, 1) without pattern: the high bits of a multiplicative hash.
fn values(seed: u32, n: usize) -> Vec<f32> {
    let mix = |i: u32| {
        let h = (i ^ seed.wrapping_mul(0x9E37_79B9)).wrapping_mul(0x85EB_CA6B);
        (h ^ (h >> 13)).wrapping_mul(0xC2B2_AE35) >> 8
    };
    (0..n as u32).map(|i| mix(i) as f32 / (1 << 23) as f32 - 1.0).collect()
}

fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

fn on(isa: Isa, x: &[f32], m: usize, w: &PackedMatrix) -> Vec<f32> {
    let mut out = vec![f32::NAN; m * w.outputs()];
    run(isa, x, m, w, &mut out, |out, sums, _| out.copy_from_slice(sums)).unwrap();
    out
}

/// Every instruction set gives the bits of the scalar chain of fused multiply-adds; one without a
/// fused multiply-add stays within the error bound of a sum of `k` rounded products.
#[track_caller]
fn check(m: usize, n: usize, k: usize) {
    let (x, weights) = (values(1, m * k), values(2, n * k));
    let packed = PackedMatrix::pack(n, k, &weights).unwrap();
    check_packed(&x, m, &packed, &weights);
    // Stored in bf16, the weights are others and all else is the same.
    let mut packed = PackedMatrix::empty(Storage::Bf16);
    packed.repack(k, &[(n, &weights)]).unwrap();
    let rounded: Vec<f32> = weights.iter().map(|&w| reference::bf16(w)).collect();
    assert_ne!(rounded, weights);
    check_packed(&x, m, &packed, &rounded);
}

#[track_caller]
fn check_packed(x: &[f32], m: usize, packed: &PackedMatrix, weights: &[f32]) {
    let (n, k) = (packed.outputs(), packed.inputs());
    let expect = reference::matmul(x, weights, None, k);
    for isa in Isa::available() {
        let found = on(isa, x, m, packed);
        if isa.fused() {
            assert_eq!(bits(&found), bits(&expect), "{} {m} x {k} x {n}", isa.name());
        }
        for (i, (found, expect)) in found.iter().zip(&expect).enumerate() {
            let (row, column) = (i / n, i % n);
            let products = x[row * k..].iter().zip(&weights[column * k..]).take(k);
            let magnitude: f32 = products.map(|(a, b)| (a * b).abs()).sum();
            // Higham, Accuracy and Stability, 3.5: |error| ≤ γₖ Σ|xᵢwᵢ|, once for each side.
            let bound = 2.0 * 1.01 * k as f32 * f32::EPSILON * magnitude;
            assert!((found - expect).abs() <= bound, "{} {m} x {k} x {n}", isa.name());
        }
    }
}

#[test]
fn every_instruction_set_gives_the_scalar_chain() {
    for m in 1..=14 {
        check(m, 33, 7);
    }
    for n in [1, 2, 31, 32, 33, 63, 64, 65, 200] {
        check(3, n, 19);
    }
    check(1, 1, 1);
    // Large enough for several threads.
    if cfg!(miri) {
        check(10, 70, 9);
    } else {
        check(50, 96, 257);
        check(70, 130, 64);
    }
}

#[test]
fn worked_by_hand() {
    // [1 2; 3 4] · [5 6; 7 8]ᵀ = [17 23; 39 53]
    let w = PackedMatrix::pack(2, 2, &[5.0, 6.0, 7.0, 8.0]).unwrap();
    let (x, mut out) = ([1.0, 2.0, 3.0, 4.0], [0.0; 4]);
    matmul(&x, 2, &w, None, &mut out).unwrap();
    assert_eq!(out, [17.0, 23.0, 39.0, 53.0]);
    matmul(&x, 2, &w, Some(&[0.5, -1.0]), &mut out).unwrap();
    assert_eq!(out, [17.5, 22.0, 39.5, 52.0]);
    matmul_add(&x, 2, &w, &mut out).unwrap();
    assert_eq!(out, [34.5, 45.0, 78.5, 105.0]);
}

#[test]
fn nothing_to_sum_leaves_the_bias() {
    let w = PackedMatrix::pack(3, 0, &[]).unwrap();
    let mut out = [9.0; 6];
    matmul(&[], 2, &w, Some(&[1.0, 2.0, 3.0]), &mut out).unwrap();
    assert_eq!(out, [1.0, 2.0, 3.0, 1.0, 2.0, 3.0]);
    matmul(&[], 0, &w, None, &mut []).unwrap();
    matmul(&[1.0, 2.0], 2, &PackedMatrix::pack(0, 1, &[]).unwrap(), None, &mut []).unwrap();
}

/// The row's place, the batch's size and the number of threads change no bit.
#[test]
fn rows_do_not_depend_on_their_batch() {
    let (rows, n, k) = if cfg!(miri) { (15, 33, 5) } else { (300, 100, 70) };
    let x = values(3, rows * k);
    for storage in [Storage::F32, Storage::Bf16] {
        let mut packed = PackedMatrix::empty(storage);
        packed.repack(k, &[(n, &values(4, n * k))]).unwrap();
        rows_alone_and_together(&x, rows, &packed);
    }
}

fn rows_alone_and_together(x: &[f32], rows: usize, packed: &PackedMatrix) {
    let (n, k) = (packed.outputs(), packed.inputs());
    let product = |range: Range<usize>| {
        let mut out = vec![0.0; range.len() * n];
        matmul(&x[range.start * k..range.end * k], range.len(), packed, None, &mut out).unwrap();
        bits(&out)
    };
    let alone: Vec<u32> = (0..rows).flat_map(|row| product(row..row + 1)).collect();
    for threads in 1..=3 {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            for m in (1..=rows).step_by(if threads == 1 { 1 } else { 23 }) {
                assert_eq!(product(0..m), alone[..m * n], "m = {m} on {threads} threads");
                assert_eq!(product(rows - m..rows), alone[(rows - m) * n..], "the last {m}");
            }
        });
    }
}

#[test]
fn tasks_partition_the_output() {
    for (m, n, height, wanted) in
        [(1, 1, 6, 1), (7, 40, 6, 8), (300, 32, 6, 8), (13, 1000, 4, 3), (64, 65, 6, 64)]
    {
        let blocks = Blocks { rows: m, count: m.div_ceil(height) };
        let mut out = vec![0.0; m * n];
        let tasks = split(&mut out, n, &blocks, wanted);
        for task in tasks {
            assert!(!task.panels.is_empty() && !task.blocks.is_empty());
            let rows = blocks.start(task.blocks.end) - blocks.start(task.blocks.start);
            assert_eq!(task.rows.len(), rows);
            let columns = (task.panels.end * PANEL).min(n) - task.panels.start * PANEL;
            for row in task.rows {
                assert_eq!(row.len(), columns);
                row.iter_mut().for_each(|x| *x += 1.0);
            }
        }
        assert!(out.iter().all(|&x| x == 1.0), "{m} x {n}");
        for block in 0..blocks.count {
            assert!((1..=height).contains(&(blocks.start(block + 1) - blocks.start(block))));
        }
    }
}

#[test]
fn fused_matrices_are_the_matrices_side_by_side() {
    let k = 9;
    let (a, b, c) = (values(5, 40 * k), values(6, 3 * k), values(7, 25 * k));
    let mut fused = PackedMatrix::default();
    fused.repack(k, &[(40, &a), (3, &b), (25, &c)]).unwrap();
    let whole = [a.as_slice(), &b, &c].concat();
    assert_eq!(fused, PackedMatrix::pack(68, k, &whole).unwrap());
    assert_eq!((fused.outputs(), fused.inputs()), (68, k));
    let mut halved = PackedMatrix::empty(Storage::Bf16);
    halved.repack(k, &[(40, &a), (3, &b), (25, &c)]).unwrap();
    let mut row = vec![0.0; k];
    for (output, expect) in whole.chunks_exact(k).enumerate() {
        fused.copy_row(output, &mut row).unwrap();
        assert_eq!(row, expect);
        halved.copy_row(output, &mut row).unwrap();
        assert!(row.iter().zip(expect).all(|(&row, &x)| row == reference::bf16(x)));
    }
}

#[test]
fn wrong_shapes_are_errors() {
    let w = PackedMatrix::pack(2, 3, &[0.0; 6]).unwrap();
    let (x, mut out) = ([0.0; 6], [0.0; 4]);
    let message = |result: Result<(), KernelError>| result.unwrap_err().to_string();
    assert_eq!(
        message(PackedMatrix::pack(2, 3, &[0.0; 5]).map(|_| ())),
        "a weight matrix has 5 values where its shape needs 6"
    );
    assert_eq!(
        message(matmul(&x[1..], 2, &w, None, &mut out)),
        "the input has 5 values where its shape needs 6"
    );
    assert_eq!(
        message(matmul(&x, 2, &w, None, &mut out[1..])),
        "the output has 3 values where its shape needs 4"
    );
    assert_eq!(
        message(matmul(&x, 2, &w, Some(&[0.0]), &mut out)),
        "a bias has 1 values where its shape needs 2"
    );
    assert_eq!(message(w.copy_row(2, &mut [0.0; 3])), "an output is 2 where it may be 0 to 1");
    assert!(PackedMatrix::pack(usize::MAX, 2, &[]).is_err());
    assert!(matmul(&x, usize::MAX, &w, None, &mut out).is_err());
}
