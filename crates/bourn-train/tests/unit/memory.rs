use super::*;
use crate::testing;

/// Two bytes a parameter less, and their tenth for the allocator, where drawing takes the most.
#[test]
fn rounded_weights_are_half_as_large() {
    let mut recipe = testing::recipe("", "");
    recipe.rollout.batch_size = 1 << 16;
    let ModelSource::Architecture(architecture) = &recipe.model.source else {
        panic!("the test recipe has an architecture");
    };
    let config = ModelConfig::from_architecture(architecture, 11).unwrap();
    let exact = estimate(&recipe, &config).unwrap();
    recipe.rollout.weight_dtype = WeightDtype::Bfloat16;
    let rounded = estimate(&recipe, &config).unwrap();
    let saved: Vec<u64> = exact.iter().zip(&rounded).map(|(a, b)| a.1 - b.1).collect();
    let half = 2 * config.parameters();
    assert!(exact[2].0.starts_with("to draw"), "{exact:?}");
    assert_eq!(saved[..3], [0, 0, half]);
    // Of a sum, rounded down.
    assert!(saved[3].abs_diff(half / 10) <= 1, "{saved:?}");
}

/// Demonstrations beyond a micro batch add their ids, and nothing else.
#[test]
fn pretraining_is_counted_and_does_not_grow_with_its_batch() {
    let mut recipe = testing::recipe("", "");
    let ModelSource::Architecture(architecture) = &recipe.model.source else {
        panic!("the test recipe has an architecture");
    };
    let config = ModelConfig::from_architecture(architecture, 11).unwrap();
    let mut total = |batch_size: usize| {
        recipe.base.as_mut().expect("an architecture has a base").batch_size = batch_size;
        let stage = recipe.base.clone().expect("it was there");
        let parts = pretraining(&recipe, &stage, &config).unwrap();
        assert!(parts[2].0.starts_with("to pretrain the base"), "{parts:?}");
        (parts.iter().map(|(_, bytes)| bytes).sum::<u64>(), estimate(&recipe, &config).unwrap())
    };
    let (small, whole) = total(128);
    assert!(whole.iter().map(|(_, bytes)| bytes).sum::<u64>() >= small);
    let (large, _) = total(8192);
    assert!(large - small < 8192 * 2048, "{small} {large}");
}
