//! The countdown generator, held against brute force and against the verifier.

use std::collections::{BTreeMap, BTreeSet};

use bourn_recipe::Operator::{Add, Div, Mul, Sub};
use bourn_recipe::{CountdownTask, Demonstrations, Operator};
use bourn_task::TaskError;
use bourn_task::countdown::{
    DemonstrationKind, Demonstrator, MAX_NUMBERS, Split, alphabet, count_solutions, generate,
    prompt,
};
use bourn_verify::Verdict;
use bourn_verify::countdown::{Puzzle, parse, verify};

fn spec(numbers: (usize, usize), range: (i64, i64), operators: &[Operator]) -> CountdownTask {
    let operators = operators.to_vec();
    CountdownTask { numbers, range, target: (1, 200), operators, train_problems: 64 }
}

fn quickstart() -> CountdownTask {
    spec((3, 3), (1, 20), &[Add, Sub, Mul])
}

const MIX: Demonstrations =
    Demonstrations { correct: 0.3, random: 0.4, misused: 0.2, malformed: 0.1 };

/// Every way to write an expression over `numbers` with just the parentheses that its shape
/// needs, by trying each permutation, each split and each operator: the slow, separate reading.
fn texts(numbers: &[i64], operators: &[Operator]) -> BTreeSet<String> {
    fn of_order(numbers: &[i64], operators: &[Operator]) -> Vec<(String, u8)> {
        if let [n] = numbers {
            return vec![(n.to_string(), 2)];
        }
        let mut all = Vec::new();
        for at in 1..numbers.len() {
            for (left, l) in of_order(&numbers[..at], operators) {
                for (right, r) in of_order(&numbers[at..], operators) {
                    for op in operators {
                        let (sign, own) = match op {
                            Add => ('+', 0),
                            Sub => ('-', 0),
                            Mul => ('*', 1),
                            Div => ('/', 1),
                        };
                        let left = if l < own { format!("({left})") } else { left.clone() };
                        let right = if r <= own { format!("({right})") } else { right.clone() };
                        all.push((format!("{left}{sign}{right}"), own));
                    }
                }
            }
        }
        all
    }
    fn permutations(numbers: &[i64]) -> Vec<Vec<i64>> {
        if numbers.is_empty() {
            return vec![Vec::new()];
        }
        (0..numbers.len())
            .flat_map(|at| {
                let mut rest = numbers.to_vec();
                let first = rest.remove(at);
                permutations(&rest).into_iter().map(move |tail| [vec![first], tail].concat())
            })
            .collect()
    }
    let orders = permutations(numbers).into_iter();
    orders.flat_map(|order| of_order(&order, operators)).map(|(text, _)| text).collect()
}

#[test]
fn solutions_worked_by_hand() {
    let check = |numbers: &[i64], target, operators: &[Operator], expect| {
        let puzzle = Puzzle { numbers: numbers.to_vec(), target, operators: operators.to_vec() };
        assert_eq!(count_solutions(&puzzle), expect, "{puzzle:?}");
    };
    check(&[3, 5], 8, &[Add], Some(2)); // 3+5, 5+3
    check(&[5, 3], 2, &[Add, Sub], Some(1)); // 5-3
    check(&[4, 4], 8, &[Add], Some(1)); // swapping equals changes nothing
    check(&[4, 4], 1, &[Div, Div], Some(1)); // an operator named twice is one operator
    check(&[1, 2, 3], 6, &[Add], Some(12)); // 3! orders × 2 shapes
    check(&[0, 5], 0, &[Mul, Div], Some(3)); // 0*5, 5*0, 0/5
    check(&[7], 7, &[Add], Some(1));
    check(&[7], 8, &[Add], Some(0));
    check(&[3, 5], 100, &[Add, Sub, Mul, Div], Some(0));
    check(&[], 0, &[Add], None);
    check(&[1; MAX_NUMBERS + 1], 7, &[Add], None);
    check(&[1; MAX_NUMBERS], 6, &[Add], Some(42)); // the fifth Catalan number of shapes
}

