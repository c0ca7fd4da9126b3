//! A resolved recipe, written out, loads back to itself; and no text makes the loader panic.

use std::path::Path;

use bourn_recipe::parse;
use proptest::prelude::*;

const PUBLISHED: &str = "[model]\npath = \"m\"\n[[task]]\nkind = \"dataset\"\npath = \"d.jsonl\"\n\
                         [algorithm]\nname = \"grpo\"\n";
const FRESH: &str = "[model]\narchitecture = { hidden_size = 64, num_layers = 2, num_heads = 4 }\n\
                     [base]\n[[task]]\nkind = \"countdown\"\n[algorithm]\nname = \"grpo\"\n\
                     [rollout]\nmax_prompt_length = 32\nmax_completion_length = 32\n";

/// TOML's own quoting of a string.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn check(text: &str, overrides: &[String]) -> Result<(), TestCaseError> {
    let recipe = parse(text, Path::new("first.toml"), overrides)
        .map_err(|error| TestCaseError::fail(error.to_string()))?;
    let written = recipe.to_toml();
    let again = parse(&written, Path::new("second.toml"), &[])
        .map_err(|error| TestCaseError::fail(format!("{error}\n{written}")))?;
    prop_assert_eq!(&again, &recipe);
    prop_assert_eq!(again.to_toml(), written);
    Ok(())
}

proptest! {
    #[test]
    fn published(
        seed in any::<u64>(),
        text in "\\PC*",
        template in any::<String>(),
        columns in ("[^\u{0}]{1,8}", ".{1,8}"),
        lr in 0.0..10.0_f64,
        eps in 1e-300..1.0_f64,
        temperature in 0.01..100.0_f64,
        weights in prop::collection::vec(1e-9..1e6_f64, 1..4),
        extract in prop::sample::select(vec!["hash", "boxed", "last_number", "whole"]),
        chat in any::<bool>(),
        dtype in prop::sample::select(vec!["float32", "bfloat16"]),
    ) {
        let rewards: Vec<String> = weights
            .iter()
            .map(|weight| format!("{{verifier='math', extract='{extract}', weight={weight:?}}}"))
            .collect();
        let mut overrides = vec![
            format!("seed={seed}"),
            format!("task.0.template={}", quoted(&format!("{template}{{prompt}}"))),
            format!("task.0.prompt_column={}", quoted(&columns.0)),
            format!("task.0.answer_column={}", quoted(&columns.1)),
            format!("task.0.answer_format={extract}"),
            format!("optimizer.lr={lr:?}"),
            format!("optimizer.eps={eps:?}"),
            format!("rollout.temperature={temperature:?}"),
            format!("rollout.stop_strings=[{}, \"\\n\"]", quoted(&format!("a{seed}"))),
            format!("rollout.stop_tokens=[{}, 7]", quoted(&format!("<{seed}>"))),
            format!("reward=[{}]", rewards.join(", ")),
            format!("model.chat_template={chat}"),
            format!("rollout.weight_dtype={dtype}"),
            format!("probe.guess={{suffix={}, n={}}}", quoted(&text), weights.len()),
            format!("probe.references={}", quoted(&format!("a{template}"))),
        ];
        if chat {
            overrides.push(format!("model.system_prompt={}", quoted(&text)));
        }
        check(PUBLISHED, &overrides)?;
    }

    #[test]
    fn rewards(
        pattern in "[a-z]{1,9}",
        choices in 2..=26_usize,
        command in prop::collection::vec(any::<String>(), 1..4),
        workers in 1..99_usize,
        timeout in 1e-3..1e3_f64,
        threshold in 1e-3..=1.0_f64,
        own in any::<bool>(),
    ) {
        let command: Vec<String> = command.iter().map(|argument| quoted(argument)).collect();
        let rewards = format!(
            "[{{verifier='regex', pattern={}}}, {{verifier='choice', choices={choices}}}, \
             {{verifier='command', command=[{}], workers={workers}, timeout={timeout:?}, \
             threshold={threshold:?}}}]",
            quoted(&pattern),
            command.join(", "),
        );
        let key = if own { "task.0.reward" } else { "reward" };
        check(PUBLISHED, &[format!("{key}={rewards}")])?;
    }

    #[test]
    fn fresh(
        kv in prop::sample::select(vec![1, 2, 4]),
        numbers in (2..=6_usize, 2..=6_usize),
        range in (1..=1_000_000_i64, 1..=1_000_000_i64),
        rope in 1.0..1e12_f64,
        correct in 0.0..=1.0_f64,
        schedule in prop::sample::select(vec!["constant", "linear", "cosine"]),
        tie in any::<bool>(),
    ) {
        check(FRESH, &[
            format!("model.architecture.num_kv_heads={kv}"),
            format!("task.0.numbers=[{}, {}]", numbers.0.min(numbers.1), numbers.0.max(numbers.1)),
            format!("task.0.range=[{}, {}]", range.0.min(range.1), range.0.max(range.1)),
            format!("model.architecture.rope_theta={rope:?}"),
            format!("base.demonstrations={{correct={correct:?}, random={:?}}}", 1.0 - correct),
            format!("base.schedule={schedule}"),
            format!("model.architecture.tie_embeddings={tie}"),
        ])?;
    }

    #[test]
    fn no_text_panics(text in any::<String>(), set in any::<String>()) {
        let _ = parse(&text, Path::new("x.toml"), &[]);
        let _ = parse(FRESH, Path::new("x.toml"), &[set]);
    }

    /// Text with the recipe's own vocabulary gets deeper than noise does.
    #[test]
    fn no_recipe_like_text_panics(
        lines in prop::collection::vec(prop::sample::select(vec![
            "[model]", "path = 'm'", "[[task]]", "kind = 'countdown'", "[algorithm]", "name = 'grpo'",
            "[rollout]", "num_generations = 3", "[[probe.sampler]]", "[probe]", "sampler = [1]",
            "numbers = [3, {}]", "kind = 'dataset'", "[task]", "task = [3]", "model = 3", "[base]",
            "extends = ''", "[model.architecture]", "hidden_size = 2", "num_heads = 1024",
            "num_layers = 1", "[base.demonstrations]", "correct = nan", "seed = -1", "[[reward]]",
        ]), 0..14),
        set in prop::collection::vec(
            ("(task|reward|probe|sampler|0|1|model|kind|seed)(\\.(0|1|kind|sampler|numbers)){0,4}",
             "(3|\\[\\]|\\{\\}|\\{a=1\\}|countdown|\\[\\{\\}\\])"), 0..3),
    ) {
        let overrides: Vec<String> = set.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let _ = parse(&lines.join("\n"), Path::new("x.toml"), &overrides);
    }
}

