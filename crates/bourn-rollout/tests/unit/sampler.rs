use rand::RngCore;

use super::*;

const LARGEST: f64 = 1.0 - f64::EPSILON / 2.0;

fn sampling(temperature: f64, top_k: usize, top_p: f64, min_p: f64) -> Sampling {
    Sampling { temperature, top_p, top_k, min_p, ..Sampling::new(1) }
}

fn logits(probabilities: &[f64]) -> Vec<f32> {
    probabilities.iter().map(|p| p.ln() as f32).collect()
}

fn draw(logits: &[f32], sampling: &Sampling, uniform: f64) -> SampledToken {
    let sampler = TokenSampler::new(sampling).unwrap();
    sampler.draw(logits, || uniform, &mut SamplerScratch::default()).unwrap()
}

/// The tokens that a fine grid of numbers in [0, 1) draws, each with its share of the grid.
fn shares(logits: &[f32], sampling: &Sampling) -> Vec<(u32, f64)> {
    const GRID: usize = 2000;
    let mut shares: Vec<(u32, f64)> = Vec::new();
    for i in 0..GRID {
        let token = draw(logits, sampling, (i as f64 + 0.5) / GRID as f64).token;
        match shares.last_mut() {
            Some((last, share)) if *last == token => *share += 1.0 / GRID as f64,
            _ => shares.push((token, 1.0 / GRID as f64)),
        }
    }
    shares
}

/// The surviving tokens in order of id, with their probabilities after renormalisation.
#[track_caller]
fn check(probabilities: &[f64], sampling: &Sampling, expect: &[(u32, f64)]) {
    let logits = logits(probabilities);
    let found = shares(&logits, sampling);
    assert_eq!(found.len(), expect.len(), "{found:?}");
    for (&(token, share), &(expect, probability)) in found.iter().zip(expect) {
        assert_eq!(token, expect);
        // A grid cell at either end of the token's stretch may fall on the other side.
        assert!((share - probability).abs() <= 1.01 / 1000.0, "{found:?}");
    }
}

const P: [f64; 4] = [0.15, 0.5, 0.05, 0.3];

#[test]
fn truncations_worked_by_hand() {
    check(&P, &sampling(1.0, 0, 1.0, 0.0), &[(0, 0.15), (1, 0.5), (2, 0.05), (3, 0.3)]);
    check(&P, &sampling(1.0, 1, 1.0, 0.0), &[(1, 1.0)]);
    check(&P, &sampling(1.0, 2, 1.0, 0.0), &[(1, 0.625), (3, 0.375)]);
    check(&P, &sampling(1.0, 9, 1.0, 0.0), &[(0, 0.15), (1, 0.5), (2, 0.05), (3, 0.3)]);
    // 0.5 is not yet 0.6; with the next token it is.
    check(&P, &sampling(1.0, 0, 0.6, 0.0), &[(1, 0.625), (3, 0.375)]);
    check(&P, &sampling(1.0, 0, 0.4, 0.0), &[(1, 1.0)]);
    check(&P, &sampling(1.0, 0, 1e-300, 0.0), &[(1, 1.0)]);
    // A quarter of the likeliest is 0.125.
    check(&P, &sampling(1.0, 0, 1.0, 0.25), &[(0, 0.15 / 0.95), (1, 0.5 / 0.95), (3, 0.3 / 0.95)]);
    check(&P, &sampling(1.0, 0, 1.0, 1.0), &[(1, 1.0)]);
}

#[test]
fn temperature_comes_first() {
    // At temperature ½ probabilities are squared: 0.0225, 0.25, 0.0025, 0.09 over 0.365.
    let squares = [(0, 0.0225), (1, 0.25), (2, 0.0025), (3, 0.09)].map(|(i, p)| (i, p / 0.365));
    check(&P, &sampling(0.5, 0, 1.0, 0.0), &squares);
    // 0.25 / 0.365 = 0.685 reaches 0.68, where 0.5 did not.
    check(&P, &sampling(0.5, 0, 0.68, 0.0), &[(1, 1.0)]);
}

#[test]
fn truncations_apply_in_order() {
    // Top-p alone at 0.82: 0.5 + 0.3 < 0.82 keeps three. After top-k = 3 the same two weigh
    // 0.8 / 0.95 = 0.842, which reaches 0.82 already.
    let three = [(0, 0.15 / 0.95), (1, 0.5 / 0.95), (3, 0.3 / 0.95)];
    check(&P, &sampling(1.0, 0, 0.82, 0.0), &three);
    check(&P, &sampling(1.0, 3, 0.82, 0.0), &[(1, 0.625), (3, 0.375)]);
    // Top-p before min-p: 0.4 < 0.55 keeps two. After min-p, 0.4 / 0.7 = 0.571 would keep one.
    let p = [0.4, 0.3, 0.1, 0.1, 0.1];
    check(&p, &sampling(1.0, 0, 0.55, 0.5), &[(0, 4.0 / 7.0), (1, 3.0 / 7.0)]);
}

