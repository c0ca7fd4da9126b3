"""What torch, transformers and TRL take; one measure a call, a JSON object as the last line.

Everything is f32, as in bourn. Runs in the peers' environment; run.py is its caller.
"""

import argparse
import json
import os
import time
from pathlib import Path

import torch


def read_lines(path):
    return [json.loads(line) for line in Path(path).read_text().splitlines() if line.strip()]


def open_model(path):
    from transformers import AutoModelForCausalLM, AutoTokenizer
    tokenizer = AutoTokenizer.from_pretrained(path, padding_side="left")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32), tokenizer


def gemm(args):
    a, b = torch.rand(args.size, args.size), torch.rand(args.size, args.size)
    out = torch.empty(args.size, args.size)
    best = float("inf")
    for _ in range(20):
        start = time.perf_counter()
        torch.mm(a, b, out=out)
        best = min(best, time.perf_counter() - start)
    return {"gflops": 2 * args.size**3 / best / 1e9}


def decode(args):
    """`generate` with its key/value cache, whole batches one after the other."""
    model, tokenizer = open_model(args.model)
    model.eval()
    texts = [line["prompt"] for line in read_lines(args.prompts)]
    if args.chat:
        texts = [tokenizer.apply_chat_template([{"role": "user", "content": text}], tokenize=False,
                                               add_generation_prompt=True) for text in texts]
    at_once = max(1, args.batch // args.n)
    # top_k is 50 unless told, and would be another distribution.
    how = {"do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": 1.0,
           "num_return_sequences": args.n, "max_new_tokens": args.max_tokens,
           "pad_token_id": tokenizer.pad_token_id}
    if args.forced:
        how["min_new_tokens"] = args.max_tokens
    ends = model.generation_config.eos_token_id
    ends = set(ends if isinstance(ends, list) else [ends])

    def round_of():
        tokens = 0
        for first in range(0, len(texts), at_once):
            inputs = tokenizer(texts[first:first + at_once], return_tensors="pt", padding=True,
                               add_special_tokens=not args.chat)
            inputs.pop("token_type_ids", None)
            with torch.no_grad():
                out = model.generate(**inputs, **how)
            for row in out[:, inputs["input_ids"].shape[1]:].tolist():
                # Up to the end and with it; what follows is padding.
                tokens += next((i + 1 for i, id in enumerate(row) if id in ends), len(row))
        return tokens

    return timed(round_of, args.rounds)


def backward(args):
    from transformers import AutoModelForCausalLM
    model = AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32)
    model.train()
    sequences = torch.tensor(json.loads(Path(args.sequences).read_text()))
    scored = sequences.shape[0] * (sequences.shape[1] - 1)
    state = {}

    def round_of():
        model.zero_grad(set_to_none=True)
        total = 0.0
        for ids in sequences.split(args.micro_batch):
            logits = model(ids, use_cache=False).logits[:, :-1]
            loss = torch.nn.functional.cross_entropy(
                logits.reshape(-1, logits.shape[-1]), ids[:, 1:].reshape(-1), reduction="sum")
            loss = loss / scored
            loss.backward()
            total += loss.item()
        state["loss"] = total
        return sequences.numel()

    result = timed(round_of, args.rounds)
    squares = sum(float(p.grad.double().square().sum()) for p in model.parameters()
                  if p.grad is not None)
    return {**result, **state, "gradient_norm": squares**0.5}


def timed(round_of, rounds):
    """One round that is not timed, then `rounds` that are."""
    round_of()
    seconds, tokens = [], []
    for _ in range(rounds):
        start = time.perf_counter()
        drawn = round_of()
        seconds.append(time.perf_counter() - start)
        tokens.append(drawn)
    return {"seconds": seconds, "tokens": tokens}


def grpo(args):
    """TRL's GRPOTrainer; a step's time is from its begin to its end, drawing included."""
    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    import rewards

    model, tokenizer = open_model(args.model)
    lines = read_lines(args.prompts)
    prompt = (lambda text: [{"role": "user", "content": text}]) if args.chat else str
    data = Dataset.from_list([
        {"prompt": prompt(line["prompt"]), "reference": json.dumps(line.get("reference"))}
        for line in lines])
    drawn, seconds = [], []

    def reward(completions, completion_ids, reference, **_):
        drawn.append(sum(len(ids) for ids in completion_ids))
        if args.forced:
            # In every group one half and the other: all of them are trained on.
            return [float(index % 2) for index in range(len(completions))]
        texts = [c if isinstance(c, str) else c[0]["content"] for c in completions]
        return [rewards.reward(json.loads(one), text) for one, text in zip(reference, texts)]

    class Clock(TrainerCallback):
        def on_step_begin(self, *_, **__):
            self.start = time.perf_counter()

        def on_step_end(self, *_, **__):
            seconds.append(time.perf_counter() - self.start)

    total = args.groups * args.n
    config = GRPOConfig(
        output_dir=str(args.out), use_cpu=True, bf16=False, fp16=False, report_to="none",
        save_strategy="no", logging_strategy="no", disable_tqdm=True, seed=1,
        shuffle_dataset=False, max_steps=args.rounds + 1,
        per_device_train_batch_size=args.micro_batch,
        gradient_accumulation_steps=total // args.micro_batch, num_generations=args.n,
        max_completion_length=args.max_tokens, temperature=1.0, top_k=0, top_p=1.0,
        learning_rate=1e-6, lr_scheduler_type="constant", beta=0.0, loss_type="dapo",
        # Its default computes every layer twice to save memory; bourn's does not.
        gradient_checkpointing=False,
        generation_kwargs={"min_new_tokens": args.max_tokens} if args.forced else None)
    trainer = GRPOTrainer(model=model, processing_class=tokenizer, reward_funcs=reward, args=config,
                          train_dataset=data, callbacks=[Clock()])
    trainer.train()
    return {"seconds": seconds[1:], "tokens": drawn[1:len(seconds)]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("measure", choices=["gemm", "decode", "backward", "grpo"])
    parser.add_argument("--model")
    parser.add_argument("--prompts")
    parser.add_argument("--sequences")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("-n", type=int, default=1)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--groups", type=int, default=1)
    parser.add_argument("--max-tokens", type=int, default=16)
    parser.add_argument("--micro-batch", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--forced", action="store_true")
    parser.add_argument("--chat", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    result = {"gemm": gemm, "decode": decode, "backward": backward, "grpo": grpo}[args.measure](args)
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
