"""What is run: each case is a function of a binary in a folder that holds `input/recipes`."""

import json
import os
import sys
import tomllib
from itertools import product
from pathlib import Path

from bourn import Failed

# Runs that take a second: a small model, puzzles of two numbers that it solves now and then, two passes
# over two minibatches, so that the policy has moved away from the one that drew.
TASK = {"kind": "countdown", "numbers": 2, "range": [1, 9], "target": [1, 81], "train_problems": 64}
SMALL = """
extends = "recipes/quickstart.toml"
seed = 7
[model]
architecture = { hidden_size = 32, num_layers = 2, num_heads = 2, intermediate_size = 64, max_position = 48 }
[base]
steps = 300
batch_size = 64
lr = 3e-3
warmup_steps = 5
demonstrations = { correct = 0.7, random = 0.3, misused = 0.0, malformed = 0.0 }
[rollout]
prompts_per_step = 16
num_generations = 8
max_prompt_length = 16
max_completion_length = 10
[optimizer]
lr = 1e-3
warmup_steps = 0
[train]
max_steps = 3
num_iterations = 2
minibatches = 2
micro_batch_size = 16
[probe]
interval = 0
problems = 6
n_max = 16
stop = 4
resamples = 200
[checkpoint]
interval = 0
"""
LAST = "checkpoints/step-000003"
# Sweeps are cut to this part of their steps, of their draws, of their problems a step and probed.
STEPS, DRAWS, PROBLEMS = 40, 8, 4


def small(bourn):
    bourn.write("input/small.toml", to_toml({"task": [TASK]}) + SMALL)
    return "input/small.toml"


def quickstart(bourn):
    """The quickstart as it is."""
    bourn.train("run", "input/recipes/quickstart.toml")


def sweeps(bourn):
    """Every sweep, cut down, on one base: the quickstart's model, on puzzles that take it a short while."""
    for path in sorted(bourn.place.glob("input/recipes/ablate-*.toml")):
        sweep = tomllib.loads(path.read_text())
        sweep |= {"recipe": "recipes/" + sweep["recipe"], "seeds": sweep["seeds"][:1], "k": [1, 8]}
        quick = {"base": {"steps": 60}, "task": [TASK], "probe": {"problems": 10, "resamples": 200}}
        sweep["set"] = merged(shorter(sweep.get("set", {})), quick)
        for variant in sweep.get("variant", []):
            variant["set"] = shorter(variant.get("set", {}))
            if "replay" in variant["set"]:
                # A first look that is beyond the last step is an error.
                variant["set"]["replay"] |= {"interval": 1, "problems": 16, "n_max": 16}
        bourn.write(f"input/{path.name}", to_toml(sweep))
        ablate = ["ablate", f"input/{path.name}", "--run-dir", path.stem, "--jobs", "1"]
        bourn.quietly(*ablate)
        # The seconds of training stand in every table; where there are none, the rest is the same.
        for timing in bourn.place.glob(f"{path.stem}/runs/*/timing.jsonl"):
            bourn.reaches(timing.parent.relative_to(bourn.place), "train/reward")
            timing.unlink()
        bourn(*ablate[:-2], "--tables", name=f"ablate {path.stem}")


