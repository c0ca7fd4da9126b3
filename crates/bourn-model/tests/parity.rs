//! Logits against `transformers`, in f32 with eager attention; `scripts/parity_fixtures.py` wrote
//! the numbers.

use std::path::{Path, PathBuf};

use bourn_model::transformer::Transformer;
use bourn_model::{Bundle, open, save};
use burn::tensor::{Device, Int, Tensor, TensorData};
use serde_json::Value;

/// What the project promises, absolute. Both sides compute in f32 in different orders; with logits
/// up to about 20 the rounding of either is near 1e-5.
const TOLERANCE: f32 = 1e-3;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Logits of equally long rows of ids, as [row][position][vocabulary].
fn logits(bundle: &Bundle, ids: &[Vec<i64>]) -> Vec<Vec<Vec<f32>>> {
    let device = Device::flex();
    let model =
        Transformer::from_weights(&bundle.config, &bundle.weights().unwrap(), &device).unwrap();
    let (rows, length) = (ids.len(), ids[0].len());
    let ids = Tensor::<2, Int>::from_data(TensorData::new(ids.concat(), [rows, length]), &device);
    let logits = model.logits(ids).unwrap();
    assert_eq!(logits.dims(), [rows, length, bundle.config.vocab_size]);
    let flat: Vec<f32> = logits.into_data().try_to_vec().unwrap();
    let row = |row: &[f32]| row.chunks(bundle.config.vocab_size).map(<[f32]>::to_vec).collect();
    flat.chunks(length * bundle.config.vocab_size).map(row).collect()
}

/// The largest absolute difference, which must not be a NaN.
fn largest(found: impl IntoIterator<Item = f32>, expected: impl IntoIterator<Item = f32>) -> f32 {
    let pairs = found.into_iter().zip(expected);
    pairs.map(|(f, e)| (f - e).abs()).fold(0.0, |a, b| if b.is_nan() { b } else { a.max(b) })
}

fn check_directory(bundle: &Bundle, numbers: &Value) {
    let ids: Vec<Vec<i64>> = serde_json::from_value(numbers["ids"].clone()).unwrap();
    let expected: Vec<Vec<Vec<f32>>> = serde_json::from_value(numbers["logits"].clone()).unwrap();
    let found = logits(bundle, &ids).concat().concat();
    let expected = expected.concat().concat();
    assert_eq!(found.len(), expected.len());
    let difference = largest(found, expected);
    println!("{}: largest difference {difference:e}", bundle.source);
    assert!(difference <= TOLERANCE, "{}: {difference}", bundle.source);
}

/// Each family from its fixture, and again from what `save` makes of it.
#[test]
fn tiny_models_agree_with_transformers() {
    for name in ["llama-tiny", "llama3_rope-tiny", "qwen2-tiny", "qwen3-tiny"] {
        let numbers = json(&fixture(name).join("logits.json"));
        let bundle = open(fixture(name).to_str().unwrap()).unwrap();
        check_directory(&bundle, &numbers);
        let dir = tempfile::tempdir().unwrap();
        let Bundle { config, tokenizer, stop_tokens, .. } = &bundle;
        let weights = &bundle.weights().unwrap();
        save(dir.path(), config, weights, tokenizer, stop_tokens, None).unwrap();
        check_directory(&open(dir.path().to_str().unwrap()).unwrap(), &numbers);
    }
}

/// The GGUF file holds Q and K permuted and the RoPE scaling as factors.
#[test]
fn gguf_agrees_with_transformers() {
    let numbers = json(&fixture("llama3_rope-tiny/logits.json"));
    let path = fixture("gguf/llama3_rope-tiny.gguf");
    check_directory(&open(path.to_str().unwrap()).unwrap(), &numbers);
}

#[test]
fn smollm2_agrees_with_transformers() {
    let Ok(path) = std::env::var("BOURN_SMOLLM2") else {
        println!("BOURN_SMOLLM2 is not set to SmolLM2's GGUF file: nothing compared");
        return;
    };
    let bundle = open(&path).unwrap();
    for case in json(&fixture("smollm2/logits.json"))["cases"].as_array().unwrap() {
        let prompt = case["prompt"].as_str().unwrap();
        let ids: Vec<i64> = serde_json::from_value(case["ids"].clone()).unwrap();
        let encoded = bundle.tokenizer.encode(prompt, true).unwrap();
        assert_eq!(encoded.iter().map(|&id| i64::from(id)).collect::<Vec<_>>(), ids, "{prompt:?}");
        let found = logits(&bundle, &[ids]).concat();
        let top_ids: Vec<usize> = serde_json::from_value(case["top_ids"].clone()).unwrap();
        let top: Vec<f32> = serde_json::from_value(case["top_logits"].clone()).unwrap();
        let last = found.last().unwrap();
        let at_last = largest(top_ids.iter().map(|&id| last[id]), top);
        let strided: Vec<Vec<f32>> = serde_json::from_value(case["strided"].clone()).unwrap();
        let stride = case["stride"].as_u64().unwrap() as usize;
        let sampled: Vec<f32> =
            found.iter().flat_map(|row| row.iter().copied().step_by(stride)).collect();
        assert_eq!(sampled.len(), strided.concat().len(), "{prompt:?}");
        let everywhere = largest(sampled, strided.concat());
        println!("{prompt:?}: largest differences {at_last:e} and {everywhere:e}");
        assert!(at_last.max(everywhere) <= TOLERANCE, "{prompt:?}: {at_last} {everywhere}");
    }
}
