//! `[[task]]` and `[[reward]]` as written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::defaults;
use crate::benchmarks::Benchmark;
use crate::data_formats::DataFormat;
use crate::environments::EnvironmentKind;
use crate::recipe::{Extract, Operator, VerifierKind};

/// A source of problems.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[schemars(extend("x-instead" = {
    "jsonl": "it is \"dataset\" now, which reads CSV, Parquet and hub data sets as well",
}))]
pub(crate) enum TaskWritten {
    /// Generated arithmetic puzzles: reach the target with each number used exactly once.
    Countdown(CountdownWritten),
    /// Problems from files: JSON lines, a JSON array, CSV or Parquet, packed (.gz, .zst) or not; from a
    /// directory or a hub's data set.
    Dataset(DatasetWritten),
    /// A benchmark by its name: all of its problems are for the probe, none is trained on. Prompt,
    /// columns and judge are its own.
    Benchmark(BenchmarkWritten),
}

impl TaskWritten {
    /// The rewards of its own.
    pub(crate) fn rewards(&mut self) -> &mut Option<Vec<RewardWritten>> {
        match self {
            TaskWritten::Countdown(task) => &mut task.reward,
            TaskWritten::Dataset(task) => &mut task.reward,
            TaskWritten::Benchmark(task) => &mut task.reward,
        }
    }
}

/// Generated arithmetic puzzles.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CountdownWritten {
    /// Share of training prompts, relative to the other tasks.
    #[schemars(range(min = 0.0, max = 1e6))]
    pub weight: f64,
    /// Prompt template: `{prompt}` is replaced by the problem's text.
    pub template: String,
    /// How many numbers a problem has: one count, or the fewest and the most.
    pub numbers: NumbersWritten,
    /// Smallest and largest number.
    pub range: (CountdownNumber, CountdownNumber),
    /// Smallest and largest target.
    pub target: (CountdownTarget, CountdownTarget),
    /// Operators an expression may use.
    #[schemars(length(min = 1), extend("uniqueItems" = true))]
    pub operators: Vec<Operator>,
    /// Distinct training problems to generate.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub train_problems: usize,
    /// The task's own verifiers, as `[[task.reward]]` with the keys of `[[reward]]`.
    #[schemars(length(min = 1, max = 64), extend("x-default" = "the recipe's `[[reward]]`"))]
    pub reward: Option<Vec<RewardWritten>>,
    /// What answers a completion. There is one kind so far, `single_turn`: nothing answers.
    #[schemars(extend("x-default" = "`{ kind = \"single_turn\" }`"))]
    pub environment: Option<EnvironmentKind>,
}

impl Default for CountdownWritten {
    fn default() -> Self {
        CountdownWritten {
            weight: 1.0,
            template: "{prompt}".to_string(),
            numbers: NumbersWritten::Count(Count(3)),
            range: (CountdownNumber(1), CountdownNumber(20)),
            target: (CountdownTarget(1), CountdownTarget(200)),
            operators: vec![Operator::Add, Operator::Sub, Operator::Mul],
            train_problems: 4096,
            reward: None,
            environment: None,
        }
    }
}

/// One count, or the fewest and the most.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum NumbersWritten {
    /// Every problem has this many.
    Count(Count),
    /// Fewest and most.
    Between(Count, Count),
}

// Newtypes carry the ranges of numbers inside arrays. Six numbers of at most a million multiply to
// less than 2^127, so that exact arithmetic on a puzzle's values fits 128 bits.

/// How many numbers a puzzle has.
#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Count(#[schemars(range(min = 2, max = 6))] pub usize);

/// A number of a puzzle.
#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct CountdownNumber(#[schemars(range(min = 1, max = 1_000_000))] pub i64);

/// A target of a puzzle.
#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct CountdownTarget(#[schemars(range(min = 1, max = 1_000_000_000))] pub i64);

/// A data set.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DatasetWritten {
    /// Share of training prompts, relative to the other tasks.
    #[serde(default = "defaults::one")]
    #[schemars(range(min = 0.0, max = 1e6))]
    pub weight: f64,
    /// Prompt template: `{prompt}` is replaced by the problem's text; of messages, in the last.
    #[serde(default = "defaults::template")]
    pub template: String,
    /// Training problems: a file, a pattern of names (`data/train-*.parquet`), a directory with a data
    /// set in it, or a hub's data set (`org/name[@revision]`). Relative to the current directory.
    #[schemars(length(min = 1))]
    pub path: String,
    /// Of a directory or a hub's data set, which configuration.
    #[schemars(length(min = 1), extend("x-default" = "the only one"))]
    pub config: Option<String>,
    /// Of a directory or a hub's data set, which split.
    #[schemars(length(min = 1), extend("x-default" = "the only one"))]
    pub split: Option<String>,
    /// Held-out problems for the probe, named as `path` is.
    #[schemars(length(min = 1), extend("x-default" = "`path`, with `probe_split`; without that, split off by content hash, or none where a task is a benchmark"))]
    pub probe_path: Option<String>,
    /// Of a directory or a hub's data set, the held-out problems' split.
    #[schemars(length(min = 1), extend("x-default" = "none"))]
    pub probe_split: Option<String>,
    /// By whose convention the columns are named: verl's (`prompt`, `reward_model.ground_truth`), TRL's
    /// (`prompt`, `solution`), NeMo-RL's (`input`, `output`), or prime-rl's and verifiers' (`prompt` or
    /// `question`, `answer`).
    #[schemars(extend("x-default" = "bourn's: `question`, `answer`"))]
    pub format: Option<DataFormat>,
    /// Column that holds the problem's text, or its messages (`role`, `content`). `a.b` is the column b
    /// inside a, `a|b` the first that there is.
    #[schemars(length(min = 1), extend("x-default" = "the format's, else `\"question\"`"))]
    pub prompt_column: Option<String>,
    /// Column that holds the reference answer: text, a number, or a list of which any is right.
    #[schemars(length(min = 1), extend("x-default" = "the format's, else `\"answer\"`"))]
    pub answer_column: Option<String>,
    /// How the reference answer is read out of its column.
    #[serde(default = "defaults::whole")]
    pub answer_format: Extract,
    /// Read at most this many problems of each source; 0 for all.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub max_problems: usize,
    /// The task's own verifiers, as `[[task.reward]]` with the keys of `[[reward]]`.
    #[schemars(length(min = 1, max = 64), extend("x-default" = "the recipe's `[[reward]]`"))]
    pub reward: Option<Vec<RewardWritten>>,
    /// What answers a completion. There is one kind so far, `single_turn`: nothing answers.
    #[schemars(extend("x-default" = "`{ kind = \"single_turn\" }`"))]
    pub environment: Option<EnvironmentKind>,
}

