//! `bourn sample --model M --prompt TEXT`.

use std::ops::ControlFlow;

use bourn_model::prompt::Prompter;
use bourn_recipe::Device;
use bourn_rollout::{Completion, Finish, Request, Sampling, generate};
use bourn_track::Console;
use bourn_train::engine;
use serde_json::{Value, json};

use super::{engine_for, open_model, print_json, print_raw, print_text};

/// Completions that are drawn before they are printed, and held in memory until then.
const BLOCK: u64 = 1024;

/// Completions of a prompt.
#[derive(clap::Args)]
pub(crate) struct SampleArgs {
    /// A Hugging Face directory, a hub id, a GGUF file or a run's checkpoint
    #[arg(long)]
    model: String,
    /// The prompt
    #[arg(long)]
    prompt: String,
    /// How many completions, 1,000,000 at most
    #[arg(short, long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    n: u64,
    /// Longest completion, in tokens [default: 128, or what the context leaves]
    #[arg(long)]
    max_tokens: Option<usize>,
    /// Softmax temperature; 0 takes the likeliest token
    #[arg(long, default_value_t = 1.0)]
    temperature: f64,
    /// Keep the smallest set of tokens with this much probability
    #[arg(long, default_value_t = 1.0)]
    top_p: f64,
    /// Keep this many of the likeliest tokens; 0 for all
    #[arg(long, default_value_t = 0)]
    top_k: usize,
    /// Drop tokens below this share of the likeliest one's probability
    #[arg(long, default_value_t = 0.0)]
    min_p: f64,
    /// End a completion with the first token after which its text has this (may be repeated)
    #[arg(long, value_name = "TEXT")]
    stop: Vec<String>,
    /// Seed of the draws
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Render the prompt through the model's chat template
    #[arg(long)]
    chat: bool,
    /// System message for the chat template
    #[arg(long, default_value = "", requires = "chat")]
    system: String,
    /// Where to compute: cpu, cuda:0, wgpu, vulkan or metal, as far as this binary was built for it
    #[arg(long, default_value = "cpu")]
    device: Device,
    /// Print one JSON object a line: text, tokens, logprobs, finish
    #[arg(long)]
    json: bool,
    /// Give a terminal the bytes as they are, escape sequences too; a pipe or a file has them anyway
    #[arg(long, conflicts_with = "json")]
    raw: bool,
}

/// Runs the command.
pub(crate) fn run(args: &SampleArgs, console: &Console) -> anyhow::Result<()> {
    let device = bourn_model::open_device(args.device)?;
    let mut bundle = open_model(&args.model)?;
    let weights = bundle.take_weights()?;
    let prompter = Prompter::new(&bundle, args.chat, &args.system)?.stopping_at(&args.stop)?;
    let prompt = prompter.encode(&args.prompt)?;
    let left = bundle.config.max_position.saturating_sub(prompt.len());
    let max_tokens = args.max_tokens.unwrap_or(left.clamp(1, 128));
    let rows = usize::try_from(args.n).unwrap_or(usize::MAX).min(64);
    let options =
        engine_for(&bundle.config, args.device, rows, prompt.len().saturating_add(max_tokens));
    let mut engine = engine::open(&bundle.config, weights, &options, &device)?;
    let sampling = Sampling {
        temperature: args.temperature,
        top_p: args.top_p,
        top_k: args.top_k,
        min_p: args.min_p,
        stop_tokens: prompter.stop_tokens().clone(),
        stop_strings: prompter.stop_strings().cloned(),
        seed: args.seed,
        purpose: "sample".into(),
        ..Sampling::new(max_tokens)
    };
    let mut stage = console.stage("sampling", args.n, "completion");
    let mut first = 0;
    while first < args.n {
        let count = BLOCK.min(args.n - first);
        let request = Request { prompt: &prompt, stream: "prompt", first, count };
        let mut told = 0;
        let groups = generate(&mut *engine, &[request], &sampling, &mut |progress| {
            stage.inc(progress.completions_done - told);
            told = progress.completions_done;
            ControlFlow::Continue(())
        })?;
        for completion in groups.into_iter().flatten() {
            let text = prompter.decode(&completion.tokens)?;
            console.suspend(|| match (args.json, args.raw) {
                (true, _) => print_json(&object(&text, &completion).to_string()),
                (false, true) => print_raw(&text),
                (false, false) => print_text(&text),
            })?;
        }
        first += count;
    }
    Ok(())
}

/// A completion as an object.
fn object(text: &str, completion: &Completion) -> Value {
    let finish = match completion.finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
    };
    json!({
        "text": text,
        "tokens": completion.tokens,
        "logprobs": completion.logprobs,
        "finish": finish,
    })
}
