use super::*;
use crate::reference;
use crate::{rms_norm_heads, swiglu};

fn values(seed: u32, n: usize, scale: f32) -> Vec<f32> {
    let mix = |i: u32| (i.wrapping_add(seed * 7919).wrapping_mul(0x9E37_79B9) ^ i) >> 8;
    (0..n as u32).map(|i| (mix(i) as f32 / (1 << 23) as f32 - 1.0) * scale).collect()
}

fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&x| f64::from(x)).collect()
}

/// The gradient of `loss` by central differences in f64: exact to about 1e-9 of its scale.
fn differences(x: &[f32], loss: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let step = 1e-5;
    let mut moved = wide(x);
    (0..x.len())
        .map(|i| {
            let mut at = |value: f64| {
                moved[i] = value;
                loss(&moved)
            };
            let here = f64::from(x[i]);
            let slope = (at(here + step) - at(here - step)) / (2.0 * step);
            moved[i] = here;
            slope
        })
        .collect()
}

/// Equal within some units in the last place of the largest value.
#[track_caller]
fn close(found: &[f32], expect: &[f64], ulps: f64) {
    assert_eq!(found.len(), expect.len());
    let scale = expect.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
    for (i, (&found, &expect)) in found.iter().zip(expect).enumerate() {
        let bound = ulps * f64::from(f32::EPSILON) * scale + 1e-8 * scale.max(1.0);
        assert!((f64::from(found) - expect).abs() <= bound, "[{i}]: {found} for {expect}");
    }
}

fn dot(a: &[f64], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, &b)| a * f64::from(b)).sum()
}

#[test]
fn norms() {
    // Differences of large inputs take too long interpreted.
    let few = if cfg!(miri) { 2 } else { usize::MAX };
    for (rows, heads, width) in
        [(3, 1, 2), (2, 2, 16), (3, 1, 17), (70, 1, 33), (5, 3, 16)].into_iter().take(few)
    {
        let stride = heads * width + 5;
        let at = Heads { stride, offset: 2, count: heads };
        let (x, weight) = (values(1, rows * stride, 2.0), values(2, width, 1.0));
        let dy = values(3, rows * stride, 1.0);
        let inside = |i: usize| (2..2 + heads * width).contains(&(i % stride));
        let loss = |x: &[f64], weight: &[f64]| -> f64 {
            let parts = x.chunks(stride).zip(dy.chunks(stride));
            let row = |(x, dy): (&[f64], &[f32])| -> f64 {
                let part = 2..2 + heads * width;
                let heads = x[part.clone()].chunks(width).zip(dy[part].chunks(width));
                heads.map(|(x, dy)| dot(&reference::rms_norm(x, weight, 1e-5), dy)).sum()
            };
            parts.map(row).sum()
        };
        let mut gradient = dy.clone();
        let mut weight_gradient = vec![0.5; width];
        rms_norm_heads_backward(&x, at, &weight, 1e-5, &mut gradient, &mut weight_gradient)
            .unwrap();
        let expect = differences(&x, |x| loss(x, &wide(&weight)));
        let mut found = Vec::new();
        for (i, (&gradient, &dy)) in gradient.iter().zip(&dy).enumerate() {
            // What stands beside the heads is not the norm's.
            found.push(if inside(i) { gradient } else { 0.0 });
            assert!(inside(i) || gradient == dy);
        }
        // Some ten roundings and a sum over the row.
        close(&found, &expect, 32.0);
        let expect = differences(&weight, |weight| loss(&wide(&x), weight));
        let expect: Vec<f64> = expect.iter().map(|slope| 0.5 + slope).collect();
        close(&weight_gradient, &expect, 16.0 + (rows * heads) as f64);
        // Forward and backward mean the same heads.
        let mut normed = x.clone();
        rms_norm_heads(&mut normed, stride, 2, heads, &weight, 1e-5).unwrap();
        assert!((0..x.len()).all(|i| inside(i) || normed[i] == x[i]));
    }
}

#[test]
fn gates() {
    let (rows, width) = if cfg!(miri) { (2, 17) } else { (9, 21) };
    let (x, dy) = (values(1, rows * 2 * width, 6.0), values(2, rows * width, 1.0));
    let expect = differences(&x, |x| {
        let rows = x.chunks(2 * width).zip(dy.chunks(width));
        rows.map(|(x, dy)| dot(&reference::swiglu(&x[..width], &x[width..]), dy)).sum()
    });
    let mut found = x.clone();
    swiglu_backward(&mut found, width, &dy).unwrap();
    // An exponential within 2 ulp and some ten roundings.
    close(&found, &expect, 16.0);
    assert!(swiglu_backward(&mut found, width, &dy[1..]).is_err());
    let mut out = vec![0.0; rows * width];
    assert!(swiglu(&x, width, &mut out).is_ok());
}

