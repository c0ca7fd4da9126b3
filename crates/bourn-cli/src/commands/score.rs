//! `bourn score --model M`: JSON lines in, log-probs out.

use std::io::{self, BufRead, BufReader};
use std::ops::ControlFlow;

use anyhow::{Context, anyhow, bail};
use bourn_model::prompt::Prompter;
use bourn_recipe::Device;
use bourn_rollout::{Inputs, Sampling, ScoreItem};
use bourn_track::Console;
use bourn_train::engine;
use serde::Deserialize;
use serde_json::json;

use super::{engine_for, open_model, print_json};

/// Lines scored together at most. A line that waits for its answer before it is followed by
/// another is scored at once.
const BLOCK: usize = 64;
/// A line longer than this is refused before it is held in memory.
const LONGEST_LINE: usize = 1 << 24;

/// Log-probs of given completions: reads {"prompt", "completion"} or {"prompt_ids",
/// "completion_ids"} a line on standard input, writes {"logprobs", "sum", "tokens"} a line:
/// the log-prob of each completion token, their sum, and how many there are.
#[derive(clap::Args)]
pub(crate) struct ScoreArgs {
    /// A Hugging Face directory, a hub id, a GGUF file or a run's checkpoint
    #[arg(long)]
    model: String,
    /// Softmax temperature
    #[arg(long, default_value_t = 1.0)]
    temperature: f64,
    /// Where to compute: cpu, cuda:0, wgpu, vulkan or metal, as far as this binary was built for it
    #[arg(long, default_value = "cpu")]
    device: Device,
    /// Render each prompt through the model's chat template
    #[arg(long)]
    chat: bool,
    /// System message for the chat template
    #[arg(long, default_value = "", requires = "chat")]
    system: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScoreLine {
    prompt: Option<String>,
    completion: Option<String>,
    prompt_ids: Option<Vec<u32>>,
    completion_ids: Option<Vec<u32>>,
}

/// Runs the command.
pub(crate) fn run(args: &ScoreArgs, console: &Console) -> anyhow::Result<()> {
    if !(args.temperature.is_finite() && args.temperature > 0.0) {
        bail!("--temperature {} must be a number above 0", args.temperature);
    }
    let device = bourn_model::open_device(args.device)?;
    let mut bundle = open_model(&args.model)?;
    let weights = bundle.take_weights()?;
    let prompter = Prompter::new(&bundle, args.chat, &args.system)?;
    let longest = bundle.config.max_position;
    let options = engine_for(&bundle.config, args.device, 1, longest);
    let mut engine = engine::open(&bundle.config, weights, &options, &device)?;
    let sampling = Sampling::whole(args.temperature)?;
    let mut stage = console.stage("scoring", 0, "line");
    let mut input = BufReader::new(io::stdin());
    let mut number = 0;
    loop {
        let mut block = Vec::with_capacity(BLOCK);
        while block.is_empty() || (block.len() < BLOCK && input.buffer().contains(&b'\n')) {
            let Some(text) = read_line(&mut input, number + 1)? else { break };
            number += 1;
            if text.trim().is_empty() {
                continue;
            }
            let ids = ids(&text, &prompter).with_context(|| format!("line {number}"))?;
            check(&ids, bundle.config.vocab_size, longest)
                .with_context(|| format!("line {number}"))?;
            block.push(ids);
        }
        if block.is_empty() {
            return Ok(());
        }
        let items: Vec<ScoreItem<'_>> =
            block.iter().map(|(prompt, completion)| ScoreItem { prompt, completion }).collect();
        let scored = engine.score(&items, &sampling, &mut |_| ControlFlow::Continue(()))?;
        stage.inc(block.len() as u64);
        for scored in &scored {
            // From +0: the empty sum of floats is −0.
            let sum = scored.logprobs.iter().fold(0.0, |sum, &logprob| sum + f64::from(logprob));
            let tokens = scored.logprobs.len();
            let object = json!({ "logprobs": scored.logprobs, "sum": sum, "tokens": tokens });
            console.suspend(|| print_json(&object.to_string()))?;
        }
    }
}

fn read_line(input: &mut impl BufRead, number: u64) -> anyhow::Result<Option<String>> {
    let mut bytes = Vec::new();
    let limit = LONGEST_LINE as u64 + 1;
    let count = io::Read::take(input, limit).read_until(b'\n', &mut bytes)?;
    if count == 0 {
        return Ok(None);
    }
    if count > LONGEST_LINE {
        bail!("line {number} is longer than {LONGEST_LINE} bytes");
    }
    let text = String::from_utf8(bytes).with_context(|| format!("line {number} is not UTF-8"))?;
    Ok(Some(text))
}

fn ids(text: &str, prompter: &Prompter) -> anyhow::Result<(Inputs, Vec<u32>)> {
    // serde_json would name line 1 of the line.
    let line: ScoreLine = serde_json::from_str(text).map_err(|error| {
        let text = error.to_string();
        let what = text.split(" at line ").next().unwrap_or_default();
        anyhow!("column {}: {what}; write one JSON object a line", error.column())
    })?;
    match line {
        ScoreLine {
            prompt: Some(prompt),
            completion: Some(completion),
            prompt_ids: None,
            completion_ids: None,
        } => Ok((prompter.encode(&prompt)?, prompter.encode_completion(&completion)?)),
        ScoreLine {
            prompt: None,
            completion: None,
            prompt_ids: Some(p),
            completion_ids: Some(c),
        } => Ok((p.into(), c)),
        _ => bail!(
            "expected \"prompt\" and \"completion\", or \"prompt_ids\" and \"completion_ids\""
        ),
    }
}

fn check(
    (prompt, completion): &(Inputs, Vec<u32>),
    vocab: usize,
    longest: usize,
) -> anyhow::Result<()> {
    if prompt.is_empty() {
        bail!("the prompt has no tokens: the first token of a text has no log-prob");
    }
    if let Some(id) = prompt.ids().iter().chain(completion).find(|&&id| id as usize >= vocab) {
        bail!("token id {id} is not in the model's vocabulary of {vocab}");
    }
    let length = prompt.len() + completion.len();
    if length > longest {
        bail!("prompt and completion are {length} tokens long, the model's context is {longest}");
    }
    Ok(())
}
