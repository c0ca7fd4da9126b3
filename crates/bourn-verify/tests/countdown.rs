//! Countdown answers, worked by hand.

use bourn_recipe::Operator::{self, Add, Div, Mul, Sub};
use bourn_verify::Verdict::{self, Correct, Unparsed, Wrong};
use bourn_verify::countdown::{MAX_TEXT, ParseError, Puzzle, answer, parse, verify};
use num_rational::BigRational;
use proptest::prelude::*;

fn check(numbers: &[i64], target: i64, text: &str, expect: Verdict) {
    let operators = vec![Add, Sub, Mul, Div];
    let puzzle = Puzzle { numbers: numbers.to_vec(), target, operators };
    assert_eq!(verify(&puzzle, text), expect, "{numbers:?} -> {target}: {text:?}");
}

#[test]
fn each_number_once_and_the_target() {
    check(&[3, 5, 7], 36, "(5+7)*3", Correct);
    check(&[3, 5, 7], 36, " 3 * ( 7 + 5 ) \n", Correct);
    check(&[3, 5, 7], 36, "((3)*((7+5)))", Correct);
    check(&[3, 5, 7], 22, "3*5+7", Correct);
    check(&[3, 5, 7], 36, "3*5+7", Wrong);
    check(&[3, 5, 7], 38, "3+5*7", Correct); // * before +
    check(&[2, 5, 7], 0, "7-5-2", Correct); // from the left: not 7-(5-2) = 4
    check(&[2, 5, 7], 4, "7-5-2", Wrong);
    check(&[2, 4, 8], 1, "8/4/2", Correct);
    check(&[2, 4, 8], 4, "8/4/2", Wrong); // 8/(4/2) = 4
    check(&[1, 3, 4, 6], 24, "6/(1-3/4)", Correct); // through 1/4, exactly
    check(&[1, 1, 3], 1, "3*1/(3*1)", Wrong);
    check(&[7], 7, "7", Correct);
}

#[test]
fn answers_are_canonical() {
    let puzzle = |target| Puzzle { numbers: vec![2, 3, 5], target, operators: vec![Add, Sub] };
    let check = |text: &str, expect: Option<&str>| {
        assert_eq!(answer(&puzzle(6), text).as_deref(), expect, "{text:?}");
    };
    check(" ( (5) +3 ) - 2\n", Some("5+3-2"));
    check("5-(3-2)", Some("5-(3-2)"));
    check("5-(3*2)", Some("5-3*2"));
    check("(5-3)*2", Some("(5-3)*2"));
    check("5/(3*2)", Some("5/(3*2)"));
    check("5+(3+2)", Some("5+(3+2)"));
    check("7", Some("7"));
    // A stated result counts where it is another than the expression has.
    check("5+3-2 = 6", Some("5+3-2"));
    check("5+3-2=8", Some("5+3-2=8"));
    check("5+3+2=10", Some("5+3+2"));
    check("5/0=5", Some("5/0=5"));
    check("5+3-2=", None);
    check("5+", None);
    check("x", None);
}

#[test]
fn wrong_numbers_are_wrong() {
    check(&[3, 5, 7], 15, "3*5", Wrong); // drops 7
    check(&[3, 5], 8, "3+5", Correct);
    check(&[3, 5], 11, "3+5+3", Wrong); // repeats 3
    check(&[3, 5], 12, "5+7", Wrong); // invents 7
    check(&[3, 3], 6, "3+3", Correct);
    check(&[35], 8, "3+5", Wrong);
    check(&[3, 5], 35, "35", Wrong);
    check(&[0, 5], 5, "5/0", Wrong); // no value
    check(&[0, 5], 0, "0/5", Correct);
}

#[test]
fn what_is_no_expression_is_unparsed() {
    for text in [
        "",
        " ",
        "()",
        "3+",
        "+3",
        "-3+5",
        "3 5",
        "3(5)",
        "(3)5",
        "(3+5",
        "3+5)",
        "3++5",
        "3+-5",
        "03+5",
        "3.0+5",
        "3^5",
        "3**5",
        "a",
        "3×5",
        "3+5!",
        "=8",
        "3+5=",
        "3+5=x",
        "3+5=8=8",
        "3+5 is 8",
        "99999999999999999999",
        "3,5",
        "\u{0}",
        "(",
        ")",
        "3/",
    ] {
        check(&[3, 5], 8, text, Unparsed);
    }
    let deep = format!("{}3{}", "(".repeat(2000), ")".repeat(2000));
    check(&[3], 3, &deep, Correct);
    check(&[3], 3, &"(".repeat(4000), Unparsed);
    check(&[3], 3, &format!("3{}", "+3".repeat(MAX_TEXT)), Unparsed);
    check(&[3], 3, &"9*".repeat(2000), Unparsed);
    check(&[3], 3, &format!("{}9", "999999999999999999*".repeat(200)), Wrong);
}