#[test]
fn ties_go_to_the_smaller_id() {
    let p = [0.25; 4];
    check(&p, &sampling(1.0, 2, 1.0, 0.0), &[(0, 0.5), (1, 0.5)]);
    check(&p, &sampling(1.0, 0, 0.5, 0.0), &[(0, 0.5), (1, 0.5)]);
    check(&p, &sampling(1.0, 0, 1.0, 1.0), &[(0, 0.25), (1, 0.25), (2, 0.25), (3, 0.25)]);
    check(&[0.2, 0.4, 0.4], &sampling(0.0, 0, 1.0, 0.0), &[(1, 1.0)]);
}

#[test]
fn impossible_tokens_are_never_drawn() {
    let mut logits = vec![-200.0_f32; 1000];
    for possible in [0, 3, 500, 999] {
        logits[possible] = 1.0;
        for uniform in [0.0, f64::MIN_POSITIVE, 0.5, LARGEST] {
            for sampling in [
                sampling(1.0, 0, 1.0, 0.0),
                sampling(1.0, 0, 0.999_999, 0.0),
                sampling(1.0, 999, 1.0, 0.0),
                sampling(1.0, 0, 1.0, 1e-300),
            ] {
                let drawn = draw(&logits, &sampling, uniform);
                assert_eq!((drawn.token, drawn.sampled_logprob), (possible as u32, 0.0));
            }
        }
        logits[possible] = -200.0;
    }
    // With something at both ends, the smallest number draws the first and the largest the last.
    (logits[7], logits[900]) = (1.0, 1.0);
    let all = sampling(1.0, 0, 1.0, 0.0);
    assert_eq!(draw(&logits, &all, 0.0).token, 7);
    assert_eq!(draw(&logits, &all, LARGEST).token, 900);
}

/// Every total that 53-bit numbers are scaled by stays above the largest product.
#[test]
fn the_largest_number_stays_inside() {
    for n in 1..3000 {
        let logits: Vec<f32> = (0..n).map(|i| -((i * i % 97) as f32) * 0.37).collect();
        let drawn = draw(&logits, &sampling(1.0, 0, 1.0, 0.0), LARGEST);
        assert!((drawn.token as usize) < n);
    }
}

#[test]
fn greedy_is_reported_at_temperature_one() {
    let drawn = draw(&logits(&P), &sampling(0.0, 0, 1.0, 0.0), 0.9);
    let same = draw(&logits(&P), &sampling(1.0, 0, 1.0, 0.0), 0.4);
    assert_eq!((drawn.token, drawn.sampled_logprob), (1, 0.0));
    assert_eq!((drawn.logprob, drawn.entropy), (same.logprob, same.entropy));
    let entropy = -P.iter().map(|p| p * p.ln()).sum::<f64>();
    assert!((f64::from(drawn.entropy) - entropy).abs() < 1e-6);
    assert!((f64::from(drawn.logprob) - 0.5_f64.ln()).abs() < 1e-6);
}

/// Probabilities after truncation, straight from the definitions.
fn exact(logits: &[f32], s: &Sampling) -> Vec<f64> {
    let z = logits.iter().map(|&x| f64::from(x) / s.temperature);
    let mut p: Vec<f64> = z.map(f64::exp).collect();
    let normalise = |p: &mut Vec<f64>| {
        let total: f64 = p.iter().sum();
        p.iter_mut().for_each(|p| *p /= total);
    };
    normalise(&mut p);
    let ranked = |p: &[f64]| {
        let mut order: Vec<usize> = (0..p.len()).collect();
        order.sort_by(|&a, &b| p[b].total_cmp(&p[a]).then(a.cmp(&b)));
        order
    };
    if s.top_k > 0 {
        ranked(&p).into_iter().skip(s.top_k).for_each(|i| p[i] = 0.0);
        normalise(&mut p);
    }
    let mut before = 0.0;
    for i in ranked(&p) {
        let mass = p[i];
        if before >= s.top_p && s.top_p < 1.0 {
            p[i] = 0.0;
        }
        before += mass;
    }
    let max = p.iter().copied().fold(0.0, f64::max);
    p.iter_mut().filter(|p| **p < s.min_p * max).for_each(|p| *p = 0.0);
    normalise(&mut p);
    p
}

