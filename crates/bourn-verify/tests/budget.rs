//! No text panics, hangs, or takes more than one answer may; and what holds of every text.
#![allow(clippy::disallowed_methods, reason = "a hang is told by the clock")]

use std::time::{Duration, Instant};

use bourn_recipe::Extract::{Boxed, Hash, LastNumber, Whole};
use bourn_verify::Verdict::{Correct, Timeout};
use bourn_verify::math::{answer, read_gold, rule, verify};
use proptest::prelude::*;

/// Longest time that one verdict may take on a busy machine; a hang would exceed it by far.
const BOUND: Duration = Duration::from_secs(60);

#[track_caller]
fn ends(text: &str) {
    let start = Instant::now();
    let golds = ["18", r"2\sqrt{3}+x", "[0,1)", "y=2x", "1,2", "Evelyn"];
    let golds = golds.map(|gold| read_gold(gold, Whole).unwrap());
    for how in [Whole, Boxed, Hash, LastNumber] {
        for gold in &golds {
            assert_ne!(verify(gold, text, how), Correct);
        }
    }
    let shown: String = text.chars().take(60).collect();
    if let Ok(gold) = read_gold(text, Whole) {
        let own = verify(&gold, text, Whole);
        assert!(matches!(own, Correct | Timeout), "{shown:?} beside itself: {}", own.name());
    }
    let took = start.elapsed();
    assert!(took < BOUND, "{shown:?} of {} bytes took {took:?}", text.len());
}

#[test]
fn no_answer_takes_long() {
    for piece in [
        "{",
        "}",
        "(",
        ")",
        "[",
        "|",
        r"\left(",
        r"\frac{",
        r"\frac",
        r"\sqrt{",
        r"\sqrt",
        "^{",
        "_{",
        "-",
        "+1",
        "-1",
        "1+",
        "x",
        "xy+",
        "2^",
        "9",
        "1,",
        "1 ",
        r"\text{",
        r"\text{a}",
        "a ",
        "ab ",
        r"\boxed{",
        r"\boxed ",
        "sin",
        r"\sin",
        r"\sin x",
        "!",
        "5!",
        "%",
        "°",
        "'",
        "e",
        "1e9",
        ".",
        "1.",
        "0.(3)",
        r"\overline{",
        r"\\",
        "&",
        r"\begin{pmatrix}",
        r"\end{pmatrix}",
        "=",
        "x=",
        "<",
        "1<",
        r"\cup",
        r"[0,1]\cup",
        r"\pm",
        r"\pm1",
        ":",
        "1:",
        "/",
        "1/",
        "√",
        "²",
        "½",
        "∞",
        "\u{2009}",
        "{,}",
        r"\,",
        r"\!",
        "####",
        "#### 1\n",
        "$",
        "é",
        "\u{0}",
        "i",
        "π",
        "x_",
        "1_2",
    ] {
        for size in [100, 7_000, 1_000_000] {
            ends(&piece.repeat(size / piece.len()));
        }
    }
    for (open, inside, close) in [
        ("{", "1", "}"),
        ("(", "1", ")"),
        ("((", "1+x", "))^2"),
        (r"\frac{1}{1+", "x", "}"),
        (r"\sqrt{1+", "2", "}"),
        (r"\sin(", "x", ")"),
        ("2^{", "2", "}"),
        ("|", "1", "|"),
        ("(1,", "2", ")"),
        (r"\{", "2", r"\}"),
        ("-(", "1", ")"),
        (r"\text{", "a", "}"),
        (r"\boxed{", "1", "}"),
    ] {
        for depth in [5, 12, 30, 1_000, 100_000] {
            ends(&format!("{}{inside}{}", open.repeat(depth), close.repeat(depth)));
        }
    }
}

#[test]
fn no_arithmetic_takes_long() {
    let letters: Vec<String> =
        ('a'..='z').filter(|c| !"ei".contains(*c)).map(String::from).collect();
    let primes = ["2", "3", "5", "7", "11", "13", "17", "19", "23", "29", "31", "37"];
    let roots: Vec<String> = primes.iter().map(|p| format!(r"\sqrt{{{p}}}")).collect();
    let long = "9".repeat(900);
    for text in [
        "10^{10^9}".to_owned(),
        "10^{10^{10^{10}}}".to_owned(),
        "9^{9^{9^{9}}}".to_owned(),
        "2^{-10^9}".to_owned(),
        "x^{10^9}".to_owned(),
        "(1+x)^{199}".to_owned(),
        "(1+x)^{10^6}".to_owned(),
        format!("({})^{{40}}", letters.join("+")),
        letters.iter().map(|x| format!("(1+{x})")).collect::<String>(),
        letters.iter().map(|x| format!(r"\frac{{1}}{{1+{x}}}")).collect::<Vec<_>>().join("+"),
        format!(r"\frac{{1}}{{{}}}", roots.join("+")),
        format!("({})^{{30}}", roots.join("+")),
        format!("({})^{{-30}}", roots[..6].join("+")),
        "1000!".to_owned(),
        "10000000000!".to_owned(),
        "(1000!)!".to_owned(),
        r"\binom{1000}{500}".to_owned(),
        r"\binom{10^9}{10^8}".to_owned(),
        r"\binom{x}{10^9}".to_owned(),
        "0^0".to_owned(),
        "1/0".to_owned(),
        format!(r"\sqrt{{{long}}}"),
        format!(r"\sqrt[97]{{{long}}}"),
        format!("{long}^{{{long}}}"),
        format!("{long}^{{40}}"),
        format!("1.{long}e999"),
        format!(r"0.\overline{{{long}}}"),
        format!(r"\ln {long}"),
        format!(r"\gcd({long},{long})"),
        format!("{long}_2"),
        format!(r"3 \pmod{{{long}}}"),
        r"\log_1 5".to_owned(),
        r"\sin 10^{40}".to_owned(),
        r"\tan\frac{\pi}{2}".to_owned(),
        "e^{e^{e^{e^e}}}".to_owned(),
        "2^{2^{x}}".to_owned(),
        (0..900).map(|n| n.to_string()).collect::<Vec<_>>().join(", "),
        (0..300).map(|n| format!("[{},{}]", 2 * n, 2 * n + 1)).collect::<Vec<_>>().join(r"\cup"),
        (0..90).map(|n| format!(r"\sin {n}x")).collect::<Vec<_>>().join(", "),
        format!(r"\begin{{pmatrix}}{}\end{{pmatrix}}", "1 & ".repeat(900)),
        format!(r"\begin{{pmatrix}}{}1\end{{pmatrix}}", r"1 \\ ".repeat(300)),
        (0..40).map(|n| format!("(x-{n})")).collect::<String>(),
        (0..40).map(|n| format!(r"\frac{{1}}{{x-{n}}}")).collect::<Vec<_>>().join("+"),
        (0..60).map(|n| format!("x_{n}=")).collect::<String>() + "1",
        "1<".repeat(300) + "2",
    ] {
        ends(&text);
    }
}

