//! Opening what others wrote, and what `save` wrote.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bourn_model::{
    Bundle, ChatTemplate, Family, HostTensor, Message, ModelConfig, Tokenizer, open, save,
    weights_hash,
};
use serde_json::Value;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn open_fixture(name: &str) -> Bundle {
    open(fixture(name).to_str().unwrap()).unwrap()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn save_bundle(dir: &Path, b: &Bundle) {
    let template = b.chat_template.as_ref();
    save(dir, &b.config, &b.weights().unwrap(), &b.tokenizer, &b.stop_tokens, template).unwrap();
}

fn check_same(a: &Bundle, b: &Bundle) {
    assert_eq!(a.config, b.config);
    assert_eq!(a.weights().unwrap(), b.weights().unwrap());
    assert_eq!(a.tokenizer, b.tokenizer);
    assert_eq!(a.stop_tokens, b.stop_tokens);
    let source = |bundle: &Bundle| bundle.chat_template.as_ref().map(|t| t.source().to_owned());
    assert_eq!(source(a), source(b));
    assert_eq!(a.weights_hash, b.weights_hash);
}

/// What each fixture is: family, tied, parameters counted by hand, stop tokens.
#[test]
fn fixtures_open_and_survive_a_round_trip() {
    // Per layer of width 32, inner 48: norms 64, MLP 3·48·32 = 4608; then attention.
    let check = |name: &str, family: Family, tied: bool, parameters: u64, stops: &[u32]| {
        let bundle = open_fixture(name);
        assert_eq!((bundle.config.family, bundle.config.tie_embeddings), (family, tied), "{name}");
        assert_eq!(bundle.config.parameters(), parameters, "{name}");
        let values: usize = bundle.weights().unwrap().values().map(|t| t.data.len()).sum();
        assert_eq!(values as u64, parameters, "{name}");
        assert_eq!(bundle.stop_tokens, stops.iter().copied().collect(), "{name}");
        assert_eq!(bundle.weights_hash, weights_hash(&bundle.weights().unwrap()));

        let dir = tempfile::tempdir().unwrap();
        save_bundle(dir.path(), &bundle);
        let again = open(dir.path().to_str().unwrap()).unwrap();
        check_same(&bundle, &again);
        let other = tempfile::tempdir().unwrap();
        save_bundle(other.path(), &again);
        for entry in std::fs::read_dir(dir.path()).unwrap() {
            let name = entry.unwrap().file_name();
            let bytes = |d: &tempfile::TempDir| std::fs::read(d.path().join(&name)).unwrap();
            assert_eq!(bytes(&dir), bytes(&other), "{name:?} is not reproducible");
        }
    };
    // Embedding 128·32 = 4096; final norm 32. q, o: 32·32 each; k, v: 16·32 each → 3072.
    check("llama-tiny", Family::Llama, true, 4096 + 32 + 2 * (64 + 4608 + 3072), &[2]);
    // Heads of 16: q, o: 64·32 each; k, v: 32·32 each → 6144. Untied: another 4096.
    check("llama3_rope-tiny", Family::Llama, false, 8192 + 32 + 2 * (64 + 4608 + 6144), &[2]);
    // As llama-tiny with biases 32 + 16 + 16.
    check("qwen2-tiny", Family::Qwen2, false, 8192 + 32 + 2 * (64 + 4608 + 3072 + 64), &[0, 2]);
    // One kv head of 16: q, o 64·32, k, v 16·32 → 5120; two head norms of 16.
    check("qwen3-tiny", Family::Qwen3, true, 4096 + 32 + 2 * (64 + 4608 + 5120 + 32), &[2]);
}

#[test]
fn inverse_frequencies_are_those_of_transformers() {
    for name in ["llama-tiny", "llama3_rope-tiny", "qwen2-tiny", "qwen3-tiny"] {
        let found = open_fixture(name).config.inverse_frequencies();
        let expected = json(&fixture(name).join("logits.json"));
        let expected = expected["inverse_frequencies"].as_array().unwrap();
        assert_eq!(found.len(), expected.len(), "{name}");
        for (f, e) in found.iter().zip(expected) {
            // transformers computes in f32: a power and a few operations, each within 6e-8.
            let e = e.as_f64().unwrap();
            assert!((f64::from(*f) - e).abs() <= 1e-6 * e, "{name}: {f} {e}");
        }
    }
}

/// The same model from safetensors and from GGUF: Q and K back in order, RoPE factors understood.
#[test]
fn gguf_gives_the_same_model_as_safetensors() {
    let (hf, gguf) = (open_fixture("llama3_rope-tiny"), open_fixture("gguf/llama3_rope-tiny.gguf"));
    assert_eq!(hf.config, gguf.config);
    assert_eq!(hf.weights().unwrap(), gguf.weights().unwrap());
    assert_eq!(hf.weights_hash, gguf.weights_hash);
    assert_eq!(gguf.stop_tokens, BTreeSet::from([2]));
    let dir = tempfile::tempdir().unwrap();
    save_bundle(dir.path(), &gguf);
    check_same(&gguf, &open(dir.path().to_str().unwrap()).unwrap());
}

#[test]
fn scored_vocabulary_encodes_as_the_reference() {
    let tokenizer = open_fixture("gguf/llama3_rope-tiny.gguf").tokenizer;
    for case in json(&fixture("gguf/spm_encodings.json")).as_array().unwrap() {
        let text = case["text"].as_str().unwrap();
        let expected: Vec<u32> = serde_json::from_value(case["ids"].clone()).unwrap();
        assert_eq!(tokenizer.encode(text, false).unwrap(), expected, "{text:?}");
        // Its files begin every text with <s>.
        assert_eq!(tokenizer.encode(text, true).unwrap()[0], 1, "{text:?}");
    }
    assert_eq!(tokenizer.decode(&[1, 10, 3, 13], true).unwrap(), "a the an");
}

#[test]
fn the_hash_sees_names_shapes_and_every_bit() {
    let tensor = |shape: &[usize], data: &[f32]| HostTensor {
        shape: shape.into(),
        data: data.to_vec().into(),
    };
    let one = |name: &str, t: HostTensor| weights_hash(&[(name.to_owned(), t)].into());
    let hashes: BTreeSet<String> = [
        one("a", tensor(&[2], &[0.0, 1.0])),
        one("b", tensor(&[2], &[0.0, 1.0])),
        one("a", tensor(&[1, 2], &[0.0, 1.0])),
        one("a", tensor(&[2], &[-0.0, 1.0])),
        one("a", tensor(&[2], &[1.0, 0.0])),
        weights_hash(&Default::default()),
    ]
    .into();
    assert_eq!(hashes.len(), 6);
}

fn quickstart() -> (ModelConfig, Tokenizer) {
    let tokenizer = Tokenizer::char_level("0123456789+-* =\n");
    let mut config = open_fixture("llama-tiny").config;
    config.vocab_size = tokenizer.vocab_size();
    config.num_layers = 1;
    (config, tokenizer)
}

fn zeros(config: &ModelConfig) -> bourn_model::Weights {
    let tensor =
        |shape: Vec<usize>| HostTensor { data: vec![0.0; shape.iter().product()].into(), shape };
    config.expected_tensors().into_iter().map(|(name, shape)| (name, tensor(shape))).collect()
}

#[test]
fn a_character_model_with_a_template_survives() {
    let (config, tokenizer) = quickstart();
    let template = ChatTemplate::new("{{ messages[0].content }}=", tokenizer.special_tokens());
    let dir = tempfile::tempdir().unwrap();
    let stops = BTreeSet::from([1]);
    save(dir.path(), &config, &zeros(&config), &tokenizer, &stops, Some(&template)).unwrap();
    let bundle = open(dir.path().to_str().unwrap()).unwrap();
    assert_eq!(bundle.config, config);
    assert_eq!(bundle.tokenizer, tokenizer);
    assert_eq!(bundle.stop_tokens, stops);
    let rendered = bundle.chat_template.unwrap().render(&[Message::new("user", "1+1")], true);
    assert_eq!(rendered.unwrap(), "1+1=");
}

/// A tied configuration over a file with its own output head: dropped if it is the embedding again.
#[test]
fn a_tied_models_own_head() {
    let tie = |dir: &Path| {
        let path = dir.join("config.json");
        let mut config = json(&path);
        config["tie_word_embeddings"] = Value::Bool(true);
        std::fs::write(path, config.to_string()).unwrap();
        open(dir.to_str().unwrap())
    };
    let (mut config, tokenizer) = quickstart();
    config.tie_embeddings = false;
    let dir = tempfile::tempdir().unwrap();
    save(dir.path(), &config, &zeros(&config), &tokenizer, &BTreeSet::new(), None).unwrap();
    let bundle = tie(dir.path()).unwrap();
    assert!(!bundle.weights().unwrap().contains_key("lm_head.weight"));
    let mut weights = zeros(&config);
    weights.get_mut("lm_head.weight").unwrap().data[0] = 1.0;
    let dir = tempfile::tempdir().unwrap();
    save(dir.path(), &config, &weights, &tokenizer, &BTreeSet::new(), None).unwrap();
    let message = tie(dir.path()).unwrap_err().to_string();
    assert!(message.contains("tensor `lm_head.weight` differs from"), "{message}");
}

/// A padding token outside the vocabulary is left out; such an end of text is refused elsewhere.
#[test]
fn an_unknown_padding_token_is_left_out() {
    let (config, tokenizer) = quickstart();
    let dir = tempfile::tempdir().unwrap();
    save(dir.path(), &config, &zeros(&config), &tokenizer, &BTreeSet::new(), None).unwrap();
    std::fs::write(dir.path().join("tokenizer_config.json"), r#"{"pad_token": "[PAD]"}"#).unwrap();
    let bundle = open(dir.path().to_str().unwrap()).unwrap();
    assert!(bundle.tokenizer.special_tokens().is_empty());
}

#[test]
fn save_refuses_what_open_would() {
    let (config, tokenizer) = quickstart();
    let check = |weights: &bourn_model::Weights, stops: &[u32], expect: &str| {
        let dir = tempfile::tempdir().unwrap();
        let stops = stops.iter().copied().collect();
        let error = save(dir.path(), &config, weights, &tokenizer, &stops, None).unwrap_err();
        assert!(error.to_string().contains(expect), "{error}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "something was written");
    };
    let good = zeros(&config);
    check(&Default::default(), &[], "tensor `model.embed_tokens.weight` is missing");
    let mut bad = good.clone();
    bad.get_mut("model.norm.weight").unwrap().shape = vec![33];
    check(
        &bad,
        &[],
        "tensor `model.norm.weight` has shape [33] and the configuration asks for [32]",
    );
    let mut bad = good.clone();
    bad.get_mut("model.norm.weight").unwrap().data[3] = f32::NAN;
    check(&bad, &[], "tensor `model.norm.weight` is damaged: its value 3 is NaN");
    let mut bad = good.clone();
    bad.insert(
        "value_head.weight".to_owned(),
        HostTensor { shape: vec![1], data: vec![0.0].into() },
    );
    check(&bad, &[], "tensor `value_head.weight` of shape [1] has no place");
    check(&good, &[18], "has id 18 and the model's embedding has 18 rows");

    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("notes.txt"), "mine").unwrap();
    let stops = BTreeSet::new();
    let error = save(dir.path(), &config, &good, &tokenizer, &stops, None).unwrap_err();
    assert!(error.to_string().contains("is not empty"), "{error}");
}

/// SmolLM2's byte-level tokenizer, built from GGUF metadata, against the reference's encodings.
#[test]
fn smollm2_tokenizer_agrees() {
    let Ok(path) = std::env::var("BOURN_SMOLLM2") else {
        println!("BOURN_SMOLLM2 is not set to SmolLM2's GGUF file: nothing compared");
        return;
    };
    let bundle = open(&path).unwrap();
    assert_eq!(bundle.config.parameters(), 134_515_008);
    assert_eq!(bundle.stop_tokens, BTreeSet::from([2]));
    let file = json(&fixture("smollm2/logits.json"));
    for case in file["encodings"].as_array().unwrap() {
        let text = case["text"].as_str().unwrap();
        let expected: Vec<u32> = serde_json::from_value(case["ids"].clone()).unwrap();
        assert_eq!(bundle.tokenizer.encode(text, true).unwrap(), expected, "{text:?}");
        let decoded = bundle.tokenizer.decode(&expected, false).unwrap();
        assert_eq!(decoded, case["decoded"].as_str().unwrap(), "{text:?}");
    }
    let prompt = bundle.chat_template.unwrap().render(&[Message::new("user", "Hi")], true).unwrap();
    let system = "You are a helpful AI assistant named SmolLM, trained by Hugging Face";
    assert_eq!(
        prompt,
        format!(
            "<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
        )
    );
}
