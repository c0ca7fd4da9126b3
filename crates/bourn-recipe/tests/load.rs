//! Files, `extends`, overrides, and what a whole recipe comes to.

use std::fs;
use std::path::Path;

use bourn_recipe::*;

const WHOLE: &str =
    "[model]\npath = \"m\"\n[[task]]\nkind = \"countdown\"\n[algorithm]\nname = \"grpo\"\n";

const FRESH: &str = r#"
seed = 7
[model.architecture]
hidden_size = 128
num_layers = 4
num_heads = 4
[base]
steps = 10
[[task]]
kind = "countdown"
numbers = [3, 4]
operators = ["+", "/"]
[rollout]
max_prompt_length = 32
max_completion_length = 48
[algorithm]
name = "grpo"
epsilon = 0.1
"#;

fn recipe(text: &str, overrides: &[&str]) -> Recipe {
    let overrides: Vec<String> = overrides.iter().map(|set| set.to_string()).collect();
    parse(text, Path::new("some/quick.toml"), &overrides).unwrap()
}

/// Writes the files into a directory and loads the first.
fn loaded(files: &[(&str, &str)], overrides: &[&str]) -> Result<Recipe, String> {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let overrides: Vec<String> = overrides.iter().map(|set| set.to_string()).collect();
    load(&directory.path().join(files[0].0), &overrides)
        .map_err(|error| error.to_string().replace(&format!("{}/", directory.path().display()), ""))
}

#[test]
fn a_second_opinion_has_no_weight_and_is_written_out_again() {
    let text = format!(
        "{}[[reward]]\nverifier = \"countdown\"\n[[reward]]\nverifier = \"format\"\nsecond_opinion = true\n",
        WHOLE
    );
    let recipe = parse(&text, Path::new("x.toml"), &[]).unwrap();
    let [first, second] = &recipe.tasks[0].rewards[..] else { panic!("two rewards") };
    assert!(!first.second_opinion && second.second_opinion);
    assert_eq!((first.weight, second.weight, second.step_weight), (1.0, 0.0, 0.0));
    let again = parse(&recipe.to_toml(), Path::new("x.toml"), &[]).unwrap();
    assert_eq!(again, recipe);
}

#[test]
fn defaults_of_a_published_model() {
    let recipe = recipe(WHOLE, &[]);
    assert_eq!(recipe.name, "quick");
    assert_eq!(recipe.seed, 1);
    assert_eq!(recipe.device, Device::Cpu);
    assert_eq!(recipe.model.source, ModelSource::Path("m".into()));
    assert_eq!(recipe.base, None);
    let task = CountdownTask {
        numbers: (3, 3),
        range: (1, 20),
        target: (1, 200),
        operators: vec![Operator::Add, Operator::Sub, Operator::Mul],
        train_problems: 4096,
    };
    let (kind, template) = (TaskKind::Countdown(task), "{prompt}".into());
    let rewards = vec![Reward::new(VerifierKind::Countdown)];
    assert_eq!(
        recipe.tasks,
        [Task { weight: 1.0, template, kind, rewards, environment: EnvironmentKind::default() }]
    );
    let reward = &recipe.tasks[0].rewards[0];
    assert_eq!((reward.extract, reward.weight, reward.step_weight), (Extract::Whole, 1.0, 0.0));
    assert_eq!((recipe.rollout.prompts_per_step, recipe.rollout.num_generations), (32, 16));
    assert_eq!((recipe.algorithm.epsilon, recipe.algorithm.epsilon_high), (0.2, 0.2));
    assert_eq!(recipe.algorithm.loss_type, LossType::Dapo);
    assert_eq!(recipe.optimizer.schedule, Schedule::Constant);
    let samplers = [
        Sampler { temperature: 0.6, top_p: 0.95, top_k: 0, min_p: 0.0 },
        Sampler { temperature: 1.0, top_p: 1.0, top_k: 0, min_p: 0.0 },
    ];
    assert_eq!(recipe.probe.samplers, samplers);
}

