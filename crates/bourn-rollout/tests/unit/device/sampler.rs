use burn::tensor::{Device, TensorData};
use rand::Rng;

use super::*;
use crate::device::drawn_token;
use crate::sampler::{SampledToken, SamplerScratch, TokenScore};
use crate::types::Sampling;

/// The largest number that a row is given.
const LARGEST: f32 = 1.0 - f32::EPSILON / 2.0;

fn sampler(temperature: f64, top_k: usize, top_p: f64, min_p: f64) -> TokenSampler {
    let sampling = Sampling { temperature, top_p, top_k, min_p, ..Sampling::new(1) };
    TokenSampler::new(&sampling).unwrap()
}

fn rows(values: &[f32], width: usize) -> Tensor<2> {
    let shape = [values.len() / width, width];
    Tensor::from_data(TensorData::new(values.to_vec(), shape), &Device::flex())
}

/// Draws from one row of logits with each of the numbers.
fn draw_each(
    logits: &[f32],
    sampler: &TokenSampler,
    uniforms: &[f32],
) -> Vec<Option<SampledToken>> {
    let all = rows(&logits.repeat(uniforms.len()), logits.len());
    let mut link = Link::new(&Device::flex());
    let (tokens, packed) = draw(sampler, all, rows(uniforms, 1), &mut link);
    let packed = link.read(&packed).unwrap();
    let drawn: Vec<Option<SampledToken>> = packed.chunks_exact(4).map(drawn_token).collect();
    // What stays on the device is what the host is told.
    let tokens = tokens.float().reshape([uniforms.len(), 1]);
    for (drawn, token) in drawn.iter().zip(link.read(&tokens).unwrap()) {
        assert!(drawn.is_none_or(|drawn| drawn.token == token as u32));
    }
    drawn
}

fn score_each(logits: &[f32], sampler: &TokenSampler) -> Vec<Option<TokenScore>> {
    let count = logits.len();
    let mut link = Link::new(&Device::flex());
    let tokens = integers(0..count, &Device::flex());
    let packed = score(sampler, rows(&logits.repeat(count), count), tokens, &mut link);
    let values = link.read(&packed).unwrap();
    let one = |values: &[f32]| {
        let &[inside, logprob, sampled, entropy] = values else { panic!("four values a row") };
        let sampled_logprob = (inside > 0.0).then_some(sampled);
        (logprob.is_finite() && entropy.is_finite()).then_some(TokenScore {
            logprob,
            sampled_logprob,
            entropy,
        })
    };
    values.chunks_exact(4).map(one).collect()
}

fn logits(probabilities: &[f64]) -> Vec<f32> {
    probabilities.iter().map(|p| p.ln() as f32).collect()
}

const P: [f64; 4] = [0.15, 0.5, 0.05, 0.3];

/// The surviving tokens in order of id, with their probabilities after renormalisation.
#[track_caller]
fn check(probabilities: &[f64], sampler: &TokenSampler, expect: &[(u32, f64)]) {
    let scored = score_each(&logits(probabilities), sampler);
    let found: Vec<(u32, f64)> = (scored.iter().zip(0..))
        .filter_map(|(s, id)| Some((id, f64::from(s.unwrap().sampled_logprob?).exp())))
        .collect();
    assert_eq!(found.len(), expect.len(), "{found:?}");
    for (found, expect) in found.iter().zip(expect) {
        // Logarithms of f32 to and fro.
        assert!(found.0 == expect.0 && (found.1 - expect.1).abs() < 1e-6, "{found:?}");
    }
}

