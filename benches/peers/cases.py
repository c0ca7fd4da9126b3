"""What is compared: models, workloads, the command of each side, the target of each ratio."""

import json
import shutil
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

import environment

HERE = Path(__file__).resolve().parent
TORCH, LLAMA, VLLM = (HERE / name for name in ("torch_side.py", "llama_side.py", "vllm_side.py"))


@dataclass
class Peer:
    """The other side; `target` is the least ratio bourn/peer in tokens a second, if there is one."""

    name: str
    target: float | None
    run: object


@dataclass
class Case:
    name: str
    bourn: object
    peers: list[Peer] = field(default_factory=list)
    # Floating-point operations for each token that is counted; None where they vary.
    flops_per_token: float | None = None
    # Why the case cannot be run at all.
    missing: str | None = None


class Inputs:
    """Models and prompts under --work, made once."""

    def __init__(self, args, env, runner):
        self.args, self.env, self.runner = args, env, runner
        self.bench, self.binary = args.bin / "bourn-bench", args.bin / "bourn"
        models = args.work / "models"
        models.mkdir(exist_ok=True)
        gguf = environment.download_smollm2(env)
        self.smollm2 = self.made(models / "smollm2", lambda out: runner.run(
            [self.bench, "convert", "--model", gguf, "--out", out]))
        self.tiny = self.made(models / "tiny", lambda out: self.prepare("tiny", out))
        self.endless = {model: self.made(
            models / f"{model.name}-endless", lambda out, model=model:
            self.prepare("endless", model, out)) for model in (self.smollm2, self.tiny)}
        self.f32_gguf = models / "smollm2-f32.gguf"
        self.bf16_gguf = models / "smollm2-bf16.gguf"
        self.q4_gguf = gguf
        if env.why_not("llama-cpp") is None:
            self.made(self.f32_gguf, lambda out: self.prepare("gguf", gguf, out, "F32"))
            self.made(self.bf16_gguf, lambda out: self.prepare("gguf", gguf, out, "BF16"))

    def made(self, place, make):
        """Makes a file or directory beside its place, so that half of one is never taken."""
        if not place.exists():
            new = place.with_name(place.name + ".new")
            if new.is_dir():
                shutil.rmtree(new)
            new.unlink(missing_ok=True)
            make(new)
            new.rename(place)
        return place

    def prepare(self, *words):
        self.runner.run([self.env.python(), HERE / "prepare.py", *words])

    def prompts(self, model, count, tokens):
        place = self.args.work / "inputs" / f"{model.name}-{count}x{tokens}.jsonl"
        place.parent.mkdir(exist_ok=True)
        return self.made(place, lambda out: self.prepare("prompts", model, out, count, tokens))

    def sequences(self, model, count, tokens):
        place = self.args.work / "inputs" / f"{model.name}-{count}x{tokens}.json"
        place.parent.mkdir(exist_ok=True)
        return self.made(place, lambda out: self.prepare("sequences", model, out, count, tokens))

    def countdown_base(self):
        """The tiny shape pretrained by bourn on countdown, for completions that end."""
        steps = 30 if self.args.quick else 500
        place = self.args.work / "models" / f"tiny-countdown-{steps}"
        return self.made(place, lambda out: self.pretrain(steps, out))

    def pretrain(self, steps, out):
        recipe = self.recipe("countdown-base", COUNTDOWN_BASE.format(steps=steps))
        cache = self.args.work / "cache" / "bases"
        before = set(cache.glob("*")) if cache.exists() else set()
        self.train(recipe)
        new = [path for path in set(cache.glob("*")) - before if (path / "config.json").exists()]
        if not new:
            # It was in the cache already: the newest of this shape.
            new = [path for path in cache.glob("*") if (path / "config.json").exists()
                   and json.loads((path / "config.json").read_text())["hidden_size"] == 256]
        out.mkdir()
        for file in max(new, key=lambda path: path.stat().st_mtime).iterdir():
            if file.suffix in (".json", ".safetensors"):
                shutil.copy(file, out / file.name)

    def recipe(self, name, text):
        place = self.args.work / "recipes" / f"{name}.toml"
        place.parent.mkdir(exist_ok=True)
        place.write_text(text)
        return place

    def train(self, recipe):
        """Runs `bourn train`; (run directory, peak bytes)."""
        run = self.args.work / "runs" / recipe.stem
        shutil.rmtree(run, ignore_errors=True)
        _, _, peak = self.runner.run([self.binary, "train", recipe, "--run-dir", run])
        return run, peak


