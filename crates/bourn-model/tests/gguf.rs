//! GGUF files made for the test: what their metadata asks for is done or refused, and a model in several
//! files is one.

mod common;

use std::path::{Path, PathBuf};

use bourn_model::{Bundle, RopeScaling, open};
use common::{GgufFile, Meta};
use serde_json::Value;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// A variant of the fixtures that `tests/parity.rs` compares with `transformers`.
fn variant(name: &str) -> Bundle {
    let bytes = std::fs::read(fixture("variants/variants.json")).unwrap();
    let numbers: Value = serde_json::from_slice(&bytes).unwrap();
    let case = numbers["cases"].as_array().unwrap().iter().find(|case| case["name"] == name);
    let case = case.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let weights = format!("variants/{}.safetensors", case["family"].as_str().unwrap());
    std::fs::copy(fixture(&weights), dir.path().join("model.safetensors")).unwrap();
    let tokenizer = fixture("llama-tiny/tokenizer.json");
    std::fs::copy(tokenizer, dir.path().join("tokenizer.json")).unwrap();
    std::fs::write(dir.path().join("config.json"), case["config"].to_string()).unwrap();
    let bundle = open(dir.path().to_str().unwrap()).unwrap();
    let _ = bundle.weights().unwrap();
    bundle
}

fn opened(file: &GgufFile) -> Result<Bundle, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.gguf");
    file.write(&path);
    open(path.to_str().unwrap()).map_err(|e| e.to_string())
}

fn int(n: u32) -> Meta {
    Meta::Int(n)
}

fn float(f: f32) -> Meta {
    Meta::Float(f)
}

fn words(text: &str) -> Meta {
    Meta::Text(text.to_owned())
}

/// Biases of every projection are found by the tensors, and those of queries and keys put in order.
#[test]
fn biases_and_scalings_are_those_of_the_same_model_in_safetensors() {
    let check = |name: &str, keys: &[(&str, Meta)]| {
        let wanted = variant(name);
        let mut file = GgufFile::of(&wanted);
        for (key, value) in keys {
            file.set(&format!("{}.rope.{key}", wanted.config.family.name()), value.clone());
        }
        let found = opened(&file).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(found.config, wanted.config, "{name}");
        assert_eq!(found.weights_hash, wanted.weights_hash, "{name}");
    };
    check("llama-plain", &[]);
    check("llama-plain", &[("scaling.type", words("none")), ("scaling.factor", float(4.0))]);
    check("llama-plain", &[("scaling.factor", float(1.0)), ("scaling.attn_factor", float(1.0))]);
    check("llama-linear", &[("scaling.type", words("linear")), ("scaling.factor", float(4.0))]);
    // As llama.cpp reads it, a factor is a linear one, also under its old name.
    check("llama-linear", &[("scaling.factor", float(4.0))]);
    check("llama-linear", &[("scale_linear", float(4.0))]);
    let yarn = [
        ("scaling.type", words("yarn")),
        ("scaling.factor", float(4.0)),
        ("scaling.original_context_length", int(16)),
    ];
    check("llama-yarn", &yarn);
    check("qwen2-yarn", &yarn);
    let more = [
        ("scaling.finetuned", Meta::Bool(true)),
        ("scaling.yarn_ext_factor", float(1.0)),
        ("scaling.yarn_beta_fast", float(32.0)),
    ];
    check("qwen3-yarn", &[&yarn[..], &more].concat());
}

