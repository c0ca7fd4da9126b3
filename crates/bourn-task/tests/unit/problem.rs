use bourn_recipe::{Reward, VerifierKind};
use bourn_verify::math::parse_gold;

use super::*;

/// Ids name draws in ledgers and split data sets: they never change.
#[test]
fn ids_never_change_and_know_no_judge() {
    let check = |reference: Reference, expect: &str| {
        for verifier in VerifierKind::ALL {
            let rewards = Rewards::open(&[Reward::new(*verifier)], 1).unwrap();
            let origin = "here".to_owned();
            let problem = Problem::new("p".to_owned(), reference.clone(), origin, &rewards);
            assert_eq!(problem.id.as_str(), expect, "{verifier:?}");
            assert_eq!(u64::from_str_radix(expect, 16), Ok(problem.id.number()));
            assert_eq!(problem.judge().name(), verifier.name());
        }
    };
    let operators = vec![Operator::Mul, Operator::Add, Operator::Mul];
    let puzzle = Puzzle { numbers: vec![5, 3], target: 15, operators };
    check(Reference::Countdown(puzzle), COUNTDOWN);
    let gold = parse_gold("1,042", bourn_recipe::Extract::Whole).unwrap();
    check(Reference::Math { gold, text: "1,042".into() }, MATH);
    check(Reference::Exact("1,042".into()), EXACT);
}

const COUNTDOWN: &str = "0709709849999ac5";
const MATH: &str = "911b16b1284f6e19";
const EXACT: &str = "b053f8184b32b49c";