#[test]
fn counts_agree_with_brute_force() {
    let all = [Add, Sub, Mul, Div];
    let cases: [&[i64]; 9] = [
        &[3, 5, 7],
        &[2, 2, 4],
        &[0, 1, 1],
        &[0, 0, 0],
        &[6, 6, 6],
        &[1, 3, 4, 6],
        &[2, 2, 3, 3],
        &[8, 8, 3, 3],
        &[0, 0, 2, 5],
    ];
    for numbers in cases {
        for operators in [&all[..], &all[..3], &[Sub, Div]] {
            let puzzle = |target| Puzzle {
                numbers: numbers.to_vec(),
                target,
                operators: operators.to_vec(),
            };
            let mut expect: BTreeMap<i64, u64> = (-30..=50).map(|target| (target, 0)).collect();
            for text in texts(numbers, operators) {
                let parsed = parse(&text).unwrap();
                for (target, count) in &mut expect {
                    let value = parsed.evaluate();
                    *count += u64::from(value.is_some_and(|v| v == num(*target)));
                }
            }
            for (target, count) in expect {
                assert_eq!(count_solutions(&puzzle(target)), Some(count), "{:?}", puzzle(target));
            }
        }
    }
}

fn num(n: i64) -> num_rational::BigRational {
    num_rational::BigRational::from_integer(n.into())
}

#[test]
fn puzzles_are_distinct_solvable_and_as_the_dial_says() {
    for spec in [quickstart(), spec((2, 5), (1, 30), &[Add, Sub, Mul, Div])] {
        let puzzles = generate(&spec, 1, 300, Split::Train).unwrap();
        let mut seen = BTreeSet::new();
        for puzzle in &puzzles {
            let mut numbers = puzzle.numbers.clone();
            assert!((spec.numbers.0..=spec.numbers.1).contains(&numbers.len()));
            assert!(numbers.iter().all(|n| (spec.range.0..=spec.range.1).contains(n)));
            assert!((spec.target.0..=spec.target.1).contains(&puzzle.target));
            assert!(count_solutions(puzzle).unwrap() > 0, "{puzzle:?}");
            numbers.sort_unstable();
            assert!(seen.insert((numbers, puzzle.target)), "twice: {puzzle:?}");
        }
        assert_eq!(puzzles[..100], generate(&spec, 1, 100, Split::Train).unwrap());
        assert_ne!(puzzles, generate(&spec, 2, 300, Split::Train).unwrap());
    }
}

/// All puzzles of a small space: the two sides share nothing and leave nothing out.
#[test]
fn train_and_held_out_are_disjoint() {
    let spec = spec((2, 3), (1, 6), &[Add, Sub, Mul]);
    let side = |split, seed| -> BTreeSet<(Vec<i64>, i64)> {
        let found = match generate(&spec, seed, usize::MAX, split) {
            Err(TaskError::TooFewPuzzles { found, .. }) => found,
            other => panic!("{other:?}"),
        };
        let puzzles = generate(&spec, seed, found, split).unwrap();
        puzzles
            .into_iter()
            .map(|mut puzzle| {
                let before = Split::of(&puzzle);
                puzzle.numbers.sort_unstable();
                assert_eq!((before, Split::of(&puzzle)), (split, split), "{puzzle:?}");
                (puzzle.numbers, puzzle.target)
            })
            .collect()
    };
    let (train, held_out) = (side(Split::Train, 1), side(Split::HeldOut, 2));
    assert!(train.is_disjoint(&held_out));
    let mut all = BTreeSet::new();
    for a in 1..=6 {
        for b in a..=6 {
            for numbers in [vec![a, b]].into_iter().chain((b..=6).map(|c| vec![a, b, c])) {
                for target in 1..=200 {
                    let operators = spec.operators.clone();
                    let puzzle = Puzzle { numbers: numbers.clone(), target, operators };
                    if count_solutions(&puzzle) > Some(0) {
                        all.insert((numbers.clone(), target));
                    }
                }
            }
        }
    }
    assert_eq!(&train | &held_out, all);
    // One in eight of the space, give or take four standard deviations of a binomial.
    let (n, held) = (all.len() as f64, held_out.len() as f64);
    assert!((held - n / 8.0).abs() < 4.0 * (n * 7.0 / 64.0).sqrt(), "{held} of {n}");
}

