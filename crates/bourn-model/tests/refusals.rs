//! What bad files get: an error that names the file and the thing, never a panic.

use std::path::{Path, PathBuf};

use bourn_model::open;
use serde_json::{Value, json};
use tempfile::TempDir;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// A copy of a fixture directory to damage.
fn copy(name: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(fixture(name)).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
    }
    dir
}

fn message(path: &Path) -> String {
    open(path.to_str().unwrap()).expect_err("must not open").to_string()
}

/// Damages a fixture's file and expects the error to contain every text of `expect`.
fn check(name: &str, file: &str, damage: impl FnOnce(Vec<u8>) -> Option<Vec<u8>>, expect: &[&str]) {
    let dir = copy(name);
    let path = dir.path().join(file);
    match damage(std::fs::read(&path).unwrap_or_default()) {
        Some(bytes) => std::fs::write(&path, bytes).unwrap(),
        None => std::fs::remove_file(&path).unwrap(),
    }
    let message = message(dir.path());
    for text in expect {
        assert!(message.contains(text), "{file}: `{text}` is not in: {message}");
    }
}

/// Edits a key of config.json; the error must name the key.
fn check_config(name: &str, key: &str, value: Value, expect: &str) {
    let edit = |bytes: Vec<u8>| {
        let mut config: Value = serde_json::from_slice(&bytes).unwrap();
        config[key] = value;
        Some(config.to_string().into_bytes())
    };
    check(name, "config.json", edit, &[expect]);
}

#[test]
fn configurations() {
    let llama = "llama-tiny";
    check_config(llama, "model_type", json!("mamba"), "`model_type`: `mamba` is not supported");
    check_config(llama, "hidden_size", json!("32"), "`hidden_size`: must be a whole number");
    check_config(llama, "hidden_size", json!(-1), "`hidden_size`: must be a whole number");
    check_config(llama, "hidden_size", json!(31.5), "`hidden_size`: must be a whole number");
    check_config(llama, "hidden_size", json!(1e300), "`hidden_size`: must be a whole number");
    check_config(llama, "num_hidden_layers", json!(0), "`num_hidden_layers`: 0 is out of range");
    check_config(llama, "vocab_size", json!(1u64 << 40), "`vocab_size`: 1099511627776 is out of");
    check_config(llama, "num_key_value_heads", json!(3), "`num_key_value_heads`: 3 must divide");
    check_config(llama, "head_dim", json!(7), "`head_dim`: 7 is odd");
    check_config(llama, "hidden_act", json!("gelu"), "`hidden_act`: `gelu` is not supported");
    let bias = |part: &str| format!("tensor `model.layers.0.{part}.bias` is missing");
    check_config(llama, "attention_bias", json!(true), &bias("self_attn.k_proj"));
    check_config(llama, "mlp_bias", json!(true), &bias("mlp.down_proj"));
    check_config(llama, "rms_norm_eps", json!(0.0), "`rms_norm_eps`: 0 is not between");
    check_config(llama, "rope_theta", json!(-1.0), "`rope_theta`: -1 is not between");
    check_config(llama, "quantization_config", json!({"bits": 4}), "`quantization_config`: quant");
    check_config(llama, "architectures", json!(["LlamaModel"]), "`architectures`: ");
    check_config(
        llama,
        "rope_scaling",
        json!({"type": "longrope", "factor": 2}),
        "`rope_scaling.rope_type`: `longrope` is not supported",
    );
    check_config(
        llama,
        "rope_scaling",
        json!({"rope_type": "llama3", "factor": 8.0}),
        "`rope_scaling.low_freq_factor`: is missing",
    );
    check_config(llama, "rope_parameters", json!(3), "`rope_parameters`: must be an object");
    check_config("qwen3-tiny", "attention_bias", json!(true), &bias("self_attn.k_proj"));
    check_config("qwen3-tiny", "mlp_bias", json!(true), "`mlp_bias`: true is not supported");
    check_config(
        "qwen2-tiny",
        "layer_types",
        json!(["chunked_attention", "full_attention"]),
        "`layer_types`: ",
    );
    let beyond = |key: &str, id: u64| {
        format!("config.json: `{key}`: {id} is beyond the model's vocabulary of 128 tokens")
    };
    check_config(llama, "eos_token_id", json!([2, 128]), &beyond("eos_token_id", 128));
    check_config(llama, "bos_token_id", json!(1u64 << 40), &beyond("bos_token_id", 1 << 40));
    check_config(llama, "pad_token_id", json!(128), &beyond("pad_token_id", 128));
    check_config(llama, "bos_token_id", json!(-2), "`bos_token_id`: must be token ids");
    check_config(llama, "eos_token_id", json!("</s>"), "`eos_token_id`: must be token ids");
    check_config(
        llama,
        "vocab_size",
        json!(100),
        "has id 119 and the model's embedding has 100 rows",
    );
    check_config(
        llama,
        "vocab_size",
        json!(129),
        "has shape [128, 32] and the configuration asks for [129, 32]",
    );
    check_config(llama, "num_hidden_layers", json!(1), "tensor `model.layers.1.");
    check_config(
        llama,
        "num_hidden_layers",
        json!(3),
        "tensor `model.layers.2.input_layernorm.weight` is missing",
    );
    check_config(llama, "tie_word_embeddings", json!(false), "tensor `lm_head.weight` is missing");
}

