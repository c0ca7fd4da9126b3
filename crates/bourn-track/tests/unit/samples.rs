use super::*;
use crate::sample;

#[test]
fn a_page_has_what_is_never_solved_again() {
    let (examples, policy) = sample::examples();
    let page = samples(&sample::rich(), &examples, &policy);
    let findings = sample::rich().findings();
    assert!(page.starts_with(&words::standing(&findings)), "{page}");
    assert!(page.contains(&words::sets(&sample::rich(), &findings)), "{page}");
    let lines: Vec<&str> = page.lines().collect();
    assert_eq!(
        lines[lines.len() - 3],
        "| never solved again | the base, right | the policy, wrong |"
    );
    // The one row of the hostile answers: three cells, nothing that Markdown or HTML would read.
    let row = lines.last().unwrap();
    assert_eq!(row.matches('|').count(), 4, "{row}");
    let bare = row.replace("<br>", "");
    assert!(!bare.contains(['<', '>', '[', ']', '`', '!', '\u{2}', '\u{202e}']), "{row}");
    assert!(row.contains("make 23 | 3&#43;4&#42;5 (9 of 256, correct) |"), "{row}");
    assert!(row.contains("(200 of 256, wrong)<br>"), "{row}");
}

#[test]
fn while_none_is_gone_a_page_has_what_the_policy_says_most_often() {
    let (_, policy) = sample::examples();
    let page = samples(&sample::rich(), &Examples::default(), &policy);
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| make")).collect();
    assert_eq!(rows.len(), PROBLEMS);
    let said = "2&#43;3 (2 of 3, correct)<br>7&#45;2 (1 of 3, wrong)";
    assert_eq!(rows[0], format!("| make 5&#44; 0 | {said} |"));
}

#[test]
fn texts_are_shown_letter_by_letter() {
    let check = |text: &str, expect: &str| assert_eq!(literal(text, 8), expect, "{text:?}");
    check("a b9", "a b9");
    check("  ", "(empty)");
    check("<b>|&`", "&#60;b&#62;&#124;&#38;&#96;");
    check("a\nb\tc", "a↵b&#9;c");
    check("12345678", "12345678");
    check("123456789", "12345678…");
    check("ü→日", "ü→日");
    check("\u{1b}x", "&#92;u&#123;1b&#125;x");
    check("\u{202e}", "&#92;u&#123;202e&#125;");
}
