use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::{Family, ModelConfig, Rope, Weights, open_path};

/// A model of characters, `<pad>` (0) and `<eos>` (1), whose embedding has two rows more.
fn prompter() -> Prompter {
    let tokenizer = Tokenizer::char_level("ab \n");
    let config = ModelConfig {
        family: Family::Llama,
        vocab_size: tokenizer.vocab_size() + 2,
        hidden_size: 8,
        intermediate_size: 8,
        num_layers: 1,
        num_heads: 1,
        num_kv_heads: 1,
        head_dim: 8,
        max_position: 64,
        rope: Rope { theta: 10_000.0, scaling: None },
        rms_norm_eps: 1e-5,
        tie_embeddings: true,
        qkv_bias: false,
        qk_norm: false,
        output_bias: false,
        mlp_bias: false,
        sliding: None,
    };
    Prompter::new(&Bundle::new(config, Weights::new(), tokenizer), false, "").unwrap()
}

fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

fn ids(prompter: &Prompter) -> Vec<u32> {
    prompter.stop_tokens().iter().copied().collect()
}

/// A special token is left out of a completion's text, so that its text would never be found there.
#[test]
fn a_stop_string_that_is_a_special_token_stops_at_the_token() {
    let stopping = |list: &[&str]| prompter().stopping_at(&strings(list)).unwrap();
    assert_eq!(ids(&stopping(&["<eos>", "ab"])), [1]);
    assert!(ids(&stopping(&["a", "eos", "<eos"])).is_empty());
}

#[test]
fn stop_tokens_by_text_and_by_id() {
    let stopping = |tokens: &[StopToken]| prompter().stopping_at_tokens(tokens);
    let text = |text: &str| StopToken::Text(text.to_owned());
    let all = [text("<eos>"), text("\n"), StopToken::Id(0), StopToken::Id(7)];
    assert_eq!(ids(&stopping(&all).unwrap()), [0, 1, 5, 7]);
    let check = |token: StopToken, expect: &str| {
        let message = stopping(&[token]).err().unwrap().to_string();
        assert!(message.contains(expect), "`{expect}` is not in: {message}");
    };
    check(StopToken::Id(8), "stop token 8: the model's vocabulary has 8 ids");
    check(text("ab"), "stop token \"ab\": is 2 tokens of the tokenizer, and must be one");
}

/// Caches of draws are named after it.
#[test]
fn the_fingerprint_has_what_ends_completions() {
    let plain = prompter().fingerprint();
    let with = |tokens: &[StopToken]| prompter().stopping_at_tokens(tokens).unwrap().fingerprint();
    assert_eq!(with(&[]), plain);
    assert_ne!(with(&[StopToken::Id(3)]), plain);
    assert_ne!(with(&[StopToken::Id(3)]), with(&[StopToken::Id(4)]));
    assert_eq!(with(&[StopToken::Text("<eos>".to_owned())]), with(&[StopToken::Id(1)]));
    let special = prompter().stopping_at(&strings(&["<eos>"])).unwrap();
    assert_ne!(special.fingerprint(), plain);
}

const TEMPLATE: &str =
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>";

fn bundle() -> Bundle {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/qwen2-tiny");
    let mut bundle = open_path(&dir).unwrap();
    bundle.chat_template = Some(ChatTemplate::new(TEMPLATE, &BTreeMap::new()));
    bundle
}

#[test]
fn a_conversation_is_rendered_as_it_is_and_never_half() {
    let bundle = bundle();
    let system = Message::new("system", "Be brief.");
    let user = Message::new("user", "1+1");
    let talk = [system.clone(), user.clone()];
    let plain = Prompter::new(&bundle, true, "").unwrap();
    assert_eq!(plain.render_messages(&talk).unwrap(), "<system>Be brief.<user>1+1<assistant>");
    // One message of a user is what its text is, to the token.
    assert_eq!(plain.render("1+1").unwrap(), "<user>1+1<assistant>");
    assert_eq!(
        plain.encode("1+1").unwrap(),
        plain.encode_messages(std::slice::from_ref(&user)).unwrap()
    );

    let asked = Prompter::new(&bundle, true, "Think.").unwrap();
    let rendered = asked.render_messages(std::slice::from_ref(&user)).unwrap();
    assert_eq!(rendered, "<system>Think.<user>1+1<assistant>");
    let error = asked.encode_messages(&talk).unwrap_err().to_string();
    assert!(error.contains("`model.system_prompt` says another"), "{error}");

    let raw = Prompter::new(&bundle, false, "").unwrap();
    assert_eq!(raw.render("1+1").unwrap(), "1+1");
    let error = raw.encode_messages(&talk).unwrap_err().to_string();
    assert!(error.contains("`model.chat_template = true`"), "{error}");
}
