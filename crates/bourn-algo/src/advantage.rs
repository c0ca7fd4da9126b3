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
#[path = "../tests/unit/advantage.rs"]
mod tests;
