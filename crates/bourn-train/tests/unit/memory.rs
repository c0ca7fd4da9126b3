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
    let exact = estimate(&recipe, &config);
    recipe.rollout.weight_dtype = WeightDtype::Bfloat16;
    let rounded = estimate(&recipe, &config);
    let saved: Vec<u64> = exact.iter().zip(&rounded).map(|(a, b)| a.1 - b.1).collect();
    let half = 2 * config.parameters();
    assert!(exact[2].0.starts_with("to draw"), "{exact:?}");
    assert_eq!(saved[..3], [0, 0, half]);
    // Of a sum, rounded down.
    assert!(saved[3].abs_diff(half / 10) <= 1, "{saved:?}");
}