#[test]
fn truncations_worked_by_hand() {
    let all = [(0, 0.15), (1, 0.5), (2, 0.05), (3, 0.3)];
    check(&P, &sampler(1.0, 0, 1.0, 0.0), &all);
    check(&P, &sampler(1.0, 1, 1.0, 0.0), &[(1, 1.0)]);
    check(&P, &sampler(1.0, 2, 1.0, 0.0), &[(1, 0.625), (3, 0.375)]);
    check(&P, &sampler(1.0, 9, 1.0, 0.0), &all);
    check(&P, &sampler(1.0, 0, 0.6, 0.0), &[(1, 0.625), (3, 0.375)]);
    check(&P, &sampler(1.0, 0, 0.4, 0.0), &[(1, 1.0)]);
    check(&P, &sampler(1.0, 0, 1e-300, 0.0), &[(1, 1.0)]);
    check(&P, &sampler(1.0, 0, 1.0, 0.25), &[(0, 0.15 / 0.95), (1, 0.5 / 0.95), (3, 0.3 / 0.95)]);
    check(&P, &sampler(1.0, 0, 1.0, 1.0), &[(1, 1.0)]);
    // After top-k = 3 the likeliest two weigh 0.842 of what is left.
    check(&P, &sampler(1.0, 3, 0.82, 0.0), &[(1, 0.625), (3, 0.375)]);
    // Top-p before min-p: 0.4 < 0.55 keeps two.
    check(
        &[0.4, 0.3, 0.1, 0.1, 0.1],
        &sampler(1.0, 0, 0.55, 0.5),
        &[(0, 4.0 / 7.0), (1, 3.0 / 7.0)],
    );
    check(&P, &sampler(0.0, 0, 1.0, 0.0), &[(1, 1.0)]);
}

#[test]
fn ties_go_to_the_smaller_id() {
    let p = [0.25; 4];
    check(&p, &sampler(1.0, 2, 1.0, 0.0), &[(0, 0.5), (1, 0.5)]);
    check(&p, &sampler(1.0, 0, 0.5, 0.0), &[(0, 0.5), (1, 0.5)]);
    check(&p, &sampler(1.0, 0, 1.0, 1.0), &[(0, 0.25), (1, 0.25), (2, 0.25), (3, 0.25)]);
    check(&[0.2, 0.4, 0.4], &sampler(0.0, 0, 1.0, 0.0), &[(1, 1.0)]);
    // Across blocks: of 600 equal tokens the first 300.
    let kept: Vec<(u32, f64)> = (0..300).map(|id| (id, 1.0 / 300.0)).collect();
    check(&[1.0 / 600.0; 600], &sampler(1.0, 300, 1.0, 0.0), &kept);
}

#[test]
fn impossible_tokens_are_never_drawn() {
    let mut logits = vec![-200.0_f32; 1000];
    let samplers = [
        sampler(1.0, 0, 1.0, 0.0),
        sampler(1.0, 0, 0.999_999, 0.0),
        sampler(1.0, 999, 1.0, 0.0),
        sampler(1.0, 0, 1.0, 1e-300),
    ];
    let uniforms = [0.0, f32::EPSILON / 2.0, 0.5, LARGEST];
    for possible in [0, 3, 255, 256, 500, 999] {
        logits[possible] = 1.0;
        for sampler in &samplers {
            for drawn in draw_each(&logits, sampler, &uniforms) {
                let drawn = drawn.unwrap();
                assert_eq!((drawn.token, drawn.sampled_logprob), (possible as u32, 0.0));
            }
        }
        logits[possible] = -200.0;
    }
    (logits[7], logits[900]) = (1.0, 1.0);
    let drawn = draw_each(&logits, &samplers[0], &[0.0, LARGEST]);
    assert_eq!(drawn.iter().map(|d| d.unwrap().token).collect::<Vec<_>>(), [7, 900]);
}

/// The largest number and the smallest stay inside, whatever the sums round to.
#[test]
fn the_largest_number_stays_inside() {
    for n in (1..2000).step_by(61) {
        let logits: Vec<f32> = (0..n).map(|i| -((i * i % 97) as f32) * 0.37).collect();
        let sampler = sampler(1.0, 0, 1.0, 0.0);
        for drawn in draw_each(&logits, &sampler, &[0.0, LARGEST]) {
            assert!((drawn.unwrap().token as usize) < n);
        }
    }
}

#[test]
fn logits_that_are_not_finite_are_noticed() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let bad = [0.0, bad, 1.0];
        for sampler in [
            sampler(1.0, 0, 1.0, 0.0),
            sampler(0.0, 0, 1.0, 0.0),
            sampler(1.0, 0, 0.5, 0.0),
            sampler(1.0, 2, 1.0, 0.1),
        ] {
            assert_eq!(draw_each(&bad, &sampler, &[0.0, 0.5]), [None, None]);
            assert_eq!(score_each(&bad, &sampler), [None; 3]);
        }
        // Another row's are none of its business.
        let mut link = Link::new(&Device::flex());
        let both = rows(&[[0.0, 2.0, 1.0], bad].concat(), 3);
        let whole = sampler(1.0, 0, 1.0, 0.0);
        let (_, packed) = draw(&whole, both, rows(&[0.5, 0.5], 1), &mut link);
        let values = link.read(&packed).unwrap();
        assert!(drawn_token(&values[..4]).is_some() && drawn_token(&values[4..]).is_none());
    }
}