#[test]
fn scores_and_their_gradients() {
    let few = if cfg!(miri) { 2 } else { usize::MAX };
    for (rows, vocabulary, temperature) in
        [(1, 2, 1.0), (2, 17, 0.9), (7, 21, 0.7), (5, 600, 1.5)].into_iter().take(few)
    {
        let logits = values(1, rows * vocabulary, 5.0);
        let targets: Vec<u32> = (0..rows).map(|row| (row * 5 % vocabulary) as u32).collect();
        let (dlogprob, dentropy) = (values(2, rows, 1.0), values(3, rows, 1.0));
        let of_row = |row: usize, z: &[f64]| {
            let scaled: Vec<f64> = z.iter().map(|z| z / f64::from(temperature)).collect();
            let logs = reference::log_softmax(&scaled);
            let entropy: f64 = logs.iter().map(|log| -log.exp() * log).sum();
            (logs[targets[row] as usize], entropy)
        };
        let mut scored = vec![ScoredRow { logprob: 0.0, entropy: 0.0 }; rows];
        score_rows(&logits, &targets, temperature, &mut scored).unwrap();
        for (row, (scored, logits)) in scored.iter().zip(logits.chunks(vocabulary)).enumerate() {
            let (logprob, entropy) = of_row(row, &wide(logits));
            // Logits of up to 5 / 0.7 are rounded to f32 once, log-probs once more.
            assert!((f64::from(scored.logprob) - logprob).abs() < 2e-6);
            assert!((f64::from(scored.entropy) - entropy).abs() < 2e-6);
        }
        for entropy in [None, Some(&dentropy)] {
            let expect = differences(&logits, |z| {
                let rows = z.chunks(vocabulary).enumerate();
                rows.map(|(row, z)| {
                    let (logprob, surprise) = of_row(row, z);
                    let bonus = entropy.map_or(0.0, |d| f64::from(d[row]) * surprise);
                    f64::from(dlogprob[row]) * logprob + bonus
                })
                .sum()
            });
            let mut found = logits.clone();
            let entropy = entropy.map(Vec::as_slice);
            score_rows_backward(&mut found, &targets, temperature, &dlogprob, entropy).unwrap();
            // The largest gradients are near 1 and their parts are of the size of ln p, up to 15.
            close(&found, &expect, 64.0);
        }
    }
    let mut scored = [ScoredRow { logprob: 0.0, entropy: 0.0 }];
    score_rows(&[1.0, f32::NAN], &[0], 1.0, &mut scored).unwrap();
    assert!(scored[0].logprob.is_nan());
    assert!(score_rows(&[1.0, 2.0], &[2], 1.0, &mut scored).is_err());
}

#[test]
fn sums() {
    let x = values(4, 70 * 9, 1.0);
    let mut out = vec![1.0; 4];
    add_row_sums(&x, 9, 3, &mut out).unwrap();
    let expect: Vec<f64> =
        (0..4).map(|c| 1.0 + x.chunks(9).map(|row| f64::from(row[3 + c])).sum::<f64>()).collect();
    // 70 additions of numbers below 1.
    close(&out, &expect, 70.0);

    let x = values(5, if cfg!(miri) { 3_000 } else { 40_000 }, 1.0);
    let expect: f64 = x.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
    // Both sides sum in f64.
    assert!((sum_of_squares(&x) - expect).abs() < 1e-9 * expect);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    assert_eq!(pool.install(|| sum_of_squares(&x)), sum_of_squares(&x));
}

/// Two updates by hand: gradients 0.5 and −0.25, as in the optimiser's own test.
#[test]
fn adamw_is_that_worked_by_hand() {
    let (mut p, mut m, mut v) = ([2.0_f32], [0.0], [0.0]);
    let mut expect = 2.0_f64;
    let steps = [1.0, (0.02 / 0.19) / (0.0031_f64 / 0.0199).sqrt()];
    for (time, (gradient, step)) in [0.5, -0.25].into_iter().zip(steps).enumerate() {
        let power = time as i32 + 1;
        let update = AdamW {
            lr: 0.01,
            beta1: 0.9,
            beta2: 0.99,
            eps: 1e-8,
            keep: 1.0 - 0.01 * 0.1,
            correct1: 1.0 / (1.0 - 0.9_f32.powi(power)),
            correct2: 1.0 / (1.0 - 0.99_f32.powi(power)),
        };
        update.update(&mut p, &[gradient], &mut m, &mut v).unwrap();
        expect = expect * 0.999 - 0.01 * step;
        // Some ten roundings of numbers of at most 2, in f32.
        assert!((f64::from(p[0]) - expect).abs() < 1e-6, "{} for {expect}", p[0]);
    }
}
