//! Which tokens of a step are trained on, and which are held back: by entropy, or by covariance.

use crate::AlgoError;
use crate::error::check_length;

/// The tokens whose entropy is among the highest `share` of all (arXiv 2506.01939: the "forking"
/// fifth): those at or above the ⌈share · n⌉-th largest. Equal entropies are taken together.
pub fn top_entropy(entropies: &[f32], share: f64) -> Vec<bool> {
    let count = (share * entropies.len() as f64).ceil() as usize;
    if count >= entropies.len() {
        return vec![true; entropies.len()];
    }
    if count == 0 {
        return vec![false; entropies.len()];
    }
    let mut sorted = entropies.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let threshold = sorted[count - 1];
    entropies.iter().map(|&entropy| entropy >= threshold).collect()
}

/// (log π − mean log π)(A − mean A) of every token (arXiv 2505.22617, eq. 10): its part of the
/// covariance that drives entropy down.
///
/// # Errors
/// The lists differ in length.
pub fn covariances(logprobs: &[f32], advantages: &[f32]) -> Result<Vec<f64>, AlgoError> {
    check_length("advantages", advantages.len(), logprobs.len(), "token")?;
    let (logp_mean, a_mean) = (crate::group::mean(logprobs), crate::group::mean(advantages));
    let pairs = logprobs.iter().zip(advantages);
    let of = |(&logp, &a): (&f32, &f32)| (f64::from(logp) - logp_mean) * (f64::from(a) - a_mean);
    Ok(pairs.map(of).collect())
}

/// Tokens whose covariance lies strictly between `low` and `high`: Clip-Cov draws from these.
pub fn covariance_band(covariances: &[f64], low: f64, high: f64) -> Vec<usize> {
    let inside = |&(_, &covariance): &(usize, &f64)| covariance > low && covariance < high;
    covariances.iter().enumerate().filter(inside).map(|(token, _)| token).collect()
}

/// The `count` tokens of the highest covariance, earlier ones first among equals: KL-Cov's.
pub fn top_covariance(covariances: &[f64], count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..covariances.len()).collect();
    order.sort_by(|&a, &b| covariances[b].total_cmp(&covariances[a]).then(a.cmp(&b)));
    order.truncate(count);
    order
}

/// How many of `tokens` a share of them is: at least one, so that a small step is not left out.
pub fn share_of(tokens: usize, share: f64) -> usize {
    ((share * tokens as f64) as usize).max(1).min(tokens)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn worked_by_hand() {
        let entropies = [0.1, 0.9, 0.5, 0.5, 0.0];
        assert_eq!(top_entropy(&entropies, 0.2), [false, true, false, false, false]);
        assert_eq!(top_entropy(&entropies, 0.4), [false, true, true, true, false]);
        assert_eq!(top_entropy(&entropies, 1.0), [true; 5]);
        assert_eq!(top_entropy(&[], 0.2), [] as [bool; 0]);
        // Means −2 and 0.
        let covariances = covariances(&[-1.0, -3.0, -2.0], &[1.0, 1.0, -2.0]).unwrap();
        assert_eq!(covariances, [1.0, -1.0, -0.0]);
        assert_eq!(covariance_band(&covariances, -0.5, 5.0), [0, 2]);
        assert_eq!(covariance_band(&covariances, 1.0, 5.0), [] as [usize; 0]);
        assert_eq!(top_covariance(&covariances, 2), [0, 2]);
        assert_eq!((share_of(10_000, 2e-4), share_of(10, 2e-4), share_of(0, 0.5)), (2, 1, 0));
        assert!(super::covariances(&[0.0], &[]).is_err());
    }

    proptest! {
        /// The mean of the parts is the covariance, computed as E[xy] − E[x]E[y].
        #[test]
        fn parts_sum_to_the_covariance(
            pairs in prop::collection::vec((-9.0f32..0.0, -3.0f32..3.0), 1..20),
        ) {
            let (x, y): (Vec<f32>, Vec<f32>) = pairs.iter().copied().unzip();
            let n = x.len() as f64;
            let mean = |v: &mut dyn Iterator<Item = f64>| v.sum::<f64>() / n;
            let xy = mean(&mut pairs.iter().map(|&(x, y)| f64::from(x) * f64::from(y)));
            let (mx, my) = (
                mean(&mut x.iter().map(|&x| f64::from(x))),
                mean(&mut y.iter().map(|&y| f64::from(y))),
            );
            let parts = covariances(&x, &y).unwrap();
            // Sums of twenty f64 terms of up to 27.
            prop_assert!((mean(&mut parts.into_iter()) - (xy - mx * my)).abs() < 1e-12);
        }

        #[test]
        fn the_mask_takes_its_share(
            entropies in prop::collection::vec(0.0f32..3.0, 1..40), share in 0.01f64..1.0,
        ) {
            let mask = top_entropy(&entropies, share);
            let taken = mask.iter().filter(|&&t| t).count();
            prop_assert!(taken as f64 >= share * entropies.len() as f64);
            let least = entropies.iter().zip(&mask).filter(|&(_, &m)| m).map(|(&e, _)| e);
            let most = entropies.iter().zip(&mask).filter(|&(_, &m)| !m).map(|(&e, _)| e);
            let least = least.fold(f32::INFINITY, f32::min);
            prop_assert!(most.fold(f32::NEG_INFINITY, f32::max) < least);
        }
    }
}