#[test]
fn defaults_that_depend_on_other_keys() {
    let fresh = recipe(FRESH, &["algorithm.name=grpo", "rollout.temperature=0.8"]);
    let ModelSource::Architecture(shape) = &fresh.model.source else { panic!("an architecture") };
    // 8/3 · 128 = 341.3, and the next multiple of 32 is 352.
    assert_eq!((shape.num_kv_heads, shape.intermediate_size), (4, 352));
    assert_eq!(fresh.algorithm.epsilon_high, 0.1);
    assert_eq!(fresh.probe.samplers[1].temperature, 0.8);
    let base = fresh.base.unwrap();
    assert_eq!((base.steps, base.batch_size, base.lr), (10, 128, 1e-3));
    let shares = base.demonstrations;
    assert_eq!(
        (shares.correct, shares.random, shares.misused, shares.malformed),
        (0.3, 0.55, 0.1, 0.05)
    );
}

#[test]
fn rewards_follow_the_task() {
    let jsonl = WHOLE.replace("\"countdown\"", "\"dataset\"\npath = \"d.jsonl\"");
    let check = |append: &str, expect: &[(VerifierKind, Extract)]| {
        let recipe = recipe(&format!("{jsonl}{append}"), &[]);
        let found: Vec<_> =
            recipe.tasks[0].rewards.iter().map(|r| (r.verifier, r.extract)).collect();
        assert_eq!(found, expect, "{append}");
    };
    check("", &[(VerifierKind::Math, Extract::LastNumber)]);
    check("[[reward]]\nverifier = \"exact\"\n", &[(VerifierKind::Exact, Extract::Whole)]);
    check(
        "[[reward]]\nverifier = \"math\"\nextract = \"boxed\"\n[[reward]]\nverifier = \"math\"\n",
        &[(VerifierKind::Math, Extract::Boxed), (VerifierKind::Math, Extract::LastNumber)],
    );
}

#[test]
fn rewards_belong_to_a_task() {
    let two = format!(
        "{WHOLE}[[task]]\nkind = \"dataset\"\npath = \"a.jsonl\"\n[[task.reward]]\nverifier = \"exact\"\n\
         [[task.reward]]\nverifier = \"math\"\nweight = 0.5\n[[task]]\nkind = \"dataset\"\npath = \
         \"b.jsonl\"\n"
    );
    let names = |recipe: &Recipe| -> Vec<Vec<&str>> {
        let of = |task: &Task| task.rewards.iter().map(|r| r.verifier.name()).collect();
        recipe.tasks.iter().map(of).collect()
    };
    // Each task its own, else the recipe's, else its natural one.
    let natural = recipe(&two, &[]);
    assert_eq!(names(&natural), [vec!["countdown"], vec!["exact", "math"], vec!["math"]]);
    let format = recipe(&format!("{two}[[reward]]\nverifier = \"format\"\n"), &[]);
    assert_eq!(names(&format), [vec!["format"], vec!["exact", "math"], vec!["format"]]);
    assert_eq!(format.tasks[1].rewards[1].weight, 0.5);
    let set = recipe(&two, &["task.1.reward.0.weight=3"]);
    assert_eq!(set.tasks[1].rewards[0].weight, 3.0);
    // Written out they load to themselves; once at the top where all tasks have the same.
    for recipe in [&natural, &format] {
        let text = recipe.to_toml();
        let again = parse(&text, Path::new("again.toml"), &[]).unwrap();
        assert_eq!((&again, text.matches("\n[[reward]]").count()), (recipe, 0), "{text}");
    }
    let same =
        two.replace("[[task.reward]]\nverifier = \"math\"", "[[reward]]\nverifier = \"format\"");
    let one = recipe(
        &same.replace("[[task.reward]]\nverifier = \"exact\"\n", ""),
        &["task.2.reward=[{verifier='format', weight=0.5}]"],
    );
    let text = one.to_toml();
    assert_eq!(text.matches("reward]]").count(), 1, "{text}");
    assert!(text.contains("\n[[reward]]\nverifier = \"format\""), "{text}");
}

/// What is not seen is written as an escape, unless that is no escape where it stands.
#[test]
fn a_resolved_recipe_hides_nothing() {
    let template = |text: &str| recipe(WHOLE, &[&format!("task.0.template={text}")]);
    let hostile = template("\"\\u202E\\u009b\\U000E0041{prompt}\"");
    assert!(hostile.tasks[0].template.starts_with("\u{202e}\u{9b}\u{e0041}{prompt}"));
    let text = hostile.to_toml();
    assert!(text.contains("\\u202E\\u009B\\U000E0041{prompt}"), "{text}");
    for recipe in [hostile, template("\"\\u202E\\\\u{prompt}\\\"\"")] {
        let text = recipe.to_toml();
        assert_eq!(parse(&text, Path::new("again.toml"), &[]).unwrap(), recipe, "{text}");
    }
}

