//! The words of a recipe to begin with. Nothing is wider than 80 columns.

use crate::recipe::VerifierKind;

pub(super) const SEED: &str = r#"# Every random draw follows from this number: another seed is another run.
seed = 1

# Where it computes: "cpu", or "cuda:0", "metal", "vulkan" or "wgpu" where bourn
# was built for it, which `bourn doctor` says.
device = "cpu"

"#;

pub(super) const SMALL_MODEL: &str = r#"[model]
# A fresh transformer of this shape, small enough for two cores. Its longest
# text is `max_position` tokens, which are characters here.
architecture = { hidden_size = 128, num_layers = 5, num_heads = 4, intermediate_size = 352, max_position = 64 }

[base]
# How it is pretrained, before training proper. The result is the base: it is
# frozen, and the trained policy is measured against it. It is kept for the next
# run that asks for the same.
steps = 500
batch_size = 128
# Learning rate: how far an update goes.
lr = 1.5e-3
warmup_steps = 50
schedule = "cosine"
weight_decay = 0.01
# What it learns from: of 100 demonstrations 30 are right, 60 are random
# expressions over the right numbers, 7 misuse a number, 3 are not expressions.
demonstrations = { correct = 0.30, random = 0.60, misused = 0.07, malformed = 0.03 }

"#;

pub(super) const PUZZLES: &str = r#"[[task]]
# Puzzles without end: reach the target with each number used exactly once.
kind = "countdown"
# How many numbers a puzzle has, 2 to 6: what makes it hard. With more than 3,
# raise the two lengths under [rollout] too.
numbers = 3
# Smallest and largest number, smallest and largest target.
range = [1, 20]
target = [1, 200]
operators = ["+", "-", "*"]
# Different puzzles to train on. The held-out ones are never among them.
train_problems = 4096
"#;

pub(super) const PUZZLE_TEMPLATE: &str = r#"# What the model is given; {prompt} is the puzzle, such as "3 5 7 -> 36:".
template = "Numbers and a target: {prompt}\nWrite one expression that equals the target and uses each number exactly once, with + - * and brackets. Write the expression and nothing else."
"#;

pub(super) const PUZZLE_REWARD: &str = r#"
[[reward]]
# Who says what is right: this one computes the expression, and reads the whole
# answer as one. Right pays 1, wrong 0.
verifier = "countdown"

"#;

pub(super) const SMALL_REST: &str = r#"[rollout]
# Puzzles of a step, and answers that are drawn to each: the group, within which
# good answers are told from bad ones.
prompts_per_step = 32
num_generations = 16
# In tokens. A longer prompt is an error; an answer that reaches its limit is
# cut off there, and then judged.
max_prompt_length = 32
max_completion_length = 20
# How freely answers are drawn; 1 is the model's own distribution.
temperature = 1.0

[algorithm]
# How rewards become an update; the others are in docs/algorithms.md.
name = "grpo"
# How the loss is averaged: "dapo" counts every token alike.
loss_type = "dapo"

[optimizer]
# Learning rate. Too high, and training breaks; too low, and nothing happens.
lr = 3e-4
warmup_steps = 5

[train]
max_steps = 160
# Answers that an update computes at once: less takes less memory, and changes
# nothing else.
micro_batch_size = 256

[probe]
# The boundary is measured every so many steps, before the first and after the
# last, on so many held-out puzzles, with up to so many draws of each.
interval = 40
problems = 96
n_max = 1024

[[probe.sampler]]
# How these are drawn: here as in training.
temperature = 1.0
top_p = 1.0

[checkpoint]
# Saved every so many steps; the newest so many are kept.
interval = 40
keep_last = 2
"#;

pub(super) const MODEL: &str = r#"[model]
# What is trained: a Hugging Face directory, a hub id, a GGUF file or a run's
# checkpoint. Its frozen copy is the base that it is measured against.
"#;

pub(super) const CHAT_TEMPLATE: &str = r#"# Whether prompts are put into the model's own chat format: right for models
# that were tuned to chat or to follow instructions, wrong for those that only
# continue text.
"#;

pub(super) const DATA: &str = r#"[[task]]
kind = "dataset"
# Training problems: JSON lines, CSV or Parquet. A path that does not begin with
# / begins where bourn is started.
"#;

pub(super) const PROBE_PATH: &str = r#"# Held-out problems: measured on, never trained on.
"#;

pub(super) const PROBE_SPLIT: &str = r#"# Held-out problems, which are measured on and never trained on, are split off
# that file by their text. Where they have a file of their own:
# probe_path = "test.jsonl"
"#;

pub(super) const COLUMNS: &str = r#"# The keys of an object that hold the problem's text and its right answer.
"#;

pub(super) const ANSWER_FORMAT: &str = r##"# Where the answer stands there: "whole" (nothing else is there), "hash" (after
# ####), "boxed" (in \boxed{}), "last_number".
"##;

pub(super) const TEMPLATE: &str = r#"# What the model is given; {prompt} is the problem's text. Say how the answer is
# to be written: the verifier looks for it there.
"#;

pub(super) const REWARD: &str = r#"[[reward]]
# Who says what is right; right pays 1, wrong 0.
"#;

/// What a verifier does, as a comment.
pub(super) fn meaning(verifier: VerifierKind) -> &'static str {
    match verifier {
        VerifierKind::Math => {
            "# \"math\": the same number, however it is written. Problems whose answer is\n\
             # no number are left out.\n"
        }
        VerifierKind::Choice => {
            "# \"choice\": the letter of a multiple-choice question. The choices must stand\n\
             # in the problem's text.\n"
        }
        VerifierKind::Exact => {
            "# \"exact\": the same text, letter for letter. Where answers may be written in\n\
             # several ways: \"command\" asks a program of yours (docs/judges.md).\n"
        }
        _ => "",
    }
}

pub(super) const EXTRACT: &str = r#"# Where in what the model writes the answer is looked for: the same
# words, or "answer", which tries one after the other.
"#;

pub(super) const REST: &str = r#"[rollout]
# Problems of a step, and completions that are drawn of each: the group, within
# which good ones are told from bad ones. A group that is all right or all wrong
# teaches nothing.
prompts_per_step = {prompts}
num_generations = 8
# In tokens. A longer prompt is an error that names the problem; a completion
# that reaches its limit is cut off there, mostly before its answer.
max_prompt_length = {prompt_length}
max_completion_length = {completion_length}
# How freely completions are drawn; 1 is the model's own distribution.
temperature = 1.0
# Completions that are drawn at once: fewer take less memory, and change nothing
# else.
batch_size = 64

[algorithm]
# How rewards become an update; the others are in docs/algorithms.md.
name = "grpo"
# How the loss is averaged: "dapo" counts every token alike.
loss_type = "dapo"

[optimizer]
# Learning rate. Too high, and training breaks; too low, and nothing happens in
# the steps there are. Large models mostly want less than small ones.
lr = 1e-5
warmup_steps = 2

[train]
# Few, so that the first run ends soon.
max_steps = 20
# Completions that an update computes at once: less takes less memory, and
# changes nothing else. `gradient_checkpointing = true` saves more, and takes
# more time.
micro_batch_size = 8

[probe]
# The boundary is measured every so many steps, before the first and after the
# last, on so many held-out problems, with up to so many draws of each. More
# problems make narrower intervals, more draws reach larger k.
interval = 10
problems = {held_out}
n_max = 16

[[probe.sampler]]
# How these are drawn. Both models are drawn the same way.
temperature = 0.6
top_p = 0.95

[checkpoint]
# Saved every so many steps; the newest so many are kept.
interval = 10
keep_last = 1
"#;