def shorter(changes):
    """A sweep's changes with fewer steps, problems and draws."""
    parts = {"max_steps": STEPS, "interval": STEPS, "reset_interval": STEPS, "n_max": DRAWS,
             "prompts_per_step": PROBLEMS}
    return {
        key: shorter(value) if isinstance(value, dict)
        else max(1, value // parts[key]) if key in parts and value else value
        for key, value in changes.items()
    }


def merged(tree, more):
    """`tree` with the keys of `more` in it."""
    both = {key: merged(tree[key], more[key]) for key in tree.keys() & more.keys()
            if isinstance(tree[key], dict)}
    return tree | more | both


def to_toml(tree):
    """TOML of a sweep: tables are written inline, which JSON's numbers, strings and lists are too."""
    def value(of):
        if isinstance(of, dict):
            return "{ " + ", ".join(f"{key} = {value(item)}" for key, item in of.items()) + " }"
        if isinstance(of, list):
            return "[" + ", ".join(value(item) for item in of) + "]"
        return json.dumps(of, ensure_ascii=False)
    lines = [f"{key} = {value(of)}" for key, of in tree.items() if key != "variant"]
    for variant in tree.get("variant", []):
        lines += ["[[variant]]"] + [f"{key} = {value(of)}" for key, of in variant.items()]
    return "\n".join(lines) + "\n"


def algorithms(bourn):
    """Every algorithm that the binary knows, with what it needs: all have two minibatches."""
    recipe = small(bourn)
    name = json.loads(bourn.quietly("recipe", "schema"))["properties"]["algorithm"]["properties"]["name"]
    names = [entry["const"] for entry in name.get("oneOf", [])] or name["enum"]
    for name in names:
        sets = [f"algorithm.name={name}"]
        resolved = tomllib.loads(bourn.quietly("recipe", "show", recipe, "--set", sets[0]))
        critic = resolved.get("critic")
        if critic:
            sets += ["critic.lr=1e-3"] + ["critic.pretrain_steps=2"] * bool(critic["pretrain_steps"])
        if resolved["algorithm"].get("reset_interval"):
            sets += ["algorithm.reset_interval=2"]
        bourn.train(name, recipe, *sets)
        bourn.reaches(name, "actor/grad_norm", *["critic/vf_loss"] * bool(critic))


def features(bourn):
    """What the other cases do not reach."""
    recipe = small(bourn)
    for name, (sets, tags) in FEATURES.items():
        bourn.train(name, recipe, *sets)
        bourn.reaches(name, *tags)
    stopped(bourn, recipe)
    probed(bourn, recipe)
    from_files(bourn)
    commands(bourn, recipe)
    published(bourn)


KL = ["algorithm.kl_coef=0.1"]
IMPLICIT = ["implicit_reward.lr=1e-3"]
# Steps of a size that loses problems within two of them; half of a replayed group is the base's.
REPLAY = ["optimizer.lr=3e-3", "train.max_steps=4", "replay.share=0.5", "replay.interval=1",
          "replay.n_max=16", "replay.problems=12", "replay.threshold=0.02", "replay.groups=2"]
# Runs of the small recipe: the keys that are set, and the metrics that must not stay 0.
FEATURES = {
    "replay": (REPLAY, ["train/replay/completions", "train/replay/weight_mean"]),
    "implicit": (["algorithm.name=rloo", *IMPLICIT], ["train/implicit/reward"]),
    "implicit with values": (["algorithm.name=ppo", *IMPLICIT], ["train/implicit/reward"]),
    "shared trunk": (["algorithm.name=ppo", "critic.trunk=shared"], ["critic/vf_loss"]),
    "shared trunk, head first": (
        ["algorithm.name=vc_ppo", "critic.trunk=shared", "critic.pretrain_steps=2",
         "critic.critic_warmup=1"], ["critic/grad_norm", "actor/grad_norm"]),
    "own trunk, first": (
        ["algorithm.name=ppo", "critic.lr=1e-3", "critic.pretrain_steps=2", "critic.critic_warmup=1",
         "critic.warmup_steps=2", "critic.schedule=cosine", "critic.gamma=0.9",
         "critic.lambda_policy=0.9", "critic.lambda_value=0.8", "critic.weight_decay=0.01"],
        ["critic/vf_loss", "actor/grad_norm"]),
    "kl in the loss, k1": ([*KL, "algorithm.kl_estimator=k1"], ["train/kl"]),
    "kl in the loss, k2": ([*KL, "algorithm.kl_estimator=k2"], ["train/kl"]),
    "kl in the loss, k3": (KL, ["train/kl"]),
    "kl in the reward": (["algorithm.name=rloo", *KL, "algorithm.kl_in=reward"], ["train/kl"]),
    "kl in the reward, with values": (
        ["algorithm.name=ppo", *KL, "algorithm.kl_in=reward"], ["train/kl"]),
    "steps": (["algorithm.name=rloo", "reward=[{verifier='countdown', step_weight=0.5}]"],
              ["train/rewards/countdown/steps"]),
    "steps with values": (["algorithm.name=ppo", "reward=[{verifier='countdown', step_weight=0.5}]"],
                          ["train/rewards/countdown/steps"]),
    "dynamic sampling": (["algorithm.dynamic_sampling=3"], ["train/dynamic_sampling/groups"]),
    "form and coin": (
        ["reward=[{verifier='countdown'}, {verifier='format', weight=0.2}, "
         "{verifier='random', weight=0.1}]"], ["train/rewards/format/mean", "train/rewards/random/mean"]),
    "stop strings": (['rollout.stop_strings=["*", "+2"]'], ["actor/grad_norm"]),
    "rounded weights": (["rollout.weight_dtype=bfloat16"], ["train/mismatch_kl"]),
    "checkpointed gradients": (["train.gradient_checkpointing=true"], ["actor/grad_norm"]),
    "one batch": (["train.minibatches=1", "train.num_iterations=1"], ["actor/grad_norm"]),
    "small batches": (["train.minibatches=4", "train.num_iterations=3", "train.micro_batch_size=3",
                       "rollout.batch_size=5"], ["train/clip_ratio/region_mean"]),
    "schedule": (["optimizer.schedule=cosine", "optimizer.warmup_steps=3",
                  "optimizer.weight_decay=0.1", "optimizer.max_grad_norm=0.1"], ["actor/lr"]),
    "entropy": (["algorithm.entropy_target=5.0", "algorithm.entropy_step=0.25"],
                ["actor/entropy_coef"]),
    "truncated": (["rollout.max_completion_length=4", "algorithm.mask_truncated_completions=true",
                   "algorithm.overlong_share=0.5"], ["train/completions/clipped_ratio"]),
    "hot": (["rollout.temperature=1.3", "algorithm.loss_type=grpo",
             "algorithm.scale_rewards=batch"], ["actor/grad_norm"]),
    "untied": (["model.architecture.tie_embeddings=false", "model.architecture.num_kv_heads=1"],
               ["actor/grad_norm"]),
    "two tasks": (
        ["task=[{kind='countdown', numbers=2, range=[1, 9], target=[1, 81], train_problems=64}, "
         "{kind='countdown', numbers=[2, 3], range=[1, 5], operators=['+', '-', '*', '/'], "
         "train_problems=64, weight=0.5, template='{prompt} '}]"], ["actor/grad_norm"]),
}


def stopped(bourn, recipe):
    """Runs that are stopped and gone on with, and that probe and save on the way."""
    whole = ["probe.interval=2", "checkpoint.interval=1", "checkpoint.keep_last=0"]
    for name, sets in {
        "stopped": whole,
        "stopped replay": [*REPLAY, "replay.interval=2", *whole],
        "stopped values": ["algorithm.name=vapo", "critic.pretrain_steps=2", "critic.lr=1e-3", *whole],
    }.items():
        bourn.train(name, recipe, *sets, more=["--max-steps", "1"])
        bourn.train(name, recipe, *sets, more=["--resume"])


def probed(bourn, recipe):
    """A probe with all of its figures."""
    signs = {"+": lambda a, b: a + b, "*": lambda a, b: a * b}
    solutions = [{"problem": f"{a} {b} -> {signs[sign](a, b)}:", "completion": f"{a}{sign}{b}"}
                 for a, b, sign in product(range(1, 10), range(1, 10), signs)]
    bourn.write("input/solutions.jsonl", lines(solutions))
    bourn.train(
        "probed", recipe, "probe.interval=2", "checkpoint.interval=2", "probe.scores=8",
        "probe.references=input/solutions.jsonl", "probe.guess={suffix='(', n=4}",
        "probe.temperature={grid=[0.5], match_draws=4, every='probe'}",
        "probe.sampler=[{temperature=1.0}, {temperature=0.6, top_p=0.9}, {temperature=0.8, top_k=5, min_p=0.02}]")
    bourn.reaches("probed", "boundary/heldout-t1-p1/base/pass@1", "boundary/heldout-t0.6-p0.9/policy/pass@1")


def of_files(bourn):
    """What a task of files is called: binaries of before it read more than JSON lines have another word."""
    task = json.dumps(json.loads(bourn.quietly("recipe", "schema"))["properties"]["task"])
    return "dataset" if '"dataset"' in task else "jsonl"


def from_files(bourn):
    """Problems of files, with a checkpoint as the model: the second number is a maths answer that it
    gives now and then, the sum an exact one."""
    pairs = list(product(range(1, 10), range(1, 10)))
    rows = [{"question": f"{a} {b} -> {a + b}:", "answer": f"So it is {b}.\n#### {b}",
             "boxed": f"\\boxed{{{b}}}", "sum": f"{a}+{b}", "number": b} for a, b in pairs]
    bourn.write("input/problems.jsonl", lines(rows[:60]))
    bourn.write("input/held-out.jsonl", lines(rows[60:]))
    bourn.write("input/files.toml", f"""
[model]
path = "stopped/{LAST}"
[[task]]
kind = "{of_files(bourn)}"
path = "input/problems.jsonl"
answer_format = "hash"
[rollout]
prompts_per_step = 8
num_generations = 4
max_prompt_length = 16
max_completion_length = 10
[algorithm]
name = "grpo"
[optimizer]
lr = 1e-3
[train]
max_steps = 2
minibatches = 2
[probe]
problems = 8
n_max = 8
resamples = 200
""")
    bourn.train("maths", "input/files.toml")
    bourn.train("exact", "input/files.toml", "task.0.answer_column=sum", "task.0.answer_format=whole",
                "task.0.probe_path=input/held-out.jsonl", "reward=[{verifier='exact'}]")
    bourn.train("boxed", "input/files.toml", "task.0.answer_column=boxed", "task.0.answer_format=boxed",
                "task.0.max_problems=40", "reward=[{verifier='math', extract='last_number'}, {verifier='format'}]")
    bourn.train("numbers", "input/files.toml", "task.0.answer_column=number",
                "task.0.answer_format=last_number", "reward=[{verifier='math', step_weight=0.5}]")
    for run in ("maths", "exact", "boxed", "numbers"):
        bourn.reaches(run, "train/reward", "actor/grad_norm")


def commands(bourn, recipe):
    """The other commands, on what the runs before left."""
    model, base = f"stopped/{LAST}", "stopped/checkpoints/step-000001"
    bourn("train", recipe, "--dry-run", name="dry run")
    bourn("probe", "--run", "stopped", "--output", "probe-of-run")
    bourn("probe", "--run", "stopped", "--checkpoint", "1", "--set", "probe.n_max=32", "--json")
    two = ["--base", base, "--policy", model]
    bourn("probe", *two, "--task", recipe, "--output", "probe-of-two")
    bourn("probe", *two, "--task", "input/held-out.jsonl", "--answer-column", "sum", "--verifier", "exact",
          "--set", "probe.problems=8", "--set", "probe.n_max=8", "--set", "rollout.max_completion_length=8")
    prompt = ["--model", model, "--prompt", "3 5 -> 8:", "--max-tokens", "8", "--json"]
    bourn("sample", *prompt, "-n", "8", "--seed", "3")
    bourn("sample", *prompt, "--temperature", "0", name="sample greedily")
    bourn("sample", *prompt, "-n", "8", "--temperature", "0.8", "--top-p", "0.9", "--top-k", "6",
          "--min-p", "0.02", "--stop", "+", name="sample, truncated")
    scored = [{"prompt": "3 5 -> 8:", "completion": "3+5"}, {"prompt_ids": [5, 6], "completion_ids": [3, 4]},
              {"prompt": "2 2 -> 4:", "completion": "2*2"}]
    bourn("score", "--model", model, stdin=lines(scored))
    bourn("score", "--model", model, "--temperature", "0.7", stdin=lines(scored), name="score, colder")
    outcomes = [[{"problem": f"p{i}", "n": 64, "c": (i * i * factor) % 13 * (i % 3 > 0)} for i in range(40)]
                for factor in (1, 5)]
    stopping = [{"problem": f"q{i}", "draws": [int((i + j) % (i + 2) == 0) for j in range(24)], "stop": 2,
                 "n_max": 64} for i in range(20)]
    for name, rows in zip(("one", "two"), outcomes):
        bourn.write(f"input/{name}.jsonl", lines(rows + stopping))
    files = ["input/one.jsonl", "input/two.jsonl"]
    bourn("compare", *files)
    bourn("compare", *files, "--json", "--look", "2", "--epsilon", "0.05", name="compare as JSON")
    # The page says how long training took where it can; without, it is a function.
    for timing in bourn.place.glob("*/timing.jsonl"):
        timing.unlink()
    bourn("report", "probed", "--hard", "hard.html")
    bourn("report", "probed", "stopped", "probe-of-two", name="report of several")
    bourn("ledger", "verify", name="ledger verify")


def published(bourn):
    """A published model: a tokenizer with merges, a chat template, grouped heads, GGUF."""
    model = os.environ.get("BOURN_SMOLLM2")
    if not model:
        print("same_numbers: BOURN_SMOLLM2 is not set: NO PUBLISHED MODEL IS RUN", file=sys.stderr)
        return
    if not Path(model).is_file():
        raise Failed(f"BOURN_SMOLLM2={model}: there is no such file")
    rows = [{"question": f"What is {a} plus {b}?", "answer": a + b} for a, b in product(range(3, 8), range(2, 8))]
    bourn.write("input/sums.jsonl", lines(rows))
    bourn.train(
        "published", "input/recipes/gsm8k-smollm2.toml", f"model.path={json.dumps(str(Path(model).resolve()))}",
        f"task=[{{kind='{of_files(bourn)}', path='input/sums.jsonl', template='{{prompt}} End with the answer as a number.'}}]",
        "rollout.prompts_per_step=4", "rollout.num_generations=4", "rollout.max_prompt_length=64",
        "rollout.max_completion_length=24", "optimizer.warmup_steps=0", "train.max_steps=2", "probe.problems=2", "probe.n_max=4",
        "probe.interval=2", "checkpoint.interval=2")
    bourn.reaches("published", "train/reward", "actor/grad_norm")


def lines(objects):
    return "".join(json.dumps(each) + "\n" for each in objects)


CASES = {"quickstart": quickstart, "sweeps": sweeps, "algorithms": algorithms, "features": features}
QUICK = ["algorithms", "features"]
# Kinds of output without which a case has not done its work.
RUN = {"standard output", "recipe.toml", "metrics.jsonl", "checkpoints", "bases"}
PROBE = {"boundary figures", "pictures", "draws", "stored draws"}
LEAVES = {
    "quickstart": RUN | PROBE,
    "sweeps": RUN | PROBE | {"tables", "pages"},
    "algorithms": RUN,
    "features": RUN | PROBE | {"pages"},
}
