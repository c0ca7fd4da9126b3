#!/usr/bin/env python3
"""Checks what a run of `bourn train` left behind against docs/formats.md, without bourn's code.

    bourn train RECIPE --run-dir RUN_DIR > ENDING.txt
    bourn train RECIPE --run-dir RUN_DIR --resume --full > TABLE.txt
    python tests/check_run.py RUN_DIR ENDING.txt TABLE.txt

The run must be complete and have a probe. Steps, probes and problems are taken from the run's own
recipe.toml; pass@k is computed again from the draws. Needs Python 3.11 and
`pip install blake3 zstandard`. Exit code 0 only if everything is as documented.
"""

import io
import json
import math
import re
import sys
import tomllib
from fractions import Fraction
from pathlib import Path

import blake3
import zstandard

VERDICTS = ["correct", "wrong", "unparsed", "timeout", "bad_gold"]
CHECKPOINT = {"config.json", "generation_config.json", "model.safetensors",
              "optimizer.safetensors", "state.json", "tokenizer.json", "tokenizer_config.json",
              "written.json"}
# The same quotient of integers, rounded by two programs that sum in different orders.
ROUNDING = 1e-9
# Entropies of single tokens are written to three decimals.
THIRD_DECIMAL = 0.0005 + ROUNDING
# Two log-probs of a token, each rounded to f32: a unit in the last place of up to 16 nats each.
FLOAT32 = 2e-6
# Sampler and trainer compute the same log-probs in f32 by different code; k3 of a difference d is
# about d²/2, and d is of the order of 1e-6.
MISMATCH = 1e-8


def ensure(true, what):
    if not true:
        sys.exit(f"check_run: {what}")


def close(what, found, expected, tolerance=ROUNDING):
    ensure(abs(found - expected) <= tolerance, f"{what}: {found!r}, expected {expected!r}")


def probed(recipe):
    """The steps at which a complete run of `recipe` has probed."""
    last, interval = recipe["train"]["max_steps"], recipe["probe"]["interval"]
    ensure(interval > 0, "the recipe has no probe to check")
    return sorted({*range(0, last + 1, interval), last})


def sets(recipe):
    """Names of the sets of figures, one for each sampler."""
    samplers = recipe["probe"]["sampler"]
    if len(samplers) == 1:
        return ["heldout"]
    return ["heldout" + "".join(
        f"-{letter}{sampler[key]:g}"
        for letter, key in (("t", "temperature"), ("p", "top_p"), ("k", "top_k"), ("m", "min_p"))
        if letter in "tp" or sampler[key]) for sampler in samplers]


def check_metrics(run, recipe):
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    steps = [line["step"] for line in lines]
    ensure(steps == sorted(steps), "metrics.jsonl: a step went back")
    trained = [line for line in lines if "train/reward" in line]
    ensure([line["step"] for line in trained] == list(range(1, recipe["train"]["max_steps"] + 1)),
           f"metrics.jsonl: trained steps {[line['step'] for line in trained]}")
    weights = [reward["weight"] for reward in recipe["reward"]]
    low, high = sum(min(w, 0) for w in weights), sum(max(w, 0) for w in weights)
    longest = recipe["rollout"]["max_completion_length"]
    for line in trained:
        where = f"metrics.jsonl, step {line['step']}"
        ensure(all(isinstance(value, (int, float)) for value in line.values()),
               f"{where}: a value is no number: {line}")
        ensure(low <= line["train/reward"] <= high, f"{where}: reward {line['train/reward']}")
        ensure(line["train/entropy"] > 0, f"{where}: entropy {line['train/entropy']}")
        ensure(0 <= line["train/mismatch_kl"] < MISMATCH,
               f"{where}: mismatch_kl {line['train/mismatch_kl']}")
        close(f"{where}: sum of verdict shares",
              sum(line[f"train/verdict/{verdict}"] for verdict in VERDICTS), 1)
        lengths = [line[f"train/completions/{which}_length"] for which in ("min", "mean", "max")]
        ensure(1 <= lengths[0] <= lengths[1] <= lengths[2] <= longest,
               f"{where}: completion lengths {lengths}")
    for name in sets(recipe):
        at = [line["step"] for line in lines if f"boundary/{name}/policy/pass@1" in line]
        ensure(at == probed(recipe), f"metrics.jsonl: {name} was probed at {at}")
    timing = [json.loads(line) for line in (run / "timing.jsonl").read_text().splitlines()]
    # What pretraining and probes took has lines of its own.
    timing = [line for line in timing if "train/step_time" in line]
    ensure([line["step"] for line in timing] == [line["step"] for line in trained],
           "timing.jsonl: not one line for each trained step")
    return lines


