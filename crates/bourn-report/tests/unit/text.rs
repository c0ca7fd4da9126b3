use maud::html;

use super::*;

#[test]
fn nothing_gets_out_of_its_element() {
    let check = |text: &str, expect: &str| {
        assert_eq!(Foreign(text).render().into_string(), expect);
        let attribute = html! { p title=(Foreign(text)) {} }.into_string();
        assert_eq!(attribute, format!("<p title=\"{expect}\"></p>"));
    };
    check("</pre><script>", "&lt;/pre&gt;&lt;script&gt;");
    check(r#"" onload='x' & y"#, "&quot; onload='x' &amp; y");
    check("&lt;", "&amp;lt;");
    check("a\u{1b}[31m\0\r\u{7f}\u{85}b", r"a\u{1b}[31m\u{0}\r\u{7f}\u{85}b");
    check("1\u{202e}23", r"1\u{202e}23");
    check("two\nlines\tä", "two\nlines\tä");
}

#[test]
fn wording() {
    let check = |got: String, expect: &str| assert_eq!(got, expect);
    check(one_line("  a\n b ", 9), "a b");
    check(one_line("äöü äöü", 4), "äöü…");
    check(shell_word("runs/a-b.1"), "runs/a-b.1");
    check(shell_word("it's"), r"'it'\''s'");
    check(shell_word(""), "''");
}

#[test]
fn numbers() {
    let check = |got: String, expect: &str| assert_eq!(got, expect);
    check(significant(1.2345), "1.23");
    check(significant(123.4), "123");
    check(significant(0.01234), "0.0123");
    check(significant(0.0), "0");
    check(significant(3.2e-9), "3.2e-9");
    check(significant(f64::INFINITY), "inf");
    check(trimmed(0.6), "0.6");
    check(trimmed(1.23456), "1.235");
    check(p_value(0.0004), "p < 0.001");
    check(p_value(0.0414), "p = 0.041");
}