/// The same numbers draw the same tokens as on the CPU, but where a number lies within rounding of a
/// boundary: sums of 700 terms in f32 by blocks, and terms within 2 ulp, leave the cumulative
/// probability within 1e-5.
#[test]
fn draws_and_scores_are_those_of_the_cpu() {
    const BOUNDARY: f64 = 1e-5;
    let vocab = 700;
    let mut random = bourn_seed::rng(1, "device sampler", &[]);
    let logits: Vec<f32> = (0..vocab).map(|_| random.random_range(-3.0_f32..3.0)).collect();
    let uniforms: Vec<f32> =
        (0..256).map(|_| random.random_range(0..1 << 24) as f32 * 0.5_f32.powi(24)).collect();
    let mut scratch = SamplerScratch::default();
    for sampler in [
        sampler(1.0, 0, 1.0, 0.0),
        sampler(0.6, 0, 0.95, 0.0),
        sampler(1.0, 50, 1.0, 0.0),
        sampler(1.3, 300, 0.8, 0.0),
        sampler(0.8, 0, 1.0, 0.1),
        sampler(1.0, 400, 0.9, 0.05),
        sampler(0.0, 0, 1.0, 0.0),
    ] {
        let scored = score_each(&logits, &sampler);
        let mut probabilities = Vec::new();
        for (found, id) in scored.iter().zip(0..) {
            let (found, expect) =
                (found.unwrap(), sampler.score(&logits, id, &mut scratch).unwrap());
            // f32 against f64 sums of 700 terms, logarithms up to 10.
            assert!((found.logprob - expect.logprob).abs() < 1e-5);
            assert!((found.entropy - expect.entropy).abs() < 1e-5);
            assert_eq!(found.sampled_logprob.is_some(), expect.sampled_logprob.is_some(), "{id}");
            let sampled = found.sampled_logprob.zip(expect.sampled_logprob);
            assert!(sampled.is_none_or(|(a, b)| (a - b).abs() < 1e-5));
            probabilities.push(expect.sampled_logprob.map_or(0.0, |p| f64::from(p).exp()));
        }
        let mut equal = 0;
        for (drawn, &uniform) in draw_each(&logits, &sampler, &uniforms).iter().zip(&uniforms) {
            let drawn = drawn.unwrap();
            let expect = sampler.draw(&logits, || f64::from(uniform), &mut scratch).unwrap();
            let scored = scored[drawn.token as usize].unwrap();
            // Drawing adds the same terms up by blocks in order, scoring as the device likes.
            assert!((drawn.sampled_logprob - scored.sampled_logprob.unwrap()).abs() < 1e-6);
            assert_eq!((drawn.logprob, drawn.entropy), (scored.logprob, scored.entropy.max(0.0)));
            equal += usize::from(drawn.token == expect.token);
            if !sampler.greedy {
                let token = drawn.token as usize;
                let before: f64 = probabilities[..token].iter().sum();
                let inside = before - BOUNDARY..before + probabilities[token] + BOUNDARY;
                assert!(inside.contains(&f64::from(uniform)), "{uniform} {inside:?}");
            }
        }
        // A number falls within BOUNDARY of one of 700 boundaries with probability below 2%.
        assert!(equal >= uniforms.len() - 13, "{equal}");
    }
}

/// Rows are drawn from on their own: more of them take no more operations.
#[test]
fn operations_do_not_depend_on_rows() {
    let sampler = sampler(0.9, 40, 0.9, 0.01);
    let operations = |n: usize| {
        let mut link = Link::new(&Device::flex());
        let logits: Vec<f32> = (0..n * 300).map(|i| (i % 17) as f32 * 0.3).collect();
        draw(&sampler, rows(&logits, 300), rows(&vec![0.3; n], 1), &mut link);
        link.counts
    };
    assert_eq!(operations(1), operations(9));
    assert_eq!((operations(9).reads, operations(9).writes), (0, 0));
    assert!(operations(1).operations > 2 * ROUNDS as u64);
}
