use super::*;

#[test]
fn lines_are_bounded() {
    let check = |text: &str, max, expect: &[Option<&str>]| {
        let (mut reader, mut line) = (text.as_bytes(), Vec::new());
        for &expect in expect {
            match (next_line(&mut reader, &mut line, max), expect) {
                (Ok(true), Some(text)) => assert_eq!(line, text.as_bytes()),
                (Err(LineError::TooLong), None) => assert!(line.len() <= max + 1),
                (got, expect) => panic!("{text:?}: {got:?} is not {expect:?}"),
            }
        }
    };
    check("ab\nc", 2, &[Some("ab\n"), Some("c")]);
    check("\n\n", 2, &[Some("\n"), Some("\n")]);
    check("abc\n", 2, &[None]);
    check("abc", 2, &[None]);
    check("ab", 2, &[Some("ab")]);
    let mut line = vec![1];
    assert!(!next_line(&mut &b""[..], &mut line, 2).unwrap() && line.is_empty());
}