#[test]
fn overrides_are_toml_or_text() {
    let check = |set: &[&str], test: fn(&Recipe) -> bool| {
        assert!(test(&recipe(WHOLE, set)), "{set:?}");
    };
    check(&["seed=18446744073709551615"], |r| r.seed == u64::MAX);
    check(&[" rollout.temperature = 0.5 "], |r| r.rollout.temperature == 0.5);
    check(&["optimizer.lr=1"], |r| r.optimizer.lr == 1.0);
    check(&["model.path=org/name@v=1"], |r| {
        r.model.source == ModelSource::Path("org/name@v=1".into())
    });
    check(&["model.path=\"7\""], |r| r.model.source == ModelSource::Path("7".into()));
    check(&["seed=3", "seed=4"], |r| r.seed == 4);
    check(&["probe.sampler=[{top_p=0.5}]"], |r| r.probe.samplers[0].top_p == 0.5);
    check(&["probe.scores=0"], |r| r.probe.scores == 0);
    check(&["probe.references=a/b.jsonl"], |r| r.probe.references == Some("a/b.jsonl".into()));
    check(&["probe.guess={}"], |r| r.probe.guess.as_ref().is_some_and(|g| g.suffix == "####"));
    check(&["probe.guess.n=4"], |r| r.probe.guess.as_ref().is_some_and(|g| g.n == 4));
    check(&["task.0.numbers=4"], |r| match &r.tasks[0].kind {
        TaskKind::Countdown(task) => task.numbers == (4, 4),
        _ => false,
    });
    check(&["task.0.operators=[\"*\"]"], |r| match &r.tasks[0].kind {
        TaskKind::Countdown(task) => task.operators == [Operator::Mul],
        _ => false,
    });
}

#[test]
fn extending_merges_tables_and_replaces_arrays() {
    let files = [
        ("sub/child.toml", "extends = \"../middle.toml\"\n[rollout]\nnum_generations = 4\n"),
        (
            "middle.toml",
            "extends = \"base.toml\"\nseed = 5\n[rollout]\nnum_generations = 8\n\
             prompts_per_step = 3\n[[task]]\nkind = \"countdown\"\nnumbers = 5\n",
        ),
        (
            "base.toml",
            &format!("seed = 9\n{WHOLE}[[task]]\nkind = \"countdown\"\n[optimizer]\nlr = 0.5\n"),
        ),
    ];
    let recipe = loaded(&files, &["optimizer.eps=0.25"]).unwrap();
    assert_eq!(recipe.name, "child");
    assert_eq!(recipe.seed, 5);
    assert_eq!((recipe.rollout.prompts_per_step, recipe.rollout.num_generations), (3, 4));
    assert_eq!(recipe.tasks.len(), 1);
    assert_eq!((recipe.optimizer.lr, recipe.optimizer.eps), (0.5, 0.25));
}

