"""Models and prompts that both sides read; runs in the peers' environment.

    prepare.py tiny DIR                a small Llama with random weights
    prepare.py endless MODEL DIR       the same model without a token that ends a completion
    prepare.py gguf MODEL.gguf OUT TYPE    the same weights in F32 or, matrices, BF16, for llama.cpp
    prepare.py prompts MODEL FILE COUNT TOKENS     JSON lines: prompts of just so many tokens
    prepare.py sequences MODEL FILE COUNT TOKENS   a JSON array of arrays of token ids
"""

import json
import os
import random
import shutil
import sys
from pathlib import Path

TINY = {"hidden_size": 256, "num_hidden_layers": 6, "num_attention_heads": 4,
        "num_key_value_heads": 4, "intermediate_size": 704, "vocab_size": 512,
        "max_position_embeddings": 1024, "rms_norm_eps": 1e-5, "tie_word_embeddings": True}
END = "<end>"


def tiny(out):
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    torch.manual_seed(1)
    # The last id, so that every other one is a word.
    end = TINY["vocab_size"] - 1
    config = LlamaConfig(**TINY, bos_token_id=None, eos_token_id=end, pad_token_id=end)
    model = LlamaForCausalLM(config)
    # The row of the padding token is made of zeros, where a norm's slope is 1/√eps in every layer.
    torch.nn.init.normal_(model.get_input_embeddings().weight.data[end], std=0.02)
    model.generation_config.eos_token_id = end
    model.generation_config.pad_token_id = end
    model.save_pretrained(out)
    words = {f"w{index}": index for index in range(end)} | {END: end}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="w0"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.decoder = decoders.Fuse()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END, pad_token=END,
                            unk_token="w0").save_pretrained(out)


def endless(model, out):
    """Nothing ends a completion: bourn takes the end from these three files."""
    out.mkdir(parents=True)
    for file in model.iterdir():
        if file.suffix == ".json" and file.name != "tokenizer.json":
            values = json.loads(file.read_text())
            for key in ("eos_token_id", "eos_token"):
                values.pop(key, None)
            (out / file.name).write_text(json.dumps(values, indent=1))
        elif file.is_file():
            try:
                os.link(file, out / file.name)
            except OSError:
                shutil.copy(file, out / file.name)


def gguf(source, out, kind):
    import numpy
    from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter
    from gguf.quants import dequantize, quantize

    reader = GGUFReader(source)
    writer = GGUFWriter(out, reader.get_field("general.architecture").contents())
    for field in reader.fields.values():
        # Those of the file itself, and what the writer has put in already.
        if field.name.startswith("GGUF.") or field.name == "general.architecture":
            continue
        value = 0 if field.name == "general.file_type" else field.contents()
        sub = field.types[1] if field.types[0] == GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, value, field.types[0], sub_type=sub)
    for tensor in reader.tensors:
        data = dequantize(tensor.data, tensor.tensor_type).astype(numpy.float32)
        shape = tuple(int(n) for n in reversed(tensor.shape))
        data = data.reshape(shape)
        # llama.cpp adds and multiplies with vectors in f32 alone.
        own = GGMLQuantizationType[kind if len(shape) > 1 else "F32"]
        if own != GGMLQuantizationType.F32:
            data = quantize(data, own)
        writer.add_tensor(tensor.name, data, raw_dtype=own)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def plain_words(tokenizer):
    """Words that are a token each and stay so beside each other."""
    ids = tokenizer.get_vocab().values()
    texts = (tokenizer.decode([index]) for index in sorted(ids))
    found = [text for text in texts
             if text.strip().isascii() and text.strip().isalnum()
             and (text.startswith(" ") or text.startswith("w"))]
    return [text.strip() for text in found
            if len(tokenizer.encode(" x " + text.strip(), add_special_tokens=False))
            - len(tokenizer.encode(" x", add_special_tokens=False)) == 1][:2000]


def prompts(model, out, count, tokens):
    from transformers import AutoTokenizer
    tokenizer = AutoTokenizer.from_pretrained(model)
    words = plain_words(tokenizer)
    draw = random.Random(1)
    lines = []
    while len(lines) < count:
        text = " ".join(draw.choice(words) for _ in range(tokens))
        # The first word has no space before it and may be another number of tokens.
        if len(tokenizer.encode(text)) == tokens:
            lines.append({"prompt": text, "question": text, "answer": "none"})
    out.write_text("".join(json.dumps(line) + "\n" for line in lines))


def sequences(model, out, count, tokens):
    config = json.loads((model / "config.json").read_text())
    # Torch takes no gradient for the embedding of a padding token; bourn knows of none.
    special = {config.get(key) for key in ("bos_token_id", "eos_token_id", "pad_token_id")}
    words = [index for index in range(config["vocab_size"]) if index not in special]
    draw = random.Random(1)
    ids = [[draw.choice(words) for _ in range(tokens)] for _ in range(count)]
    out.write_text(json.dumps(ids))


def main():
    what, *words = sys.argv[1:]
    match what, words:
        case "tiny", [out]:
            tiny(Path(out))
        case "endless", [model, out]:
            endless(Path(model), Path(out))
        case "gguf", [source, out, kind]:
            gguf(source, out, kind)
        case "prompts", [model, out, count, tokens]:
            prompts(Path(model), Path(out), int(count), int(tokens))
        case "sequences", [model, out, count, tokens]:
            sequences(Path(model), Path(out), int(count), int(tokens))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