#[test]
fn metadata_that_changes_numbers_is_refused_by_its_key() {
    let plain = GgufFile::of(&variant("llama-plain"));
    let check = |key: &str, value: Meta, expect: &str| {
        let mut file = plain.clone();
        file.set(key, value);
        let message = opened(&file).expect_err(key);
        assert!(message.contains(&format!("`{key}`: ")), "{key} is not in: {message}");
        assert!(message.contains(expect), "`{expect}` is not in: {message}");
    };
    check("llama.rope.scaling.type", words("longrope"), "`longrope` is not supported");
    check("llama.rope.scaling.attn_factor", float(1.5), "1.5 is supported with yarn alone");
    check("llama.rope.dimension_count", int(6), "must be the length of a head, 12");
    check("llama.rope.freq_base_swa", float(1e4), "does not know what it does");
    check("llama.rope.dimension_sections", Meta::Texts(Vec::new()), "does not know what it does");
    check("llama.attention.value_length", int(6), "must be the length of a head, 12");
    check("llama.attention.sliding_window", int(8), "a window of 8 tokens is not supported");
    check("llama.attention.temperature_scale", float(0.1), "does not know what it does");
    check("llama.attention.causal", Meta::Bool(false), "false is not supported");
    check("llama.attention.clamp_kqv", float(8.0), "8 is not supported");
    check("llama.attention.scale", float(0.5), "0.5 is not supported");
    check("llama.logit_scale", float(0.5), "0.5 is not supported");
    check("llama.expert_count", int(8), "8 is not supported");
    check("general.type", words("adapter"), "merge it into its base");
    check("general.type", words("mmproj"), "this is not a model");
    for (kind, factor) in [("linear", "linear"), ("yarn", "yarn")] {
        let mut file = plain.clone();
        file.set("llama.rope.scaling.type", words(kind));
        let message = opened(&file).unwrap_err();
        let expect =
            format!("`llama.rope.scaling.factor`: is missing, and the scaling is `{factor}`");
        assert!(message.contains(&expect), "{message}");
    }
    for (key, value) in [("yarn_ext_factor", 0.5), ("yarn_log_multiplier", 0.1)] {
        let mut file = plain.clone();
        file.set("llama.rope.scaling.type", words("yarn"));
        file.set("llama.rope.scaling.factor", float(4.0));
        file.set(&format!("llama.rope.scaling.{key}"), float(value));
        let message = opened(&file).unwrap_err();
        assert!(message.contains(&format!("`llama.rope.scaling.{key}`: {value}")), "{message}");
    }
    // What changes nothing is let be.
    for (key, value) in [
        ("llama.attention.sliding_window", int(64)),
        ("llama.attention.sliding_window", int(0)),
        ("llama.attention.causal", Meta::Bool(true)),
        ("llama.expert_count", int(0)),
        ("llama.logit_scale", float(1.0)),
        ("general.type", words("model")),
    ] {
        let mut file = plain.clone();
        file.set(key, value);
        assert!(opened(&file).is_ok(), "{key}");
    }
}

#[test]
fn tensors_without_a_place_are_refused_by_their_name() {
    let plain = GgufFile::of(&variant("llama-plain"));
    for name in ["rope_factors_long.weight", "rope_factors_short.weight", "blk.0.attn_norm.bias"] {
        let mut file = plain.clone();
        file.tensors.push((name.to_owned(), vec![6], vec![1.0; 6]));
        let message = opened(&file).unwrap_err();
        let shown = name.replace("blk.0.attn_norm", "model.layers.0.input_layernorm");
        assert!(
            message.contains(&format!("tensor `{shown}` of shape [6] has no place")),
            "{message}"
        );
    }
    // Both of Llama 3.x's factors and a factor of another scaling.
    let mut file = plain.clone();
    // The first pair turns 16 / 2π times in 16 tokens, the others less than once.
    let share = (16.0 / (2.0 * std::f32::consts::PI) - 1.0) / 3.0;
    let factors = vec![1.0 / ((1.0 - share) / 8.0 + share), 8.0, 8.0, 8.0, 8.0, 8.0];
    file.tensors.push(("rope_freqs.weight".to_owned(), vec![6], factors));
    file.set("llama.rope.scaling.original_context_length", int(16));
    assert!(
        opened(&file).is_ok_and(|b| matches!(b.config.rope.scaling, Some(RopeScaling::Llama3(_))))
    );
    file.set("llama.rope.scaling.factor", float(2.0));
    let message = opened(&file).unwrap_err();
    assert!(message.contains("scales what the tensor `rope_freqs.weight` scales"), "{message}");
}

#[test]
fn ids_of_tokens_with_a_role_are_the_vocabularys() {
    let plain = GgufFile::of(&variant("llama-plain"));
    for role in ["bos", "eos", "eot", "eom", "padding", "unknown", "fim_pre"] {
        let key = format!("tokenizer.ggml.{role}_token_id");
        let mut file = plain.clone();
        file.set(&key, int(128));
        let message = opened(&file).unwrap_err();
        assert!(
            message.contains(&format!("`{key}`: 128 is not one of the 128 tokens")),
            "{message}"
        );
        file.set(&key, int(127));
        assert!(opened(&file).is_ok(), "{key}");
    }
}

#[test]
fn templates_with_names() {
    let plain = GgufFile::of(&variant("llama-plain"));
    let template = |keys: &[&str]| {
        let mut file = plain.clone();
        for key in keys {
            file.set(key, words(key));
        }
        opened(&file).map(|bundle| bundle.chat_template.map(|t| t.source().to_owned()))
    };
    let (default, a, b) =
        ("tokenizer.chat_template", "tokenizer.chat_template.rag", "tokenizer.chat_template.tool");
    assert_eq!(template(&[]), Ok(None));
    assert_eq!(template(&[a, default, b]), Ok(Some(default.to_owned())));
    assert_eq!(template(&[a]), Ok(Some(a.to_owned())));
    let message = template(&[a, b]).unwrap_err();
    assert!(message.contains("`tokenizer.chat_template`: is missing"), "{message}");
    assert!(message.contains(a) && message.contains(b), "{message}");
}

