//! What `--help` says beside commands and options. Nothing is wider than [`WIDTH`].

/// Columns of every line of help.
pub(crate) const WIDTH: usize = 80;

/// What bourn is.
pub(crate) const ABOUT: &str = "\
bourn trains language models with rewards that a program can verify, from one
file, the recipe. At checkpoints it measures what training did to the boundary:
which problems the model solves now that it could not before, and which it lost.";

/// What the help of `bourn` itself looks like.
pub(crate) const TEMPLATE: &str = "\
{about-with-newline}
Start here, with nothing to download (minutes on two cores):
  bourn init --quickstart          writes quickstart.toml
  bourn train quickstart.toml      trains and measures
  bourn report runs/quickstart     shows it, as one HTML file

Then, with your model and your problems:
  bourn init --model HuggingFaceTB/SmolLM2-135M-Instruct --data train.jsonl
  bourn train recipe.toml --dry-run
  bourn probe --base MODEL --policy MODEL --task test.jsonl

{usage-heading} {usage}

{all-args}{after-help}";

/// What stands below the options.
pub(crate) const AFTER: &str = "\
`bourn COMMAND --help` has an example of each. `bourn doctor` says what this
machine gives bourn.

Exit code: 0 if the work was done, 1 if not, 2 for a wrong command line; 130 if
Ctrl-C stopped it, 143 if SIGTERM did.";

pub(crate) const INIT: &str = "\
Examples:
  bourn init --quickstart
  bourn init --model small --data countdown puzzles.toml
  bourn init --model HuggingFaceTB/SmolLM2-135M-Instruct --data train.jsonl \\
      --probe-data test.jsonl

On a terminal and without options it asks. Columns, verifier and where answers
stand are told from the first lines of the data, unless you say them. Nothing is
written that `bourn recipe check` would refuse.";

pub(crate) const TRAIN: &str = "\
Examples:
  bourn train quickstart.toml
  bourn train quickstart.toml --dry-run
  bourn train quickstart.toml --set seed=2 --run-dir runs/second
  bourn train quickstart.toml --resume

Ctrl-C saves and leaves; --resume goes on to the same bytes.";

pub(crate) const REPORT: &str = "\
Examples:
  bourn report runs/quickstart
  bourn report runs/first runs/second --output both.html";

pub(crate) const PROBE: &str = "\
Examples:
  bourn probe --run runs/quickstart --set probe.n_max=4096
  bourn probe --base org/model --policy runs/mine/checkpoints/step-000100 \\
      --task test.jsonl --output probes/mine";

pub(crate) const COMPARE: &str = "\
Example:
  bourn compare base.jsonl policy.jsonl

A line of either file is {\"problem\": \"7\", \"n\": 64, \"c\": 3}.";

pub(crate) const ABLATE: &str = "\
Examples:
  bourn ablate sweep.toml --dry-run
  bourn ablate sweep.toml --jobs 2";

pub(crate) const SAMPLE: &str = "\
Example:
  bourn sample --model runs/quickstart/checkpoints/step-000160 \\
      --prompt '3 5 7 -> 36:' -n 4";

pub(crate) const SCORE: &str = "\
Example:
  echo '{\"prompt\": \"3 5 7 -> 36:\", \"completion\": \"(5+7)*3\"}' |
      bourn score --model runs/quickstart/checkpoints/step-000160";

pub(crate) const VERIFY: &str = "\
Examples:
  echo '{\"completion\": \"That makes 2/4.\", \"gold\": 0.5}' |
      bourn verify --kind math
  bourn verify completions.jsonl --recipe recipe.toml --summary
  bourn verify completions.jsonl --kind command --command python3 judge.py

The exit code is 0 if every line has a verdict, whatever it is.";

pub(crate) const RECIPE: &str = "\
Examples:
  bourn recipe check quickstart.toml
  bourn recipe show quickstart.toml --set train.max_steps=10
  bourn recipe reference";

pub(crate) const DATA: &str = "\
Examples:
  bourn data check train.parquet --format verl --probe test.parquet
  bourn data check openai/gsm8k --config main --split test --answer-format hash
  bourn data show mine.toml -n 5";

pub(crate) const LEDGER: &str = "\
Examples:
  bourn ledger ls
  bourn ledger gc --older-than 90 --dry-run";

pub(crate) const DOCTOR: &str = "\
Examples:
  bourn doctor
  bourn doctor --network --json

The exit code is 1 if anything is wrong.";

pub(crate) const COMPLETIONS: &str = "\
Examples:
  bourn completions bash > ~/.local/share/bash-completion/completions/bourn
  bourn completions zsh > ~/.zfunc/_bourn
  bourn completions fish > ~/.config/fish/completions/bourn.fish";

pub(crate) const MAN: &str = "\
Example:
  bourn man ~/.local/share/man/man1";
