//! Random expressions and exact values, fast: what the generator is made of.

use std::cmp::Ordering;

use bourn_recipe::Operator;
use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::sign;

/// An exact value: a reduced fraction with a positive denominator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ExactValue {
    top: i128,
    bottom: i128,
}

impl ExactValue {
    pub(super) fn integer(n: i64) -> ExactValue {
        ExactValue { top: i128::from(n), bottom: 1 }
    }

    pub(super) fn to_integer(self) -> Option<i64> {
        if self.bottom == 1 { i64::try_from(self.top).ok() } else { None }
    }

    /// `None` for a division by zero. Products of six numbers up to 10^6 leave room in 128 bits;
    /// an overflow would be no value either, never a wrong one.
    pub(super) fn apply(self, op: Operator, other: ExactValue) -> Option<ExactValue> {
        let cross = |sign: i128| {
            let left = self.top.checked_mul(other.bottom)?;
            let right = other.top.checked_mul(self.bottom)?.checked_mul(sign)?;
            ExactValue::reduced(left.checked_add(right)?, self.bottom.checked_mul(other.bottom)?)
        };
        match op {
            Operator::Add => cross(1),
            Operator::Sub => cross(-1),
            Operator::Mul => ExactValue::reduced(
                self.top.checked_mul(other.top)?,
                self.bottom.checked_mul(other.bottom)?,
            ),
            Operator::Div => ExactValue::reduced(
                self.top.checked_mul(other.bottom)?,
                self.bottom.checked_mul(other.top)?,
            ),
        }
    }

    fn reduced(top: i128, bottom: i128) -> Option<ExactValue> {
        match bottom.cmp(&0) {
            Ordering::Equal => return None,
            Ordering::Greater if bottom == 1 => return Some(ExactValue { top, bottom }),
            _ => {}
        }
        let divisor = gcd(top.checked_abs()?, bottom.checked_abs()?) * bottom.signum();
        Some(ExactValue { top: top / divisor, bottom: bottom / divisor })
    }
}

fn gcd(a: i128, b: i128) -> i128 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// A binary tree with numbers at its leaves, in an arena; the root is the last node.
#[derive(Clone, Debug)]
pub(super) struct ExpressionTree {
    nodes: Vec<ExpressionNode>,
}

#[derive(Clone, Copy, Debug)]
enum ExpressionNode {
    Leaf(i64),
    Inner { left: usize, op: Operator, right: usize },
}

/// Binary trees with n + 1 leaves, for the n that occur (Catalan numbers).
const SHAPES: [u64; 9] = [1, 1, 2, 5, 14, 42, 132, 429, 1430];

impl ExpressionTree {
    /// A uniformly random tree over all of `numbers` (at most 9): order, shape and operators are
    /// each uniform. No numbers give an empty tree.
    pub(super) fn random(
        numbers: &[i64],
        operators: &[Operator],
        rng: &mut ChaCha8Rng,
    ) -> ExpressionTree {
        let mut leaves = numbers.to_vec();
        leaves.shuffle(rng);
        let mut tree = ExpressionTree { nodes: Vec::with_capacity(2 * leaves.len()) };
        if !leaves.is_empty() {
            tree.grow(&leaves, operators, rng);
        }
        tree
    }

    fn grow(&mut self, leaves: &[i64], operators: &[Operator], rng: &mut ChaCha8Rng) -> usize {
        let node = match leaves {
            [leaf] => ExpressionNode::Leaf(*leaf),
            _ => {
                let at = split(leaves.len(), rng);
                let left = self.grow(&leaves[..at], operators, rng);
                let right = self.grow(&leaves[at..], operators, rng);
                ExpressionNode::Inner {
                    left,
                    op: operators[rng.random_range(0..operators.len())],
                    right,
                }
            }
        };
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// Its exact value, if it has one.
    pub(super) fn value(&self) -> Option<ExactValue> {
        // Children stand before their parents: one pass, no recursion.
        let mut values: Vec<ExactValue> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            values.push(match *node {
                ExpressionNode::Leaf(n) => ExactValue::integer(n),
                ExpressionNode::Inner { left, op, right } => {
                    values[left].apply(op, values[right])?
                }
            });
        }
        values.pop()
    }

    /// Its text, with the parentheses that its shape needs and no others: different trees over
    /// the same numbers have different texts.
    pub(super) fn text(&self) -> String {
        let mut out = String::with_capacity(4 * self.nodes.len());
        if let Some(root) = self.nodes.len().checked_sub(1) {
            self.write(root, &mut out);
        }
        out
    }

    fn write(&self, at: usize, out: &mut String) {
        match self.nodes[at] {
            ExpressionNode::Leaf(n) => out.push_str(&n.to_string()),
            ExpressionNode::Inner { left, op, right } => {
                self.write_operand(left, self.binds(left) < binding(op), out);
                out.push(sign(op));
                // Equals group from the left, so an equal on the right needs its parentheses.
                self.write_operand(right, self.binds(right) <= binding(op), out);
            }
        }
    }

    fn write_operand(&self, at: usize, parentheses: bool, out: &mut String) {
        if parentheses {
            out.push('(');
        }
        self.write(at, out);
        if parentheses {
            out.push(')');
        }
    }

    fn binds(&self, at: usize) -> u8 {
        match self.nodes[at] {
            ExpressionNode::Leaf(_) => 2,
            ExpressionNode::Inner { op, .. } => binding(op),
        }
    }
}

fn binding(op: Operator) -> u8 {
    match op {
        Operator::Add | Operator::Sub => 0,
        Operator::Mul | Operator::Div => 1,
    }
}

/// How many of `n` leaves go to the left, such that every shape is equally likely.
fn split(n: usize, rng: &mut ChaCha8Rng) -> usize {
    let mut place = rng.random_range(0..SHAPES[n - 1]);
    for left in 1..n {
        let shapes = SHAPES[left - 1] * SHAPES[n - left - 1];
        if place < shapes {
            return left;
        }
        place -= shapes;
    }
    n - 1
}
