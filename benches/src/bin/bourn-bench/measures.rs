//! The measures, each from the moment its inputs are in memory.
// The clock is what this program is for.
#![allow(clippy::disallowed_methods)]

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use bourn_bench::{sampling, values};
use bourn_kernel::{Matrix, MatrixMut, Store};
use bourn_model::prompt::Prompter;
use bourn_model::transformer::{Packed, Transformer, read_values};
use bourn_rollout::{Engine, EngineOptions, Inputs, Request, Storage, cache_bytes, generate};
use bourn_task::Reference;
use bourn_train::optimizer::NamedGradients;
use burn::tensor::Device;
use serde_json::{Value, json};

/// GFLOP/s of a square product, best of `rounds`.
pub(crate) fn gemm(size: usize, rounds: usize) -> anyhow::Result<Value> {
    let (a, b) = (values(size * size), values(size * size));
    let mut out = vec![0.0; size * size];
    let mut best = f64::INFINITY;
    for _ in 0..rounds.max(1) {
        let start = Instant::now();
        let (a, b) = (Matrix::new(&a, size, size)?, Matrix::new(&b, size, size)?);
        bourn_kernel::gemm(a, b, Store::Set, MatrixMut::new(&mut out, size, size)?)?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    std::hint::black_box(&out);
    Ok(json!({ "gflops": 2.0 * (size as f64).powi(3) / best / 1e9 }))
}

/// Seconds to open a model and to pack it.
pub(crate) fn load(model: &str) -> anyhow::Result<Value> {
    let start = Instant::now();
    let mut bundle = bourn_model::open(model)?;
    let opened = start.elapsed().as_secs_f64();
    let weights = bundle.take_weights()?;
    let options = EngineOptions { batch_size: 1, cache_bytes: 1 << 20, storage: Storage::F32 };
    Engine::consuming(&bundle.config, weights, &options)?;
    Ok(json!({ "open": opened, "seconds": start.elapsed().as_secs_f64() }))
}

/// Writes a model as a Hugging Face directory.
pub(crate) fn convert(model: &str, out: &Path) -> anyhow::Result<()> {
    let bundle = bourn_model::open(model)?;
    std::fs::create_dir_all(out).with_context(|| format!("{}", out.display()))?;
    let template = bundle.chat_template.as_ref();
    let (tokenizer, stop) = (&bundle.tokenizer, &bundle.stop_tokens);
    let weights = bundle.weights()?;
    Ok(bourn_model::save(out, &bundle.config, &weights, tokenizer, stop, template)?)
}

/// `decode`'s arguments.
#[derive(clap::Args)]
pub(crate) struct Decode {
    /// A Hugging Face directory or GGUF file
    #[arg(long)]
    model: String,
    /// JSON lines with the key `prompt`
    #[arg(long)]
    prompts: PathBuf,
    /// Completions of each prompt
    #[arg(short, long)]
    n: u64,
    /// Completions decoded at once
    #[arg(long)]
    batch: usize,
    /// Longest completion, in tokens
    #[arg(long)]
    max_tokens: usize,
    /// Go on after the model's stop tokens, so that every completion has the full length
    #[arg(long)]
    forced: bool,
    /// Render prompts through the model's chat template
    #[arg(long)]
    chat: bool,
    /// Keep the matrices in bf16
    #[arg(long)]
    bf16: bool,
    /// Rounds that are timed, after one that is not
    #[arg(long, default_value_t = 1)]
    rounds: u64,
}

impl Decode {
    /// Draws the completions `rounds` times; a round's time includes the prompts.
    pub(crate) fn run(&self) -> anyhow::Result<Value> {
        let mut bundle = bourn_model::open(&self.model)?;
        let weights = bundle.take_weights()?;
        let prompter = Prompter::new(&bundle, self.chat, "")?;
        let prompts = read_lines(&self.prompts)?
            .iter()
            .map(|line| Ok(prompter.encode(line["prompt"].as_str().context("no `prompt`")?)?))
            .collect::<anyhow::Result<Vec<Inputs>>>()?;
        let streams: Vec<String> = (0..prompts.len()).map(|index| index.to_string()).collect();
        let longest = prompts.iter().map(Inputs::len).max().context("there are no prompts")?;
        // The cache of every sequence and of every prompt at its full length: never what bounds it.
        let rows = self.batch + prompts.len();
        let cache_bytes = cache_bytes(&bundle.config, rows, longest + self.max_tokens) as usize;
        let storage = if self.bf16 { Storage::Bf16 } else { Storage::F32 };
        let options = EngineOptions { batch_size: self.batch, cache_bytes, storage };
        let mut engine = Engine::consuming(&bundle.config, weights, &options)?;
        let stop = if self.forced { BTreeSet::new() } else { bundle.stop_tokens.clone() };
        let mut sampling = sampling(self.max_tokens, stop);
        let requests: Vec<Request<'_>> = prompts
            .iter()
            .zip(&streams)
            .map(|(prompt, stream)| Request { prompt, stream, first: 0, count: self.n })
            .collect();
        let (mut seconds, mut tokens) = (Vec::new(), Vec::new());
        for round in 0..=self.rounds {
            sampling.step = round;
            let start = Instant::now();
            let drawn =
                generate(&mut engine, &requests, &sampling, &mut |_| ControlFlow::Continue(()))?;
            let elapsed = start.elapsed().as_secs_f64();
            if round > 0 {
                seconds.push(elapsed);
                tokens.push(drawn.iter().flatten().map(|c| c.tokens.len()).sum::<usize>());
            }
        }
        Ok(json!({ "seconds": seconds, "tokens": tokens }))
    }
}

/// `backward`'s arguments.
#[derive(clap::Args)]
pub(crate) struct Backward {
    /// A Hugging Face directory or GGUF file
    #[arg(long)]
    model: String,
    /// A JSON array of arrays of token ids
    #[arg(long)]
    sequences: PathBuf,
    /// Sequences of one forward and backward
    #[arg(long)]
    micro_batch: usize,
    /// Rounds that are timed, after one that is not
    #[arg(long, default_value_t = 1)]
    rounds: u64,
}

impl Backward {
    /// The gradient of minus the mean log-prob of every token but each sequence's first.
    pub(crate) fn run(&self) -> anyhow::Result<Value> {
        let mut bundle = bourn_model::open(&self.model)?;
        let weights = bundle.take_weights()?;
        let text = std::fs::read_to_string(&self.sequences)
            .with_context(|| format!("{}", self.sequences.display()))?;
        let sequences: Vec<Vec<u32>> = serde_json::from_str(&text)?;
        let device = Device::flex().autodiff();
        let model = Transformer::from_weights(&bundle.config, &weights, &device)?;
        drop((bundle, weights));
        let scored: usize = sequences.iter().map(|ids| ids.len().saturating_sub(1)).sum();
        let (mut seconds, mut loss, mut norm) = (Vec::new(), 0.0, 0.0);
        for round in 0..=self.rounds {
            let start = Instant::now();
            let mut gradients = NamedGradients::zeros(&model);
            loss = 0.0;
            for sequences in sequences.chunks(self.micro_batch.max(1)) {
                let (mut packed, mut positions, mut targets) =
                    (Packed::default(), Vec::new(), Vec::new());
                for ids in sequences {
                    let rows = packed.push(ids.iter().copied());
                    positions.extend(rows.take(ids.len().saturating_sub(1)).map(|row| row as i64));
                    targets.extend(ids.iter().skip(1));
                }
                let (scores, trace) = model.score(&packed, positions, &targets, 1.0, false);
                let part = scores.logprobs.sum().mul_scalar(-1.0 / scored as f64);
                loss += read_values(&part.clone().inner())?.into_iter().sum::<f32>();
                gradients.add(&model, trace, part);
            }
            if round > 0 {
                seconds.push(start.elapsed().as_secs_f64());
            }
            norm = gradients.norm()?;
        }
        let tokens: usize = sequences.iter().map(Vec::len).sum();
        // Loss and norm are for the caller to hold against the peer's: the same work was done.
        Ok(json!({
            "seconds": seconds,
            "tokens": vec![tokens; seconds.len()],
            "loss": loss,
            "gradient_norm": norm,
        }))
    }
}

/// Prints the problems of the first `steps` steps, with what a verifier elsewhere needs.
pub(crate) fn problems(recipe: &Path, steps: u64) -> anyhow::Result<()> {
    let recipe = bourn_recipe::load(recipe, &[])?;
    let problems = bourn_task::load(&recipe)?;
    for step in 0..steps {
        for problem in problems.step_problems(recipe.seed, step, recipe.rollout.prompts_per_step) {
            let reference = match &*problem.reference {
                Reference::Countdown(puzzle) => {
                    json!({ "numbers": puzzle.numbers, "target": puzzle.target })
                }
                other => json!({ "answer": other.text() }),
            };
            println!("{}", json!({ "prompt": problem.prompt, "reference": reference }));
        }
    }
    Ok(())
}

fn read_lines(path: &Path) -> anyhow::Result<Vec<Value>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| Ok(serde_json::from_str(line)?)).collect()
}
