//! Prints where the time of a training step goes, on random weights:
//! `training_speed quickstart|smollm2 [GROUPS GROUP_SIZE PROMPT COMPLETION MICRO_BATCH [ROUNDS]]`.
//!
//! Every group is trained (advantages are never zero) and every completion has the full length.
//! The smallest time of the rounds is printed, in seconds of the clock and of processors (which say
//! more on a machine that others use too), and the process's peak memory.
// The clock is what this program is for.
#![allow(clippy::disallowed_methods)]

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use bourn_episode::{Inputs, Trajectory};
use bourn_model::transformer::Transformer;
use bourn_model::{HostTensor, ModelConfig, Weights};
use bourn_recipe::{ModelSource, Recipe};
use bourn_rollout::{
    Completion, Engine, EngineOptions, HoldWeights, Request, Sampling, Storage, generate,
};
use bourn_train::experience::{Experience, Judged, Sample};
use bourn_train::learner::Descent;
use bourn_train::optimizer::AdamWOptimizer;
use bourn_train::settings::PolicyLoss;
use bourn_train::update::PolicyObjective;
use bourn_train::world::Alone;
use burn::tensor::Device;
use rand::Rng;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Shape {
    architecture: &'static str,
    vocab: usize,
    /// Groups, completions of each, prompt and completion length, completions of a micro batch.
    numbers: [usize; 5],
}

const QUICKSTART: Shape = Shape {
    architecture: "hidden_size = 128, num_layers = 5, num_heads = 4, intermediate_size = 352",
    vocab: 21,
    numbers: [32, 16, 12, 12, 256],
};

const SMOLLM2: Shape = Shape {
    architecture: "hidden_size = 576, num_layers = 30, num_heads = 9, num_kv_heads = 3, intermediate_size = 1536",
    vocab: 49152,
    numbers: [1, 8, 64, 64, 8],
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let shape = match words.first().map(String::as_str) {
        None | Some("quickstart") => QUICKSTART,
        Some("smollm2") => SMOLLM2,
        Some(other) => return Err(format!("{other} is neither quickstart nor smollm2").into()),
    };
    let mut numbers = shape.numbers.to_vec();
    numbers.push(3);
    for (number, word) in numbers.iter_mut().zip(words.iter().skip(1)) {
        *number = word.parse()?;
    }
    let [groups, size, prompt, completion, micro_batch, rounds] = numbers[..] else {
        return Err("six numbers at most".into());
    };

    let recipe = recipe(&shape, groups, size, prompt, completion, micro_batch)?;
    let ModelSource::Architecture(architecture) = &recipe.model.source else {
        return Err("the recipe has an architecture".into());
    };
    let config = ModelConfig::from_architecture(architecture, shape.vocab)?;
    let weights = random_weights(&config);
    let mut policy = Transformer::from_weights(&config, &weights, &Device::flex().autodiff())?;
    let mut optimizer = AdamWOptimizer::new(&recipe.optimizer);
    let descent = Descent::new(&recipe.optimizer, recipe.train.total_updates());
    let options = EngineOptions { batch_size: 256, cache_bytes: 4 << 30, storage: Storage::F32 };
    let mut engine = Engine::new(&config, &weights, &options)?;
    drop(weights);
    println!(
        "{} parameters, {groups} x {size} completions of {completion} tokens after {prompt}, micro batches of {micro_batch}",
        config.parameters()
    );

    let mut best = [[f64::INFINITY; 2]; 6];
    for round in 0..rounds {
        let mut clock =
            Clock { start: Instant::now(), work: processor_time(), best: &mut best, next: 0 };
        let experience = roll_out(&mut engine, &config, &recipe, round as u64)?;
        clock.lap();
        let mut objective = PolicyObjective::new(None, &experience, PolicyLoss::of(&recipe))?;
        let all: Vec<usize> = (0..experience.problems.len()).collect();
        let Ok((_, mut gradients)) = descent.gradient(&policy, &all, &mut objective, &Alone) else {
            return Err("the loss is not finite".into());
        };
        clock.lap();
        let norm = gradients.norm()?;
        gradients.scale(bourn_algo::clip_scale(norm, 1.0));
        clock.lap();
        optimizer.step(&mut policy, gradients, 1e-6)?;
        clock.lap();
        let weights = policy.to_weights()?;
        clock.lap();
        engine.load(&weights)?;
        clock.lap();
    }
    let names =
        ["rollout", "forward and backward", "norm and clip", "AdamW", "to the host", "repacking"];
    for (name, [seconds, work]) in names.iter().zip(best) {
        println!("{name:22} {seconds:8.3} s {work:8.2} s of processors");
    }
    let [seconds, work] = [0, 1].map(|which| best.iter().map(|best| best[which]).sum::<f64>());
    println!("{:22} {seconds:8.3} s {work:8.2} s of processors", "step");
    if let Some(peak) = peak_memory() {
        println!("{:22} {:8.2} GB", "peak memory", peak as f64 / 1e9);
    }
    Ok(())
}

