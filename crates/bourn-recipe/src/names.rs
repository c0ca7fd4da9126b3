//! What to say of a key that does not exist: the new name of a known one, the section it belongs
//! to, or the nearest name.

use serde_json::Value as Json;

use crate::error::shown;
use crate::nearest::nearest;
use crate::schema::{Section, kind, properties, sections, table_branches};

/// Names that other trainers use: theirs, the dotted path of ours, and what differs.
/// Several paths mean that the section in which it was written decides.
const FOREIGN: &[(&[&str], &[&str], &str)] = &[
    (&["random_seed"], &["seed"], ""),
    (&["run_name", "experiment_name", "exp_name"], &["name"], ""),
    (&["model_name_or_path", "model_name", "model_path", "pretrained"], &["model.path"], ""),
    (&["system_message"], &["model.system_prompt"], ""),
    (&["apply_chat_template"], &["model.chat_template"], ""),
    (
        &["max_position_embeddings", "max_seq_len", "context_length", "block_size"],
        &["model.architecture.max_position"],
        "",
    ),
    (&["num_hidden_layers", "n_layer", "n_layers"], &["model.architecture.num_layers"], ""),
    (&["num_attention_heads", "n_head", "n_heads"], &["model.architecture.num_heads"], ""),
    (&["num_key_value_heads", "n_kv_heads"], &["model.architecture.num_kv_heads"], ""),
    (&["tie_word_embeddings"], &["model.architecture.tie_embeddings"], ""),
    (&["d_model", "n_embd"], &["model.architecture.hidden_size"], ""),
    (&["data_path", "dataset", "dataset_path", "train_file", "train_files"], &["task.path"], ""),
    (&["val_files", "eval_path", "test_path"], &["task.probe_path"], ""),
    (&["prompt_key", "question_key", "question_column"], &["task.prompt_column"], ""),
    (&["answer_key", "label_key", "response_key"], &["task.answer_column"], ""),
    (&["max_samples"], &["task.max_problems"], ""),
    (&["reward_fn", "reward_func", "reward_funcs", "reward_type"], &["reward.verifier"], ""),
    (&["reward_weights"], &["reward.weight"], "one in each [[reward]]"),
    (
        &["train_batch_size", "batch_size", "rollout_batch_size", "num_prompts_per_step"],
        &["rollout.prompts_per_step"],
        "which counts problems, not completions",
    ),
    (
        &[
            "group_size",
            "rollouts_per_example",
            "num_samples",
            "n_samples_per_prompt",
            "num_generations_per_prompt",
            "samples_per_prompt",
            "n_rollouts",
        ],
        &["rollout.num_generations"],
        "",
    ),
    (
        &[
            "max_new_tokens",
            "max_response_length",
            "response_length",
            "generate_max_len",
            "max_tokens",
            "max_completion_len",
        ],
        &["rollout.max_completion_length"],
        "",
    ),
    (
        &["stop", "stop_string", "stop_sequences", "stop_words", "stop_str"],
        &["rollout.stop_strings"],
        "",
    ),
    (
        &["stop_token_ids", "stop_token", "eos_token_id", "eos_token_ids", "eos_token"],
        &["rollout.stop_tokens"],
        "",
    ),
    (&["dtype", "vllm_dtype", "rollout_dtype", "torch_dtype"], &["rollout.weight_dtype"], ""),
    (&["prompt_max_len", "max_prompt_len"], &["rollout.max_prompt_length"], ""),
    (&["adv_estimator", "advantage_estimator", "algo"], &["algorithm.name"], ""),
    (&["loss_agg_mode"], &["algorithm.loss_type"], ""),
    (&["norm_adv_by_std_in_grpo", "std_norm"], &["algorithm.scale_rewards"], ""),
    (
        &[
            "clip_ratio",
            "clip_ratio_low",
            "epsilon_low",
            "cliprange",
            "clip_range",
            "clip_eps",
            "eps_clip",
            "eps_clip_low",
        ],
        &["algorithm.epsilon"],
        "",
    ),
    (&["clip_ratio_high", "clip_higher", "eps_clip_high"], &["algorithm.epsilon_high"], ""),
    (&["beta", "kl_loss_coef", "init_kl_coef", "kl_beta", "kl_weight"], &["algorithm.kl_coef"], ""),
    (&["kl_loss_type", "kl_penalty", "kl_type"], &["algorithm.kl_estimator"], ""),
    (
        &["entropy_coeff", "ent_coef", "entropy_loss_coef", "entropy_weight"],
        &["algorithm.entropy_coef"],
        "",
    ),
    (
        &["importance_sampling_level", "loss_mode"],
        &["algorithm.ratio_level"],
        "with `surrogate` beside it",
    ),
    (
        &["filter_groups", "dynamic_sample", "max_num_gen_batches"],
        &["algorithm.dynamic_sampling"],
        "",
    ),
    (
        &["overlong_buffer", "overlong_buffer_len", "soft_punish_cache"],
        &["algorithm.overlong_share"],
        "a share of `max_completion_length`",
    ),
    (&["top_entropy_quantile"], &["algorithm.top_entropy_share"], "one less the quantile"),
    (&["clip_cov_ratio", "kl_cov_ratio"], &["algorithm.covariance_share"], ""),
    (&["ppo_kl_coef", "kl_cov_coef"], &["algorithm.covariance_coef"], ""),
    (&["gae_lambda", "lam", "lambd"], &["critic.lambda_policy"], "with `lambda_value` beside it"),
    (&["cliprange_value", "vf_clip"], &["critic.value_clip"], ""),
    (&["vf_coef"], &["critic.value_coef"], ""),
    (&["positive_example_nll", "nll_coef"], &["algorithm.positive_nll"], ""),
    (&["positive_advantage_weight"], &["algorithm.positive_weight"], ""),
    (&["overlong_filtering", "mask_truncated"], &["algorithm.mask_truncated_completions"], ""),
    (&["learning_rate", "actor_learning_rate"], &["optimizer.lr", "base.lr"], ""),
    (
        &["lr_scheduler_type", "lr_scheduler", "lr_schedule"],
        &["optimizer.schedule", "base.schedule"],
        "",
    ),
    (
        &["warmup", "lr_warmup_steps", "num_warmup_steps", "warmup_ratio", "lr_warmup_steps_ratio"],
        &["optimizer.warmup_steps", "base.warmup_steps"],
        "in optimiser updates",
    ),
    (&["adam_beta1"], &["optimizer.beta1", "base.beta1"], ""),
    (&["adam_beta2"], &["optimizer.beta2", "base.beta2"], ""),
    (&["betas"], &["optimizer.beta1", "base.beta1"], "with `beta2` beside it"),
    (&["adam_epsilon", "adam_eps"], &["optimizer.eps", "base.eps"], ""),
    (
        &["grad_clip", "clip_grad", "max_norm", "clip_grad_norm", "gradient_clipping"],
        &["optimizer.max_grad_norm", "base.max_grad_norm"],
        "",
    ),
    (
        &["total_training_steps", "num_train_steps", "num_steps", "steps", "train_steps"],
        &["train.max_steps"],
        "in rollout steps",
    ),
    (
        &["epochs", "num_epochs", "num_train_epochs", "total_epochs"],
        &["train.max_steps"],
        "in rollout steps; problems repeat when all were seen",
    ),
    (&["ppo_epochs", "num_ppo_epochs", "update_epochs", "mu"], &["train.num_iterations"], ""),
    (
        &[
            "ppo_mini_batch_size",
            "mini_batch_size",
            "num_minibatches",
            "num_mini_batches",
            "minibatch_size",
        ],
        &["train.minibatches"],
        "a count, not a size",
    ),
    (
        &[
            "gradient_accumulation_steps",
            "per_device_train_batch_size",
            "ppo_micro_batch_size",
            "ppo_micro_batch_size_per_gpu",
            "train_micro_batch_size",
            "micro_train_batch_size",
        ],
        &["train.micro_batch_size"],
        "completions per forward, which changes memory and nothing else",
    ),
    (
        &["activation_checkpointing", "enable_gradient_checkpointing", "recompute"],
        &["train.gradient_checkpointing"],
        "",
    ),
    (&["eval_steps", "eval_interval", "test_freq", "val_period"], &["probe.interval"], ""),
    (&["n"], &["rollout.num_generations", "probe.n_max"], ""),
    (&["val_n", "num_draws"], &["probe.n_max"], ""),
    (&["k", "ks"], &["probe.n_max"], "pass@k is given for every power of two up to it"),
    (&["samplers"], &["probe.sampler"], "as [[probe.sampler]] tables"),
    (&["save_steps", "save_freq", "save_interval", "save_period"], &["checkpoint.interval"], ""),
    (&["save_total_limit", "max_ckpt_to_keep", "keep_top_k"], &["checkpoint.keep_last"], ""),
    (&["logging_steps", "log_interval"], &["log.console_interval"], ""),
    (&["report_to", "logger"], &["log.tensorboard"], ""),
];