def read_ledger(path, n_max, stop):
    """Every draw's line, by problem id, of a ledger whose end line fits what comes before it and
    whose draws end where the rule says."""
    with path.open("rb") as file:
        content = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True).read()
    body, end = content[: content.rindex(b"\n", 0, -1) + 1], content.splitlines()[-1]
    header = json.loads(body.splitlines()[0])
    ensure((header["kind"], header["format"], header["version"]) == ("header", "bourn-ledger", 2),
           f"{path.name}: header {header}")
    ensure((header.get("stop"), header.get("n_max")) == ((stop, n_max) if stop else (None, None)),
           f"{path.name}: the header has another rule than the recipe: {header}")
    ensure("part" not in header, f"{path.name}: a part of a store")
    end = json.loads(end)
    ensure(end["kind"] == "end" and end["blake3"] == blake3.blake3(body).hexdigest(),
           f"{path.name}: the end line does not fit the file")
    problems = {}
    for line in io.BytesIO(body).readlines()[1:]:
        line = json.loads(line)
        if line["kind"] == "problem":
            problems[line["problem"]] = []
        else:
            draws = problems[line["problem"]]
            ensure(line["draw"] == len(draws), f"{path.name}: draws out of order: {line}")
            ensure(line["verdict"] in VERDICTS, f"{path.name}: {line}")
            ensure(line["logprob"] <= 0 <= line["entropy"], f"{path.name}: {line}")
            ensure(line["full_logprob"] <= line["logprob"] + FLOAT32 * line["tokens"],
                   f"{path.name}: truncation made the completion less likely: {line}")
            ensure(line["tokens"] == len(line["ids"]) == len(line["entropies"]),
                   f"{path.name}: not one id and entropy for each token: {line}")
            close(f"{path.name}: entropy", sum(line["entropies"]) / line["tokens"],
                  line["entropy"], THIRD_DECIMAL)
            ensure((line["answer"] is None) == (line["verdict"] == "unparsed"),
                   f"{path.name}: the answer does not fit the verdict: {line}")
            draws.append(line)
    ensure((end["problems"], end["draws"]) ==
           (len(problems), sum(len(draws) for draws in problems.values())),
           f"{path.name}: the end line's counts do not fit")
    for id, draws in problems.items():
        correct = [draw["verdict"] == "correct" for draw in draws]
        ended = len(draws) == n_max or bool(stop) and sum(correct) == stop and correct[-1]
        ensure(ended and (not stop or sum(correct) <= stop) and len(draws) <= n_max,
               f"{path.name}: problem {id} has {sum(correct)} correct of {len(draws)} draws")
    return problems


def pass_at_k(counts, k, stop):
    """Mean over (n, c) of the unbiased estimate, in exact fractions: 1 − C(n−c, k)/C(n, k), and
    1 − C(n−1−k, c−1)/C(n−1, c−1) where success number `stop` ended the drawing."""
    def missed(n, c):
        if stop and c == stop:
            left = n - 1 - k
            return Fraction(math.comb(left, c - 1) if left >= 0 else 0, math.comb(n - 1, c - 1))
        return Fraction(math.comb(n - c, k), math.comb(n, k))
    return float(sum((1 - missed(n, c) for n, c in counts), Fraction(0)) / len(counts))


