//! Logits against `transformers`, in f32 with eager attention; `scripts/parity_fixtures.py` wrote
//! the numbers.

use std::path::{Path, PathBuf};

use bourn_model::transformer::{Packed, Transformer, read_values};
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

/// Where the directories that [`save`] makes of the variants go, for `scripts/parity_fixtures.py
/// saved-variants` to open them; a directory of its own for each otherwise.
const KEEP: &str = "BOURN_SAVED_VARIANTS";

/// Log-probs of RoPE scalings, biases and windows, by the model as `transformers` wrote it and again as
/// bourn saves it: composed of Burn's operations, and by the pass on the CPU.
#[test]
fn variants_agree_with_transformers() {
    let numbers = json(&fixture("variants/variants.json"));
    let ids: Vec<u32> = serde_json::from_value(numbers["ids"].clone()).unwrap();
    for case in numbers["cases"].as_array().unwrap() {
        let (name, family) = (case["name"].as_str().unwrap(), case["family"].as_str().unwrap());
        let dir = tempfile::tempdir().unwrap();
        let put = |from: &str, to: &str| {
            std::fs::copy(fixture(from), dir.path().join(to)).unwrap();
        };
        put(&format!("variants/{family}.safetensors"), "model.safetensors");
        put("llama-tiny/tokenizer.json", "tokenizer.json");
        std::fs::write(dir.path().join("config.json"), case["config"].to_string()).unwrap();
        let bundle = open(dir.path().to_str().unwrap()).unwrap();
        check_variant(&bundle, name, &ids, case);

        let again = tempfile::tempdir().unwrap();
        let kept = std::env::var_os(KEEP).map(|root| Path::new(&root).join(name));
        let to = kept.as_deref().unwrap_or(again.path());
        std::fs::create_dir_all(to).unwrap();
        let Bundle { config, tokenizer, stop_tokens, .. } = &bundle;
        save(to, config, &bundle.weights().unwrap(), tokenizer, stop_tokens, None).unwrap();
        let saved = open(to.to_str().unwrap()).unwrap();
        assert_eq!(saved.config, bundle.config, "{name}");
        check_variant(&saved, name, &ids, case);
    }
}

fn check_variant(bundle: &Bundle, name: &str, ids: &[u32], case: &Value) {
    /// Log-probs of a model whose logits are near 1; either side rounds near 1e-6.
    const CLOSE: f32 = 1e-4;
    let expected: Vec<f32> = serde_json::from_value(case["logprobs"].clone()).unwrap();
    let model =
        Transformer::from_weights(&bundle.config, &bundle.weights().unwrap(), &Device::flex());
    let model = model.unwrap();
    let mut batch = Packed::default();
    batch.push(ids.iter().copied());
    let positions: Vec<i64> = (0..expected.len() as i64).collect();
    for composed in [false, true] {
        let ask = if composed { Transformer::score_composed } else { Transformer::score };
        let (scores, _) = ask(&model, &batch, positions.clone(), &ids[1..], 1.0, false);
        let found = read_values(&scores.logprobs).unwrap();
        assert_eq!(found.len(), expected.len());
        let difference = largest(found, expected.iter().copied());
        assert!(difference <= CLOSE, "{name}, composed {composed}: {difference}");
    }
    let found = bundle.config.inverse_frequencies();
    let expected: Vec<f32> = serde_json::from_value(case["inverse_frequencies"].clone()).unwrap();
    // transformers computes in f32: a power and a few operations, each within 6e-8.
    let close = |(found, expected): (&f32, &f32)| (found - expected).abs() <= 1e-6 * expected;
    assert!(found.iter().zip(&expected).all(close), "{name}: {found:?} {expected:?}");
    let (cos, _) = bundle.config.rotation().at(0).next().unwrap();
    let scaling = case["attention_scaling"].as_f64().unwrap();
    assert!((f64::from(cos) - scaling).abs() <= 1e-6, "{name}: {cos} {scaling}");
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
