//! What a decoded token costs against batch, context, vocabulary and size of the model:
//! `scaling [--quick] [--csv FILE] [--svg FILE]`. Rows are printed as they are measured.
// The clock is what this program is for.
#![allow(clippy::disallowed_methods)]

mod chart;
mod machine;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;
use bourn_bench::{Shape, random_weights, sampling, token_ids};
use bourn_rollout::{Engine, EngineOptions, Inputs, Request, Storage, cache_bytes, generate};
use chart::{Panel, Point};
use clap::Parser;
use machine::{Bound, Machine};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(name = "scaling", about = "Cost of a decoded token against what it depends on")]
struct Cli {
    /// Two points of each axis, few tokens: to see that it runs
    #[arg(long)]
    quick: bool,
    /// Decoded tokens of each sequence
    #[arg(long, default_value_t = 32)]
    tokens: usize,
    /// Rounds of each point; the fastest counts
    #[arg(long, default_value_t = 3)]
    rounds: u64,
    /// Write the table here
    #[arg(long)]
    csv: Option<PathBuf>,
    /// Write the picture here
    #[arg(long)]
    svg: Option<PathBuf>,
}

/// One measured point.
#[derive(Clone, Copy)]
struct Case {
    shape: Shape,
    batch: usize,
    /// Tokens before the first that is decoded.
    context: usize,
}

/// What the points of an axis differ from.
const BASE: Case = Case { shape: Shape::TINY, batch: 16, context: 64 };

/// Layers and width of the models of the last axis, heads of 64 values.
const SIZES: [(usize, usize); 5] = [(4, 128), (6, 256), (12, 384), (30, 576), (24, 1024)];

/// An axis: its name in the table, its title, and its points with their place on it.
type Axis = (&'static str, &'static str, Vec<(f64, Case)>);

fn axes() -> Vec<Axis> {
    let each = |values: &[usize], case: &dyn Fn(usize) -> Case| -> Vec<(f64, Case)> {
        values.iter().map(|&value| (value as f64, case(value))).collect()
    };
    let sized = |&(layers, hidden): &(usize, usize)| {
        let heads = hidden / 64;
        let intermediate = (hidden * 8 / 3).next_multiple_of(32);
        let shape = Shape { layers, hidden, heads, kv_heads: heads, intermediate, vocab: 512 };
        let case = Case { shape, ..BASE };
        (shape.config(1).parameters() as f64, case)
    };
    vec![
        (
            "batch",
            "sequences at once",
            each(&[1, 2, 4, 8, 16, 32, 64, 128, 256], &|batch| Case { batch, ..BASE }),
        ),
        (
            "context",
            "tokens before",
            each(&[64, 128, 256, 512, 1024, 2048, 4096, 8192], &|context| Case { context, ..BASE }),
        ),
        (
            "vocabulary",
            "tokens of the vocabulary",
            each(&[512, 2048, 8192, 32768, 131_072], &|vocab| Case {
                shape: Shape { vocab, ..BASE.shape },
                ..BASE
            }),
        ),
        ("parameters", "parameters", SIZES.iter().map(sized).collect()),
    ]
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let (tokens, rounds) = if cli.quick { (4, 1) } else { (cli.tokens.max(1), cli.rounds.max(1)) };
    let header = "axis,value,batch,context,vocabulary,layers,hidden,parameters,\
                  seconds_per_token,tokens_per_second,arithmetic_seconds,memory_seconds";
    let machine = Machine::measure()?;
    eprintln!("{}", machine.describe());
    let mut out = std::io::stdout();
    writeln!(out, "{header}")?;
    let (mut csv, mut panels) = (format!("{header}\n"), Vec::new());
    for (axis, title, mut cases) in axes() {
        if cli.quick {
            cases.truncate(2);
        }
        let (mut points, mut arithmetic, mut memory) = (Vec::new(), Vec::new(), Vec::new());
        for (value, case) in cases {
            let seconds = seconds_per_token(case, tokens, rounds)?;
            let Case { shape, batch, context } = case;
            // Half of the tokens are decoded before, on average.
            let bound = machine.bound(shape, batch, context + tokens / 2);
            let row = format!(
                "{axis},{value},{batch},{context},{},{},{},{},{seconds:.6e},{:.1},{:.6e},{:.6e}",
                shape.vocab,
                shape.layers,
                shape.hidden,
                shape.config(1).parameters(),
                1.0 / seconds,
                bound.arithmetic,
                bound.memory
            );
            writeln!(out, "{row}")?;
            writeln!(csv, "{row}")?;
            let point = |seconds: f64| Point { x: value, y: 1e6 * seconds };
            points.push(point(seconds));
            let Bound { arithmetic: operations, memory: bytes } = bound;
            arithmetic.push(point(operations));
            memory.push(point(bytes));
        }
        let bounds = vec![("arithmetic", arithmetic), ("memory", memory)];
        panels.push(Panel { title, points, bounds });
    }
    if let Some(path) = &cli.csv {
        std::fs::write(path, csv).with_context(|| format!("{}", path.display()))?;
    }
    if let Some(path) = &cli.svg {
        let picture = chart::svg(&panels, "microseconds for a decoded token");
        std::fs::write(path, picture).with_context(|| format!("{}", path.display()))?;
    }
    Ok(())
}

/// Seconds for a decoded token, of all sequences together, without what the prompts cost: the clock
/// runs from each sequence's first token to its last. Of `rounds` the fastest.
fn seconds_per_token(case: Case, tokens: usize, rounds: u64) -> anyhow::Result<f64> {
    let Case { shape, batch, context } = case;
    let config = shape.config(context + tokens + 1);
    let cache_bytes = cache_bytes(&config, 2 * batch, context + tokens + 1) as usize;
    let options = EngineOptions { batch_size: batch, cache_bytes, storage: Storage::F32 };
    let mut engine = Engine::new(&config, &random_weights(&config), &options)?;
    // One prompt each: a shared one would lie in the processor's cache for all of them.
    let prompts: Vec<Inputs> =
        (0..batch).map(|index| token_ids(context, shape.vocab, index as u64).into()).collect();
    let requests: Vec<Request<'_>> = prompts
        .iter()
        .map(|prompt| Request { prompt, stream: "scaling", first: 0, count: 1 })
        .collect();
    let mut sampling = sampling(tokens + 1, BTreeSet::new());
    let mut best = f64::INFINITY;
    for round in 0..rounds {
        sampling.step = round;
        let mut first = None;
        let mut last = Instant::now();
        generate(&mut engine, &requests, &sampling, &mut |progress| {
            if progress.tokens_done >= batch as u64 {
                last = Instant::now();
                first.get_or_insert((last, progress.tokens_done));
            }
            ControlFlow::Continue(())
        })?;
        let (start, drawn) = first.context("the engine drew nothing")?;
        let counted = (batch * (tokens + 1)) as u64 - drawn;
        best = best.min((last - start).as_secs_f64() / counted.max(1) as f64);
    }
    Ok(best)
}