def check_boundary(run, recipe, step, name):
    stem = f"step-{step:06}-{name}"
    figures = json.loads((run / "boundary" / f"{stem}.json").read_text())
    problems, n = recipe["probe"]["problems"], recipe["probe"]["n_max"]
    stop = recipe["probe"]["stop"]
    powers = [2**i for i in range(n.bit_length()) if 2**i <= n]
    ensure(figures["k"] == powers, f"{stem}: k = {figures['k']}")
    ensure(figures["problems"] == problems, f"{stem}: {figures['problems']} problems")
    ensure(figures["n"] == {"base": [n, n], "policy": [n, n]}, f"{stem}: n = {figures['n']}")
    ensure(figures["set"] == name and figures["sampler"], f"{stem}: no set or sampler")
    for side in ("base", "policy", "delta"):
        curve = figures[side]
        for k, low, value, high in zip(powers, curve["ci_low"], curve["pass_at_k"],
                                       curve["ci_high"], strict=True):
            ensure(low <= value <= high, f"{stem}: {side} pass@{k}: {value} in [{low}, {high}]")
            ensure(side == "delta" or 0 <= low <= high <= 1, f"{stem}: {side} pass@{k}")
        rising = zip(curve["pass_at_k"], curve["pass_at_k"][1:])
        ensure(side == "delta" or all(a <= b + ROUNDING for a, b in rising),
               f"{stem}: {side} pass@k falls with k")
    base, policy = figures["base"]["pass_at_k"], figures["policy"]["pass_at_k"]
    for k, b, p, delta in zip(powers, base, policy, figures["delta"]["pass_at_k"]):
        close(f"{stem}: delta at {k}", delta, p - b)
    close(f"{stem}: delta_se", figures["delta_se"], base[-1] - policy[0])
    ensure(figures["delta_se_ci_low"] <= figures["delta_se"] <= figures["delta_se_ci_high"],
           f"{stem}: delta_se outside its interval")
    ahead = [d > 1e-12 for d in figures["delta"]["pass_at_k"]]
    behind = [d < -1e-12 for d in figures["delta"]["pass_at_k"]]
    crossover = next((k for i, k in enumerate(powers) if behind[i] and any(ahead[:i])), None)
    ensure(figures["crossover_k"] == crossover,
           f"{stem}: crossover_k {figures['crossover_k']}, expected {crossover}")
    for side in ("base", "policy"):
        entropy = figures["entropy"]
        ensure(0 < entropy[f"{side}_ci_low"] <= entropy[side] <= entropy[f"{side}_ci_high"],
               f"{stem}: entropy {entropy}")

    base_draws = read_ledger(run / "boundary" / f"base-{name}.draws.jsonl.zst", n, stop)
    draws = read_ledger(run / "boundary" / f"{stem}.draws.jsonl.zst", n, stop)
    ensure(len(draws) == problems and sorted(draws) == sorted(base_draws),
           f"{stem}: the ledgers have not the same {problems} problems")
    for side, curve, ledger in (("base", base, base_draws), ("policy", policy, draws)):
        counts = [(len(d), sum(draw["verdict"] == "correct" for draw in d))
                  for d in ledger.values()]
        for k, value in zip(powers, curve):
            close(f"{stem}: {side} pass@{k}", value, pass_at_k(counts, k, stop))
        if stop:
            spent = sum(drawn for drawn, _ in counts)
            full = problems * n
            ensure(figures["draws"][side] == {"spent": spent, "full": full, "saved": full - spent},
                   f"{stem}: {side} draws {figures['draws']}, of which {spent} are in the ledger")
    ensure(stop or "draws" not in figures, f"{stem}: draws saved where their number was fixed")
    correct = {id: sum(draw["verdict"] == "correct" for draw in d) for id, d in draws.items()}
    tokens = sum(draw["tokens"] for d in draws.values() for draw in d)
    entropy = sum(draw["tokens"] * draw["entropy"] for d in draws.values() for draw in d)
    close(f"{stem}: policy entropy", figures["entropy"]["policy"], entropy / tokens)
    solvable = figures["solvable"]
    listed = [id for kind in ("kept", "newly_solved", "never_solved_again", "neither") for id in solvable[kind]]
    ensure(sorted(listed) == sorted(draws), f"{stem}: kept+newly_solved+never_solved_again+neither are not the problems")
    solved = sorted(id for id, c in correct.items() if c)
    ensure(sorted(solvable["kept"] + solvable["newly_solved"]) == solved,
           f"{stem}: kept and newly_solved are not what the policy solved")
    return figures


def check_logged(lines, step, name, figures):
    """metrics.jsonl has the same figures as the boundary file."""
    prefix = f"boundary/{name}"
    (line,) = [line for line in lines if line["step"] == step and f"{prefix}/problems" in line]
    for side in ("base", "policy", "delta"):
        for ending, values in (("", "pass_at_k"), ("/ci_low", "ci_low"), ("/ci_high", "ci_high")):
            for k, value in zip(figures["k"], figures[side][values]):
                tag = f"{prefix}/{side}/pass@{k}{ending}"
                ensure(line[tag] == value, f"metrics.jsonl, step {step}: {tag} = {line[tag]}")
    for kind, ids in figures["solvable"].items():
        ensure(line[f"{prefix}/solvable/{kind}"] == len(ids), f"step {step}: {kind}")


def check_checkpoint(directory, step):
    listed = json.loads((directory / "MANIFEST.json").read_text())
    manifest = listed["blake3"]
    present = {path.name for path in directory.iterdir()} - {"MANIFEST.json"}
    ensure(set(manifest) == present, f"{directory}: holds {present}, lists {set(manifest)}")
    ensure(CHECKPOINT <= present, f"{directory}: lacks {CHECKPOINT - present}")
    for name, expected in manifest.items():
        found = blake3.blake3((directory / name).read_bytes()).hexdigest()
        ensure(found == expected, f"{directory / name}: checksum {found}, listed {expected}")
    ensure(listed["bytes"] == {name: (directory / name).stat().st_size for name in manifest},
           f"{directory}: sizes {listed['bytes']}")
    state = json.loads((directory / "state.json").read_text())
    ensure((state["version"], state["step"]) == (1, step), f"{directory}: state {state}")
    tensors = {file: names(directory / f"{file}.safetensors") for file in ("model", "optimizer")}
    moments = {f"{moment}/{name}" for moment in "mv" for name in tensors["model"]}
    ensure(step == 0 or tensors["optimizer"] == moments,
           f"{directory}: the moments are not those of the weights")