#[test]
fn a_sliding_window_is_the_longest_sequence_where_it_cuts() {
    let open_with = |edits: Value| {
        let dir = copy("qwen2-tiny");
        let path = dir.path().join("config.json");
        let mut config: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        config.as_object_mut().unwrap().remove("layer_types");
        for (key, value) in edits.as_object().unwrap() {
            config[key] = value.clone();
        }
        std::fs::write(&path, config.to_string()).unwrap();
        open(dir.path().to_str().unwrap()).unwrap().config.max_position
    };
    let on = |window: u64, from: u64| json!({"use_sliding_window": true, "sliding_window": window, "max_window_layers": from});
    assert_eq!(open_with(json!({"use_sliding_window": false, "sliding_window": 8})), 256);
    assert_eq!(open_with(on(256, 0)), 256);
    assert_eq!(open_with(on(8, 2)), 256);
    assert_eq!(open_with(on(8, 1)), 8);
}

#[test]
fn files() {
    let whole = "model.safetensors";
    check("llama-tiny", "config.json", |_| None, &["config.json is missing"]);
    check(
        "llama-tiny",
        "config.json",
        |_| Some(b"{".to_vec()),
        &["config.json: is not valid JSON"],
    );
    check("llama-tiny", "config.json", |_| Some(b"[]".to_vec()), &["must hold one JSON object"]);
    check("llama-tiny", "tokenizer.json", |_| None, &["tokenizer.json is missing"]);
    check(
        "llama-tiny",
        "tokenizer.json",
        |_| Some(b"{}".to_vec()),
        &["tokenizer.json: tokenizer: "],
    );
    check(
        "llama-tiny",
        "tokenizer_config.json",
        |_| Some(br#"{"eos_token": "<x>"}"#.to_vec()),
        &["`eos_token`: `<x>` is not in"],
    );
    check("llama-tiny", whole, |_| None, &["model.safetensors is missing"]);
    check(
        "llama-tiny",
        whole,
        |b| Some(b[..b.len() - 1].to_vec()),
        &[whole, "is torn", "asks for 80488 bytes and the file has 80487"],
    );
    check(
        "llama-tiny",
        whole,
        |mut b| {
            b.push(0);
            Some(b)
        },
        &[whole, "is torn"],
    );
    check("llama-tiny", whole, |_| Some(vec![1, 2]), &["2 bytes are too few for a header"]);
    check(
        "llama-tiny",
        whole,
        |_| Some(vec![0xff; 64]),
        &["its header claims 18446744073709551615 bytes"],
    );
    check(
        "llama-tiny",
        whole,
        |mut b| {
            b[8] = b'x';
            Some(b)
        },
        &["damaged safetensors header"],
    );
    let i32s = |b: Vec<u8>| {
        let at = b.windows(5).position(|w| w == b"\"F32\"").unwrap();
        Some([&b[..at], b"\"I32\"", &b[at + 5..]].concat())
    };
    check("llama-tiny", whole, i32s, &["tensor `model.", "has type I32"]);
    let shard = "model-00002-of-00003.safetensors";
    check("qwen2-tiny", shard, |_| None, &[shard, "is missing", "index.json names this shard"]);
    check("qwen2-tiny", shard, |b| Some(b[..b.len() / 2].to_vec()), &[shard, "is torn"]);
}

/// Weights that are not the directory's own, and ids that the model does not have.
#[test]
fn what_stands_beside_the_weights() {
    let add = |name: &str, bytes: &'static [u8], expect: &[&str]| {
        check("llama-tiny", name, |_| Some(bytes.to_vec()), expect);
    };
    let adapter = br#"{"base_model_name_or_path": "org/base", "peft_type": "LORA"}"#;
    let advice = "merge_and_unload";
    add(
        "adapter_config.json",
        adapter,
        &["adapter_config.json: is an adapter of `org/base`", advice],
    );
    add("adapter_config.json", b"{", &["adapter_config.json: is an adapter; ", advice]);
    add("adapter_model.safetensors", b"", &["adapter_model.safetensors: is an adapter", advice]);
    add("adapter_model.bin", b"", &["adapter_model.bin: is an adapter", advice]);
    let beyond = br#"{"eos_token_id": 128}"#;
    add(
        "generation_config.json",
        beyond,
        &["generation_config.json: `eos_token_id`: 128 is beyond"],
    );
    let beyond = br#"{"pad_token_id": 200}"#;
    add(
        "generation_config.json",
        beyond,
        &["generation_config.json: `pad_token_id`: 200 is beyond"],
    );
    // One file of weights, and shards that an index names.
    let shard = "model-00001-of-00003.safetensors";
    let whole = std::fs::read(fixture("llama-tiny/model.safetensors")).unwrap();
    let two = &["model.safetensors: stands beside model.safetensors.index.json", shard];
    check("qwen2-tiny", "model.safetensors", |_| Some(whole), two);
    // An adapter alone.
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("adapter_config.json"), adapter).unwrap();
    assert!(message(dir.path()).contains("is an adapter of `org/base`"));
    let kind = bourn_model::SourceKind::of(dir.path().to_str().unwrap()).unwrap_err().to_string();
    assert!(kind.contains("is an adapter of `org/base`"), "{kind}");
}

