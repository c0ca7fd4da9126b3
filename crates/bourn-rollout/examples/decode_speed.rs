//! Prints how fast a random model decodes on this machine:
//! `decode_speed tiny|smollm2|LAYERS HIDDEN HEADS KV_HEADS INTERMEDIATE VOCAB [BATCH [TOKENS [PROMPT]]] [bf16]`.
// The clock is what this program is for.
#![allow(clippy::disallowed_methods)]

use std::ops::ControlFlow;
use std::time::Instant;

use bourn_model::{Family, HostTensor, ModelConfig, Rope, Weights};
use bourn_rollout::{
    Engine, EngineOptions, HoldWeights, Inputs, Request, Rollouts, Sampling, ScoreItem, Storage,
    generate,
};
use rand::Rng;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let storage = match words.pop_if(|word| word == "bf16") {
        Some(_) => Storage::Bf16,
        None => Storage::F32,
    };
    let named = words.first().map(String::as_str);
    let (shape, rest) = match named {
        None | Some("tiny") => (vec![6, 256, 4, 4, 688, 512], words.get(1..)),
        Some("smollm2") => (vec![30, 576, 9, 3, 1536, 49152], words.get(1..)),
        Some(_) => {
            let numbers =
                words.iter().take(6).map(|word| word.parse()).collect::<Result<_, _>>()?;
            (numbers, words.get(6..))
        }
    };
    let [layers, hidden, heads, kv_heads, intermediate, vocab] = shape[..] else {
        return Err(
            "the shape is six numbers: layers hidden heads kv_heads intermediate vocab".into()
        );
    };
    let rest: Vec<usize> =
        rest.unwrap_or(&[]).iter().map(|word| word.parse()).collect::<Result<_, _>>()?;
    let batch = rest.first().copied().unwrap_or(if vocab > 4096 { 16 } else { 256 });
    let tokens = rest.get(1).copied().unwrap_or(64);
    let prompt_length = rest.get(2).copied().unwrap_or(16);

    let config = ModelConfig {
        family: Family::Llama,
        vocab_size: vocab,
        hidden_size: hidden,
        intermediate_size: intermediate,
        num_layers: layers,
        num_heads: heads,
        num_kv_heads: kv_heads,
        head_dim: hidden / heads,
        max_position: prompt_length + tokens,
        rope: Rope { theta: 10_000.0, scaling: None },
        rms_norm_eps: 1e-5,
        tie_embeddings: true,
        qkv_bias: false,
        qk_norm: false,
        output_bias: false,
        mlp_bias: false,
        sliding: None,
    };
    let options = EngineOptions { batch_size: batch, cache_bytes: 8 << 30, storage };
    let weights = random_weights(&config);
    let start = Instant::now();
    let mut engine = Engine::new(&config, &weights, &options)?;
    println!("packed {} parameters in {:.2} s", config.parameters(), start.elapsed().as_secs_f64());
    let start = Instant::now();
    engine.load(&weights)?;
    println!("repacked in {:.2} s", start.elapsed().as_secs_f64());

    let prompt: Vec<u32> = (0..prompt_length).map(|i| (i * 7 % vocab) as u32).collect();
    let prompt = Inputs::from(prompt);
    let request = Request { prompt: &prompt, stream: "speed", first: 0, count: batch as u64 };
    let mut sampling = Sampling { seed: 1, purpose: "speed".to_owned(), ..Sampling::new(2) };
    let go_on = &mut |_| ControlFlow::Continue(());
    generate(&mut engine, &[request], &sampling, go_on)?;
    sampling.max_tokens = tokens;
    for (name, top_p) in [("full distribution", 1.0), ("top-p 0.95", 0.95)] {
        sampling.top_p = top_p;
        let start = Instant::now();
        generate(&mut engine, &[request], &sampling, go_on)?;
        let seconds = start.elapsed().as_secs_f64();
        let rate = (batch * tokens) as f64 / seconds;
        println!("decode, {name}: batch {batch} x {tokens} tokens, {rate:.0} tokens/s");
    }
    sampling.top_p = 1.0;
    let drawn = generate(&mut engine, &[request], &sampling, go_on)?;
    let item = |tokens| ScoreItem { prompt: &prompt, completion: tokens };
    let items: Vec<ScoreItem<'_>> = drawn[0].iter().map(|c| item(&c.tokens)).collect();
    let start = Instant::now();
    engine.score(&items, &Sampling::whole(1.0)?, go_on)?;
    println!("score: {:.0} tokens/s", (batch * tokens) as f64 / start.elapsed().as_secs_f64());
    Ok(())
}

fn random_weights(config: &ModelConfig) -> Weights {
    let tensor = |(name, shape): (String, Vec<usize>)| {
        let mut random = bourn_seed::rng(1, &name, &[]);
        let norm = name.ends_with("norm.weight");
        let mut value = || if norm { 1.0 } else { random.random_range(-0.05_f32..0.05) };
        let data = (0..shape.iter().product()).map(|_| value()).collect();
        (name, HostTensor { shape, data })
    };
    config.expected_tensors().into_iter().map(tensor).collect()
}