def names(path):
    """Names of the tensors in a safetensors file: a length in 8 bytes, then a JSON header."""
    content = path.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return set(header) - {"__metadata__"}


def check_checkpoints(run, recipe):
    last, settings = recipe["train"]["max_steps"], recipe["checkpoint"]
    interval, keep = settings["interval"], settings["keep_last"]
    steps = sorted({*(range(interval, last + 1, interval) if interval else ()), last})
    expected = steps[-keep:] if keep else steps
    found = sorted(path.name for path in (run / "checkpoints").iterdir())
    ensure(found == [f"step-{step:06}" for step in expected], f"checkpoints: {found}")
    for step in expected:
        check_checkpoint(run / "checkpoints" / f"step-{step:06}", step)


def check_table(text, figures):
    """The table has one row for each k with its three intervals, and says what is under it."""
    number = r"[+-]?\d+\.\d"
    cell = rf"({number}) \[({number}), ({number})\]"
    for index, k in enumerate(figures["k"]):
        row = re.search(rf"^ *{k} +{cell} +{cell} +{cell}$", text, re.MULTILINE)
        ensure(row, f"the table has no row with intervals for k = {k}")
        shown = [float(value) for value in row.groups()]
        exact = [figures[side][part][index] for side in ("base", "policy", "delta")
                 for part in ("pass_at_k", "ci_low", "ci_high")]
        for got, value in zip(shown, exact):
            # One decimal of a percentage, half a unit either way.
            close(f"table, k = {k}", got, 100 * value, 0.05 + ROUNDING)
    for words in ("shown", "problems", "kept", "newly solved", "never solved again", "lost or nearly",
                  "neither", "Δ_SE", "entropy", "sampler", "tensorboard", "checkpoint"):
        ensure(words in text, f"the table says nothing of {words}")


def check_ending(text, figures):
    """What a run ends with: some twenty lines of at most 80 columns, whose words follow from the
    intervals beside them, which are those of the figures that decide."""
    lines = text.splitlines()
    ensure(len(lines) <= 30, f"a run ends with {len(lines)} lines")
    long = [line for line in lines if len(line) > 80]
    ensure(not long, f"lines are longer than 80 columns: {long}")
    number = r"[+-]?\d+\.\d"
    row = rf"^ *(\d+) +({number}) +({number}) +({number}) \[({number}), ({number})\] +(.+)$"
    rows = re.findall(row, text, re.MULTILINE)
    ensure(2 <= len(rows) <= 4, f"the table has {len(rows)} rows")
    ensure([int(rows[0][0]), int(rows[-1][0])] == [figures["k"][0], figures["k"][-1]],
           "the table does not have the least and the largest k")
    anytime = figures["paired"]["look"] > 1
    for k, base, policy, delta, low, high, word in rows:
        index = figures["k"].index(int(k))
        deciding = ([figures["paired"]["delta_anytime"][index][end] for end in ("low", "high")]
                    if anytime else [figures["delta"][end][index] for end in ("ci_low", "ci_high")])
        exact = [figures["base"]["pass_at_k"][index], figures["policy"]["pass_at_k"][index],
                 figures["delta"]["pass_at_k"][index], *deciding]
        for got, value in zip((base, policy, delta, low, high), exact):
            close(f"ending, k = {k}", float(got), 100 * value, 0.05 + ROUNDING)
        expect = "better" if deciding[0] > 0 else "worse" if deciding[1] < 0 else "not shown"
        ensure(word.strip() == expect, f"at k = {k} the word is {word!r}, by its interval {expect!r}")
    gone = len(figures["solvable"]["never_solved_again"])
    ensure(re.search(rf"{gone} (was|were) never\s+solved\s+again", text), "never solved again: another count")
    for words in ("time", "report", "tensorboard", "checkpoint"):
        ensure(words in text, f"the end says nothing of {words}")


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    run, ending, table = Path(sys.argv[1]), *(Path(path).read_text() for path in sys.argv[2:])
    recipe = tomllib.loads((run / "recipe.toml").read_text())
    lines = check_metrics(run, recipe)
    for name in sets(recipe):
        for step in probed(recipe):
            figures = check_boundary(run, recipe, step, name)
            check_logged(lines, step, name, figures)
        if len(sets(recipe)) == 1:
            check_ending(ending, figures)
        check_table(table.partition(f"pass@k on {name}:")[2], figures)
    check_checkpoints(run, recipe)
    print(f"{run}: {recipe['train']['max_steps']} steps, {len(probed(recipe))} probes, as documented")


if __name__ == "__main__":
    main()
