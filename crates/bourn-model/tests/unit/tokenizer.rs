use super::*;

const ALPHABET: &str = "0123456789+-*/()=, \n<é";

fn check(text: &str, expect: &[u32]) {
    let tokenizer = Tokenizer::char_level(ALPHABET);
    let ids = tokenizer.encode(text, true).unwrap();
    assert_eq!(ids, expect, "{text:?}");
    assert_eq!(tokenizer.decode(&ids, false).unwrap(), text);
    let again = Tokenizer::from_json(tokenizer.to_json().as_bytes(), "again").unwrap();
    assert_eq!(again.encode(text, true).unwrap(), expect, "{text:?} after a round trip");
}

#[test]
fn one_token_per_character() {
    check("", &[]);
    check("01", &[2, 3]);
    check("1 1", &[3, 20, 3]);
    check("  \n", &[20, 20, 21]);
    check("<é", &[22, 23]);
    check("9<eos>", &[11, 1]);
    check("<pad>0", &[0, 2]);
}

#[test]
fn special_tokens_can_be_skipped() {
    let tokenizer = Tokenizer::char_level(ALPHABET);
    assert_eq!(tokenizer.decode(&[3, 1, 0], true).unwrap(), "1");
    assert_eq!(tokenizer.vocab_size(), 24);
    assert_eq!(tokenizer.id("<eos>"), Some(1));
}

/// Models pad their embeddings, and a policy may draw such a row.
#[test]
fn ids_beyond_the_vocabulary_have_no_text() {
    let tokenizer = Tokenizer::char_level(ALPHABET);
    assert_eq!((tokenizer.tokens(), tokenizer.vocab_size()), (24, 24));
    for skip in [false, true] {
        assert_eq!(tokenizer.decode(&[3, 24, 3, u32::MAX], skip).unwrap(), "11");
        assert_eq!(tokenizer.decode(&[24, 25], skip).unwrap(), "");
    }
    assert!(!tokenizer.has_text(24));
}

#[test]
fn a_character_outside_the_alphabet_is_an_error() {
    let tokenizer = Tokenizer::char_level("ab");
    let message = tokenizer.encode("abc", false).unwrap_err().to_string();
    assert!(message.contains("cannot encode `abc`"), "{message}");
}

#[test]
fn damaged_files_are_errors() {
    for bytes in [&b""[..], b"{}", b"[1]", b"{\"model\":{\"type\":\"BPE\"}}", b"\xff\xfe"] {
        assert!(Tokenizer::from_json(bytes, "tokenizer.json").is_err());
    }
}

/// A tokenizer is a program too: replacements in replacements fill any memory.
#[test]
fn replacements_do_not_multiply_without_bound() {
    let plain: Value = serde_json::from_str(&Tokenizer::char_level("ab").to_json()).unwrap();
    let replace = |pattern: &str, content: &str| json!({"type": "Replace", "pattern": {"String": pattern}, "content": content});
    let open = |key: &str, list: &str, part: Value, times: usize| {
        let mut file = plain.clone();
        file[key] = json!({"type": "Sequence", list: vec![part; times]});
        Tokenizer::from_json(file.to_string().as_bytes(), "t.json").map_err(|e| e.to_string())
    };
    let bytes = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false});
    for (key, list, part) in [
        ("normalizer", "normalizers", replace("a", "aa")),
        ("normalizer", "normalizers", json!({"type": "ByteLevel"})),
        ("pre_tokenizer", "pretokenizers", bytes),
        ("decoder", "decoders", replace("a", "aa")),
    ] {
        assert!(open(key, list, part.clone(), 3).is_ok(), "{key}");
        let problem = open(key, list, part, 40).unwrap_err();
        assert!(problem.contains("t.json: tokenizer: its replacements may make"), "{problem}");
    }
    // What makes no text longer may be done as often as one likes.
    assert!(open("normalizer", "normalizers", replace("``", "\""), 40).is_ok());
    assert!(open("normalizer", "normalizers", replace(" ", "\u{2581}"), 2).is_ok());
}