COUNTDOWN_TASK = """
[[task]]
kind = "countdown"
numbers = 3
operators = ["+", "-", "*"]
train_problems = 4096
"""

COUNTDOWN_BASE = """
[model]
architecture = {{ hidden_size = 256, num_layers = 6, num_heads = 4, intermediate_size = 704, max_position = 64 }}
[base]
steps = {steps}
lr = 1e-3
warmup_steps = 20
""" + COUNTDOWN_TASK.replace("{", "{{").replace("}", "}}") + """
[rollout]
prompts_per_step = 1
num_generations = 2
max_prompt_length = 32
max_completion_length = 20
[algorithm]
name = "grpo"
[train]
max_steps = 1
[probe]
interval = 0
problems = 1
"""

STEP = """
[model]
path = {model}
chat_template = {chat}
{task}
[rollout]
prompts_per_step = {groups}
num_generations = {n}
max_prompt_length = {prompt}
max_completion_length = {tokens}
temperature = 1.0
batch_size = {batch}
[algorithm]
{algorithm}
[optimizer]
lr = 1e-6
[train]
max_steps = {steps}
micro_batch_size = {micro_batch}
[probe]
interval = 0
problems = 1
[checkpoint]
interval = 0
[log]
tensorboard = false
"""

# Whatever the verdict, an advantage of ±1: every completion is trained on, with GRPO's clipped loss.
EVERY_GROUP = 'name = "w_reinforce"\npositive_weight = 1.0\nnegative_weight = 1.0'


def rounds(args):
    return 1 if args.quick else 2


def all_cases(args, inputs):
    """Every comparison; with `inputs` None only their names."""
    for batch in (1, 4) if args.quick else (1, 16, 64):
        target = {1: None, 16: 2.5, 64: 2.0}.get(batch)
        yield decode_forced(args, inputs, "smollm2", batch, 8 if args.quick else 64, target)
    yield decode_bf16(args, inputs, 4 if args.quick else 16, 8 if args.quick else 64)
    yield decode_forced(args, inputs, "tiny", 8 if args.quick else 256, 8 if args.quick else 64, 2.0)
    yield decode_real(args, inputs, "smollm2")
    yield decode_real(args, inputs, "tiny")
    yield backward(args, inputs, "smollm2", *((2, 32) if args.quick else (16, 128)))
    yield backward(args, inputs, "tiny", *((8, 16) if args.quick else (256, 64)))
    sizes = (2, 4, 8, 4) if args.quick else (4, 8, 64, 8)
    yield grpo_forced(args, inputs, "smollm2", *sizes, 2.5)
    sizes = (4, 8, 8, 16) if args.quick else (32, 8, 64, 64)
    yield grpo_forced(args, inputs, "tiny", *sizes, 1.7)
    yield grpo_real(args, inputs, "smollm2")
    yield grpo_real(args, inputs, "tiny")


def weights(config):
    """Weights of the layers' products, of the head, and query values of all layers."""
    hidden, layers = config["hidden_size"], config["num_hidden_layers"]
    head = config.get("head_dim") or hidden // config["num_attention_heads"]
    queries = head * config["num_attention_heads"]
    keys = head * (config.get("num_key_value_heads") or config["num_attention_heads"])
    layer = hidden * (2 * queries + 2 * keys) + 3 * hidden * config["intermediate_size"]
    return layers * layer, hidden * config["vocab_size"], layers * queries


def flops(model, context):
    """Of one token's forward pass over `context` positions, head included."""
    layers, head, queries = weights(json.loads((model / "config.json").read_text()))
    return 2 * (layers + head) + 4 * queries * context