/// Pearson's statistic of 50,000 draws, over tokens expected at least five times. It has mean df
/// and variance 2 df, and is nearly normal at these df: five standard deviations are passed by
/// chance once in three million.
#[test]
fn frequencies_are_the_probabilities() {
    const DRAWS: u32 = 50_000;
    let vocab = 700; // several blocks of terms
    let mut random = bourn_seed::rng(1, "frequencies", &[]);
    let mut uniform = move || (random.next_u64() >> 11) as f64 * 0.5_f64.powi(53);
    let logits: Vec<f32> = (0..vocab).map(|_| (uniform() * 6.0) as f32).collect();
    for sampling in [
        sampling(1.0, 0, 1.0, 0.0),
        sampling(0.6, 0, 0.95, 0.0),
        sampling(1.0, 50, 1.0, 0.0),
        sampling(1.3, 300, 0.8, 0.0),
        sampling(0.8, 0, 1.0, 0.1),
        sampling(1.0, 400, 0.9, 0.05),
    ] {
        let sampler = TokenSampler::new(&sampling).unwrap();
        let expect = exact(&logits, &sampling);
        let full =
            exact(&logits, &Sampling { top_k: 0, top_p: 1.0, min_p: 0.0, ..sampling.clone() });
        let (mut counts, mut scratch) = (vec![0_u32; vocab], SamplerScratch::default());
        for _ in 0..DRAWS {
            let drawn = sampler.draw(&logits, &mut uniform, &mut scratch).unwrap();
            let token = drawn.token as usize;
            counts[token] += 1;
            assert!((f64::from(drawn.sampled_logprob) - expect[token].ln()).abs() < 1e-5);
            assert!((f64::from(drawn.logprob) - full[token].ln()).abs() < 1e-5);
        }
        let (mut statistic, mut cells, mut rest) = (0.0, 0.0, (0.0, 0.0));
        for (&count, &p) in counts.iter().zip(&expect) {
            let (count, expected) = (f64::from(count), p * f64::from(DRAWS));
            assert!(p > 0.0 || count == 0.0, "a truncated token was drawn");
            if expected >= 5.0 {
                (statistic, cells) =
                    (statistic + (count - expected).powi(2) / expected, cells + 1.0);
            } else {
                rest = (rest.0 + count, rest.1 + expected);
            }
        }
        if rest.1 > 0.0 {
            (statistic, cells) = (statistic + (rest.0 - rest.1).powi(2) / rest.1, cells + 1.0);
        }
        let df: f64 = cells - 1.0;
        let bound = df + 5.0 * (2.0 * df).sqrt();
        assert!(df > 5.0 && statistic < bound, "{statistic} for {df} degrees of freedom");
    }
}

#[test]
fn scores_are_those_of_draws() {
    let logits = logits(&P);
    for temperature in [1.0, 0.6, 2.0] {
        let drawn = draw(&logits, &sampling(temperature, 2, 1.0, 0.0), 0.99);
        let sampler = TokenSampler::new(&Sampling::whole(temperature).unwrap()).unwrap();
        let scored = sampler.score(&logits, drawn.token, &mut SamplerScratch::default());
        let SampledToken { logprob, entropy, .. } = drawn;
        assert_eq!(scored, Some(TokenScore { logprob, sampled_logprob: Some(logprob), entropy }));
    }
    // Under its own sampler a drawn token has the log-prob it was drawn with, and what no number
    // draws is outside.
    for sampling in [
        sampling(1.0, 0, 1.0, 0.0),
        sampling(0.7, 3, 1.0, 0.0),
        sampling(1.3, 0, 0.8, 0.0),
        sampling(1.0, 0, 1.0, 0.2),
        sampling(1.0, 4, 0.9, 0.1),
        sampling(0.0, 0, 1.0, 0.0),
    ] {
        let sampler = TokenSampler::new(&sampling).unwrap();
        let shares = shares(&logits, &sampling);
        for token in 0..logits.len() as u32 {
            let found = sampler.score(&logits, token, &mut SamplerScratch::default()).unwrap();
            let drawn = (0..2000)
                .map(|i| draw(&logits, &sampling, (f64::from(i) + 0.5) / 2000.0))
                .find(|drawn| drawn.token == token);
            assert_eq!(found.sampled_logprob, drawn.map(|d| d.sampled_logprob), "{token}");
            assert_eq!(drawn.is_some(), shares.iter().any(|&(t, _)| t == token));
        }
    }
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let bad = [0.0, bad, 1.0];
        assert_eq!(
            TokenSampler::new(&Sampling::whole(1.0).unwrap()).unwrap().score(
                &bad,
                0,
                &mut SamplerScratch::default()
            ),
            None
        );
        for sampling in [sampling(0.0, 0, 1.0, 0.0), sampling(1.0, 0, 0.5, 0.0)] {
            let sampler = TokenSampler::new(&sampling).unwrap();
            assert_eq!(sampler.draw(&bad, || 0.5, &mut SamplerScratch::default()), None);
        }
    }
}

#[test]
fn options_out_of_range_are_named() {
    let message = |s: &Sampling| TokenSampler::new(s).unwrap_err().to_string();
    let base = sampling(1.0, 0, 1.0, 0.0);
    for (temperature, text) in
        [(-1.0, "-1"), (f64::NAN, "NaN"), (1e-9, "0.000000001"), (2e4, "20000")]
    {
        let expect =
            format!("temperature = {text} is out of range; it must be 0 or from 1e-4 to 1e4");
        assert_eq!(message(&Sampling { temperature, ..base.clone() }), expect);
    }
    for top_p in [0.0, -0.1, 1.1, f64::NAN] {
        assert!(message(&Sampling { top_p, ..base.clone() }).starts_with("top_p = "));
    }
    for min_p in [-0.1, 1.1, f64::NAN] {
        assert!(message(&Sampling { min_p, ..base.clone() }).starts_with("min_p = "));
    }
}
