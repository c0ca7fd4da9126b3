//! Another device than the CPU, held against it: `BOURN_DEVICE=wgpu cargo test --release --features
//! wgpu --test device`. `scripts/gpu.sh` runs this on a software driver. Without the variable there is
//! nothing to hold, which a machine without a GPU is told.

#![cfg(any(feature = "cuda", feature = "wgpu"))]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bourn_rollout::{
    Counts, Engine, EngineOptions, Inputs, Request, Sampling, Storage, device_cache_bytes, generate,
};
use burn::cubecl::logging::{LaunchObservation, LaunchObserver};
use serde_json::Value;
use support::{Place, text};

/// Log-probs are near −5 and come of sums of f32 over up to some hundred terms: 1e-5 by rounding in
/// another order. Shading languages allow exponentials and square roots a few units in the last place
/// more, in each layer.
const LOGPROB: f64 = 2e-4;
/// Loss and gradient norm after one rollout of equal completions, relative: sums of such log-probs.
const RELATIVE: f64 = 2e-3;

fn device() -> String {
    std::env::var("BOURN_DEVICE").expect("BOURN_DEVICE names the device to test, such as wgpu")
}

fn fixture(name: &str) -> String {
    let path: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "../bourn-model/tests/fixtures", name].iter().collect();
    path.to_string_lossy().into_owned()
}