#[test]
fn errors_name_the_file_that_holds_the_key() {
    let check = |files: &[(&str, &str)], expect: &str| {
        assert_eq!(loaded(files, &[]).unwrap_err(), expect);
    };
    let child = "extends = \"b.toml\"\n[train]\nminibatches = 4\n";
    let with = |text: &str| format!("{WHOLE}{text}");
    check(
        &[("a.toml", child), ("b.toml", &with("[rollout]\nbeta = 1\n"))],
        "b.toml:8:1: [rollout] beta: unknown key; bourn calls it `kl_coef`, in [algorithm]",
    );
    check(
        &[("a.toml", child), ("b.toml", &with("[rollout]\nprompts_per_step = 6\n"))],
        "a.toml:3:1: [train] minibatches: 6 prompts cannot be split evenly into 4 minibatches; \
         3 and 6 do",
    );
    check(
        &[("a.toml", child), ("b.toml", "[model\n")],
        "b.toml:1:7: not valid TOML: unclosed table, expected `]`",
    );
    check(
        &[("a.toml", "\nextends = 3\n")],
        "a.toml:2:1: extends: expected a string, the path of another recipe, found the integer 3",
    );
    check(
        &[("a.toml", "extends = \"b.toml\""), ("b.toml", "extends = \"./a.toml\"")],
        "b.toml:1:1: extends: `./a.toml` leads back to itself; remove one `extends`",
    );
    check(
        &[("a.toml", "extends = \"a.toml\"")],
        "a.toml:1:1: extends: `a.toml` leads back to itself; remove one `extends`",
    );
    check(
        &[("a.toml", "extends = \"none.toml\"")],
        "a.toml:1:1: extends: none.toml: cannot read the recipe: No such file or directory (os \
         error 2)",
    );
    let chain: Vec<(String, String)> =
        (0..9).map(|i| (format!("{i}.toml"), format!("extends = \"{}.toml\"", i + 1))).collect();
    let chain: Vec<(&str, &str)> = chain.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    check(&chain, "7.toml:1:1: extends: more than 8 recipes build on each other; merge some");
}

#[test]
fn files_that_cannot_be_recipes() {
    let directory = tempfile::tempdir().unwrap();
    let check = |name: &str, content: Option<Vec<u8>>, expect: &str| {
        let path = directory.path().join(name);
        if let Some(content) = content {
            fs::write(&path, content).unwrap();
        }
        let error = load(&path, &[]).unwrap_err();
        assert_eq!(error.to_string(), format!("{}: {expect}", path.display()));
        assert_eq!((error.path(), error.line()), (Some(path.as_path()), None));
    };
    check("none.toml", None, "cannot read the recipe: No such file or directory (os error 2)");
    check(
        "bytes.toml",
        Some(b"a = 1\nb = '\xff'\n".to_vec()),
        "not UTF-8 in line 2; save the recipe as UTF-8",
    );
    check(
        "large.toml",
        Some(vec![b' '; (1 << 20) + 1]),
        "larger than 1 MiB, which no recipe is; is this the right file?",
    );
    fs::write(
        directory.path().join("largest.toml"),
        format!("{WHOLE}{}", " ".repeat((1 << 20) - WHOLE.len())),
    )
    .unwrap();
    assert!(load(&directory.path().join("largest.toml"), &[]).is_ok());
    assert!(load(directory.path(), &[]).is_err());
}

#[test]
fn names_come_from_the_file_or_the_key() {
    let check = |file: &str, expect: &str| {
        assert_eq!(parse(WHOLE, Path::new(file), &[]).unwrap().name, expect);
    };
    check("recipes/quickstart.toml", "quickstart");
    check("a.b.toml", "a.b");
    check("line\nbreak.toml", "line-break");
    check("/", "recipe");
    assert_eq!(recipe(WHOLE, &["name=other"]).name, "other");
}

