//! From one advantage per completion to one per token.

use crate::AlgoError;
use crate::error::check_length;

/// The advantage of every token, completion after completion: each of the `lengths[i]` tokens of
/// completion `i` gets `advantages[i]` (outcome supervision, DeepSeekMath §4.1.2).
///
/// # Errors
/// The two lists differ in length.
pub fn per_token<'a>(
    advantages: &'a [f32],
    lengths: &'a [usize],
) -> Result<impl Iterator<Item = f32> + 'a, AlgoError> {
    check_length("lengths", lengths.len(), advantages.len(), "completion")?;
    let pairs = advantages.iter().zip(lengths);
    Ok(pairs.flat_map(|(&advantage, &length)| std::iter::repeat_n(advantage, length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(advantages: &[f32], lengths: &[usize], expect: &[f32]) {
        let tokens: Vec<f32> = per_token(advantages, lengths).unwrap().collect();
        assert_eq!(tokens, expect);
    }

    #[test]
    fn worked_by_hand() {
        check(&[], &[], &[]);
        check(&[0.5, -1.0, 2.0], &[2, 0, 1], &[0.5, 0.5, 2.0]);
    }

    #[test]
    fn a_single_advantage_is_not_spread_over_all() {
        let error = per_token(&[1.0], &[2, 3]).err().unwrap();
        assert_eq!(
            error.to_string(),
            "`lengths` has 2 entries where 1 are expected: give one for every completion"
        );
    }
}
