//! What a user sees when a recipe is wrong: the place, the key, the problem and what to do.

use std::path::Path;

use bourn_recipe::{AlgorithmName, parse};
use insta::assert_snapshot;

/// Six lines that are a whole recipe; what a test appends starts in line 7.
const WHOLE: &str = r#"[model]
path = "a/model"
[[task]]
kind = "countdown"
[algorithm]
name = "grpo"
"#;

/// Nine lines of a recipe that pretrains its base.
const FRESH: &str = r#"[model]
architecture = { hidden_size = 64, num_layers = 2, num_heads = 4 }
[[task]]
kind = "countdown"
[algorithm]
name = "grpo"
[rollout]
max_prompt_length = 32
max_completion_length = 32
"#;

fn error_with(text: &str, overrides: &[&str]) -> String {
    let overrides: Vec<String> = overrides.iter().map(|set| set.to_string()).collect();
    match parse(text, Path::new("x.toml"), &overrides) {
        Ok(_) => "no error".to_string(),
        Err(error) => error.to_string(),
    }
}

fn error(text: &str) -> String {
    error_with(text, &[])
}

fn appended(text: &str) -> String {
    error(&format!("{WHOLE}{text}"))
}

fn fresh(text: &str) -> String {
    error(&format!("{FRESH}{text}"))
}

fn replaced(from: &str, to: &str) -> String {
    assert!(WHOLE.contains(from) || FRESH.contains(from), "nothing to replace");
    let text = if WHOLE.contains(from) { WHOLE } else { FRESH };
    error(&text.replace(from, to))
}

/// An error with the list of all algorithms, which grows, as `{names}`.
fn unnamed(error: String) -> String {
    let names: Vec<String> =
        AlgorithmName::ALL.iter().map(|name| format!("\"{}\"", name.name())).collect();
    let (last, others) = names.split_last().unwrap();
    error.replace(&format!("{} or {last}", others.join(", ")), "{names}")
}

fn set(overrides: &[&str]) -> String {
    error_with(WHOLE, overrides)
}

#[test]
fn the_fixtures_are_right() {
    assert_eq!(error(WHOLE), "no error");
    assert_eq!(fresh("[base]\n"), "no error");
}

#[test]
fn stop_tokens() {
    assert_eq!(appended("[rollout]\nstop_tokens = [\"<|im_end|>\", 2, 151_645]\n"), "no error");
    assert_eq!(appended("[rollout]\nstop_tokens = []\n"), "no error");
    assert_snapshot!(appended("[rollout]\nstop_tokens = [\"\"]\n"), @"x.toml:8:16: [rollout] stop_tokens.0: must not be empty");
    assert_snapshot!(appended("[rollout]\nstop_tokens = [-1]\n"), @"x.toml:8:16: [rollout] stop_tokens.0: must be at least 0, found -1");
    assert_snapshot!(appended("[rollout]\nstop_tokens = [1.5]\n"), @"x.toml:8:16: [rollout] stop_tokens.0: expected a string or an integer, found the number 1.5");
    assert_snapshot!(appended("[rollout]\nstop_tokens = [2, 2]\n"), @"x.toml:8:19: [rollout] stop_tokens: the integer 2 stands here twice");
    assert_snapshot!(appended("[rollout]\nstop_tokens = 2\n"), @"x.toml:8:1: [rollout] stop_tokens: expected an array of a string or an integer, found the integer 2");
    assert_snapshot!(appended("[rollout]\nstop_token_ids = [2]\n"), @"x.toml:8:1: [rollout] stop_token_ids: unknown key; bourn calls it `stop_tokens`");
}