/// Sections of other trainers, and ours.
const FOREIGN_SECTIONS: &[(&[&str], &str)] = &[
    (&["trainer", "training"], "[train]"),
    (&["data", "dataset", "datasets", "env", "environment"], "[[task]]"),
    (&["actor", "policy"], "[model]"),
    (&["optim", "actor_optimizer"], "[optimizer]"),
    (&["value", "value_model", "vf"], "[critic]"),
    (&["generation", "sampling", "sampler", "vllm"], "[rollout]"),
    (&["eval", "evaluation", "val"], "[probe]"),
    (&["grpo", "algo", "loss"], "[algorithm]"),
    (&["rewards", "verifier", "verifiers", "reward_model"], "[[reward]]"),
    (&["checkpointing", "ckpt"], "[checkpoint]"),
    (&["logger", "logging"], "[log]"),
    (&["sft", "pretrain"], "[base]"),
];

const TRUNCATING: &[&str] = &["top_p", "top_k", "min_p"];

/// Why `key` is no key of `table`, the section at the dotted `path`, and which one was meant.
/// `is_table` tells a section's header from a plain key.
pub(crate) fn unknown(
    schema: &Json,
    path: &str,
    table: &Json,
    key: &str,
    is_table: bool,
) -> String {
    let all = sections(schema);
    let here: Vec<&str> = properties(table).map(|(name, _)| name.as_str()).collect();

    if path == "rollout" && TRUNCATING.contains(&key) {
        return "not a key here: training samples the full distribution at `temperature`, so that \
                sampler and loss agree; truncation belongs to [[probe.sampler]]"
            .to_string();
    }
    if let Some(text) = other_kind(schema, path, table, key) {
        return text;
    }
    if path.is_empty() && is_table {
        let foreign = FOREIGN_SECTIONS.iter().find(|(theirs, _)| theirs.contains(&key));
        if let Some((_, ours)) = foreign {
            return format!("unknown section; bourn calls it {ours}");
        }
    }
    if let Some(text) = foreign_name(&all, path, &here, key) {
        return text;
    }
    let homes: Vec<&Section<'_>> = all
        .iter()
        .filter(|section| properties(section.schema).any(|(name, _)| name == key))
        .collect();
    if !homes.is_empty() {
        return format!("unknown key; `{}` belongs {}", shown(key), places(&homes));
    }
    match nearest(key, here.iter().copied()) {
        Some(name) if path.is_empty() => {
            let header = all.iter().find(|section| section.path == name);
            match header {
                Some(section) => format!("unknown section; did you mean {}?", section.title),
                None => format!("unknown key; did you mean `{name}`?"),
            }
        }
        Some(name) => format!("unknown key; did you mean `{name}`?"),
        None => nearest_elsewhere(&all, key).unwrap_or_else(|| inventory(&here)),
    }
}

