"""What vLLM takes to decode on the processor; run.py is its caller.

The packages of its registry are built for accelerators: where this fails, run.py says with what.
"""

import argparse
import json
import os
import time
from pathlib import Path

os.environ.setdefault("VLLM_TARGET_DEVICE", "cpu")
# Its engine in this process, so that peak memory is counted.
os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "2")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--prompts", required=True)
    parser.add_argument("--max-tokens", type=int, required=True)
    parser.add_argument("--rounds", type=int, default=1)
    args = parser.parse_args()
    from vllm import LLM, SamplingParams

    texts = [json.loads(line)["prompt"] for line in Path(args.prompts).read_text().splitlines()]
    engine = LLM(model=args.model, dtype="float32", max_num_seqs=len(texts), enforce_eager=True,
                 enable_prefix_caching=False)
    how = SamplingParams(temperature=1.0, max_tokens=args.max_tokens, ignore_eos=True)
    engine.generate(texts, how, use_tqdm=False)
    seconds, tokens = [], []
    for _ in range(args.rounds):
        start = time.perf_counter()
        out = engine.generate(texts, how, use_tqdm=False)
        seconds.append(time.perf_counter() - start)
        tokens.append(sum(len(one.outputs[0].token_ids) for one in out))
    print(json.dumps({"seconds": seconds, "tokens": tokens}), flush=True)


if __name__ == "__main__":
    main()
