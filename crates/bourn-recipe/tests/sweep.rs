//! Sweeps: what a list, a grid and seeds make of a recipe, and what is said of a wrong one.

use std::fs;
use std::path::Path;

use bourn_recipe::{AlgorithmName, RecipeError, Sweep, load_sweep};

const RECIPE: &str = r#"
[model]
path = "model"
[[task]]
kind = "countdown"
[algorithm]
name = "grpo"
[rollout]
prompts_per_step = 4
num_generations = 8
[probe]
interval = 10
"#;

fn load(dir: &Path, sweep: &str) -> Result<Sweep, RecipeError> {
    fs::write(dir.join("base.toml"), RECIPE).unwrap();
    fs::write(dir.join("sweep.toml"), sweep).unwrap();
    load_sweep(&dir.join("sweep.toml"))
}

fn sweep(text: &str) -> Sweep {
    load(tempfile::tempdir().unwrap().path(), text).unwrap()
}

#[test]
fn a_list_of_variants() {
    let sweep = sweep(
        r#"
recipe = "base.toml"
seeds = [7, 3]
k = [64, 1]
reference = "REINFORCE++"
[set]
train.max_steps = 12
[[variant]]
name = "GRPO"
[[variant]]
name = "REINFORCE++"
set.algorithm.name = "reinforce_pp"
set.train.max_steps = 20
[[variant]]
name = "wide"
[variant.set.rollout]
num_generations = 16
"#,
    );
    assert_eq!((sweep.name.as_str(), sweep.reference), ("sweep", 1));
    assert_eq!((sweep.seeds, sweep.k), (vec![7, 3], vec![1, 64]));
    let names: Vec<_> = sweep.variants.iter().map(|v| v.directory.as_str()).collect();
    assert_eq!(names, ["grpo", "reinforcepp", "wide"]);
    let made = sweep.variants.iter().map(|variant| {
        let recipe = &variant.recipes[1];
        (recipe.seed, recipe.algorithm.name, recipe.train.max_steps, recipe.rollout.num_generations)
    });
    let made: Vec<_> = made.collect();
    assert_eq!(
        made,
        [
            (3, AlgorithmName::Grpo, 12, 8),
            (3, AlgorithmName::ReinforcePp, 20, 8),
            (3, AlgorithmName::Grpo, 12, 16)
        ]
    );
    assert_eq!(sweep.variants[2].recipes[0].name, "wide-seed-7");
    let changes = &sweep.variants[1].changes;
    let expect = [("algorithm.name", "reinforce_pp"), ("train.max_steps", "20")];
    assert_eq!(*changes, expect.map(|(key, value)| (key.to_owned(), value.to_owned())));
}

#[test]
fn a_grid_is_a_product_and_crosses_the_list() {
    let grid = "[grid]\nalgorithm.kl_coef = [0.0, 1e-3]\nrollout.num_generations = [4, 16]\n";
    let plain = sweep(&format!("recipe = \"base.toml\"\n{grid}"));
    let names = |sweep: &Sweep| -> Vec<String> {
        sweep.variants.iter().map(|variant| variant.name.clone()).collect()
    };
    let expect = [
        "kl_coef=0, num_generations=4",
        "kl_coef=0, num_generations=16",
        "kl_coef=0.001, num_generations=4",
        "kl_coef=0.001, num_generations=16",
    ];
    assert_eq!(names(&plain), expect);
    assert_eq!(plain.seeds, [1, 2, 3]);
    assert_eq!(plain.k, [1, 256]);
    let last = &plain.variants[3].recipes[0];
    assert_eq!((last.algorithm.kl_coef, last.rollout.num_generations), (1e-3, 16));

    let list = "[[variant]]\nname = \"a\"\n[[variant]]\nname = \"b\"\nset.optimizer.lr = 1e-4\n";
    let both = sweep(&format!("recipe = \"base.toml\"\n{grid}{list}"));
    assert_eq!(both.variants.len(), 8);
    assert_eq!(both.variants[7].name, "b, kl_coef=0.001, num_generations=16");
    assert_eq!(both.variants[7].recipes[0].optimizer.lr, 1e-4);

    let none = sweep("recipe = \"base.toml\"");
    assert_eq!(names(&none), ["as written"]);
}

#[test]
fn axes_of_one_name_are_told_apart_and_an_array_item_can_be_set() {
    let sweep = sweep(
        "recipe = \"base.toml\"\n[set]\nprobe.sampler = [{ temperature = 1.0 }, { temperature = 0.5 }]\n\
         [grid]\nrollout.temperature = [0.9]\nprobe.sampler.1.temperature = [0.7]\n",
    );
    let variant = &sweep.variants[0];
    assert_eq!(variant.name, "rollout.temperature=0.9, probe.sampler.1.temperature=0.7");
    assert_eq!(variant.recipes[0].probe.samplers[1].temperature, 0.7);
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    let check = |sweep: &str, expect: &str| {
        let dir = tempfile::tempdir().unwrap();
        let error = load(dir.path(), sweep).unwrap_err().to_string();
        let error = error.replace(&format!("{}/", dir.path().display()), "");
        assert_eq!(error, expect);
    };
    let head = "recipe = \"base.toml\"\n";
    check(
        "seeds = [1]",
        "sweep.toml:1:1: recipe: missing key; add it with a string (The recipe that every run changes, relative to this file)",
    );
    check(
        "recipe = \"no.toml\"",
        "sweep.toml:1:1: recipe: no.toml: cannot read the recipe: No such file or directory (os error 2)",
    );
    check(
        &format!("{head}seed = [1]\n"),
        "sweep.toml:2:1: seed: unknown key; did you mean `seeds`?",
    );
    check(
        &format!("{head}[[variant]]\nname = \"a\"\nset.algorithm.nam = \"ppo\"\n"),
        "sweep.toml:4:21: [algorithm] nam: unknown key; did you mean `name`? (variant `a`)",
    );
    check(
        &format!("{head}[grid]\noptimizer.lr = [1e-4, -1.0]\n"),
        "sweep.toml:3:23: [optimizer] lr: must be at least 0, found -1.0 (variant `lr=-1`)",
    );
    check(
        &format!("{head}[grid]\noptimizer.lr = 1e-4\n"),
        "sweep.toml:3:16: optimizer.lr: expected an array of the values to try, as in `[1, 2]`, found the number 0.0001",
    );
    check(
        &format!("{head}[set]\nseed = 3\n"),
        "sweep.toml:3:1: seed: cannot be changed here: the sweep's `seeds` give every run its seed",
    );
    check(
        &format!("{head}seeds = [1, 2, 1]\n"),
        "sweep.toml:2:1: seeds: holds 1 twice: the same run would be counted as two",
    );
    check(
        &format!("{head}[[variant]]\nname = \"A b\"\n[[variant]]\nname = \"a-b\"\n"),
        "sweep.toml:5:1: variant `a-b`: its directory would be `a-b`, and another's is; name it otherwise",
    );
    check(
        &format!("{head}reference = \"b\"\n[[variant]]\nname = \"a\"\n"),
        "sweep.toml:2:1: reference: no variant has this name; there is `a`",
    );
    check(
        &format!("{head}[set]\nprobe.interval = 0\n"),
        "sweep.toml:3:18: [probe] interval: is 0, and a sweep compares what probes found; probe at least at the end",
    );
    check(&format!("{head}k = [0]\n"), "sweep.toml:2:1: k: holds 0; pass@k begins at k = 1");
    check(
        &format!("{head}set = 3\n"),
        "sweep.toml:2:1: set: expected a table of the recipe's keys, found the integer 3",
    );
}