PROMPT = 16


def decode_forced(args, inputs, name, batch, tokens, target):
    case = Case(f"decode {name} forced, batch {batch} x {tokens}", None)
    if inputs is None:
        return case
    model = getattr(inputs, name)
    prompts = inputs.prompts(model, batch, PROMPT)
    common = ["--prompts", prompts, "--max-tokens", tokens, "--rounds", rounds(args)]
    case.bourn = lambda runner: runner.json(
        [inputs.bench, "decode", "--model", model, "-n", 1, "--batch", batch, "--forced", *common])
    case.peers = [Peer("torch", target, lambda runner: runner.json(
        [inputs.env.python(), TORCH, "decode", "--model", model, "-n", 1, "--batch", batch,
         "--forced", *common]))]
    if name == "smollm2":
        # llama.cpp's level is the target.
        case.peers += [
            Peer("llama-cpp", 1.0, lambda runner: runner.json(
                [inputs.env.python("llama-cpp"), LLAMA, "--model", inputs.f32_gguf, *common])),
            Peer("vllm", None, lambda runner: runner.json(
                [inputs.env.python("vllm"), VLLM, "--model", model, *common])),
        ]
    # The prompt's forward is in the time, and its tokens are not counted.
    each = flops(model, PROMPT + tokens / 2)
    case.flops_per_token = each * (PROMPT + tokens) / tokens
    return case


def decode_bf16(args, inputs, batch, tokens):
    """Matrices in bf16 on both sides, the cache in f32."""
    case = Case(f"decode smollm2 in bf16, batch {batch} x {tokens}", None)
    if inputs is None:
        return case
    prompts = inputs.prompts(inputs.smollm2, batch, PROMPT)
    common = ["--prompts", prompts, "--max-tokens", tokens, "--rounds", rounds(args)]
    case.bourn = lambda runner: runner.json(
        [inputs.bench, "decode", "--model", inputs.smollm2, "-n", 1, "--batch", batch, "--forced",
         "--bf16", *common])
    case.peers = [Peer("llama-cpp", 1.0, lambda runner: runner.json(
        [inputs.env.python("llama-cpp"), LLAMA, "--model", inputs.bf16_gguf, *common]))]
    case.flops_per_token = flops(inputs.smollm2, PROMPT + tokens / 2) * (PROMPT + tokens) / tokens
    return case


@dataclass
class Real:
    """A workload of real prompts: completions end where they end."""

    model: Path
    task: str
    chat: bool
    prompt: int
    tokens: int
    batch: int
    groups: int
    n: int
    micro_batch: int


def real(args, inputs, name):
    """The workload, or why there is none."""
    if name == "tiny":
        groups, n = (2, 4) if args.quick else (16, 16)
        batch, micro_batch = groups * n, min(64, groups * n)
        return Real(inputs.countdown_base(), COUNTDOWN_TASK, False, 32, 20, batch, groups, n,
                    micro_batch)
    if args.gsm8k is None:
        return "needs --gsm8k"
    path = args.gsm8k.resolve()
    if not path.is_file():
        return f"--gsm8k {path} is not a file"
    task = (f'[[task]]\nkind = "dataset"\npath = {json.dumps(str(path))}\nanswer_format = "hash"\n'
            'template = "{prompt}\\nThink briefly, then end with the answer as a number."\n'
            '[[reward]]\nverifier = "math"\nextract = "last_number"')
    groups, n, tokens, micro_batch = (2, 2, 8, 4) if args.quick else (4, 16, 256, 8)
    return Real(inputs.smollm2, task, True, 320, tokens, groups * n, groups, n, micro_batch)


def real_recipe(inputs, name, work, steps):
    chat = "true" if work.chat else "false"
    return inputs.recipe(f"real-{name}", STEP.format(
        model=json.dumps(str(work.model)), chat=chat, task=work.task, groups=work.groups, n=work.n,
        prompt=work.prompt, tokens=work.tokens, batch=work.batch, algorithm='name = "grpo"',
        steps=steps, micro_batch=work.micro_batch))


