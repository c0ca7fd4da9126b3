//! The forward pass in f64, one loop per formula, and the engine against it.

use bourn_model::{ModelConfig, RopeScaling, Weights};
use bourn_rollout::{Inputs, ScoreItem};

use crate::common::*;

fn row(weights: &Weights, name: &str, index: usize) -> Vec<f64> {
    let tensor = &weights[name];
    let width = tensor.shape[tensor.shape.len() - 1];
    tensor.data[index * width..(index + 1) * width].iter().map(|&x| f64::from(x)).collect()
}

fn linear(weights: &Weights, name: &str, x: &[f64]) -> Vec<f64> {
    let outputs = weights[&format!("{name}.weight")].shape[0];
    let bias = weights.get(&format!("{name}.bias"));
    let one = |i: usize| {
        let w = row(weights, &format!("{name}.weight"), i);
        let sum: f64 = w.iter().zip(x).map(|(w, x)| w * x).sum();
        sum + bias.map_or(0.0, |bias| f64::from(bias.data[i]))
    };
    (0..outputs).map(one).collect()
}

fn norm(weights: &Weights, name: &str, x: &[f64], eps: f64) -> Vec<f64> {
    let mean = x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64;
    let weight = row(weights, name, 0);
    x.iter().zip(weight).map(|(x, w)| x / (mean + eps).sqrt() * w).collect()
}

fn rotate(x: &[f64], position: usize, frequencies: &[f32], amplitude: f64) -> Vec<f64> {
    let half = x.len() / 2;
    let angle = |i: usize| position as f64 * f64::from(frequencies[i % half]);
    (0..x.len())
        .map(|i| {
            let turned = if i < half { -x[i + half] } else { x[i - half] };
            amplitude * (x[i] * angle(i).cos() + turned * angle(i).sin())
        })
        .collect()
}

/// Logits after each token, `[tokens][vocab]`.
pub(crate) fn forward(c: &ModelConfig, weights: &Weights, tokens: &[u32]) -> Vec<Vec<f64>> {
    let (d, group, eps) = (c.head_dim, c.num_heads / c.num_kv_heads, c.rms_norm_eps);
    let frequencies = c.inverse_frequencies();
    let amplitude = match &c.rope.scaling {
        Some(RopeScaling::Yarn(scaling)) => scaling.attention_factor,
        _ => 1.0,
    };
    let mut xs: Vec<Vec<f64>> = tokens
        .iter()
        .map(|&token| row(weights, "model.embed_tokens.weight", token as usize))
        .collect();
    for layer in 0..c.num_layers {
        let name = |part: &str| format!("model.layers.{layer}.{part}");
        let heads = |x: Vec<f64>, position: usize, part: &str| -> Vec<Vec<f64>> {
            let one = |head: &[f64]| {
                let head = if c.qk_norm {
                    norm(weights, &name(&format!("self_attn.{part}_norm.weight")), head, eps)
                } else {
                    head.to_vec()
                };
                rotate(&head, position, &frequencies, amplitude)
            };
            x.chunks(d).map(one).collect()
        };
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        for (position, x) in xs.iter_mut().enumerate() {
            let h = norm(weights, &name("input_layernorm.weight"), x, eps);
            let q = heads(linear(weights, &name("self_attn.q_proj"), &h), position, "q");
            keys.push(heads(linear(weights, &name("self_attn.k_proj"), &h), position, "k"));
            let v = linear(weights, &name("self_attn.v_proj"), &h);
            values.push(v.chunks(d).map(<[f64]>::to_vec).collect::<Vec<_>>());
            let mut mixed = Vec::new();
            for (head, q) in q.iter().enumerate() {
                let of = head / group;
                let dot = |k: &Vec<Vec<f64>>| q.iter().zip(&k[of]).map(|(q, k)| q * k).sum::<f64>();
                let scores: Vec<f64> = keys.iter().map(|k| dot(k) / (d as f64).sqrt()).collect();
                let total: f64 = scores.iter().map(|s| s.exp()).sum();
                for i in 0..d {
                    let weighted =
                        scores.iter().zip(&values).map(|(s, v)| s.exp() / total * v[of][i]);
                    mixed.push(weighted.sum());
                }
            }
            let out = linear(weights, &name("self_attn.o_proj"), &mixed);
            x.iter_mut().zip(out).for_each(|(x, y)| *x += y);

            let h = norm(weights, &name("post_attention_layernorm.weight"), x, eps);
            let gate = linear(weights, &name("mlp.gate_proj"), &h);
            let up = linear(weights, &name("mlp.up_proj"), &h);
            let inner: Vec<f64> =
                gate.iter().zip(up).map(|(g, u)| g / (1.0 + (-g).exp()) * u).collect();
            let out = linear(weights, &name("mlp.down_proj"), &inner);
            x.iter_mut().zip(out).for_each(|(x, y)| *x += y);
        }
    }
    let head = if c.tie_embeddings { "model.embed_tokens" } else { "lm_head" };
    let last = |x: &Vec<f64>| linear(weights, head, &norm(weights, "model.norm.weight", x, eps));
    xs.iter().map(last).collect()
}