#[test]
fn a_stated_result_must_be_the_target() {
    check(&[3, 5, 7], 36, "(5+7)*3 = 36", Correct);
    check(&[3, 5, 7], 36, "(5+7)*3=35", Wrong);
    check(&[3, 5, 7], 36, "3*5+7=36", Wrong);
    check(&[3, 5], -2, "3-5=-2", Correct);
}

#[test]
fn only_the_operators_of_the_puzzle() {
    let check = |operators: &[Operator], text, expect| {
        let puzzle = Puzzle { numbers: vec![6, 2], target: 3, operators: operators.to_vec() };
        assert_eq!(verify(&puzzle, text), expect, "{operators:?} {text}");
    };
    check(&[Div], "6/2", Correct);
    check(&[Add, Sub, Mul], "6/2", Wrong);
}

#[test]
fn errors_say_where() {
    let check = |text: &str, expect| assert_eq!(parse(text).unwrap_err(), expect, "{text}");
    check("3 5", ParseError::Operator { at: 2 });
    check("3+", ParseError::Operand { at: 2 });
    check("3+)", ParseError::Operand { at: 2 });
    check("(3", ParseError::Parenthesis { at: 0 });
    check("3)", ParseError::Parenthesis { at: 1 });
    check("3×5", ParseError::Character { at: 1, found: '×' });
    check("1+05", ParseError::Literal { at: 2 });
}

/// A tree, its text with every parenthesis, and its value by recursion: the independent reading.
#[derive(Clone, Debug)]
enum Tree {
    Leaf(i64),
    Node(Box<Tree>, Operator, Box<Tree>),
}

fn written(tree: &Tree) -> String {
    match tree {
        Tree::Leaf(n) => n.to_string(),
        Tree::Node(l, op, r) => {
            let sign = ["+", "-", "*", "/"][*op as usize];
            format!("({}{sign}{})", written(l), written(r))
        }
    }
}

fn value(tree: &Tree) -> Option<BigRational> {
    Some(match tree {
        Tree::Leaf(n) => BigRational::from_integer((*n).into()),
        Tree::Node(l, op, r) => {
            let (l, r) = (value(l)?, value(r)?);
            match op {
                Add => l + r,
                Sub => l - r,
                Mul => l * r,
                Div if r == BigRational::from_integer(0.into()) => return None,
                Div => l / r,
            }
        }
    })
}

fn tree() -> impl Strategy<Value = Tree> {
    let op = prop_oneof![Just(Add), Just(Sub), Just(Mul), Just(Div)];
    (0i64..50).prop_map(Tree::Leaf).prop_recursive(5, 24, 2, move |inner| {
        (inner.clone(), op.clone(), inner)
            .prop_map(|(l, op, r)| Tree::Node(Box::new(l), op, Box::new(r)))
    })
}

proptest! {
    #[test]
    fn postfix_and_recursion_agree(tree in tree()) {
        let text = written(&tree);
        let parsed = parse(&text).unwrap();
        prop_assert_eq!(parsed.evaluate(), value(&tree), "{}", text);
        // The canonical text is the same expression.
        prop_assert_eq!(parse(&parsed.canonical()).unwrap(), parsed, "{}", text);
    }

    #[test]
    fn an_answer_has_one_verdict(text in "[358+*=() -]{0,12}") {
        let puzzle = Puzzle { numbers: vec![3, 5], target: 8, operators: vec![Add] };
        let answered = answer(&puzzle, &text);
        prop_assert_eq!(answered.is_none(), verify(&puzzle, &text) == Unparsed);
        if let Some(answered) = answered {
            prop_assert_eq!(verify(&puzzle, &answered), verify(&puzzle, &text));
            prop_assert_eq!(answer(&puzzle, &answered), Some(answered));
        }
    }

    #[test]
    fn no_text_panics(text in ".{0,80}", formula in "[0-9+*/() =-]{0,60}") {
        let puzzle = Puzzle { numbers: vec![3, 5], target: 8, operators: vec![Add] };
        verify(&puzzle, &text);
        verify(&puzzle, &formula);
    }
}