def real_prompts(inputs, name, recipe, steps):
    """The recipe's problems in the order of training, for the peer."""
    out, _, _ = inputs.runner.run([inputs.bench, "problems", recipe, "--steps", steps])
    place = inputs.args.work / "inputs" / f"real-{name}.jsonl"
    place.parent.mkdir(exist_ok=True)
    place.write_text(out)
    return place


def decode_real(args, inputs, name):
    case = Case(f"decode {name} real", None)
    if inputs is None:
        return case
    work = real(args, inputs, name)
    if isinstance(work, str):
        return Case(case.name, None, [Peer("torch", 4.0, None)], missing=work)
    # Twice as many completions as are decoded at once: one batch after the other.
    prompts = real_prompts(inputs, f"{name}-decode", real_recipe(inputs, name, work, 2), 2)
    words = ["decode", "--model", work.model, "--prompts", prompts, "-n", work.n, "--batch",
             work.batch, "--max-tokens", work.tokens, "--rounds", rounds(args),
             *(["--chat"] if work.chat else [])]
    case.bourn = lambda runner: runner.json([inputs.bench, *words])
    case.peers = [Peer("torch", 4.0, lambda runner: runner.json(
        [inputs.env.python(), TORCH, *words]))]
    return case


def backward(args, inputs, name, count, tokens):
    case = Case(f"forward and backward {name}, {count} x {tokens}", None)
    if inputs is None:
        return case
    model = getattr(inputs, name)
    words = ["backward", "--model", model, "--sequences", inputs.sequences(model, count, tokens),
             "--micro-batch", count, "--rounds", rounds(args)]
    case.bourn = lambda runner: runner.json([inputs.bench, *words])
    case.peers = [Peer("torch", 1.0, lambda runner: runner.json(
        [inputs.env.python(), TORCH, *words]))]
    case.flops_per_token = 3 * flops(model, tokens / 2)
    return case


def step_times(run, peak, steps):
    """What `bourn train` says of its steps, without the first."""
    lines = [json.loads(line) for line in (run / "timing.jsonl").read_text().splitlines()]
    lines = [line for line in lines if "train/step_time" in line][1:steps]
    seconds = [line["train/step_time"] for line in lines]
    tokens = [round(line["train/step_time"] * line["train/tokens_per_second"]) for line in lines]
    return {"seconds": seconds, "tokens": tokens, "peak_bytes": peak}


def bourn_steps(inputs, recipe, steps):
    def run(runner):
        return step_times(*inputs.train(recipe), steps)
    return run


def trl_steps(inputs, model, prompts, work, forced):
    words = [inputs.env.python("trl"), TORCH, "grpo", "--model", model, "--prompts", prompts,
             "--groups", work["groups"], "-n", work["n"], "--max-tokens", work["tokens"],
             "--micro-batch", work["micro_batch"], "--rounds", rounds(inputs.args),
             "--out", inputs.args.work / "runs" / "trl",
             *(["--forced"] if forced else []), *(["--chat"] if work.get("chat") else [])]
    return lambda runner: runner.json(words)


def grpo_forced(args, inputs, name, groups, n, tokens, micro_batch, target):
    case = Case(f"GRPO step {name} forced, {groups} x {n} x {tokens}", None)
    if inputs is None:
        return case
    model, steps = getattr(inputs, name), rounds(args) + 1
    prompts = inputs.prompts(model, groups * steps, PROMPT)
    # The problems of a probe that is never made.
    held_out = inputs.prompts(model, 1, PROMPT + 1)
    task = (f'[[task]]\nkind = "dataset"\npath = {json.dumps(str(prompts))}\n'
            f'probe_path = {json.dumps(str(held_out))}\n[[reward]]\nverifier = "exact"')
    recipe = inputs.recipe(f"forced-{name}", STEP.format(
        model=json.dumps(str(inputs.endless[model])), chat="false", task=task, groups=groups, n=n,
        prompt=PROMPT + 1, tokens=tokens, batch=groups * n, algorithm=EVERY_GROUP, steps=steps,
        micro_batch=micro_batch))
    work = {"groups": groups, "n": n, "tokens": tokens, "micro_batch": micro_batch}
    case.bourn = bourn_steps(inputs, recipe, steps)
    case.peers = [Peer("trl", target, trl_steps(inputs, model, prompts, work, True))]
    # Drawn, then trained on with its prompt: without what bourn saves by sharing prompts.
    each = flops(model, (PROMPT + tokens) / 2)
    case.flops_per_token = (1 + 3) * each * (PROMPT + tokens) / tokens
    return case


