//! The verifiers on texts as models write them, short, long and malformed; items are bytes of text.

// A bench has nobody to hand an error to.
#![allow(clippy::unwrap_used)]

use bourn_recipe::{Extract, Operator};
use bourn_verify::countdown::{self, Puzzle};
use bourn_verify::math;
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

const SHORT: &str = "She pays 3 * 4 = 12 dollars and then 5 more.\n#### 17";

/// A completion of `kind`; each ends with the answer 17 in the way its extraction looks for.
fn solution(kind: &str) -> (String, Extract) {
    match kind {
        "short" => (SHORT.into(), Extract::Hash),
        "long" => (SHORT.repeat(200), Extract::LastNumber),
        "latex" => {
            ("So $x = \\frac{34}{2}$, hence \\boxed{\\dfrac{34}{2}}.".into(), Extract::Boxed)
        }
        // What a small model ends in when it does not end.
        _ => ("1,".repeat(4000), Extract::LastNumber),
    }
}

#[divan::bench(args = ["short", "long", "latex", "endless"])]
fn maths(bencher: Bencher, kind: &str) {
    let gold = math::parse_gold("17", Extract::Whole).unwrap();
    let (text, extract) = solution(kind);
    bencher
        .counter(BytesCount::of_str(&text))
        .bench_local(|| math::verify(&gold, black_box(&text), extract));
}

/// References that are plain numbers, and answers in boxes of their own.
const PLAIN: [(&str, &str); 8] = [
    ("17", r"\boxed{17}"),
    ("1234", r"\boxed{1,234}"),
    ("-5", r"\boxed{-5}"),
    ("0.75", r"\boxed{\frac{3}{4}}"),
    ("18", r"\boxed{18\text{ cm}}"),
    ("50", r"\boxed{50\%}"),
    ("7/4", r"\boxed{1\frac34}"),
    ("360", r"so the answer is \boxed{361}."),
];

/// References in LaTeX of the kinds that MATH has, and answers in other words.
const LATEX: [(&str, &str); 12] = [
    (r"2\sqrt{3}", r"\boxed{\sqrt{12}}"),
    (r"\frac{9\pi}{4}", r"\boxed{\frac{9}{4}\pi}"),
    (r"\left( 3, \frac{\pi}{2} \right)", r"\boxed{(3, \pi/2)}"),
    (r"(-\infty,-1)\cup(4,\infty)", r"\boxed{x<-1 \text{ or } x>4}"),
    ("x^2+5x+6", r"\boxed{(x+2)(x+3)}"),
    (r"\frac{1}{x-1}", r"\boxed{\frac{x+1}{x^2-1}}"),
    (r"1 \pm \sqrt{19}", r"\boxed{1-\sqrt{19}, 1+\sqrt{19}}"),
    (
        r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}",
        r"\boxed{\begin{bmatrix}1&2\\3&4\end{bmatrix}}",
    ),
    ("y = 2x + 3", r"\boxed{2x - y + 3 = 0}"),
    (r"\text{Evelyn}", r"\boxed{\text{Evelyn}}"),
    (r"\frac{\sqrt{3}}{4\sqrt{2}-3}", r"\boxed{\frac{4\sqrt6+3\sqrt3}{23}}"),
    (r"2\sin x\cos x", r"\boxed{\sin 2x}"),
];

/// Verdicts a second: references are read beforehand, as in a run.
fn verdicts(bencher: Bencher, pairs: &[(&str, &str)]) {
    let golds: Vec<_> = pairs
        .iter()
        .map(|(gold, text)| (math::read_gold(gold, Extract::Whole).unwrap(), *text))
        .collect();
    bencher.counter(ItemsCount::new(golds.len())).bench_local(|| {
        golds
            .iter()
            .filter(|(gold, text)| math::verify(gold, black_box(text), Extract::Boxed).is_correct())
            .count()
    });
}

#[divan::bench]
fn plain_verdicts(bencher: Bencher) {
    verdicts(bencher, &PLAIN);
}

#[divan::bench]
fn latex_verdicts(bencher: Bencher) {
    verdicts(bencher, &LATEX);
}

#[divan::bench(args = ["3*(5+7)", "((3))*((5)+(7))=36", "3*5+7", "3*(5+7"])]
fn countdown(bencher: Bencher, text: &str) {
    let operators = vec![Operator::Add, Operator::Sub, Operator::Mul];
    let puzzle = Puzzle { numbers: vec![3, 5, 7], target: 36, operators };
    bencher
        .counter(BytesCount::of_str(text))
        .bench_local(|| countdown::verify(&puzzle, black_box(text)));
}
