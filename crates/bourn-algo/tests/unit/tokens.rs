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
