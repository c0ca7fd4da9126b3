use super::*;
use crate::reference;

fn values(seed: u32, n: usize, scale: f32) -> Vec<f32> {
    let mix = |i: u32| (i.wrapping_add(seed * 7919).wrapping_mul(0x9E37_79B9) ^ i) >> 8;
    (0..n as u32).map(|i| (mix(i) as f32 / (1 << 23) as f32 - 1.0) * scale).collect()
}

fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&x| f64::from(x)).collect()
}

/// Equal to `expect` within `ulps` units in the last place of the larger of the values.
#[track_caller]
fn close(found: &[f32], expect: &[f64], ulps: f64) {
    assert_eq!(found.len(), expect.len());
    let scale = expect.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
    for (i, (&found, &expect)) in found.iter().zip(expect).enumerate() {
        let bound = ulps * f64::from(f32::EPSILON) * scale;
        assert!((f64::from(found) - expect).abs() <= bound, "[{i}]: {found} for {expect}");
    }
}

/// Distance in units of the last place of the exact result, which for subnormals is 2⁻¹⁴⁹.
fn ulps(found: f32, exact: f64) -> f64 {
    let exponent = exact.abs().log2().floor().max(-126.0);
    (f64::from(found) - exact).abs() / 2_f64.powf(exponent - 23.0)
}

#[test]
fn exp_is_within_two_ulp_everywhere() {
    for isa in Isa::available() {
        let mut x: Vec<f32> = Vec::new();
        // A prime stride over the bit patterns visits every exponent and all kinds of mantissa;
        // interpreted, a thousandth of them.
        let stride = if cfg!(miri) { 1_000_003 } else { 1009 };
        for sign in [0, 1 << 31] {
            let largest = if sign == 0 { 88.722_8_f32 } else { 103.9 };
            x.extend((0..=largest.to_bits()).step_by(stride).map(|b| f32::from_bits(b | sign)));
        }
        let mut found = x.clone();
        dispatch::exp_row(isa, &mut found);
        let worst = x.iter().zip(&found).map(|(&x, &y)| ulps(y, f64::from(x).exp()));
        let worst = worst.fold(0.0, f64::max);
        assert!(worst <= 2.0, "{}: {worst} ulp", isa.name());
    }
}

#[test]
fn exp_of_special_values() {
    let mut x = [0.0, -0.0, -200.0, f32::NEG_INFINITY, 200.0, f32::INFINITY, f32::NAN];
    dispatch::exp_row(Isa::best(), &mut x);
    assert_eq!(x[..6], [1.0, 1.0, 0.0, 0.0, f32::INFINITY, f32::INFINITY]);
    assert!(x[6].is_nan());
}

#[test]
fn norms() {
    // rms of (3, 4) is √12.5.
    let mut out = [0.0; 2];
    rms_norm(&[3.0, 4.0], &[1.0, 2.0], 0.0, &mut out).unwrap();
    close(&out, &[3.0 / 12.5_f64.sqrt(), 8.0 / 12.5_f64.sqrt()], 2.0);

    for width in [1, 2, 15, 16, 17, 100, 576] {
        let (x, weight) = (values(1, 3 * width, 5.0), values(2, width, 1.0));
        let mut out = vec![0.0; x.len()];
        rms_norm(&x, &weight, 1e-5, &mut out).unwrap();
        for (x, out) in x.chunks_exact(width).zip(out.chunks_exact(width)) {
            // The sum of squares has one chain of width / LANES and a tree; then four roundings.
            let bound = 8.0 + (width / LANES) as f64;
            close(out, &reference::rms_norm(&wide(x), &wide(&weight), f64::from(1e-5_f32)), bound);
        }
        // In place, over part of each row, the same bits.
        let mut whole: Vec<f32> =
            x.chunks_exact(width).flat_map(|x| [&[9.0], x, x, &[8.0]].concat()).collect();
        rms_norm_heads(&mut whole, 2 * width + 2, 1, 2, &weight, 1e-5).unwrap();
        let expect: Vec<f32> =
            out.chunks_exact(width).flat_map(|x| [&[9.0], x, x, &[8.0]].concat()).collect();
        assert_eq!(whole, expect);
    }
}