/// An id of −1 is none, and an index that names no file that is there is none either.
#[test]
fn what_means_nothing_is_let_be() {
    let dir = copy("llama-tiny");
    let path = dir.path().join("config.json");
    let mut config: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    config["pad_token_id"] = json!(-1);
    std::fs::write(&path, config.to_string()).unwrap();
    let index = json!({"weight_map": {"a": "model-00001-of-00002.safetensors"}}).to_string();
    std::fs::write(dir.path().join("model.safetensors.index.json"), index).unwrap();
    assert!(open(dir.path().to_str().unwrap()).is_ok());
}

/// Tensors of quantised checkpoints and of adapters say what they are.
#[test]
fn tensors_of_another_kind_say_so() {
    let renamed = |to: &'static str, expect: &str| {
        let rename = |bytes: Vec<u8>| {
            let text = "model.layers.0.mlp.up_proj.weight";
            let at = bytes.windows(text.len()).position(|w| w == text.as_bytes()).unwrap();
            // Names of equal length leave the header's as it is.
            let name = format!("{to:_>width$}", width = text.len());
            Some([&bytes[..at], name.as_bytes(), &bytes[at + text.len()..]].concat())
        };
        check("llama-tiny", "model.safetensors", rename, &[to, expect]);
    };
    renamed("layers.0.mlp.up_proj.qweight", "is of a quantised checkpoint");
    renamed("layers.0.up_proj.weight_scale_inv", "is of a quantised checkpoint");
    renamed("0.mlp.up_proj.lora_A.weight", "is of a LoRA adapter");
}