/// A benchmark.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BenchmarkWritten {
    /// Share of the probe's problems, relative to the other tasks. None of them is trained on.
    #[serde(default = "defaults::one")]
    #[schemars(range(min = 0.0, max = 1e6))]
    pub weight: f64,
    /// Which.
    pub benchmark: Benchmark,
    /// Prompt template: `{prompt}` is replaced by the problem's text.
    #[serde(default = "defaults::benchmark_template")]
    pub template: String,
    /// Its file or files, named as a data set's are.
    #[schemars(length(min = 1), extend("x-default" = "the hub's"))]
    pub path: Option<String>,
    /// Let other problems than the benchmark's through: a part of it, or a corrected copy. Without, what
    /// they hold is compared with what it is known to hold.
    #[serde(default)]
    pub changed: bool,
    /// The task's own verifiers, as `[[task.reward]]` with the keys of `[[reward]]`.
    #[schemars(length(min = 1, max = 64), extend("x-default" = "`{ verifier = \"math\", extract = \"answer\" }`, whatever `[[reward]]` says"))]
    pub reward: Option<Vec<RewardWritten>>,
    /// What answers a completion. There is one kind so far, `single_turn`: nothing answers.
    #[schemars(extend("x-default" = "`{ kind = \"single_turn\" }`"))]
    pub environment: Option<EnvironmentKind>,
}

/// A verifier and its weight in the reward.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RewardWritten {
    /// Which verifier.
    pub verifier: VerifierKind,
    /// How the completion's answer is found, for math, exact and format.
    #[schemars(extend("x-default" = "`\"last_number\"` for math and format, `\"whole\"` for exact"))]
    pub extract: Option<Extract>,
    /// Weight of this verifier's score in the reward. The score is 0 or 1, or between them where a
    /// program gives scores.
    #[schemars(range(min = -1e6, max = 1e6), extend("x-default" = "`1.0`"))]
    pub weight: Option<f64>,
    /// Process reward: in a completion of n steps a right step gets + this / n, any other − this /
    /// n, at the token that ends it. Steps are equations, and for countdown each number used. With
    /// a value model each counts at its place; otherwise their sum is part of the completion's
    /// reward.
    #[schemars(range(min = 0.0, max = 1e6), extend("x-default" = "`0.0`"))]
    pub step_weight: Option<f64>,
    /// Watches the first verifier: judges every completion, pays nothing, and is counted where the
    /// two differ. It cannot come first, and has no weights.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[schemars(extend("x-default" = "`false`"))]
    pub second_opinion: bool,
    /// What the regex verifier looks for. The answer is the last match's group named `answer`, else
    /// its first group, else all of it. Look-ahead and look-behind are not supported.
    #[schemars(length(min = 1, max = 4096), extend("x-default" = "**required** for regex"))]
    pub pattern: Option<String>,
    /// How many letters there are to choose from, beginning with A, for the choice verifier.
    #[schemars(range(min = 2, max = 26), extend("x-default" = "`26`"))]
    pub choices: Option<usize>,
    /// Program and arguments of the command verifier; no shell reads them. Paths are relative to the
    /// current directory.
    #[schemars(length(min = 1, max = 256), extend("x-default" = "**required** for command"))]
    pub command: Option<Vec<String>>,
    /// Processes of that program; changes speed only.
    #[schemars(range(min = 1, max = 1024), extend("x-default" = "`1`"))]
    pub workers: Option<usize>,
    /// Seconds that the program may take for one completion; then the verdict is `timeout`.
    #[schemars(range(max = 86_400.0), extend("exclusiveMinimum" = 0, "x-default" = "`10.0`"))]
    pub timeout: Option<f64>,
    /// The least score of a completion that counts as correct, where the program gives scores. The
    /// reward is the score itself.
    #[schemars(range(max = 1.0), extend("exclusiveMinimum" = 0, "x-default" = "`1.0`"))]
    pub threshold: Option<f64>,
}

/// Hands every key that only some verifiers have to `$use`, after its own arguments.
macro_rules! verifier_keys {
    ($use:ident, $($first:tt),*) => {
        $use!($($first),*; pattern, choices, command, workers, timeout, threshold)
    };
}
pub(crate) use verifier_keys;
