//! How many solutions a puzzle has, exactly.

use bourn_recipe::Operator;
use bourn_verify::countdown::Puzzle;

use super::tree::ExactValue;

/// Most numbers of a puzzle: past it neither values nor counts stay small enough to enumerate.
pub const MAX_NUMBERS: usize = 6;

/// The number of distinct solutions of `puzzle`, or `None` if it has no numbers or more than
/// [`MAX_NUMBERS`].
///
/// A solution is a binary expression tree that uses each number once, allowed operators only, and
/// has exactly the target's value. Two are distinct if they are written differently with only the
/// parentheses that the tree needs: `3+5` and `5+3` are two, `(3+5)+7` and `3+(5+7)` are two, but
/// swapping two equal numbers changes nothing.
///
/// Dynamic programming over sub-multisets of the numbers: for each, the values its trees reach and
/// how many trees reach each. The root's two subtrees are a unique pair of complementary
/// sub-multisets, so nothing is counted twice.
pub fn count_solutions(puzzle: &Puzzle) -> Option<u64> {
    if puzzle.numbers.is_empty() || puzzle.numbers.len() > MAX_NUMBERS {
        return None;
    }
    let mut operators = puzzle.operators.clone();
    operators.sort_unstable();
    operators.dedup();
    let mut numbers = puzzle.numbers.clone();
    numbers.sort_unstable();
    let kinds = Multiset::new(&numbers);
    let full = kinds.size - 1;
    let mut reached: Vec<Vec<(ExactValue, u64)>> = vec![Vec::new(); kinds.size];
    for whole in 1..full {
        reached[whole] = values(&kinds, whole, &operators, &reached);
    }
    let target = ExactValue::integer(puzzle.target);
    if let Some(leaf) = kinds.single(full) {
        return Some(u64::from(leaf == puzzle.target));
    }
    let mut total = 0;
    for left in kinds.parts(full) {
        let right = &reached[full - left];
        for &(value, trees) in &reached[left] {
            for &op in &operators {
                total += trees * matching(value, op, target, right);
            }
        }
    }
    Some(total)
}

/// How many trees of `right` complete `value op … = target`.
fn matching(
    value: ExactValue,
    op: Operator,
    target: ExactValue,
    right: &[(ExactValue, u64)],
) -> u64 {
    let zero = ExactValue::integer(0);
    let wanted = match op {
        Operator::Add => target.apply(Operator::Sub, value),
        Operator::Sub => value.apply(Operator::Sub, target),
        Operator::Mul if value == zero => {
            // 0 × anything.
            let all = right.iter().map(|(_, trees)| trees).sum();
            return if target == zero { all } else { 0 };
        }
        Operator::Mul => target.apply(Operator::Div, value),
        Operator::Div if target == zero => {
            // 0 / anything but 0.
            let all = right.iter().filter(|(v, _)| *v != zero).map(|(_, trees)| trees).sum();
            return if value == zero { all } else { 0 };
        }
        Operator::Div => value.apply(Operator::Div, target).filter(|divisor| *divisor != zero),
    };
    let Some(wanted) = wanted else { return 0 };
    right.binary_search_by(|(value, _)| value.cmp(&wanted)).map_or(0, |at| right[at].1)
}

/// The values that trees over the sub-multiset `whole` reach, sorted, with how many reach each.
fn values(
    kinds: &Multiset,
    whole: usize,
    operators: &[Operator],
    reached: &[Vec<(ExactValue, u64)>],
) -> Vec<(ExactValue, u64)> {
    if let Some(leaf) = kinds.single(whole) {
        return vec![(ExactValue::integer(leaf), 1)];
    }
    let mut all = Vec::new();
    for left in kinds.parts(whole) {
        let mut found = Vec::new();
        for &(a, a_trees) in &reached[left] {
            for &(b, b_trees) in &reached[whole - left] {
                for &op in operators {
                    if let Some(value) = a.apply(op, b) {
                        found.push((value, a_trees * b_trees));
                    }
                }
            }
        }
        // Merged split by split, so that memory follows distinct values rather than trees.
        all.append(&mut merged(found));
    }
    merged(all)
}

fn merged(mut found: Vec<(ExactValue, u64)>) -> Vec<(ExactValue, u64)> {
    found.sort_unstable();
    found.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 += next.1;
        }
        same
    });
    found
}

/// Sub-multisets of some numbers as mixed-radix integers: digit i is how many of the i-th distinct
/// number are taken. Subtracting a part gives the complement.
struct Multiset {
    distinct: Vec<(i64, usize)>, // number, how often
    size: usize,
}

impl Multiset {
    fn new(sorted: &[i64]) -> Multiset {
        let mut distinct: Vec<(i64, usize)> = Vec::new();
        for &number in sorted {
            match distinct.last_mut() {
                Some((last, count)) if *last == number => *count += 1,
                _ => distinct.push((number, 1)),
            }
        }
        let size = distinct.iter().map(|(_, count)| count + 1).product();
        Multiset { distinct, size }
    }

    fn digits(&self, code: usize) -> impl Iterator<Item = usize> + '_ {
        let mut rest = code;
        self.distinct.iter().map(move |(_, count)| {
            let digit = rest % (count + 1);
            rest /= count + 1;
            digit
        })
    }

    /// The number, if `code` takes exactly one.
    fn single(&self, code: usize) -> Option<i64> {
        let taken: usize = self.digits(code).sum();
        let at = self.digits(code).position(|digit| digit == 1)?;
        (taken == 1).then(|| self.distinct[at].0)
    }

    /// Every proper, non-empty part of `whole`.
    fn parts(&self, whole: usize) -> impl Iterator<Item = usize> + '_ {
        (1..whole)
            .filter(move |&part| self.digits(part).zip(self.digits(whole)).all(|(p, w)| p <= w))
    }
}