#[test]
fn stop_strings() {
    assert_eq!(appended("[rollout]\nstop_strings = [\"\\n\\n\", \"</answer>\"]\n"), "no error");
    assert_eq!(appended("[rollout]\nstop_strings = []\n"), "no error");
    assert_snapshot!(appended("[rollout]\nstop_strings = [\"a\", \"\"]\n"), @"x.toml:8:22: [rollout] stop_strings.1: must not be empty");
    assert_snapshot!(appended("[rollout]\nstop_strings = [\"a\", \"a\"]\n"), @r#"x.toml:8:22: [rollout] stop_strings: the string "a" stands here twice"#);
    assert_snapshot!(appended("[rollout]\nstop_strings = [\"\\uFFFD\"]\n"), @"x.toml:8:17: [rollout] stop_strings.0: holds U+FFFD, which stands for bytes that are no text; leave it out");
    let long = format!("[rollout]\nstop_strings = [\"{}\"]\n", "é".repeat(65));
    assert_snapshot!(appended(&long), @"x.toml:8:17: [rollout] stop_strings.0: must be at most 64 characters long, found 65");
    let many: Vec<String> = (0..17).map(|number| format!("\"{number}\"")).collect();
    let many = format!("[rollout]\nstop_strings = [{}]\n", many.join(", "));
    assert_snapshot!(appended(&many), @"x.toml:8:1: [rollout] stop_strings: expected at most 16 values, found 17");
    assert_snapshot!(appended("[rollout]\nstop_strings = \"a\"\n"), @r#"x.toml:8:1: [rollout] stop_strings: expected an array of a string, found the string "a""#);
    assert_snapshot!(appended("[rollout]\nstop = [\"a\"]\n"), @"x.toml:8:1: [rollout] stop: unknown key; bourn calls it `stop_strings`");
}

#[test]
fn weight_dtypes() {
    assert_eq!(appended("[rollout]\nweight_dtype = \"bfloat16\"\n"), "no error");
    assert_snapshot!(appended("[rollout]\nweight_dtype = \"bf16\"\n"), @r#"x.toml:8:1: [rollout] weight_dtype: expected "float32" or "bfloat16", found the string "bf16""#);
    let on_wgpu = |dtype: &str| {
        error(&format!(
            "device = \"wgpu\"\n[model]\npath=\"m\"\n[[task]]\nkind=\"countdown\"\n[algorithm]\nname=\"grpo\"\n[rollout]\nweight_dtype = \"{dtype}\"\n"
        ))
    };
    assert_eq!(on_wgpu("float32"), "no error");
    assert_snapshot!(on_wgpu("bfloat16"), @r#"x.toml:9:1: [rollout] weight_dtype: "bfloat16" is for `device` "cpu": on "wgpu" weights stay in "float32"; set it to that"#);
    assert_snapshot!(appended("[rollout]\ndtype = \"bfloat16\"\n"), @"x.toml:8:1: [rollout] dtype: unknown key; bourn calls it `weight_dtype`");
    assert_snapshot!(error("device = \"wgpu\"\n[model]\npath=\"m\"\n[[task]]\nkind=\"countdown\"\n[algorithm]\nname=\"grpo\"\n[train]\ngradient_checkpointing = true\n"), @r#"x.toml:9:1: [train] gradient_checkpointing: is for `device` "cpu": on "wgpu" every activation is kept; leave it out, and lower train.micro_batch_size for less memory"#);
}

#[test]
fn text_that_is_not_toml() {
    assert_snapshot!(error("[model\npath = 1"), @"x.toml:1:7: not valid TOML: unclosed table, expected `]`");
    assert_snapshot!(error("seed = 1\nseed = 2\n"), @"x.toml:2:1: not valid TOML: duplicate key");
    assert_snapshot!(error("seed = \n"), @"x.toml:1:8: not valid TOML: string values must be quoted, expected literal string");
    assert_snapshot!(error("\u{feff}seed = 1\n  oops\n"), @"x.toml:2:7: not valid TOML: key with no value, expected `=`");
    assert_snapshot!(error("a = 99999999999999999999999"), @"x.toml:1:5: the integer 99999999999999999999999 does not fit into 64 bits");
    assert_snapshot!(error(&format!("{}a = 1", "a.".repeat(5000))), @"x.toml:1:1: not valid TOML: recursion limit");
}

#[test]
fn unknown_keys_name_the_nearest() {
    assert_snapshot!(appended("[rollout]\nnum_generation = 4\n"), @"x.toml:8:1: [rollout] num_generation: unknown key; did you mean `num_generations`?");
    assert_snapshot!(appended("[rollout]\r\nprompts_per_step = 4\r\n  temprature = 1\r\n"), @"x.toml:9:3: [rollout] temprature: unknown key; did you mean `temperature`?");
    assert_snapshot!(appended("[rolout]\nnum_generations = 4\n"), @"x.toml:7:2: [rolout]: unknown section; did you mean [rollout]?");
    assert_snapshot!(appended("[optimiser]\nlr = 1\n"), @"x.toml:7:2: [optimiser]: unknown section; did you mean [optimizer]?");
    assert_snapshot!(appended("[train]\nzzz = 4\n"), @"x.toml:8:1: [train] zzz: unknown key; there are `max_steps`, `num_iterations`, `minibatches`, `micro_batch_size` and `gradient_checkpointing`");
    assert_snapshot!(appended("[rollout]\n\"a\\nb\" = 4\n"), @r#"x.toml:8:1: [rollout] a\nb: unknown key; there are `prompts_per_step`, `num_generations`, `max_prompt_length`, `max_completion_length`, `temperature`, `stop_strings`, `stop_tokens`, `batch_size` and `weight_dtype`"#);
    assert_snapshot!(appended(&format!("[rollout]\n{} = 4\n", "x".repeat(5000))), @"x.toml:8:1: [rollout] xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…: unknown key; there are `prompts_per_step`, `num_generations`, `max_prompt_length`, `max_completion_length`, `temperature`, `stop_strings`, `stop_tokens`, `batch_size` and `weight_dtype`");
    assert_snapshot!(appended("[[probe.sampler]]\ntemp = 0.5\n"), @"x.toml:8:1: [[probe.sampler]] temp: unknown key; did you mean `temperature`?");
    assert_snapshot!(appended("[[reward]]\nverifer = \"math\"\n"), @"x.toml:8:1: [[reward]] verifer: unknown key; did you mean `verifier`?");
    assert_snapshot!(error("sed = 1\n"), @"x.toml:1:1: sed: unknown key; did you mean `seed`?");
}

#[test]
fn keys_of_another_section_are_sent_there() {
    assert_snapshot!(appended("[train]\nlr = 1e-6\n"), @"x.toml:8:1: [train] lr: unknown key; `lr` belongs in [base] or [critic] or [implicit_reward] or [optimizer]");
    assert_snapshot!(appended("[train]\nseed = 3\n"), @"x.toml:8:1: [train] seed: unknown key; `seed` belongs at the top, before the first section");
    assert_snapshot!(appended("[rollout]\nkl_coef = 0.1\n"), @"x.toml:8:1: [rollout] kl_coef: unknown key; `kl_coef` belongs in [algorithm]");
    assert_snapshot!(appended("[rollout]\nhidden_size = 4\n"), @"x.toml:8:1: [rollout] hidden_size: unknown key; `hidden_size` belongs in [model.architecture]");
    assert_snapshot!(appended("[probe]\ntemperature = 0.6\n"), @"x.toml:8:1: [probe.temperature]: expected a table, found the number 0.6");
    assert_snapshot!(appended("[log]\nprobe_pth = 1\n"), @"x.toml:8:1: [log] probe_pth: unknown key; did you mean `probe_path`, which belongs in [[task]]?");
    assert_snapshot!(error("temperature = 1\n"), @"x.toml:1:1: temperature: unknown key; `temperature` belongs in [rollout] or [probe] or [[probe.sampler]]");
}

#[test]
fn truncation_in_training_is_explained() {
    assert_snapshot!(appended("[rollout]\ntop_p = 0.95\n"), @"x.toml:8:1: [rollout] top_p: not a key here: training samples the full distribution at `temperature`, so that sampler and loss agree; truncation belongs to [[probe.sampler]]");
    assert_snapshot!(appended("[rollout]\ntop_k = 20\n"), @"x.toml:8:1: [rollout] top_k: not a key here: training samples the full distribution at `temperature`, so that sampler and loss agree; truncation belongs to [[probe.sampler]]");
    assert_snapshot!(appended("[rollout]\nmin_p = 0.1\n"), @"x.toml:8:1: [rollout] min_p: not a key here: training samples the full distribution at `temperature`, so that sampler and loss agree; truncation belongs to [[probe.sampler]]");
}

#[test]
fn names_of_other_trainers_are_translated() {
    assert_snapshot!(replaced("name = \"grpo\"", "name = \"grpo\"\nbeta = 0.04"), @"x.toml:7:1: [algorithm] beta: unknown key; bourn calls it `kl_coef`");
    assert_snapshot!(appended("[optimizer]\nlearning_rate = 1e-6\n"), @"x.toml:8:1: [optimizer] learning_rate: unknown key; bourn calls it `lr`");
    assert_snapshot!(fresh("[base]\nlearning_rate = 1e-6\n"), @"x.toml:11:1: [base] learning_rate: unknown key; bourn calls it `lr`");
    assert_snapshot!(appended("[train]\nlearning_rate = 1e-6\n"), @"x.toml:8:1: [train] learning_rate: unknown key; bourn calls it `lr`, in [optimizer]");
    assert_snapshot!(appended("[rollout]\nn = 8\n"), @"x.toml:8:1: [rollout] n: unknown key; bourn calls it `num_generations`");
    assert_snapshot!(appended("[train]\ngroup_size = 8\n"), @"x.toml:8:1: [train] group_size: unknown key; bourn calls it `num_generations`, in [rollout]");
    assert_snapshot!(appended("[rollout]\nrollouts_per_example = 8\n"), @"x.toml:8:1: [rollout] rollouts_per_example: unknown key; bourn calls it `num_generations`");
    assert_snapshot!(appended("[rollout]\nmax_new_tokens = 8\n"), @"x.toml:8:1: [rollout] max_new_tokens: unknown key; bourn calls it `max_completion_length`");
    assert_snapshot!(appended("[rollout]\nmax_response_length = 8\n"), @"x.toml:8:1: [rollout] max_response_length: unknown key; bourn calls it `max_completion_length`");
    assert_snapshot!(appended("[train]\ntrain_batch_size = 8\n"), @"x.toml:8:1: [train] train_batch_size: unknown key; bourn calls it `prompts_per_step`, in [rollout], which counts problems, not completions");
    assert_snapshot!(appended("[train]\nbatch_size = 8\n"), @"x.toml:8:1: [train] batch_size: unknown key; bourn calls it `prompts_per_step`, in [rollout], which counts problems, not completions");
    assert_snapshot!(appended("[train]\nppo_mini_batch_size = 8\n"), @"x.toml:8:1: [train] ppo_mini_batch_size: unknown key; bourn calls it `minibatches`, a count, not a size");
    assert_snapshot!(appended("[train]\nppo_epochs = 8\n"), @"x.toml:8:1: [train] ppo_epochs: unknown key; bourn calls it `num_iterations`");
    assert_snapshot!(replaced("name = \"grpo\"", "name = \"grpo\"\nclip_ratio = 0.2"), @"x.toml:7:1: [algorithm] clip_ratio: unknown key; bourn calls it `epsilon`");
    assert_snapshot!(replaced("name = \"grpo\"", "name = \"grpo\"\nclip_ratio_high = 0.28"), @"x.toml:7:1: [algorithm] clip_ratio_high: unknown key; bourn calls it `epsilon_high`");
    assert_snapshot!(appended("[train]\ngradient_accumulation_steps = 8\n"), @"x.toml:8:1: [train] gradient_accumulation_steps: unknown key; bourn calls it `micro_batch_size`, completions per forward, which changes memory and nothing else");
    assert_snapshot!(appended("[optimizer]\ngrad_clip = 1.0\n"), @"x.toml:8:1: [optimizer] grad_clip: unknown key; bourn calls it `max_grad_norm`");
    assert_snapshot!(appended("[train]\nsteps = 8\n"), @"x.toml:8:1: [train] steps: unknown key; bourn calls it `max_steps`, in rollout steps");
    assert_snapshot!(appended("[probe]\nn = 8\n"), @"x.toml:8:1: [probe] n: unknown key; bourn calls it `n_max`");
    assert_snapshot!(appended("[trainer]\nsteps = 8\n"), @"x.toml:7:2: [trainer]: unknown section; bourn calls it [train]");
    assert_snapshot!(appended("[data]\npath = \"x\"\n"), @"x.toml:7:2: [data]: unknown section; bourn calls it [[task]]");
}

#[test]
fn keys_of_the_other_kind() {
    assert_snapshot!(replaced("kind = \"countdown\"", "kind = \"countdown\"\npath = \"x\""), @r#"x.toml:5:1: [[task]] path: a key of kind = "dataset", but this table's kind is "countdown"; remove one"#);
    assert_snapshot!(replaced("kind = \"countdown\"", "kind = \"dataset\"\npath = \"x\"\nnumbers = 3"), @r#"x.toml:6:1: [[task]] numbers: a key of kind = "countdown", but this table's kind is "dataset"; remove one"#);
    assert_snapshot!(replaced("kind = \"countdown\"", "kind = \"count\""), @r#"x.toml:4:1: [[task]] kind: expected "countdown", "dataset" or "benchmark", found the string "count"; did you mean "countdown"?"#);
    assert_snapshot!(replaced("kind = \"countdown\"", "kind = 3"), @r#"x.toml:4:1: [[task]] kind: expected "countdown", "dataset" or "benchmark", found the integer 3"#);
    assert_snapshot!(replaced("kind = \"countdown\"", "numbers = 3"), @r#"x.toml:3:1: [[task]] kind: missing; it is one of "countdown", "dataset" or "benchmark""#);
}

#[test]
fn missing_keys() {
    assert_snapshot!(error(""), @"x.toml:1:1: [model]: missing section; add it (The policy; its frozen copy is the base)");
    assert_snapshot!(error("[model]\npath = \"m\"\n"), @"x.toml:1:1: [[task]]: missing section; add it (One or more sources of problems)");
    assert_snapshot!(error("[model]\npath = \"m\"\n[[task]]\nkind = \"countdown\"\n"), @"x.toml:1:1: [algorithm]: missing section; add it (The policy-gradient algorithm)");
    assert_snapshot!(unnamed(error("[model]\npath = \"m\"\n[[task]]\nkind = \"countdown\"\n[algorithm]\nepsilon = 0.1\n")), @r#"x.toml:5:2: [algorithm] name: missing key; add it with {names} (Which algorithm)"#);
    assert_snapshot!(replaced("path = \"a/model\"\n", ""), @"x.toml:1:2: [model]: names no model; write `path` (a published one) or `architecture` (a fresh one)");
    assert_snapshot!(replaced("kind = \"countdown\"", "kind = \"dataset\""), @"x.toml:3:1: [[task]] path: missing key; add it with a string (Training problems: a file, a pattern of names (`data/train-*.parquet`), a directory with a data set in it, or a hub's data set (`org/name[@revision]`))");
    assert_snapshot!(replaced("num_layers = 2, ", ""), @"x.toml:2:1: [model.architecture] num_layers: missing key; add it with an integer (Transformer blocks)");
    assert_snapshot!(appended("[[reward]]\nweight = 1\n"), @r#"x.toml:7:1: [[reward]] verifier: missing key; add it with "countdown", "math", "exact", "format", "random", "regex", "choice" or "command" (Which verifier)"#);
    assert_snapshot!(error("task = []\n[model]\npath = \"m\"\n[algorithm]\nname = \"grpo\"\n"), @"x.toml:1:1: [[task]]: expected at least one table, found 0");
}

#[test]
fn wrong_types() {
    assert_snapshot!(appended("[rollout]\nnum_generations = \"16\"\n"), @r#"x.toml:8:1: [rollout] num_generations: expected an integer, found the string "16"; remove the quotes"#);
    assert_snapshot!(appended("[rollout]\nnum_generations = 16.0\n"), @"x.toml:8:1: [rollout] num_generations: expected an integer, found the number 16.0; write 16");
    assert_snapshot!(appended("[rollout]\nnum_generations = 16.5\n"), @"x.toml:8:1: [rollout] num_generations: expected an integer, found the number 16.5");
    assert_snapshot!(appended("[rollout]\ntemperature = \"hot\"\n"), @r#"x.toml:8:1: [rollout] temperature: expected a number, found the string "hot""#);
    assert_snapshot!(appended("[rollout]\ntemperature = true\n"), @"x.toml:8:1: [rollout] temperature: expected a number, found true");
    assert_snapshot!(appended("[log]\ntensorboard = \"yes\"\n"), @r#"x.toml:8:1: [log] tensorboard: expected true or false, found the string "yes""#);
    assert_snapshot!(appended("[log]\ntensorboard = 2026-01-01\n"), @"x.toml:8:1: [log] tensorboard: expected true or false, found a date-time");
    assert_snapshot!(error("seed = -1\n[model]\npath=\"m\"\n[[task]]\nkind=\"countdown\"\n[algorithm]\nname=\"grpo\"\n"), @"x.toml:1:1: seed: must be at least 0, found -1");
    assert_snapshot!(error("rollout = 3\n[model]\npath=\"m\"\n[[task]]\nkind=\"countdown\"\n[algorithm]\nname=\"grpo\"\n"), @"x.toml:1:1: [rollout]: expected a table, found the integer 3");
    assert_snapshot!(replaced("[[task]]", "[task]"), @"x.toml:3:2: [[task]]: expected an array of tables, found a table; write [[task]], once for each");
    assert_snapshot!(replaced("kind = \"countdown\"", "kind = \"countdown\"\nnumbers = \"3\""), @r#"x.toml:5:1: [[task]] numbers: expected an integer or an array of 2 integers, found the string "3"; remove the quotes"#);
    assert_snapshot!(replaced("kind = \"countdown\"", "kind = \"countdown\"\nnumbers = [3]"), @"x.toml:5:1: [[task]] numbers: expected 2 values, found 1");
    assert_snapshot!(replaced("kind = \"countdown\"", "kind = \"countdown\"\nnumbers = [3, \"4\"]"), @r#"x.toml:5:15: [[task]] numbers.1: expected an integer, found the string "4"; remove the quotes"#);
    assert_snapshot!(replaced("kind = \"countdown\"", "kind = \"countdown\"\noperators = \"+-\""), @r#"x.toml:5:1: [[task]] operators: expected an array of "+", "-", "*" or "/", found the string "+-""#);
    assert_snapshot!(replaced("kind = \"countdown\"", "kind = \"countdown\"\noperators = [\"+\", \"x\"]"), @r#"x.toml:5:19: [[task]] operators.1: expected "+", "-", "*" or "/", found the string "x"; did you mean "+"?"#);
    assert_snapshot!(replaced("path = \"a/model\"", "path = 3"), @"x.toml:2:1: [model] path: expected a string, found the integer 3");
    assert_snapshot!(error("device = \"cuda\"\n[model]\npath=\"m\"\n[[task]]\nkind=\"countdown\"\n[algorithm]\nname=\"grpo\"\n"), @r#"x.toml:1:1: device: no such name: "cuda"; write "cuda:0", or the number of another NVIDIA GPU"#);
    assert_snapshot!(error("device = \"gpu\"\n[model]\npath=\"m\"\n[[task]]\nkind=\"countdown\"\n[algorithm]\nname=\"grpo\"\n"), @r#"x.toml:1:1: device: no such name: "gpu"; write "cuda:0" for an NVIDIA GPU, "vulkan" or "wgpu" for another, "metal" on a Mac"#);
    assert_snapshot!(unnamed(replaced("name = \"grpo\"", "name = \"gpro\"")), @r#"x.toml:6:1: [algorithm] name: expected {names}, found the string "gpro"; did you mean "grpo"?"#);
    assert_snapshot!(replaced("name = \"grpo\"", "name = \"grpo\"\nloss_type = \"dr-grpo\""), @r#"x.toml:7:1: [algorithm] loss_type: expected "grpo", "dr_grpo", "dapo" or "sequence", found the string "dr-grpo"; did you mean "dr_grpo"?"#);
    assert_snapshot!(replaced("name = \"grpo\"", "name = \"grpo\"\nscale_rewards = false"), @r#"x.toml:7:1: [algorithm] scale_rewards: expected "group", "batch", "advantages" or "none", found false"#);
}

#[test]
fn out_of_range() {
    assert_snapshot!(appended("[rollout]\nnum_generations = 1\n"), @"x.toml:8:1: [rollout] num_generations: must be at least 2, found 1: a group of one has no baseline but itself");
    assert_snapshot!(appended("[rollout]\nprompts_per_step = 0\n"), @"x.toml:8:1: [rollout] prompts_per_step: must be at least 1, found 0");
    assert_snapshot!(appended("[rollout]\ntemperature = 0\n"), @"x.toml:8:1: [rollout] temperature: must be at least 0.01, found 0: greedy decoding (0) would make all completions of a group the same");
    assert_snapshot!(appended("[rollout]\ntemperature = -0.5\n"), @"x.toml:8:1: [rollout] temperature: must be at least 0.01, found -0.5: greedy decoding (0) would make all completions of a group the same");
    assert_snapshot!(appended("[rollout]\ntemperature = nan\n"), @"x.toml:8:1: [rollout] temperature: must be finite, found NaN");
    assert_snapshot!(appended("[optimizer]\nlr = inf\n"), @"x.toml:8:1: [optimizer] lr: must be finite, found inf");
    assert_snapshot!(appended("[optimizer]\nlr = 1e999\n"), @"x.toml:8:1: [optimizer] lr: must be finite, found inf");
    assert_snapshot!(appended("[optimizer]\nbeta2 = 1\n"), @"x.toml:8:1: [optimizer] beta2: must be below 1, found 1");
    assert_snapshot!(appended("[optimizer]\neps = 0.0\n"), @"x.toml:8:1: [optimizer] eps: must be above 0, found 0.0");
    assert_snapshot!(appended("[[probe.sampler]]\ntop_p = 0\n"), @"x.toml:8:1: [[probe.sampler]] top_p: must be above 0, found 0");
    assert_snapshot!(appended("[[probe.sampler]]\ntop_p = 1.5\n"), @"x.toml:8:1: [[probe.sampler]] top_p: must be at most 1, found 1.5");
    assert_snapshot!(appended("[[probe.sampler]]\ntemperature = 0\n"), @"x.toml:8:1: [[probe.sampler]] temperature: must be at least 0.01, found 0: greedy decoding (0) would make all draws of a problem the same");
    assert_snapshot!(appended("[probe]\nn_max = 0\n"), @"x.toml:8:1: [probe] n_max: must be at least 1, found 0");
    assert_snapshot!(appended("[probe]\nconfidence = 95\n"), @"x.toml:8:1: [probe] confidence: must be below 1, found 95");
    assert_snapshot!(appended("[probe]\nsampler = []\n"), @"x.toml:8:1: [[probe.sampler]]: expected at least one table, found 0");
    assert_snapshot!(replaced("name = \"grpo\"", "name = \"grpo\"\nepsilon = 0"), @"x.toml:7:1: [algorithm] epsilon: must be above 0, found 0");
    assert_snapshot!(replaced("hidden_size = 64", "hidden_size = 100000"), @"x.toml:2:18: [model.architecture] hidden_size: must be at most 65536, found 100000");
    assert_snapshot!(replaced("num_layers = 2", "num_layers = 5000"), @"x.toml:2:36: [model.architecture] num_layers: must be at most 1024, found 5000");
    assert_snapshot!(replaced("path = \"a/model\"", "path = \"\""), @"x.toml:2:1: [model] path: must not be empty");
    assert_snapshot!(replaced("kind = \"countdown\"", "kind = \"countdown\"\nnumbers = [3, 9]"), @"x.toml:5:15: [[task]] numbers.1: must be at most 6, found 9");
    assert_snapshot!(replaced("kind = \"countdown\"", "kind = \"countdown\"\nrange = [0, 9]"), @"x.toml:5:10: [[task]] range.0: must be at least 1, found 0");
    assert_snapshot!(replaced("kind = \"countdown\"", "kind = \"countdown\"\noperators = []"), @"x.toml:5:1: [[task]] operators: expected at least one value, found 0");
    assert_snapshot!(replaced("kind = \"countdown\"", "kind = \"countdown\"\noperators = [\"+\", \"-\", \"+\"]"), @r#"x.toml:5:24: [[task]] operators: the string "+" stands here twice"#);
    assert_snapshot!(replaced("kind = \"countdown\"", "kind = \"countdown\"\nweight = -1"), @"x.toml:5:1: [[task]] weight: must be at least 0, found -1");
}

#[test]
fn rules_across_keys() {
    assert_snapshot!(appended("[train]\nminibatches = 5\n"), @"x.toml:8:1: [train] minibatches: 32 prompts cannot be split evenly into 5 minibatches; 4 and 8 do");
    assert_snapshot!(appended("[rollout]\nprompts_per_step = 7\n[train]\nminibatches = 4\n"), @"x.toml:10:1: [train] minibatches: 7 prompts cannot be split evenly into 4 minibatches; 1 and 7 do");
    assert_snapshot!(appended("[rollout]\nprompts_per_step = 65536\nnum_generations = 65536\n"), @"x.toml:9:1: [rollout] num_generations: 65536 prompts of 65536 completions make 4294967296 a step, more than 2^22");
    assert_snapshot!(appended("[probe]\nproblems = 1000000\nn_max = 1000000\n"), @"x.toml:9:1: [probe] n_max: 1000000 problems, 1000000 draws and 2 samplers make 2000000000000 draws a probe, more than 2^32; lower one");
    assert_snapshot!(appended("[base]\n"), @"x.toml:7:2: [base]: pretrains a fresh architecture, but [model] has a `path`; remove this section");
    assert_snapshot!(fresh(""), @"x.toml:2:1: [model.architecture]: a fresh architecture knows nothing yet; add a [base] section that pretrains it");
    assert_snapshot!(replaced("path = \"a/model\"", "path = \"a\"\narchitecture = { hidden_size = 64, num_layers = 2, num_heads = 4 }"), @"x.toml:3:1: [model.architecture]: the model is given twice, by `path` and by `architecture`; keep one");
    assert_snapshot!(replaced("num_heads = 4", "num_heads = 5"), @"x.toml:2:52: [model.architecture] num_heads: 5 heads do not divide `hidden_size` 64; 4 and 8 do");
    assert_snapshot!(replaced("num_heads = 4", "num_heads = 64"), @"x.toml:2:52: [model.architecture] num_heads: `hidden_size` / `num_heads` is 1, which rotary positions need to be even");
    assert_snapshot!(replaced("num_heads = 4", "num_heads = 4, num_kv_heads = 3"), @"x.toml:2:67: [model.architecture] num_kv_heads: 3 key/value heads do not divide `num_heads` 4; 2 and 4 do");
    assert_snapshot!(replaced("hidden_size = 64, num_layers = 2", "hidden_size = 65536, num_layers = 1024"), @"x.toml:2:39: [model.architecture] num_layers: the blocks would have 52780853100544 parameters, more than 2^36");
    assert_snapshot!(fresh("[base.demonstrations]\ncorrect = 0.5\nrandom = 0.6\n"), @"x.toml:10:7: [base.demonstrations]: the shares sum to 1.1, not to 1 (those not written are 0)");
    assert_snapshot!(fresh("[base]\ndemonstrations = { correct = 0.5 }\n"), @"x.toml:11:1: [base.demonstrations]: the shares sum to 0.5, not to 1 (those not written are 0)");
    assert_snapshot!(error(&format!("{}[base]\n", FRESH.replace("max_prompt_length = 32\n", ""))), @"x.toml:8:1: [rollout] max_completion_length: a prompt of 256 and a completion of 32 tokens make 288, more than `max_position` 256 of the architecture; lower one or raise that");
    assert_snapshot!(error(&format!("{}[base]\n", FRESH.replace("[rollout]\nmax_prompt_length = 32\nmax_completion_length = 32\n", ""))), @"x.toml:2:1: [model.architecture]: a prompt of 256 and a completion of 256 tokens make 512, more than `max_position` 256 of the architecture; lower one or raise that");
    assert_snapshot!(error(&format!("{}[base]\n", FRESH.replace("kind = \"countdown\"", "kind = \"dataset\"\npath = \"x\""))), @r#"x.toml:4:1: [[task]] kind: a fresh architecture learns from countdown demonstrations and knows no other text; use kind = "countdown", or a published model through `model.path`"#);
    assert_snapshot!(replaced("path = \"a/model\"", "path = \"a\"\nsystem_prompt = \"Think.\""), @"x.toml:3:1: [model] system_prompt: has no effect without `chat_template = true`; set that or remove this");
    assert_snapshot!(error(&format!("{}[base]\n", FRESH.replace("[[task]]", "chat_template = true\n[[task]]"))), @"x.toml:3:1: [model] chat_template: a fresh architecture has no chat template; remove the key");
    assert_snapshot!(replaced("kind = \"countdown\"", "kind = \"countdown\"\ntemplate = \"Q: {question}\""), @"x.toml:5:1: [[task]] template: lacks `{prompt}`, the place where the problem's text goes");
    assert_snapshot!(replaced("kind = \"countdown\"", "kind = \"countdown\"\nrange = [9, 3]"), @"x.toml:5:1: [[task]] range: the first is greater than the second; write the smaller one first");
    assert_snapshot!(replaced("kind = \"countdown\"", "kind = \"countdown\"\nnumbers = [4, 3]"), @"x.toml:5:1: [[task]] numbers: the first is greater than the second; write the smaller one first");
    assert_snapshot!(replaced("kind = \"countdown\"", "kind = \"countdown\"\nweight = 0"), @"x.toml:5:1: [[task]] weight: all weights are 0; give one task a share");
    assert_snapshot!(appended("[[reward]]\nverifier = \"math\"\n"), @r#"x.toml:8:1: [[reward]] verifier: the math verifier cannot judge countdown problems; use "countdown" here, or give tasks of another kind a [[task.reward]] of their own"#);
    assert_snapshot!(appended("[[reward]]\nverifier = \"countdown\"\nextract = \"boxed\"\n"), @"x.toml:9:1: [[reward]] extract: has no effect: the countdown verifier reads the whole completion; remove it");
    assert_snapshot!(appended("[[reward]]\nverifier = \"countdown\"\n[[reward]]\nverifier = \"countdown\"\nweight = -1\n"), @"x.toml:7:1: [[reward]] weight: the weights of all rewards sum to 0 or less, so that no answer would be worth finding; raise one");
    assert_snapshot!(error(&format!("{}[[reward]]\nverifier = \"countdown\"\n", WHOLE.replace("kind = \"countdown\"", "kind = \"dataset\"\npath = \"x\""))), @r#"x.toml:9:1: [[reward]] verifier: the countdown verifier cannot judge dataset problems; use "math", "exact", "regex" or "choice" here, or give tasks of another kind a [[task.reward]] of their own"#);
    assert_snapshot!(appended("[[task]]\nkind = \"dataset\"\npath = \"x\"\n"), @"no error");
    assert_snapshot!(appended("[[probe.sampler]]\n[[probe.sampler]]\ntemperature = 1\n"), @"x.toml:8:1: [[probe.sampler]]: the same as an earlier sampler, which gives the same draws; remove one");
    assert_snapshot!(appended("[probe]\nscores = 0\nreferences = 'x.jsonl'\n"), @"x.toml:9:1: [probe] references: has no effect where `scores` is 0, which leaves out all figures of where answers came from; raise `scores` or remove this");
    assert_snapshot!(appended("[probe]\nscores = 0\n[probe.guess]\n"), @"x.toml:9:8: [probe.guess]: has no effect where `scores` is 0, which leaves out all figures of where answers came from; raise `scores` or remove this");
    assert_snapshot!(appended("[probe.guess]\nn = 0\n"), @"x.toml:8:1: [probe.guess] n: must be at least 1, found 0");
    assert_snapshot!(error(&format!("name = \"a/b\"\n{WHOLE}")), @r#"x.toml:1:1: name: names a directory inside the runs directory; write it without `/` and `\`"#);
    assert_snapshot!(error(&format!("name = \"\"\n{WHOLE}")), @"x.toml:1:1: name: must not be empty");
    // Read from right to left, a control character, a letter that takes no room.
    for c in ["\\u202e", "\\u001b", "\\u2066", "\\u009b", "\\u200b"] {
        let found = error(&format!("name = \"a{c}b\"\n{WHOLE}"));
        assert!(
            found.starts_with("x.toml:1:1: name: holds a character that is not seen"),
            "{found}"
        );
    }
}

#[test]
fn overrides() {
    assert_snapshot!(set(&["rollout.num_generation=4"]), @"--set rollout.num_generation: [rollout] num_generation: unknown key; did you mean `num_generations`?");
    assert_snapshot!(set(&["rollout.num_generations=1"]), @"--set rollout.num_generations: [rollout] num_generations: must be at least 2, found 1: a group of one has no baseline but itself");
    assert_snapshot!(set(&["rollout.num_generations=many"]), @r#"--set rollout.num_generations: [rollout] num_generations: expected an integer, found the string "many""#);
    assert_snapshot!(set(&["train.minibatches=5"]), @"--set train.minibatches: [train] minibatches: 32 prompts cannot be split evenly into 5 minibatches; 4 and 8 do");
    assert_snapshot!(set(&["rollout.prompts_per_step=30", "train.minibatches=4"]), @"--set train.minibatches: [train] minibatches: 30 prompts cannot be split evenly into 4 minibatches; 3 and 5 do");
    assert_snapshot!(set(&["task.1.numbers=4"]), @"--set task.1.numbers: there is no number 1; `task` has 1, counted from 0");
    assert_snapshot!(set(&["task.numbers=4"]), @"--set task.numbers: `task` is an array; say which one, as in `task.0.numbers`");
    assert_snapshot!(set(&["reward.0.weight=2"]), @"--set reward.0.weight: the recipe has no `reward` to choose from; write one there first");
    assert_snapshot!(set(&["task.0.numbers=9"]), @"--set task.0.numbers: [[task]] numbers: must be at most 6, found 9");
    assert_snapshot!(set(&["rollout.0.weight=2"]), @"--set rollout.0.weight: the recipe has no `rollout` to choose from; write one there first");
    assert_snapshot!(set(&["seed.x=2"]), @"--set seed.x: seed: expected an integer, found a table");
    assert_snapshot!(set(&["model.path.x=2"]), @r#"--set model.path.x: `model.path` is the string "a/model", not a table"#);
    assert_snapshot!(set(&["seed"]), @"--set seed: expected KEY=VALUE, as in `--set rollout.temperature=0.8`");
    assert_snapshot!(set(&["=3"]), @"--set : not a key; write `section.key`, as in `optimizer.lr`");
    assert_snapshot!(set(&["a..b=3"]), @"--set a..b: not a key; write `section.key`, as in `optimizer.lr`");
    assert_snapshot!(set(&[&format!("{}a=3", "a.".repeat(100_000))]), @"--set a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.…: not a key; write `section.key`, as in `optimizer.lr`");
    assert_snapshot!(set(&["extends=other.toml"]), @"--set extends: cannot be set from the command line; write it into a recipe");
    assert_snapshot!(set(&["rolout.temperature=1"]), @"--set rolout.temperature: [rolout]: unknown section; did you mean [rollout]?");
    assert_snapshot!(set(&["algorithm.beta=0.1"]), @"--set algorithm.beta: [algorithm] beta: unknown key; bourn calls it `kl_coef`");
    assert_snapshot!(set(&["rollout=4"]), @"--set rollout: [rollout]: expected a table, found the integer 4");
    assert_snapshot!(set(&["task=[]"]), @"--set task: [[task]]: expected at least one table, found 0");
    assert_snapshot!(set(&["optimizer={lr=1e-5,lrr=2}"]), @"--set optimizer: [optimizer] lrr: unknown key; did you mean `lr`?");
}

#[test]
fn rewards_of_a_task() {
    let own = "[[task]]\nkind = \"dataset\"\npath = \"x\"\n[[task.reward]]\n";
    assert_snapshot!(appended(&format!("{own}verifier = \"exact\"\n")), @"no error");
    assert_snapshot!(appended(&format!("{own}verifer = \"exact\"\n")), @"x.toml:11:1: [[task.reward]] verifer: unknown key; did you mean `verifier`?");
    assert_snapshot!(appended(&format!("{own}verifier = \"countdown\"\n")), @r#"x.toml:11:1: [[task.reward]] verifier: the countdown verifier cannot judge dataset problems; use "math", "exact", "regex" or "choice" here"#);
    assert_snapshot!(appended(&format!("{own}verifier = \"random\"\n")), @"x.toml:11:1: [[task.reward]] verifier: random cannot come first: the first reward gives the raw verdict, which the probe measures; put the task's verifier there, with `weight = 0.0` if it is to pay nothing");
    assert_snapshot!(appended(&format!("{own}verifier = \"math\"\nweight = 0\n")), @"x.toml:12:1: [[task.reward]] weight: the weights of all rewards sum to 0 or less, so that no answer would be worth finding; raise one");
    assert_snapshot!(appended(&format!("{own}verifier = \"exact\"\nstep_weight = 1\n")), @"x.toml:12:1: [[task.reward]] step_weight: has no effect: the exact verifier compares text, which has no steps; remove it");
    // What is for every task without rewards of its own needs one.
    let top = "[[reward]]\nverifier = \"countdown\"\n";
    assert_snapshot!(appended(&format!("{own}verifier = \"exact\"\n{top}")), @"no error");
    assert_snapshot!(replaced("[algorithm]", &format!("[[task.reward]]\nverifier = \"countdown\"\n{top}[algorithm]")), @"x.toml:7:3: [[reward]]: has no effect: every [[task]] has rewards of its own; remove it");
    assert_snapshot!(set(&["task.0.reward=[]"]), @"--set task.0.reward: [[task.reward]]: expected at least one table, found 0");
    assert_snapshot!(appended("[train]\nverifier = \"math\"\n"), @"x.toml:8:1: [train] verifier: unknown key; `verifier` belongs in [[reward]]");
}

#[test]
fn keys_of_one_verifier() {
    let reward = |text: &str| replaced("[algorithm]", &format!("[[reward]]\n{text}\n[algorithm]"));
    let file = |text: &str| {
        let jsonl = WHOLE.replace("kind = \"countdown\"", "kind = \"dataset\"\npath = \"x\"");
        error(&format!("{jsonl}[[reward]]\n{text}\n"))
    };
    assert_snapshot!(file("verifier = \"regex\"\npattern = 'a: (\\d+)'"), @"no error");
    assert_snapshot!(file("verifier = \"regex\""), @"x.toml:9:1: [[reward]] verifier: the regex verifier needs `pattern`, which is missing; add it");
    assert_snapshot!(file("verifier = \"regex\"\npattern = '(a'"), @"x.toml:10:1: [[reward]] pattern: not a pattern: unclosed group");
    assert_snapshot!(file("verifier = \"regex\"\npattern = '(?=a)'"), @"x.toml:10:1: [[reward]] pattern: not a pattern: look-around, including look-ahead and look-behind, is not supported");
    assert_snapshot!(file("verifier = \"regex\"\npattern = '\\w{1000}{1000}'"), @"x.toml:10:1: [[reward]] pattern: takes more than 1 MiB when compiled; write a smaller one");
    assert_snapshot!(file("verifier = \"regex\"\npattern = 'a'\nextract = \"boxed\""), @"x.toml:11:1: [[reward]] extract: has no effect: the regex verifier finds the answer by its `pattern`; remove it");
    assert_snapshot!(file("verifier = \"math\"\npattern = 'a'"), @r#"x.toml:10:1: [[reward]] pattern: has no effect: it is a key of "regex"; remove it"#);
    assert_snapshot!(reward("verifier = \"regex\"\npattern = 'a'"), @r#"x.toml:6:1: [[reward]] verifier: the regex verifier cannot judge countdown problems; use "countdown" here, or give tasks of another kind a [[task.reward]] of their own"#);
    assert_snapshot!(file("verifier = \"choice\"\nchoices = 4"), @"no error");
    assert_snapshot!(file("verifier = \"choice\"\nchoices = 1"), @"x.toml:10:1: [[reward]] choices: must be at least 2, found 1");
    assert_snapshot!(file("verifier = \"choice\"\nstep_weight = 1"), @"x.toml:10:1: [[reward]] step_weight: has no effect: the choice verifier compares letters, which have no steps; remove it");
    assert_snapshot!(reward("verifier = \"command\"\ncommand = [\"a\", \"b\"]\nthreshold = 0.5"), @"no error");
    assert_snapshot!(reward("verifier = \"command\""), @"x.toml:6:1: [[reward]] verifier: the command verifier needs `command`, which is missing; add it");
    assert_snapshot!(reward("verifier = \"command\"\ncommand = \"a b\""), @r#"x.toml:7:1: [[reward]] command: expected an array of a string, found the string "a b""#);
    assert_snapshot!(reward("verifier = \"command\"\ncommand = []"), @"x.toml:7:1: [[reward]] command: expected at least one value, found 0");
    assert_snapshot!(reward("verifier = \"command\"\ncommand = [\"a\"]\ntimeout = 0"), @"x.toml:8:1: [[reward]] timeout: must be above 0, found 0");
    assert_snapshot!(reward("verifier = \"command\"\ncommand = [\"a\"]\nthreshold = 1.5"), @"x.toml:8:1: [[reward]] threshold: must be at most 1, found 1.5");
    assert_snapshot!(reward("verifier = \"countdown\"\nworkers = 2"), @r#"x.toml:7:1: [[reward]] workers: has no effect: it is a key of "command"; remove it"#);
}

#[test]
fn rewards_for_controls() {
    let format =
        "[[reward]]\nverifier = \"countdown\"\n[[reward]]\nverifier = \"format\"\nweight = 0.1\n";
    assert_snapshot!(appended(format), @"no error");
    let random = "[[reward]]\nverifier = \"random\"\n";
    assert_snapshot!(appended(random), @"x.toml:8:1: [[reward]] verifier: random cannot come first: the first reward gives the raw verdict, which the probe measures; put the task's verifier there, with `weight = 0.0` if it is to pay nothing");
    let control =
        "[[reward]]\nverifier = \"countdown\"\nweight = 0.0\n[[reward]]\nverifier = \"random\"\n";
    assert_snapshot!(appended(control), @"no error");
    assert_snapshot!(appended(&format!("{control}extract = \"whole\"\n")), @"x.toml:12:1: [[reward]] extract: has no effect: the random verifier reads no answer; remove it");
    assert_snapshot!(appended(&format!("{control}step_weight = 1.0\n")), @"x.toml:12:1: [[reward]] step_weight: has no effect: the random verifier looks at nothing, so at no steps; remove it");
    assert_snapshot!(appended(&format!("{format}step_weight = 1.0\n")), @"x.toml:12:1: [[reward]] step_weight: has no effect: the format verifier looks at the answer, not at steps; remove it");
}

#[test]
fn second_opinions() {
    let second = "[[reward]]\nverifier = \"countdown\"\n[[reward]]\nverifier = \"format\"\nsecond_opinion = true\n";
    assert_snapshot!(appended(second), @"no error");
    assert_snapshot!(appended(&format!("{second}weight = 0.0\n")), @"x.toml:12:1: [[reward]] weight: has no effect: a second opinion pays nothing; remove it");
    assert_snapshot!(appended(&format!("{second}step_weight = 0.0\n")), @"x.toml:12:1: [[reward]] step_weight: has no effect: a second opinion pays nothing; remove it");
    assert_snapshot!(appended("[[reward]]\nverifier = \"countdown\"\nsecond_opinion = true\n"), @"x.toml:9:1: [[reward]] second_opinion: the first reward gives the raw verdict, which others are held against; put it behind that one");
    assert_snapshot!(appended(&second.replace("countdown\"\n", "countdown\"\nweight = 0\n")), @"x.toml:9:1: [[reward]] weight: the weights of all rewards sum to 0 or less, so that no answer would be worth finding; raise one");
    let own = "[[task]]\nkind = \"dataset\"\npath = \"x\"\n[[task.reward]]\nverifier = ";
    let behind = "\n[[task.reward]]\nsecond_opinion = true\nverifier = ";
    assert_snapshot!(appended(&format!("{own}\"math\"{behind}\"exact\"\n")), @"no error");
    assert_snapshot!(appended(&format!("{own}\"exact\"{behind}\"math\"\n")), @"x.toml:14:1: [[task.reward]] verifier: the math verifier reads references as mathematics, which those that pay do not; put it first, and the other behind it as the second opinion");
}

#[test]
fn an_environment_is_known_and_has_no_keys_of_others() {
    let within = |environment: &str| {
        let text = WHOLE.replace("kind = \"countdown\"", "kind = \"countdown\"\nenvironment = ");
        error(&text.replace("environment = ", &format!("environment = {environment}")))
    };
    assert_eq!(within("{ kind = \"single_turn\" }"), "no error");
    assert_snapshot!(within("{ kind = \"two_turn\" }"), @r#"x.toml:5:17: [task.environment] kind: expected "single_turn", found the string "two_turn""#);
    assert_snapshot!(within("{ kind = \"single_turn\", turns = 3 }"), @"x.toml:5:39: [task.environment] turns: unknown key; there are `kind`");
    assert_snapshot!(within("{}"), @r#"x.toml:5:1: [task.environment] kind: missing key; add it with "single_turn""#);
}