/// Pieces that answers are made of.
fn soup(most: usize) -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "1",
        "2",
        "12",
        "3.5",
        "x",
        "y",
        "i",
        "e",
        "+",
        "-",
        "*",
        "/",
        "^",
        "_",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "|",
        ",",
        ".",
        ";",
        ":",
        "=",
        "<",
        ">",
        "!",
        "%",
        "°",
        " ",
        r"\frac",
        r"\sqrt",
        r"\sqrt[3]",
        r"\pi",
        r"\infty",
        r"\sin",
        r"\cos",
        r"\ln",
        r"\log",
        r"\pm",
        r"\cup",
        r"\in",
        r"\le",
        r"\pmod",
        r"\text{a}",
        r"\text{ or }",
        r"\text{cm}",
        r"\left(",
        r"\right)",
        r"\{",
        r"\}",
        r"\cdot",
        r"\over",
        r"\overline",
        r"\binom",
        r"\begin{pmatrix}",
        r"\end{pmatrix}",
        r"\\",
        "&",
        "²",
        "½",
        "√",
        "π",
        "{2}",
        "{x}",
        "{1}{2}",
        "^2",
        "^{-1}",
        "(x+1)",
        r"\boxed",
        r"\mathrm",
        r"\,",
        r"\circ",
        "abc",
    ]);
    prop::collection::vec(pieces, 0..most).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Nothing panics or hangs, what is unread is so in every place, and what is read equals itself.
    #[test]
    fn any_answer_is_judged(text in prop_oneof![".{0,60}", soup(24), soup(8), soup(4)], other in soup(6)) {
        let start = Instant::now();
        let gold = read_gold(&text, Whole);
        let read = answer(&text, Whole);
        prop_assert_eq!(gold.is_ok(), read.is_some(), "{}", text);
        if let Ok(gold) = gold {
            let own = verify(&gold, &text, Whole);
            prop_assert!(matches!(own, Correct | Timeout), "{} beside itself: {}", text, own.name());
            let there = verify(&gold, &other, Whole);
            let boxed = verify(&gold, &format!(r"so \boxed{{{other}}}."), Boxed);
            let balanced = !other.contains(['{', '}', '\\']);
            prop_assert!(!balanced || other.trim().is_empty() || there == boxed, "{} {}", text, other);
        }
        prop_assert!(start.elapsed() < BOUND, "{} took {:?}", text, start.elapsed());
    }

    /// Bytes that are no text of a person.
    #[test]
    fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let text = String::from_utf8_lossy(&bytes);
        let gold = read_gold("18", Whole).unwrap();
        for how in [Whole, Boxed, Hash, LastNumber] {
            verify(&gold, &text, how);
            rule(&gold, &text, how, true);
        }
    }

    /// Expressions that are equal by the laws of arithmetic, on both sides of the exact forms.
    #[test]
    fn laws_of_arithmetic(a in soup(3), b in soup(3), n in 1u32..5) {
        let law = |left: String, right: String| {
            let Ok(gold) = read_gold(&left, Whole) else { return };
            if answer(&right, Whole).is_some() {
                let found = verify(&gold, &right, Whole);
                assert!(matches!(found, Correct | Timeout), "{left} and {right}: {}", found.name());
            }
        };
        // Only what is a value in brackets of its own.
        if [&a, &b].iter().all(|x| read_gold(&format!("1+({x})"), Whole).is_ok()) {
            law(format!("({a})+({b})"), format!("({b})+({a})"));
            law(format!("({a})({b})"), format!(r"({b})\cdot({a})"));
            law(format!("({a})-({b})"), format!("-(({b})-({a}))"));
            law(format!("({a})^{n}({a})"), format!("({a})^{{{}}}", n + 1));
            law(format!("(({a})+({b}))^2"), format!("({a})^2+2({a})({b})+({b})^2"));
        }
    }
}