fn lines(output: &str) -> Vec<Value> {
    output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

#[test]
fn completions_and_their_scores_are_those_of_the_cpu() {
    let place = Place::new();
    for family in ["llama-tiny", "llama3_rope-tiny", "qwen2-tiny", "qwen3-tiny"] {
        let model = fixture(family);
        let sample = |device: &str, temperature: &str, top_p: &str| {
            let output = place.bourn(&[
                "sample",
                "--model",
                &model,
                "--device",
                device,
                "--prompt",
                "the sum of 3 and 4",
                "-n",
                "24",
                "--max-tokens",
                "20",
                "--temperature",
                temperature,
                "--top-p",
                top_p,
                "--json",
            ]);
            assert!(output.status.success(), "{}", text(&output.stderr));
            lines(&text(&output.stdout))
        };
        for (temperature, top_p) in [("0", "1"), ("1", "1"), ("0.7", "0.8")] {
            let (cpu, other) =
                (sample("cpu", temperature, top_p), sample(&device(), temperature, top_p));
            assert_eq!(cpu.len(), other.len());
            let mut equal = 0;
            for (cpu, other) in cpu.iter().zip(&other) {
                // One seed: a token differs only where its uniform number, or the edge of what top-p
                // keeps, lies within rounding of a boundary, and everything after it does then.
                if cpu["tokens"] != other["tokens"] {
                    continue;
                }
                equal += 1;
                let (cpu, other) = (numbers(&cpu["logprobs"]), numbers(&other["logprobs"]));
                for (cpu, other) in cpu.iter().zip(other) {
                    assert!((cpu - other).abs() < LOGPROB, "{family}: {cpu} and {other}");
                }
            }
            // 24 completions of 20 tokens: one in a thousand tokens at such a boundary is far more
            // than rounding makes, and leaves 22 in expectation.
            assert!(equal >= 20, "{family} at {temperature}, {top_p}: {equal} of 24 are equal");
        }
    }
}

fn metrics(run: &Path) -> Vec<BTreeMap<String, Value>> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Trains from one base on the CPU and on the device.
#[test]
fn training_is_that_of_the_cpu() {
    let place = Place::new();
    let train = |device: &str| {
        let run = device.replace(':', "-");
        let set = format!("device={device:?}");
        place.ok(&["train", "small.toml", "--run-dir", &run, "--set", &set]);
        metrics(&place.path(&run))
    };
    // The second run finds the base that the first has pretrained: the CPU's.
    let (cpu, other) = (train("cpu"), train(&device()));
    let steps = |lines: &[BTreeMap<String, Value>]| -> Vec<BTreeMap<String, Value>> {
        lines.iter().filter(|line| line.contains_key("train/reward")).cloned().collect()
    };
    let (cpu, other) = (steps(&cpu), steps(&other));
    assert_eq!((cpu.len(), other.len()), (4, 4));
    let at = |line: &BTreeMap<String, Value>, tag: &str| line[tag].as_f64().unwrap();
    // Equal weights and seeds: the first step's completions are equal, and so are their verdicts.
    assert_eq!(at(&cpu[0], "train/reward"), at(&other[0], "train/reward"));
    for tag in ["actor/pg_loss", "actor/grad_norm", "train/entropy"] {
        let (cpu, other) = (at(&cpu[0], tag), at(&other[0], tag));
        assert!((cpu - other).abs() <= RELATIVE * cpu.abs() + 1e-5, "{tag}: {cpu} and {other}");
    }
    for line in &other {
        // Sampler and trainer are two programs on the device, that differ by rounding; k3 is of the
        // order of the difference's square.
        assert!(at(line, "train/mismatch_kl").abs() < LOGPROB * LOGPROB, "{line:?}");
        assert!(at(line, "actor/grad_norm").is_finite());
    }
    // Stopped half-way and resumed, it is the same run up to rounding.
    let set = format!("device={:?}", device());
    for more in [&["--max-steps", "2"][..], &["--resume"]] {
        let args = ["train", "small.toml", "--run-dir", "parts", "--set", &set];
        place.ok(&[&args[..], more].concat());
    }
    let parts = steps(&metrics(&place.path("parts")));
    assert_eq!(parts.len(), 4);
    let (whole, parts) = (at(&other[2], "train/entropy"), at(&parts[2], "train/entropy"));
    assert!((whole - parts).abs() <= RELATIVE * whole, "{whole} and {parts}");
    // A checkpoint opens on the CPU.
    let run = device().replace(':', "-");
    let checkpoint = place.path(&run).join("checkpoints/step-000004");
    let text = place.ok(&["sample", "--model", &checkpoint.to_string_lossy(), "--prompt", "1 2: "]);
    assert!(text.lines().count() >= 1);
}

/// A base pretrained on the device learns as one on the CPU does.
#[test]
fn a_base_is_pretrained_on_the_device() {
    let losses = |device: &str| -> Vec<f64> {
        let place = Place::new();
        let set = format!("device={device:?}");
        let args = ["train", "small.toml", "--max-steps", "0", "--set", &set];
        place.ok(&[&args[..], &["--set", "base.steps=30", "--set", "probe.interval=0"]].concat());
        let bases = fs::read_dir(place.path("cache/bases")).unwrap();
        let base = bases.map(|entry| entry.unwrap().path()).find(|path| path.is_dir()).unwrap();
        let text = fs::read_to_string(base.join("pretraining.jsonl")).unwrap();
        lines(&text).iter().map(|line| line["base/loss"].as_f64().unwrap()).collect()
    };
    let (cpu, other) = (losses("cpu"), losses(&device()));
    assert_eq!((cpu.len(), other.len()), (30, 30));
    // From equal weights the first losses differ by rounding. Adam divides by the gradient's size, so
    // that a rounding in a small gradient moves a weight by a share of the learning rate (3e-3), in
    // thirty steps by up to 0.1 in the worst case and far less in the mean; the loss falls by half. A
    // base that learned nothing, or from wrong gradients, is off by more than a twentieth.
    assert!((cpu[0] - other[0]).abs() < LOGPROB, "{} and {}", cpu[0], other[0]);
    assert!((cpu[29] - other[29]).abs() < 0.05 * cpu[29], "{} and {}", cpu[29], other[29]);
}

#[derive(Default)]
struct Launches(AtomicU64);

impl LaunchObserver for Launches {
    fn launched(&self, _: &'static str) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Kernels that `work` launches on any device of this process.
fn launches(work: impl FnOnce()) -> u64 {
    let seen = Arc::new(Launches::default());
    let watching = LaunchObservation::new(seen.clone());
    work();
    drop(watching);
    seen.0.load(Ordering::Relaxed)
}

/// A decoded token of the whole batch is one write, one pass and one read, and about as many kernels
/// whatever the number of rows.
#[test]
fn a_step_of_decoding_launches_few_kernels_and_reads_once() {
    let bundle = bourn_model::open(&fixture("qwen3-tiny")).unwrap();
    let named: bourn_recipe::Device = device().parse().unwrap();
    let device = bourn_model::open_device(named).unwrap();
    let prompt = Inputs::from((0..20).map(|i| 3 + i % 7).collect::<Vec<u32>>());
    let sampling =
        |max_tokens| Sampling { seed: 1, purpose: "launches".into(), ..Sampling::new(max_tokens) };
    let mut steps = Vec::new();
    for rows in [2, 5, 33] {
        let cache_bytes = device_cache_bytes(&bundle.config, 2 * rows, 64) as usize;
        let options = EngineOptions { batch_size: rows, cache_bytes, storage: Storage::F32 };
        let weights = bundle.weights().unwrap().into_owned();
        let mut engine = Engine::open(&bundle.config, weights, &options, &device).unwrap();
        let request = Request { prompt: &prompt, stream: "p", first: 0, count: rows as u64 };
        let mut draw = |tokens: usize| {
            let go_on = &mut |_| ControlFlow::Continue(());
            generate(&mut engine, &[request], &sampling(tokens), go_on).unwrap();
        };
        // What is measured to tune a kernel is launched once, before.
        draw(24);
        let (few, many) = (launches(|| draw(4)), launches(|| draw(24)));
        let Counts { reads, tokens, .. } = engine.counts().unwrap();
        assert_eq!(reads as usize, 24 + 4 + 24, "{rows} rows");
        assert_eq!(tokens as usize, (24 + 4 + 24) * rows);
        assert_eq!((many - few) % 20, 0, "{rows} rows: {few} and {many}");
        steps.push((many - few) / 20);
    }
    let layers = bundle.config.num_layers;
    println!("{steps:?} launches a step with {layers} layers, at 2, 5 and 33 rows");
    // A product is one kernel or two, as it was tuned for its number of rows: six in a layer with those of
    // attention, and the head's.
    let (least, most) = (steps.iter().min().unwrap(), steps.iter().max().unwrap());
    assert!(most - least <= 6 * layers as u64 + 1, "{steps:?}");
    // 42 kernels a layer and about 90 for inputs, head and sampler, where nothing is fused; the
    // rest is such splits.
    assert!(*most <= 50 * layers as u64 + 100, "{most} launches");
}
