"""What llama.cpp takes to decode: sequences in one batch, its own sampler at temperature 1.

The same f32 weights, from a GGUF file, through the calls of its C interface: the high-level binding
decodes one sequence at a time. Runs in the peers' environment; run.py is its caller.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

import llama_cpp as llama


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--prompts", required=True)
    parser.add_argument("--max-tokens", type=int, required=True)
    parser.add_argument("--rounds", type=int, default=1)
    args = parser.parse_args()
    threads = int(os.environ.get("OMP_NUM_THREADS", "1"))
    texts = [json.loads(line)["prompt"] for line in Path(args.prompts).read_text().splitlines()]

    llama.llama_backend_init()
    options = llama.llama_model_default_params()
    options.n_gpu_layers = 0
    model = llama.llama_model_load_from_file(args.model.encode(), options)
    if not model:
        sys.exit(f"llama.cpp does not open {args.model}")
    vocab = llama.llama_model_get_vocab(model)
    prompts = [encode(vocab, text) for text in texts]
    rows = len(prompts)
    longest = max(map(len, prompts)) + args.max_tokens

    options = llama.llama_context_default_params()
    # Each sequence has its own cache; the context is divided among them, in blocks of 256.
    options.n_ctx = rows * -(-longest // 256) * 256
    options.n_seq_max = rows
    options.n_batch = options.n_ubatch = 512
    options.n_threads = options.n_threads_batch = threads
    # bourn's cache is f32; llama.cpp's default is f16.
    options.type_k = options.type_v = llama.GGML_TYPE_F32
    context = llama.llama_init_from_model(model, options)
    if not context:
        sys.exit("llama.cpp makes no context of this size")
    chain = llama.llama_sampler_chain_init(llama.llama_sampler_chain_default_params())
    llama.llama_sampler_chain_add(chain, llama.llama_sampler_init_temp(1.0))
    llama.llama_sampler_chain_add(chain, llama.llama_sampler_init_dist(1))
    batch = llama.llama_batch_init(512, 0, 1)

    def feed(items):
        """Runs (token, position, sequence, wants logits); at most 512 at once."""
        batch.n_tokens = len(items)
        for index, (token, position, sequence, wanted) in enumerate(items):
            batch.token[index] = token
            batch.pos[index] = position
            batch.n_seq_id[index] = 1
            batch.seq_id[index][0] = sequence
            batch.logits[index] = wanted
        if llama.llama_decode(context, batch) != 0:
            sys.exit("llama_decode failed")

    def round_of():
        llama.llama_memory_clear(llama.llama_get_memory(context), True)
        last = [0] * rows
        work = [(token, position, sequence, position + 1 == len(prompt))
                for sequence, prompt in enumerate(prompts) for position, token in enumerate(prompt)]
        for first in range(0, len(work), 512):
            part = work[first:first + 512]
            feed(part)
            for index, (_, _, sequence, wanted) in enumerate(part):
                if wanted:
                    last[sequence] = llama.llama_sampler_sample(chain, context, index)
        # A token that ends a completion ends nothing here: the lengths are forced.
        for step in range(args.max_tokens - 1):
            items = [(last[s], len(prompts[s]) + step, s, True) for s in range(rows)]
            for first in range(0, rows, 512):
                part = items[first:first + 512]
                feed(part)
                for index, (_, _, sequence, _) in enumerate(part):
                    last[sequence] = llama.llama_sampler_sample(chain, context, index)
        return rows * args.max_tokens

    round_of()
    seconds, tokens = [], []
    for _ in range(args.rounds):
        start = time.perf_counter()
        drawn = round_of()
        seconds.append(time.perf_counter() - start)
        tokens.append(drawn)
    print(json.dumps({"seconds": seconds, "tokens": tokens}), flush=True)


def encode(vocab, text):
    data = text.encode()
    room = (llama.llama_token * (len(data) + 8))()
    count = llama.llama_tokenize(vocab, data, len(data), room, len(room), False, True)
    if count <= 0:
        sys.exit("llama.cpp does not tokenize a prompt")
    return list(room[:count])


if __name__ == "__main__":
    main()