#[test]
fn an_index_must_be_true_and_stay_inside() {
    let index = "model.safetensors.index.json";
    let with = |edit: fn(&mut serde_json::Map<String, Value>)| {
        move |bytes: Vec<u8>| {
            let mut value: Value = serde_json::from_slice(&bytes).unwrap();
            edit(value["weight_map"].as_object_mut().unwrap());
            Some(value.to_string().into_bytes())
        }
    };
    for (name, damage) in [
        ("../x.safetensors", with(|m| m["model.norm.weight"] = json!("../x.safetensors"))),
        ("/x.safetensors", with(|m| m["model.norm.weight"] = json!("/x.safetensors"))),
        ("a/b.safetensors", with(|m| m["model.norm.weight"] = json!("a/b.safetensors"))),
        ("a\\b.safetensors", with(|m| m["model.norm.weight"] = json!("a\\b.safetensors"))),
        ("..", with(|m| m["model.norm.weight"] = json!(".."))),
        ("config.json", with(|m| m["model.norm.weight"] = json!("config.json"))),
    ] {
        let expect = format!("`weight_map.model.norm.weight`: `{}` must be the name", name);
        check("qwen2-tiny", index, damage, &[&expect]);
    }
    let remove = with(|m| {
        m.remove("model.norm.weight");
    });
    check("qwen2-tiny", index, remove, &["holds tensor `model.norm.weight`"]);
    let add = with(|m| {
        m.insert("more".into(), json!("model-00001-of-00003.safetensors"));
    });
    check("qwen2-tiny", index, add, &["has no tensor `more`"]);
    check("qwen2-tiny", index, |_| Some(b"{}".to_vec()), &["`weight_map`: must be an object"]);
}

#[test]
fn sources() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("model.bin");
    std::fs::write(&file, b"not a model").unwrap();
    assert!(message(&file).contains("is not a GGUF file"));
    assert!(message(Path::new("/nowhere/at/all")).contains("no model at `/nowhere/at/all`"));
    assert!(message(Path::new("missing.gguf")).contains("no model at `missing.gguf`"));
    assert!(message(Path::new("org/missing.gguf")).contains("no model at `org/missing.gguf`"));
    assert!(message(dir.path()).contains("config.json is missing"));
}

fn gguf() -> Vec<u8> {
    std::fs::read(fixture("gguf/llama3_rope-tiny.gguf")).unwrap()
}

#[test]
fn a_gguf_cut_anywhere_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let (path, bytes) = (dir.path().join("cut.gguf"), gguf());
    let ends =
        (4..6_000).step_by(7).chain((6_000..bytes.len()).step_by(501)).chain([bytes.len() - 1]);
    for end in ends {
        std::fs::write(&path, &bytes[..end]).unwrap();
        let message = message(&path);
        assert!(message.contains("cut.gguf") && message.contains("torn"), "{end}: {message}");
    }
}

/// Every byte of the directory, made large or made other in turn: an answer or an error, and soon.
#[test]
fn a_gguf_with_any_byte_changed_never_panics() {
    let dir = tempfile::tempdir().unwrap();
    let (path, bytes) = (dir.path().join("changed.gguf"), gguf());
    let mut refused = 0;
    for at in 0..6_000 {
        let mut damaged = bytes.clone();
        damaged[at] = if at % 2 == 0 { 0xff } else { damaged[at] ^ 1 };
        std::fs::write(&path, &damaged).unwrap();
        refused += usize::from(open(path.to_str().unwrap()).is_err());
    }
    assert!(refused > 1_500, "{refused} of 6000 refused");
}

#[test]
fn a_safetensors_header_with_any_byte_changed_never_panics() {
    let dir = copy("qwen3-tiny");
    let path = dir.path().join("model.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    for at in 0..header {
        let mut damaged = bytes.clone();
        damaged[at] = [b'0', b'"', 0xff][at % 3];
        std::fs::write(&path, &damaged).unwrap();
        let _ = open(dir.path().to_str().unwrap());
    }
}