#[test]
fn small_numbers_are_written_with_an_exponent() {
    let text = "[model]\npath = 'm'\n[[task]]\nkind = 'countdown'\n[algorithm]\nname = 'grpo'\n\
                [optimizer]\nlr = 0.000001\neps = 1e-8\nweight_decay = 0.0001\n";
    let recipe = bourn_recipe::parse(text, Path::new("x.toml"), &[]).unwrap();
    let written = recipe.to_toml();
    for line in ["lr = 1e-6", "eps = 1e-8", "weight_decay = 0.0001", "max_grad_norm = 1.0"] {
        assert!(written.lines().any(|own| own == line), "{line}: {written}");
    }
    assert_eq!(bourn_recipe::parse(&written, Path::new("x.toml"), &[]).unwrap(), recipe);
}

/// Wherever held-out problems are said to be, what is written out says the same.
#[test]
fn sources_of_problems() {
    let choices = [
        ("config", vec!["", "main"]),
        ("split", vec!["", "train"]),
        ("probe_path", vec!["", "d.jsonl", "other"]),
        ("probe_split", vec!["", "train", "test"]),
        ("format", vec!["", "verl", "trl", "nemo-rl", "prime-rl"]),
        ("prompt_column", vec!["", "a.b"]),
        ("answer_format", vec!["", "answer"]),
    ];
    let count: usize = choices.iter().map(|(_, values)| values.len()).product();
    for mut case in 0..count {
        let mut overrides = Vec::new();
        for (key, values) in &choices {
            let value = values[case % values.len()];
            case /= values.len();
            if !value.is_empty() {
                overrides.push(format!("task.0.{key}={value}"));
            }
        }
        match parse(PUBLISHED, Path::new("first.toml"), &overrides) {
            Ok(_) => check(PUBLISHED, &overrides).unwrap_or_else(|e| panic!("{overrides:?}: {e}")),
            Err(error) => {
                let error = error.to_string();
                assert!(
                    error.contains("is the training problems' split"),
                    "{overrides:?}: {error}"
                );
            }
        }
    }
    let benchmark = "[[task]]\nkind = \"benchmark\"\nbenchmark = \"aime24\"\n";
    for own in
        ["", "path = \"a.jsonl\"\nchanged = true\n", "[[task.reward]]\nverifier = \"exact\"\n"]
    {
        check(&PUBLISHED.replace("[algorithm]", &format!("{benchmark}{own}[algorithm]")), &[])
            .unwrap();
        check(
            &PUBLISHED.replace(
                "[[task]]\nkind = \"dataset\"\npath = \"d.jsonl\"\n",
                &format!("{benchmark}{own}"),
            ),
            &[],
        )
        .unwrap();
    }
}
