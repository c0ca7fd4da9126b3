//! bourn's side of the comparison with peers: one measure a call, one JSON object on standard
//! output. `benches/peers/run.py` is its caller; what `bourn` itself can be timed at, it times there.

mod measures;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

// The allocator of `bourn` itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(name = "bourn-bench", about = "One measure of bourn, as JSON")]
struct Cli {
    #[command(subcommand)]
    measure: Measure,
}

#[derive(Subcommand)]
enum Measure {
    /// Speed of a square product of matrices as they lie, the machine's peak as bourn sees it
    Gemm {
        /// Rows, columns and depth
        #[arg(long, default_value_t = 1024)]
        size: usize,
        /// How often; the fastest counts
        #[arg(long, default_value_t = 20)]
        rounds: usize,
    },
    /// Time to open a model and make an engine of it
    Load {
        /// A Hugging Face directory or GGUF file
        #[arg(long)]
        model: String,
    },
    /// Write a model as a Hugging Face directory in f32, which peers open too
    Convert {
        /// A GGUF file or Hugging Face directory
        #[arg(long)]
        model: String,
        /// A directory that is empty or not there
        #[arg(long)]
        out: PathBuf,
    },
    /// Completions of prompts
    Decode(measures::Decode),
    /// Gradient of the mean log-prob of sequences
    Backward(measures::Backward),
    /// The problems of a recipe's first steps, one JSON object a line, in the order of training
    Problems {
        /// The recipe
        recipe: PathBuf,
        /// Steps
        #[arg(long)]
        steps: u64,
    },
}

fn main() -> anyhow::Result<()> {
    let result = match Cli::parse().measure {
        Measure::Gemm { size, rounds } => measures::gemm(size, rounds)?,
        Measure::Load { model } => measures::load(&model)?,
        Measure::Convert { model, out } => return measures::convert(&model, &out),
        Measure::Decode(asked) => asked.run()?,
        Measure::Backward(asked) => asked.run()?,
        Measure::Problems { recipe, steps } => return measures::problems(&recipe, steps),
    };
    println!("{result}");
    Ok(())
}
