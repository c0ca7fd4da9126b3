use super::*;

#[test]
fn what_is_not_seen_is_written_out() {
    let check = |text: &str, expect: &str| {
        assert_eq!(visible(text), expect);
        assert_eq!(visible(expect), expect, "what is written out is left alone");
    };
    // A title for the terminal's window, a colour, both spellings of the sequence's beginning.
    check("\u{1b}]0;owned\u{7}", r"\u{1b}]0;owned\u{7}");
    check("\u{9b}31mred", r"\u{9b}31mred");
    check("a\r\u{8}\u{7f}\0", r"a\r\u{8}\u{7f}\u{0}");
    for c in ('\u{202a}'..='\u{202e}').chain('\u{2066}'..='\u{2069}').chain(['\u{2028}', '\u{85}'])
    {
        check(&format!("1{c}2"), &format!("1\\u{{{:x}}}2", u32::from(c)));
    }
    // Letters of the block of tags, in which a text hides in a text.
    check("a\u{e0041}", r"a\u{e0041}");
}

#[test]
fn what_is_seen_stays() {
    // Lines and tabs; an accent of its own; Persian and a family, spelled with joiners.
    for text in ["", "a\n\tb", "e\u{301}", "می\u{200c}خواهم", "👩\u{200d}👧", "日本", r"\u{1b}"]
    {
        assert!(matches!(visible(text), Cow::Borrowed(same) if same == text), "{text}");
    }
}

#[test]
fn json_says_the_same() {
    let check = |text: &str, expect: &str| assert_eq!(json(text), expect);
    check("{\n  \"a\": \"\u{7f}\u{9b}\u{202e}\"\n}", "{\n  \"a\": \"\\u007f\\u009b\\u202e\"\n}");
    check("\"\u{e0041}\"", r#""\udb40\udc41""#);
    check(r#""\u001b é""#, r#""\u001b é""#);
}