#[test]
fn derived_counts() {
    // 32 problems × 16 completions = 512 a step; 2 passes of 4 minibatches of 128 completions each
    // make 8 updates, and 128 completions are 3 micro batches of at most 48. Probes at 0, 20, 40, 50.
    let recipe = recipe(
        WHOLE,
        &[
            "train.max_steps=50",
            "train.num_iterations=2",
            "train.minibatches=4",
            "train.micro_batch_size=48",
            "rollout.max_prompt_length=100",
            "rollout.max_completion_length=200",
            "probe.interval=20",
            "probe.problems=10",
            "probe.n_max=128",
            "checkpoint.interval=20",
        ],
    );
    let text: Vec<String> = recipe.derived().iter().map(|(a, b)| format!("{a}: {b}")).collect();
    insta::assert_snapshot!(text.join("\n"), @r"
    rollout steps: 50
    completions per step: 512
    optimiser updates per rollout: 8
    optimiser updates in all: 400
    completions per update: 128
    micro batches per update: 3
    tokens per step, at most: 153600
    generated tokens per step, at most: 102400
    draws per probe and model, at most: 2560
    probes: 4
    checkpoints written: 3
    checkpoints kept: 2
    ");
}

#[test]
fn probes_and_checkpoints_by_enumeration() {
    for steps in 1..=12 {
        for interval in 0..=13 {
            let recipe = recipe(
                WHOLE,
                &[
                    &format!("train.max_steps={steps}"),
                    &format!("probe.interval={interval}"),
                    &format!("checkpoint.interval={interval}"),
                ],
            );
            let due = |step: u64| interval > 0 && step.is_multiple_of(interval);
            let probes = (0..=steps).filter(|&s| interval > 0 && (due(s) || s == steps)).count();
            let checkpoints = (1..=steps).filter(|&s| due(s) || s == steps).count();
            assert_eq!(recipe.probes(), probes as u64, "{steps} {interval}");
            assert_eq!(recipe.checkpoints(), checkpoints as u64, "{steps} {interval}");
        }
    }
}

#[test]
fn the_base_key_holds_what_the_base_depends_on() {
    let key = |overrides: &[&str]| recipe(FRESH, overrides).base_key();
    let same = key(&[]);
    for unrelated in [
        "name=other",
        "seed=8",
        "optimizer.lr=0.5",
        "train.max_steps=3",
        "rollout.temperature=0.7",
        "probe.n_max=8",
        "algorithm.kl_coef=0.1",
        "log.tensorboard=false",
    ] {
        assert_eq!(key(&[unrelated]), same, "{unrelated}");
    }
    for related in [
        "base.seed=8",
        "model.architecture.num_layers=5",
        "model.architecture.rope_theta=5",
        "base.steps=11",
        "base.lr=0.5",
        "base.demonstrations={correct=1}",
        "task.0.template=\"{prompt} \"",
        "task.0.numbers=4",
        "task.0.operators=[\"+\"]",
    ] {
        assert_ne!(key(&[related]), same, "{related}");
    }
    // A default that is written out is the same recipe.
    assert_eq!(key(&["model.architecture.num_kv_heads=4"]), same);
    insta::assert_snapshot!(same, @r#"{"version":1,"model":{"architecture":{"hidden_size":128,"num_layers":4,"num_heads":4,"num_kv_heads":4,"intermediate_size":352,"max_position":256,"rope_theta":10000.0,"tie_embeddings":true}},"base":{"seed":0,"steps":10,"batch_size":128,"optimizer":{"lr":0.001,"warmup_steps":100,"schedule":"cosine","weight_decay":0.01,"beta1":0.9,"beta2":0.95,"eps":1e-8,"max_grad_norm":1.0},"demonstrations":{"correct":0.3,"random":0.55,"misused":0.1,"malformed":0.05}},"tasks":[{"weight":1.0,"template":"{prompt}","kind":{"countdown":{"numbers":[3,4],"range":[1,20],"target":[1,200],"operators":["+","/"],"train_problems":4096}}}]}"#);
}

#[test]
fn a_task_of_the_command_line_is_a_recipe() {
    use bourn_recipe::{ShortTask, short};
    let task = |source: &str| ShortTask { source: source.into(), ..ShortTask::default() };
    let recipe = short(&task("countdown"), "m", &["probe.n_max=4".into()]).unwrap();
    assert!(recipe.to_toml().starts_with("name = \"probe\"\n"), "{}", recipe.to_toml());
    let recipe = recipe.measured();
    assert_eq!(recipe.probe.n_max, 4);
    assert_eq!(recipe.model.source, ModelSource::Path("m".into()));
    assert!(matches!(recipe.tasks[0].kind, TaskKind::Countdown(_)));
    assert_eq!(recipe.tasks[0].rewards[0].verifier, VerifierKind::Countdown);

    // Quotes and backslashes are part of names.
    let some = |text: &str| Some(text.to_owned());
    let whole = ShortTask {
        source: "a \"b\" \\ c.jsonl".into(),
        benchmark: None,
        prompt_column: some("q"),
        answer_column: some("a"),
        verifier: some("exact"),
        extract: some("boxed"),
    };
    let recipe = short(&whole, "m", &["model.chat_template=true".into()]).unwrap();
    let recipe = recipe.measured();
    let TaskKind::Dataset(file) = &recipe.tasks[0].kind else { panic!("{recipe:?}") };
    assert_eq!(file.source, DataSource::new(&whole.source));
    assert_eq!(file.probe.as_ref(), Some(&file.source));
    assert_eq!((file.columns.prompt.as_str(), file.columns.answer.as_str()), ("q", "a"));
    let reward = &recipe.tasks[0].rewards[0];
    assert_eq!((reward.verifier, reward.extract), (VerifierKind::Exact, Extract::Boxed));
    assert!(recipe.model.chat_template);

    // Of a hub's data set the same split is probed.
    let chosen = ["task.0.config=main".into(), "task.0.split=test".into()];
    let recipe = short(&task("openai/gsm8k"), "m", &chosen).unwrap();
    let TaskKind::Dataset(data) = &recipe.measured().tasks[0].kind else { panic!("{recipe:?}") };
    assert_eq!(data.probe.as_ref(), Some(&data.source));
    assert_eq!(data.source.split.as_deref(), Some("test"));

    let benchmark = ShortTask { benchmark: some("math500"), ..task("") };
    let recipe = short(&benchmark, "m", &[]).unwrap();
    let measured = &recipe.measured().tasks[0];
    let TaskKind::Benchmark(of) = &measured.kind else { panic!("{recipe:?}") };
    assert_eq!(of.source.path, "HuggingFaceH4/MATH-500");
    assert_eq!(measured.rewards[0].extract, Extract::Answer);
    assert_eq!(recipe.measured().rollout.max_prompt_length, 1280);
    assert!(measured.template.ends_with("within \\boxed{}."));
    let own = ShortTask { source: "m.jsonl".into(), extract: some("boxed"), ..benchmark.clone() };
    let recipe = short(&own, "m", &[]).unwrap();
    assert_eq!(recipe.measured().tasks[0].rewards[0].extract, Extract::Boxed);
    let wrong = ShortTask { benchmark: some("math5000"), ..benchmark };

    let fails = |task: ShortTask| short(&task, "m", &[]).unwrap_err().to_string();
    let error = fails(wrong);
    assert!(error.contains("--benchmark math5000") && error.contains("\"math500\"?"), "{error}");
    let error = fails(ShortTask { verifier: some("countdown"), ..whole.clone() });
    assert!(error.contains("--task") && error.contains("countdown verifier"), "{error}");
    let error = fails(ShortTask { verifier: some("maths"), ..whole });
    assert!(error.contains("math") && error.contains("exact"), "{error}");
    let error = fails(ShortTask { prompt_column: some("q"), ..task("countdown") });
    assert!(error.contains("prompt_column"), "{error}");
}

#[test]
fn temperatures_take_what_is_left_out_from_the_probe() {
    let of = |overrides: &[&str]| {
        let overrides: Vec<String> = overrides.iter().map(|o| o.to_string()).collect();
        bourn_recipe::parse(
            "[model]\npath = \"m\"\n[[task]]\nkind = \"countdown\"\n[algorithm]\nname = \"grpo\"\n",
            Path::new("x.toml"),
            &overrides,
        )
    };
    assert_eq!(of(&[]).unwrap().probe.temperature, None);
    let plain = of(&["probe.n_max=32", "probe.stop=4", "probe.temperature={}"]).unwrap();
    let expect = Temperature {
        matched: true,
        grid: vec![],
        n_max: 32,
        stop: 4,
        match_draws: 8,
        every: WhichProbes::Last,
    };
    assert_eq!(plain.probe.temperature, Some(expect.clone()));
    let set = [
        "probe.n_max=32",
        "probe.temperature={grid=[0.6, 2], match=false, n_max=8, stop=0, every='probe'}",
    ];
    let whole = of(&set).unwrap();
    let every = WhichProbes::Probe;
    let expect =
        Temperature { matched: false, grid: vec![0.6, 2.0], n_max: 8, stop: 0, every, ..expect };
    assert_eq!(whole.probe.temperature, Some(expect));
    let again = bourn_recipe::parse(&whole.to_toml(), Path::new("y.toml"), &[]).unwrap();
    assert_eq!(again.probe, whole.probe);

    let fails = |set: &str| of(&[set]).unwrap_err().to_string();
    assert!(fails("probe.temperature={match=false}").contains("nothing to do"));
    let error = fails("probe.temperature={n_max=512}");
    assert!(error.contains("512 draws, more than the 256"), "{error}");
    assert!(fails("probe.temperature={grid=[1.0, 1.0]}").contains("twice"));
    assert!(fails("probe.temperature={grid=[0.0]}").contains("at least 0.01"));
}
