//! The verifiers on texts as models write them, short, long and malformed; items are bytes of text.

// A bench has nobody to hand an error to.
#![allow(clippy::unwrap_used)]

use bourn_recipe::{Extract, Operator};
use bourn_verify::countdown::{self, Puzzle};
use bourn_verify::math;
use divan::counter::BytesCount;
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

#[divan::bench(args = ["3*(5+7)", "((3))*((5)+(7))=36", "3*5+7", "3*(5+7"])]
fn countdown(bencher: Bencher, text: &str) {
    let operators = vec![Operator::Add, Operator::Sub, Operator::Mul];
    let puzzle = Puzzle { numbers: vec![3, 5, 7], target: 36, operators };
    bencher
        .counter(BytesCount::of_str(text))
        .bench_local(|| countdown::verify(&puzzle, black_box(text)));
}