#[test]
fn impossible_dials_end_in_an_error() {
    let check = |change: fn(&mut CountdownTask), expect: &str| {
        let mut spec = quickstart();
        change(&mut spec);
        let error = generate(&spec, 1, 1000, Split::Train).unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
        if !error.contains("distinct") {
            assert_eq!(Demonstrator::new(&spec, &MIX).unwrap_err().to_string(), error);
        }
    };
    check(|s| s.numbers = (1, 3), "numbers = [1, 3]");
    check(|s| s.numbers = (4, 3), "numbers = [4, 3]");
    check(|s| s.numbers = (3, 99), "2..=6");
    check(|s| s.range = (-1, 5), "range = [-1, 5]");
    check(|s| s.range = (9, 5), "range = [9, 5]");
    check(|s| s.range = (1, i64::MAX), "1000000");
    check(|s| s.target = (9, 5), "target = [9, 5]");
    check(|s| s.operators.clear(), "operators");
    // 1+1+1 = 3 and its like: few, and no more.
    check(|s| s.range = (1, 1), "distinct training puzzles were found where 1000 are wanted");
    let mut none = quickstart();
    none.target = (1_000_000, 1_000_000);
    let error = generate(&none, 1, 1, Split::Train).unwrap_err().to_string();
    assert!(error.starts_with("countdown: 0 distinct"), "{error}");
    assert!(matches!(Demonstrator::new(&none, &MIX), Err(TaskError::NoPuzzle { .. })));
}

#[test]
fn prompts_are_short_and_in_the_alphabet() {
    let puzzle = Puzzle { numbers: vec![7, 3, 5], target: 36, operators: vec![Add] };
    assert_eq!(prompt(&puzzle), "7 3 5 -> 36:");
    let letters: BTreeSet<char> = alphabet().chars().collect();
    assert_eq!(letters.len(), alphabet().len());
    let puzzles = generate(&quickstart(), 3, 200, Split::HeldOut).unwrap();
    assert!(puzzles.iter().all(|p| prompt(p).chars().all(|c| letters.contains(&c))));
    // Not always sorted: with three numbers five orders of six are something else.
    assert!(puzzles.iter().filter(|p| !p.numbers.is_sorted()).count() > 100);
}

/// What a demonstration's completion is, found out from its text.
fn kind_fits(spec: &CountdownTask, prompt: &str, completion: &str, kind: DemonstrationKind) {
    let (numbers, target) = prompt.strip_suffix(':').unwrap().split_once(" -> ").unwrap();
    let numbers: Vec<i64> = numbers.split(' ').map(|n| n.parse().unwrap()).collect();
    let target = target.parse().unwrap();
    let puzzle = Puzzle { numbers: numbers.clone(), target, operators: spec.operators.clone() };
    let place = format!("{kind:?} {prompt}{completion}");
    assert_eq!(Split::of(&puzzle), Split::Train, "{place}");
    assert!(completion.chars().all(|c| alphabet().contains(c)), "{place}");
    let verdict = verify(&puzzle, completion);
    let sorted = |mut numbers: Vec<i64>| {
        numbers.sort_unstable();
        numbers
    };
    let used = || sorted(parse(completion).unwrap().numbers().collect());
    match kind {
        DemonstrationKind::Correct => assert_eq!(verdict, Verdict::Correct, "{place}"),
        DemonstrationKind::Random => assert_eq!(used(), sorted(numbers), "{place}"),
        DemonstrationKind::Misused => {
            assert_ne!(used(), sorted(numbers), "{place}");
            assert_eq!(verdict, Verdict::Wrong, "{place}");
        }
        DemonstrationKind::Malformed => assert_eq!(verdict, Verdict::Unparsed, "{place}"),
    }
}