/// (log-prob of `token`, entropy) of softmax(logits / temperature).
pub(crate) fn log_softmax(logits: &[f64], token: u32, temperature: f64) -> (f64, f64) {
    let z: Vec<f64> = logits.iter().map(|x| x / temperature).collect();
    let max = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let total = z.iter().map(|z| (z - max).exp()).sum::<f64>().ln() + max;
    let entropy = z.iter().map(|z| (z - total).exp() * (total - z)).sum();
    (z[token as usize] - total, entropy)
}

/// f32 against f64 over two layers of width 24: 1e-4, as the parity of models is stated.
const TOLERANCE: f64 = 1e-4;

#[track_caller]
pub(crate) fn check_scores(
    logits: &[Vec<f64>],
    item: &ScoreItem<'_>,
    temperature: f64,
    logprobs: &[f32],
    entropies: &[f32],
) {
    assert_eq!((logprobs.len(), entropies.len()), (item.completion.len(), item.completion.len()));
    for (i, &token) in item.completion.iter().enumerate() {
        let before = &logits[item.prompt.len() + i - 1];
        let (logprob, entropy) = log_softmax(before, token, temperature);
        let off =
            (f64::from(logprobs[i]) - logprob).abs().max((f64::from(entropies[i]) - entropy).abs());
        assert!(off < TOLERANCE, "token {i}: off by {off}");
    }
}

#[test]
fn scores_are_those_of_the_formulas() {
    for config in configs() {
        let weights = random_weights(&config, 1);
        let mut engine = engine(&config, 8, AMPLE);
        let lengths = [(1, 5), (1, 1), (31, 3), (32, 40), (33, 1), (64, 2), (70, 30), (5, 0)];
        let texts: Vec<(Inputs, Vec<u32>)> = lengths
            .iter()
            .map(|&(p, c)| (prompt(1, p, config.vocab_size), tokens(2, c, config.vocab_size)))
            .collect();
        let items: Vec<ScoreItem<'_>> =
            texts.iter().map(|(prompt, completion)| ScoreItem { prompt, completion }).collect();
        for temperature in [1.0, 0.6] {
            let scored = score(&mut engine, &items, temperature).unwrap();
            for (item, scored) in items.iter().zip(&scored) {
                let logits =
                    forward(&config, &weights, &[item.prompt.ids(), item.completion].concat());
                check_scores(
                    &logits,
                    item,
                    temperature,
                    &scored.logprobs,
                    given(&scored.entropies),
                );
            }
        }
    }
}

/// Greedy decoding takes the likeliest token of the formulas, wherever that is clear.
#[test]
fn greedy_completions_are_those_of_the_formulas() {
    for config in configs() {
        let weights = random_weights(&config, 1);
        let mut engine = engine(&config, 8, AMPLE);
        let prompt = prompt(3, 20, config.vocab_size);
        let request = bourn_rollout::Request { prompt: &prompt, stream: "p", first: 0, count: 1 };
        let greedy = bourn_rollout::Sampling { temperature: 0.0, ..sampling(30) };
        let completion = &generate(&mut engine, &[request], &greedy).unwrap()[0][0];
        let logits = forward(&config, &weights, &[prompt.ids(), &completion.tokens].concat());
        for (i, &token) in completion.tokens.iter().enumerate() {
            let before = &logits[prompt.len() + i - 1];
            let max = before.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            assert!(before[token as usize] > max - TOLERANCE, "token {i}");
        }
        let item = ScoreItem { prompt: &prompt, completion: &completion.tokens };
        check_scores(&logits, &item, 1.0, &completion.logprobs, given(&completion.entropies));
        assert!(completion.sampled_logprobs.iter().all(|&x| x == 0.0));
    }
}