/// A model in three files, as llama.cpp writes them.
struct Split {
    dir: tempfile::TempDir,
    parts: Vec<GgufFile>,
}

impl Split {
    fn new() -> Split {
        let mut whole = GgufFile::of(&variant("llama-plain"));
        let tensors = std::mem::take(&mut whole.tensors);
        let total = tensors.len();
        let mut parts = vec![whole, GgufFile::default(), GgufFile::default()];
        for (index, tensor) in tensors.into_iter().enumerate() {
            parts[index % 3].tensors.push(tensor);
        }
        for (no, part) in (0..).zip(&mut parts) {
            part.set("split.no", int(no));
            part.set("split.count", int(3));
            part.set("split.tensors.count", int(total as u32));
        }
        Split { dir: tempfile::tempdir().unwrap(), parts }
    }

    fn path(&self, no: usize) -> PathBuf {
        self.dir.path().join(format!("model-{:05}-of-00003.gguf", no + 1))
    }

    fn open(&self, no: usize) -> Result<Bundle, String> {
        (0..3).for_each(|no| self.parts[no].write(&self.path(no)));
        open(self.path(no).to_str().unwrap()).map_err(|e| e.to_string())
    }
}

#[test]
fn a_model_in_several_files_is_opened_by_any_of_them() {
    let split = Split::new();
    let whole = variant("llama-plain");
    for no in 0..3 {
        let found = split.open(no).unwrap();
        assert_eq!(found.config, whole.config);
        assert_eq!(found.weights_hash, whole.weights_hash);
    }
}

#[test]
fn files_that_do_not_belong_together_are_refused() {
    let check = |change: fn(&mut Split), expect: &[&str]| {
        let mut split = Split::new();
        change(&mut split);
        let message = split.open(1).unwrap_err();
        for text in expect {
            assert!(message.contains(text), "`{text}` is not in: {message}");
        }
    };
    let repeated = |split: &mut Split| {
        let tensor = split.parts[0].tensors[0].clone();
        split.parts[2].tensors.push(tensor);
    };
    let (first, last) = ("model-00001-of-00003.gguf", "model-00003-of-00003.gguf");
    check(repeated, &[last, "lists the tensor `", first, "has too"]);
    check(|s| s.parts[2].set("split.count", int(4)), &[last, "`split.count`: 4 is not 3"]);
    check(|s| s.parts[2].set("split.no", int(1)), &[last, "`split.no`: 1 is not 2"]);
    check(|s| s.parts[2].set("split.no", int(3)), &["`split.no`: 3 is not below"]);
    check(|s| s.parts[2].set("split.tensors.count", int(1)), &[last, "are not of one model"]);
    let other = |s: &mut Split| s.parts[2].set("general.architecture", words("qwen2"));
    check(other, &[last, "`general.architecture`: differs from that of", first]);
    let fewer = |s: &mut Split| drop(s.parts[2].tensors.pop());
    check(fewer, &["`split.tensors.count`: ", "not of one model"]);
    check(
        |s| s.parts[1].set("split.count", int(65_535)),
        &["`split.count`: 65535 files", "--merge"],
    );
    check(|s| s.parts[1].set("split.no", int(9)), &["`split.no`: 9 is not below split.count = 3"]);
}

#[test]
fn a_part_that_is_missing_or_renamed_is_named() {
    let split = Split::new();
    split.open(0).unwrap();
    std::fs::remove_file(split.path(2)).unwrap();
    let message = open(split.path(0).to_str().unwrap()).unwrap_err().to_string();
    assert!(message.contains("model-00003-of-00003.gguf is missing: "), "{message}");
    let renamed = split.dir.path().join("first.gguf");
    std::fs::rename(split.path(0), &renamed).unwrap();
    let message = open(renamed.to_str().unwrap()).unwrap_err().to_string();
    assert!(message.contains("first.gguf: is file 1 of 3 of a model"), "{message}");
    assert!(message.contains("`-00001-of-00003.gguf`"), "{message}");
}

/// A file that says it is one of one is whole.
#[test]
fn one_of_one_is_whole() {
    let mut file = GgufFile::of(&variant("llama-plain"));
    file.set("split.no", int(0));
    file.set("split.count", int(1));
    assert!(opened(&file).is_ok());
}