#[test]
fn rotations() {
    // A quarter turn takes (1, 0) to (0, 1) and (0, 1) to (−1, 0); what is beyond the heads stays.
    let mut x = [1.0, 0.0, 7.0, 0.0, 1.0, 7.0];
    rope(&mut x, 3, 1, 2, &[0.0, 0.0], &[1.0, 1.0]).unwrap();
    assert_eq!(x, [0.0, 1.0, 7.0, -1.0, 0.0, 7.0]);

    let (heads, dim, position) = (3, 40, 77);
    let frequencies: Vec<f64> = (0..dim / 2).map(|i| 0.7_f64.powi(i as i32)).collect();
    let angles = frequencies.iter().map(|f| f * position as f64);
    let (sin, cos): (Vec<f32>, Vec<f32>) = angles.map(|a| (a.sin() as f32, a.cos() as f32)).unzip();
    let x = values(3, heads * dim, 1.0);
    let mut out = x.clone();
    rope(&mut out, heads * dim, heads, dim, &cos, &sin).unwrap();
    for (x, out) in x.chunks_exact(dim).zip(out.chunks_exact(dim)) {
        close(out, &reference::rope(&wide(x), position, &frequencies), 4.0);
        let norm = |x: &[f32]| wide(x).iter().map(|x| x * x).sum::<f64>();
        assert!((norm(x) / norm(out) - 1.0).abs() < 1e-6, "a rotation keeps lengths");
    }
}

#[test]
fn swiglu_is_its_formula() {
    let mut out = [0.0; 2];
    // silu(0) = 0; silu(ln 3) = ¾ ln 3.
    swiglu(&[0.0, 3_f32.ln(), 5.0, 4.0], 2, &mut out).unwrap();
    assert_eq!(out[0], 0.0);
    close(&out[1..], &[3.0 * f64::from(3_f32.ln())], 4.0);

    let width = 50;
    let x = values(4, 3 * 2 * width, 30.0);
    let mut out = vec![0.0; 3 * width];
    swiglu(&x, width, &mut out).unwrap();
    for (x, out) in x.chunks_exact(2 * width).zip(out.chunks_exact(width)) {
        let (gate, up) = x.split_at(width);
        close(out, &reference::swiglu(&wide(gate), &wide(up)), 6.0);
    }
    swiglu(&[-200.0, 1.0], 1, &mut out[..1]).unwrap();
    assert_eq!(out[0], 0.0, "an exponential that overflows");
}

#[test]
fn softmax_is_its_formula() {
    let few = if cfg!(miri) { 3 } else { usize::MAX };
    for n in [2, 17, 257, 1, 15, 16, 255, 256, 3000].into_iter().take(few) {
        for temperature in [1.0, 0.25, 3.0] {
            let x = values(5, n, 8.0);
            let scaled: Vec<f64> = x.iter().map(|x| f64::from(x / temperature)).collect();
            let expect = reference::log_softmax(&scaled);
            let mut out = vec![0.0; n];
            log_softmax(&x, temperature, &mut out).unwrap();
            close(&out, &expect, 4.0);
            softmax(&x, temperature, &mut out).unwrap();
            close(&out, &expect.iter().map(|x| x.exp()).collect::<Vec<_>>(), 8.0);
            assert!((wide(&out).iter().sum::<f64>() - 1.0).abs() < 1e-6);

            let sums = softmax_terms(&x, temperature, &mut out, &mut Vec::new()).unwrap();
            let entropy = -expect.iter().map(|x| x * x.exp()).sum::<f64>();
            assert!((sums.entropy() - entropy).abs() < 2e-6 * entropy.max(1.0));
        }
    }
}

