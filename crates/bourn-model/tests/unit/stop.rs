use serde_json::json;

use super::*;
use crate::tokenizer::added_token;

fn stops(tokenizer: Tokenizer, strings: &[&str]) -> StopStrings {
    let strings = strings.iter().map(|string| (*string).to_owned()).collect();
    StopStrings::new(Arc::new(tokenizer), strings).unwrap()
}

/// The number of tokens of a completion, if it ends at all.
fn end(stops: &StopStrings, tokens: &[u32]) -> Option<usize> {
    (1..=tokens.len()).find(|&count| stops.ends(&tokens[..count]))
}

#[track_caller]
fn check(strings: &[&str], text: &str, expect: Option<usize>) {
    let stops = stops(Tokenizer::char_level("ab<>/\né"), strings);
    let tokens = stops.tokenizer.encode(text, false).unwrap();
    assert_eq!(end(&stops, &tokens), expect, "{strings:?} in {text:?}");
}

#[test]
fn one_character_a_token() {
    check(&[], "ab", None);
    check(&["a"], "ba", Some(2));
    check(&["\n\n"], "a\nb\n\na", Some(5));
    check(&["\n\n"], "a\nb\n", None);
    check(&["</b>", "é"], "ab<b></b>a", Some(9));
    check(&["</b>", "é"], "abé</b>", Some(3));
    // The first to be complete, not the first to begin.
    check(&["abab", "ba"], "abab", Some(3));
    // Special tokens have no text, and do not part what stands around them.
    check(&["ab"], "a<eos><pad>b", Some(4));
    check(&["eos"], "a<eos>", None);
    check(&["ab"], &("<pad>".repeat(50) + "a" + &"<pad>".repeat(50) + "b"), Some(102));
    // Far behind the beginning, where only the tail is looked at.
    check(&["<a/b>"], &("ab".repeat(500) + "<a/b>"), Some(1005));
    check(&["aa"], &"ab".repeat(500), None);
}

/// Byte-level pieces, as GPT-2's: a piece may hold parts of characters.
fn byte_level(pieces: &[&str]) -> Tokenizer {
    let vocab: serde_json::Map<String, serde_json::Value> =
        pieces.iter().enumerate().map(|(id, piece)| ((*piece).to_owned(), json!(id))).collect();
    let file = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": null, "pre_tokenizer": null, "post_processor": null,
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true,
            "use_regex": true},
        "model": {"type": "BPE", "vocab": vocab, "merges": []},
    });
    Tokenizer::from_json(file.to_string().as_bytes(), "test").unwrap()
}

#[test]
fn strings_that_span_tokens() {
    // Ġ is a space, Ċ a line break; € is E2 82 AC: â, Ĥ and ¬ in this alphabet.
    let pieces = ["Ġan", "sw", "er>x", "ĊĊ", "Ċ", "a", "â", "Ĥ", "¬", "Ĥ¬Ċ", "aâ", "</"];
    let tokens = stops(byte_level(&pieces), &["answer>", "\n\n", "€\n"]);
    // Over three tokens, the last of which goes on; over two, and in one.
    assert_eq!(end(&tokens, &[5, 11, 0, 1, 2, 5]), Some(5));
    assert_eq!(end(&tokens, &[5, 4, 4, 5]), Some(3));
    assert_eq!(end(&tokens, &[5, 3, 5]), Some(2));
    assert_eq!(end(&tokens, &[4, 5, 4, 0, 1]), None);
    // A character in three tokens, then a line break; and in two that hold more.
    assert_eq!(end(&tokens, &[6, 7, 8, 4]), Some(4));
    assert_eq!(end(&tokens, &[10, 9]), Some(2));
    assert_eq!(end(&tokens, &[6, 7, 4, 8, 4]), None);
    // Wherever the tail is cut, also within a character.
    for before in 0..40 {
        let mut ids: Vec<u32> = [6, 7, 8].into_iter().cycle().take(before).collect();
        ids.extend([5, 11, 0, 1, 2]);
        assert_eq!(end(&tokens, &ids), Some(ids.len()), "{before}");
    }
}

/// Pieces with byte fallback, as Llama 2's: a run of bytes is text as a whole or not at all.
#[test]
fn bytes_of_a_sentence_piece_tokenizer() {
    let pieces = ["<0xE2>", "<0x82>", "<0xAC>", "▁a", "<0x0A>"];
    let mut vocab: serde_json::Map<String, serde_json::Value> =
        pieces.iter().enumerate().map(|(id, piece)| ((*piece).to_owned(), json!(id))).collect();
    vocab.insert("</s>".to_owned(), json!(5));
    let file = json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": [added_token(5, "</s>", true)],
        "normalizer": null, "pre_tokenizer": null, "post_processor": null,
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
            {"type": "ByteFallback"},
            {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0},
        ]},
        "model": {"type": "BPE", "vocab": vocab, "merges": [], "byte_fallback": true},
    });
    let tokenizer = Tokenizer::from_json(file.to_string().as_bytes(), "test").unwrap();
    let stops = stops(tokenizer, &["€\n", " a"]);
    for euros in 1..20 {
        let mut ids = [0, 1, 2].repeat(euros);
        ids.extend([5, 4, 3]);
        assert_eq!(end(&stops, &ids), Some(3 * euros + 2), "{euros}");
    }
    // The leading space of the text is stripped, as it is for the whole; a later one is not.
    assert_eq!(end(&stops, &[3]), None);
    assert_eq!(end(&stops, &[3, 3]), Some(2));
    assert_eq!(end(&stops, &[4, 3]), Some(2));
    // An id that no piece has.
    assert_eq!(end(&stops, &[3, 99]), None);
}

#[test]
fn what_cannot_be_looked_for_is_refused() {
    let message = |strings: &[&str]| {
        let strings = strings.iter().map(|string| (*string).to_owned()).collect();
        let refused = StopStrings::new(Arc::new(Tokenizer::char_level("a")), strings);
        refused.unwrap_err().to_string()
    };
    assert!(message(&["a", ""]).contains("empty"));
    assert!(message(&["é".repeat(129).as_str()]).contains("258 bytes"));
    assert!(message(&["a\u{fffd}"]).contains("U+FFFD"));
    assert!(message(&["a"; 17]).contains("16 at most"));
    let tokenizer = Arc::new(Tokenizer::char_level("a"));
    assert!(StopStrings::new(tokenizer, vec!["é".repeat(128); 16]).is_ok());
}