struct Clock<'a> {
    start: Instant,
    work: f64,
    best: &'a mut [[f64; 2]; 6],
    next: usize,
}

impl Clock<'_> {
    fn lap(&mut self) {
        let best = &mut self.best[self.next];
        let work = processor_time();
        *best = [best[0].min(self.start.elapsed().as_secs_f64()), best[1].min(work - self.work)];
        (self.start, self.work) = (Instant::now(), work);
        self.next += 1;
    }
}

/// Seconds that this process has computed, in user and system mode, in hundredths; 0 where the
/// system does not say.
fn processor_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn recipe(
    shape: &Shape,
    groups: usize,
    size: usize,
    prompt: usize,
    completion: usize,
    micro_batch: usize,
) -> Result<Recipe, Box<dyn std::error::Error>> {
    let (architecture, context) = (shape.architecture, prompt + completion);
    let text = format!(
        r#"
        [model]
        architecture = {{ {architecture}, max_position = {context} }}
        [base]
        steps = 1
        [[task]]
        kind = "countdown"
        [rollout]
        num_generations = {size}
        prompts_per_step = {groups}
        max_prompt_length = {prompt}
        max_completion_length = {completion}
        [algorithm]
        name = "grpo"
        loss_type = "dapo"
        [train]
        micro_batch_size = {micro_batch}
        "#
    );
    Ok(bourn_recipe::parse(&text, Path::new("training_speed.toml"), &[])?)
}

fn roll_out(
    engine: &mut Engine,
    config: &ModelConfig,
    recipe: &Recipe,
    step: u64,
) -> Result<Experience, Box<dyn std::error::Error>> {
    let rollout = &recipe.rollout;
    let mut random = bourn_seed::rng(1, "speed/prompts", &[step]);
    let mut token = || random.random_range(0..config.vocab_size as u32);
    let prompts: Vec<Vec<u32>> = (0..rollout.prompts_per_step)
        .map(|_| (0..rollout.max_prompt_length).map(|_| token()).collect())
        .collect();
    let problems: Vec<String> = (0..prompts.len()).map(|group| group.to_string()).collect();
    let count = rollout.num_generations as u64;
    let inputs: Vec<Inputs> = prompts.iter().cloned().map(Inputs::from).collect();
    let requests: Vec<Request<'_>> = inputs
        .iter()
        .zip(&problems)
        .map(|(prompt, stream)| Request { prompt, stream, first: 0, count })
        .collect();
    let sampling = Sampling {
        seed: 1,
        purpose: "speed".into(),
        step,
        ..Sampling::new(rollout.max_completion_length)
    };
    let drawn = generate(engine, &requests, &sampling, &mut |_| ControlFlow::Continue(()))?;
    let mut samples = Vec::new();
    for (group, completions) in drawn.into_iter().enumerate() {
        for (member, completion) in completions.into_iter().enumerate() {
            let advantage = if member % 2 == 0 { 1.0 } else { -1.0 };
            let Completion { tokens, logprobs, entropies, finish, .. } = completion;
            let (prompt, logprobs) = (Inputs::from(prompts[group].clone()), Some(logprobs));
            let row = Trajectory::of_completion(&prompt, &tokens, logprobs, entropies, finish);
            let mut sample = Sample::new(row.in_group(group), Judged::default());
            sample.signals.rl.fill(advantage);
            samples.push(sample);
        }
    }
    Ok(Experience::new(problems, samples))
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

/// Peak resident memory in bytes, where the system says so.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}