#[test]
fn demonstrations_are_what_they_say() {
    for spec in
        [quickstart(), spec((2, 6), (1, 9), &[Add, Sub, Mul, Div]), spec((2, 2), (3, 3), &[Add])]
    {
        let demonstrator = Demonstrator::new(&spec, &MIX).unwrap();
        let draws = 4000;
        let mut counts: BTreeMap<DemonstrationKind, usize> = BTreeMap::new();
        for index in 0..draws {
            let d = demonstrator.draw(7, index).unwrap();
            kind_fits(&spec, &d.prompt, &d.completion, d.kind);
            *counts.entry(d.kind).or_default() += 1;
            assert_eq!(demonstrator.draw(7, index).unwrap(), d);
        }
        let shares = [MIX.correct, MIX.random, MIX.misused, MIX.malformed];
        for ((kind, &count), share) in counts.iter().zip(shares) {
            // Four standard deviations of a binomial: exceeded by chance once in 16,000.
            let (n, mean) = (draws as f64, draws as f64 * share);
            let sd = (n * share * (1.0 - share)).sqrt();
            assert!((count as f64 - mean).abs() < 4.0 * sd, "{kind:?}: {count} of {draws}");
        }
    }
}

#[test]
fn a_share_of_zero_is_never_drawn() {
    let kinds = [
        (1.0, 0.0, 0.0, 0.0, DemonstrationKind::Correct),
        (0.0, 1.0, 0.0, 0.0, DemonstrationKind::Random),
        (0.0, 0.0, 1.0, 0.0, DemonstrationKind::Misused),
        (0.0, 0.0, 0.0, 1.0, DemonstrationKind::Malformed),
    ];
    for (correct, random, misused, malformed, expect) in kinds {
        let mix = Demonstrations { correct, random, misused, malformed };
        let demonstrator = Demonstrator::new(&quickstart(), &mix).unwrap();
        assert!((0..500).all(|index| demonstrator.draw(1, index).unwrap().kind == expect));
    }
}

/// Given the puzzle, every solution is equally likely: chi-squared over the solutions of one.
#[test]
fn correct_demonstrations_are_uniform_over_solutions() {
    let spec = spec((3, 3), (1, 3), &[Add, Sub, Mul]);
    let mix = Demonstrations { correct: 1.0, random: 0.0, misused: 0.0, malformed: 0.0 };
    let demonstrator = Demonstrator::new(&spec, &mix).unwrap();
    let mut drawn: BTreeMap<(Vec<i64>, i64), BTreeMap<String, u32>> = BTreeMap::new();
    for index in 0..60_000 {
        let d = demonstrator.draw(1, index).unwrap();
        let (numbers, target) = d.prompt.trim_end_matches(':').split_once(" -> ").unwrap();
        let mut numbers: Vec<i64> = numbers.split(' ').map(|n| n.parse().unwrap()).collect();
        numbers.sort_unstable();
        let texts = drawn.entry((numbers, target.parse().unwrap())).or_default();
        *texts.entry(d.completion).or_default() += 1;
    }
    let mut tested = 0;
    for ((numbers, target), texts) in drawn {
        let operators = spec.operators.clone();
        let solutions = count_solutions(&Puzzle { numbers, target, operators }).unwrap() as f64;
        let total: u32 = texts.values().sum();
        let mean = f64::from(total) / solutions;
        if mean < 20.0 || solutions < 2.0 {
            continue;
        }
        tested += 1;
        let missing = solutions - texts.len() as f64;
        let chi: f64 = texts.values().map(|&c| (f64::from(c) - mean).powi(2) / mean).sum();
        let (chi, freedom) = (chi + missing * mean, solutions - 1.0);
        // Wilson and Hilferty: the cube root is close to normal; 4.5 deviations, once in 300,000.
        let z = ((chi / freedom).cbrt() - (1.0 - 2.0 / (9.0 * freedom)))
            / (2.0 / (9.0 * freedom)).sqrt();
        assert!(z < 4.5, "z = {z} for {texts:?}");
    }
    assert!(tested > 10, "only {tested} puzzles were drawn often enough");
}