def grpo_real(args, inputs, name):
    case = Case(f"GRPO step {name} real", None)
    if inputs is None:
        return case
    work, steps = real(args, inputs, name), rounds(args) + 1
    if isinstance(work, str):
        return Case(case.name, None, [Peer("trl", 4.0, None)], missing=work)
    recipe = real_recipe(inputs, f"{name}-step", work, steps)
    prompts = real_prompts(inputs, f"{name}-step", recipe, steps)
    sizes = {"groups": work.groups, "n": work.n, "tokens": work.tokens,
             "micro_batch": work.micro_batch, "chat": work.chat}
    case.bourn = bourn_steps(inputs, recipe, steps)
    case.peers = [Peer("trl", 4.0, trl_steps(inputs, work.model, prompts, sizes, False))]
    return case


def gemm_size(args):
    return 256 if args.quick else 1024


def gemm_peak(env, runner, args):
    """GFLOP/s of a square product, by bourn and by torch."""
    size = gemm_size(args)
    bourn = runner.json([args.bin / "bourn-bench", "gemm", "--size", size])
    torch = runner.json([env.python(), TORCH, "gemm", "--size", size])
    return {"bourn": bourn["gflops"], "torch": torch["gflops"]}


def alone(args, inputs):
    """(name, target in seconds, measure): what has no peer."""
    def help_(runner):
        # The median of many: a process start is short beside the clock's surprises.
        return statistics.median(
            runner.run([inputs.binary, "--help"])[1] for _ in range(5 if args.quick else 31))

    def load(source):
        return lambda runner: min(
            runner.json([inputs.bench, "load", "--model", source])["seconds"]
            for _ in range(rounds(args)))

    yield "alone: bourn --help", 0.02, help_
    yield "alone: opening and packing SmolLM2, f32 safetensors", 2, load(inputs.smollm2)
    yield "alone: opening and packing SmolLM2, Q4_1 GGUF", 2, load(inputs.q4_gguf)
    problems, draws = (4, 16) if args.quick else (64, 256)
    yield (f"alone: a checkpoint's probe, {problems} x {draws}, quickstart", 60,
           lambda runner: probe(args, inputs, runner, problems, draws))


def probe(args, inputs, runner, problems, draws):
    """The probe of a run's second checkpoint: the first's has drawn the base, which is kept."""
    steps, run = 30 if args.quick else 500, args.work / "runs" / "probed"
    shutil.rmtree(run, ignore_errors=True)
    recipe = HERE.parent.parent / "recipes" / "quickstart.toml"
    changed = [f"base.steps={steps}", f"base.warmup_steps={steps // 10}", "train.max_steps=2",
               "probe.interval=0", "checkpoint.interval=1", "checkpoint.keep_last=2"]
    runner.run([inputs.binary, "train", recipe, "--run-dir", run, *settings(changed)])
    # Draws are kept by their seed among others: one that no probe has had.
    changed = [f"probe.problems={problems}", f"probe.n_max={draws}", "probe.stop=0",
               f"probe.seed={time.time_ns() // 1000}"]
    words = [inputs.binary, "probe", "--run", run, *settings(changed), "--checkpoint"]
    runner.run([*words, 1])
    _, seconds, _ = runner.run([*words, 2])
    return seconds


def settings(changed):
    return [word for one in changed for word in ("--set", one)]