#[test]
fn softmax_of_known_distributions() {
    let (mut terms, mut blocks) = (vec![0.0; 1000], Vec::new());
    // Uniform over n: log-probability −ln n, entropy ln n.
    let sums = softmax_terms(&[2.5; 1000], 1.0, &mut terms, &mut blocks).unwrap();
    assert_eq!((sums.max, sums.total, sums.weighted), (2.5, 1000.0, 0.0));
    assert_eq!(sums.entropy(), 1000_f64.ln());
    assert_eq!(sums.log_probability(2.5), -(1000_f64.ln()));
    assert_eq!(blocks, [256.0, 256.0, 256.0, 232.0]);
    // A certainty: entropy 0, and the others' log-probabilities stay finite.
    let sums = softmax_terms(&[0.0, 500.0], 1.0, &mut terms[..2], &mut blocks).unwrap();
    assert_eq!((sums.entropy(), sums.log_probability(0.0)), (0.0, -500.0));
    assert_eq!(terms[..2], [0.0, 1.0]);
}

#[test]
fn what_is_not_finite_is_seen() {
    let n = 40;
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for place in [0, 7, 16, 39] {
            let (mut x, mut terms) = (values(6, n, 2.0), vec![0.0; n]);
            x[place] = bad;
            let sums = softmax_terms(&x, 1.0, &mut terms, &mut Vec::new()).unwrap();
            assert!(!sums.is_finite(), "{bad} at {place}");
        }
    }
}

/// Reductions have their own lanes, so that the width of the registers shows nowhere.
#[test]
fn fused_instruction_sets_give_equal_bits() {
    let (n, half) = (333, 20);
    let (x, y) = (values(7, n, 3.0), values(8, n, 3.0));
    let results = |isa: Isa| {
        let mut out = vec![0.0; n];
        let mut all = Vec::new();
        dispatch::rms_norm_row(isa, &x, &y, 1e-6, &mut out);
        all.extend(out.clone());
        dispatch::swiglu_row(isa, &x, &y, &mut out);
        all.extend(out.clone());
        dispatch::rope_head(isa, &mut out[..2 * half], &x[..half], &y[..half]);
        all.extend(out.clone());
        let sums = terms_on(isa, &x, 0.7, &mut out, &mut Vec::new());
        all.extend(out.clone());
        let numbers = [f64::from(sums.max), sums.total, sums.weighted];
        let bits = all.iter().map(|x| u64::from(x.to_bits()));
        bits.chain(numbers.map(f64::to_bits)).collect::<Vec<u64>>()
    };
    let all: Vec<_> = Isa::available().into_iter().filter(|isa| isa.fused()).collect();
    for pair in all.windows(2) {
        assert_eq!(results(pair[0]), results(pair[1]), "{} {}", pair[0].name(), pair[1].name());
    }
}

#[test]
fn wrong_shapes_are_errors() {
    let mut x = [0.0; 6];
    assert!(rms_norm(&[0.0; 5], &[1.0; 2], 0.0, &mut x[..5]).is_err());
    assert!(rms_norm(&[0.0; 4], &[1.0; 2], 0.0, &mut x).is_err());
    assert!(rms_norm(&[0.0; 4], &[], 0.0, &mut x[..4]).is_err());
    assert!(rms_norm_heads(&mut x, 3, 1, 2, &[1.0; 2], 0.0).is_err());
    assert!(rms_norm_heads(&mut x, 4, 0, 2, &[1.0; 2], 0.0).is_err());
    assert!(rms_norm_heads(&mut x, 0, 0, 1, &[1.0; 2], 0.0).is_err());
    assert!(rope(&mut x, 3, 2, 2, &[0.0; 2], &[0.0; 2]).is_err());
    assert!(rope(&mut x, 6, 1, 4, &[0.0; 1], &[0.0; 2]).is_err());
    assert!(rope(&mut x, 0, 1, 4, &[0.0; 2], &[0.0; 2]).is_err());
    assert!(swiglu(&[0.0; 5], 3, &mut x[..3]).is_err());
    assert!(swiglu(&[0.0; 10], 3, &mut x[..5]).is_err());
    assert!(softmax(&[0.0; 5], 1.0, &mut x).is_err());
}