/// A GGUF built by hand: `entries` of metadata, then `tensors`.
fn built(version: u32, tensors: u64, entries: u64, rest: &[u8]) -> Vec<u8> {
    let mut out = b"GGUF".to_vec();
    out.extend(version.to_le_bytes());
    out.extend(tensors.to_le_bytes());
    out.extend(entries.to_le_bytes());
    out.extend(rest);
    out
}

fn text(value: &str) -> Vec<u8> {
    [&(value.len() as u64).to_le_bytes(), value.as_bytes()].concat()
}

#[test]
fn hostile_ggufs() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hostile.gguf");
    let check = |bytes: &[u8], expect: &str| {
        std::fs::write(&path, bytes).unwrap();
        let message = message(&path);
        assert!(message.contains(expect), "`{expect}` is not in: {message}");
    };
    let max = u64::MAX.to_le_bytes();
    let number = |kind: u32| kind.to_le_bytes().to_vec();
    check(&built(1, 0, 0, &[]), "is GGUF version 1");
    check(&built(3u32.swap_bytes(), 0, 0, &[]), "or big endian");
    check(&built(3, u64::MAX, 0, &[]), "claims 18446744073709551615 tensors");
    check(&built(3, 0, 1 << 40, &[]), "1099511627776 metadata entries");
    check(&built(3, 0, 1, &max), "has a text of 18446744073709551615 bytes");
    check(&built(3, 0, 1, &(1u64 << 20).to_le_bytes()), "1048576 bytes are missing");
    let array = |kind: u32| [text("k"), number(9), number(kind), max.to_vec()].concat();
    check(&built(3, 0, 1, &array(8)), "metadata `k` claims 18446744073709551615 elements");
    check(&built(3, 0, 1, &array(0)), "metadata `k` claims 18446744073709551615 elements");
    check(&built(3, 0, 1, &array(9)), "array of the unsupported type 9");
    check(&built(3, 0, 1, &[text("k"), number(77)].concat()), "has the unknown type 77");
    let twice = [text("k"), number(7), vec![1], text("k"), number(7), vec![1]].concat();
    check(&built(3, 0, 2, &twice), "the metadata key `k` twice");
    check(&built(3, 0, 0, &[]), "`general.architecture`: `` is not supported");

    let tensor = |dims: &[u64], kind: u32, offset: u64| {
        let sizes: Vec<u8> = dims.iter().flat_map(|d| d.to_le_bytes()).collect();
        [text("t"), number(dims.len() as u32), sizes, number(kind), offset.to_le_bytes().to_vec()]
            .concat()
    };
    check(&built(3, 1, 0, &tensor(&[], 0, 0)), "has 0 dimensions");
    check(&built(3, 1, 0, &tensor(&[1; 5], 0, 0)), "has 5 dimensions");
    check(&built(3, 1, 0, &tensor(&[1 << 40, 1 << 40], 0, 0)), "do not make whole F32 blocks");
    check(&built(3, 1, 0, &tensor(&[u64::MAX], 0, 0)), "do not make whole F32 blocks");
    check(&built(3, 1, 0, &tensor(&[33], 8, 0)), "do not make whole Q8_0 blocks");
    check(&built(3, 1, 0, &tensor(&[0], 0, 0)), "do not make whole F32 blocks");
    check(&built(3, 1, 0, &tensor(&[1 << 40], 0, 0)), "ends beyond the file's");
    check(&built(3, 1, 0, &tensor(&[1], 0, u64::MAX)), "ends beyond the file's");
    check(&built(3, 1, 0, &tensor(&[1], 10, 0)), "type number 10; bourn reads F32, F16");
    let mut shared = built(3, 2, 0, &[tensor(&[4], 0, 0), tensor(&[4], 0, 8)].concat());
    shared.resize(1024, 0);
    check(&shared, "lists the tensor `t` twice");
    let at = shared.windows(9).rposition(|w| w == [1, 0, 0, 0, 0, 0, 0, 0, b't']).unwrap();
    shared[at + 8] = b'u';
    check(&shared, "tensors `t` and `u` share bytes");
}
