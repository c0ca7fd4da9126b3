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