/// A key of the same table under another `kind`.
fn other_kind(schema: &Json, path: &str, table: &Json, key: &str) -> Option<String> {
    let ours = kind(table)?;
    let items = &schema["properties"][path]["items"];
    let other = table_branches(items)
        .into_iter()
        .find(|branch| properties(branch).any(|(name, _)| name == key))?;
    let theirs = kind(other)?;
    Some(format!("a key of kind = \"{theirs}\", but this table's kind is \"{ours}\"; remove one"))
}

fn foreign_name(all: &[Section<'_>], path: &str, here: &[&str], key: &str) -> Option<String> {
    let (_, ours, note) = FOREIGN.iter().find(|(theirs, ..)| theirs.contains(&key))?;
    let split = |dotted: &&'static str| dotted.rsplit_once('.').unwrap_or(("", dotted));
    let (section, name) = ours
        .iter()
        .map(split)
        .find(|(section, _)| *section == path)
        .or_else(|| ours.first().map(split))?;
    let note = if note.is_empty() { String::new() } else { format!(", {note}") };
    if section == path && here.contains(&name) {
        return Some(format!("unknown key; bourn calls it `{name}`{note}"));
    }
    let home = all.iter().find(|candidate| candidate.path == section)?;
    Some(format!("unknown key; bourn calls it `{name}`, {}{note}", places(&[home])))
}

fn nearest_elsewhere(all: &[Section<'_>], key: &str) -> Option<String> {
    let names = all.iter().flat_map(|section| properties(section.schema));
    let name = nearest(key, names.map(|(name, _)| name.as_str()))?;
    let homes: Vec<&Section<'_>> = all
        .iter()
        .filter(|section| properties(section.schema).any(|(candidate, _)| candidate == name))
        .collect();
    Some(format!("unknown key; did you mean `{name}`, which belongs {}?", places(&homes)))
}

fn places(homes: &[&Section<'_>]) -> String {
    let mut titles: Vec<&str> = homes.iter().map(|section| section.title.as_str()).collect();
    titles.dedup();
    match titles.as_slice() {
        // A name of the top and of sections too: whoever wrote it in a section meant the top.
        ["", ..] => "at the top, before the first section".to_string(),
        titles => format!("in {}", titles.join(" or ")),
    }
}

fn inventory(here: &[&str]) -> String {
    format!("unknown key; there are {}", list(here))
}

/// `a`, `b` and `c`, in backticks.
pub(crate) fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => "none".to_string(),
    }
}
