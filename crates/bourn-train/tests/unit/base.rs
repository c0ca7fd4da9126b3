use super::*;
use crate::testing;

/// Bases that were made in one piece are found again; those that are now made in parts are other bases.
#[test]
fn only_a_base_that_is_made_in_parts_has_another_place() {
    let mut recipe = testing::recipe("", "");
    let mut check = |batch_size: usize, same: bool| {
        recipe.base.as_mut().expect("an architecture has a base").batch_size = batch_size;
        let key = format!("{FORMAT}\n{}", recipe.base_key());
        let whole = &blake3::hash(key.as_bytes()).to_hex().as_str()[..32].to_owned();
        let found = place(&recipe, Path::new("cache"));
        assert_eq!(found == Path::new("cache/bases").join(whole), same, "{batch_size}");
    };
    check(1, true);
    check(MICRO_BATCH, true);
    check(MICRO_BATCH + 1, false);
}

/// What a step reads at once is what a micro batch has, however many demonstrations the step has.
#[test]
fn a_micro_batch_is_no_larger_than_its_bound() {
    let mut recipe = testing::recipe("", "");
    let mut tokens = |batch_size: usize| {
        let stage = recipe.base.as_mut().expect("an architecture has a base");
        stage.batch_size = batch_size;
        let stage = stage.clone();
        let found = micro_batch_tokens(&recipe, &stage).unwrap();
        assert!(found.scored < found.tokens && found.length > 2);
        (found.tokens, found.waiting)
    };
    let [half, whole, more] = [MICRO_BATCH / 2, MICRO_BATCH, 8 * MICRO_BATCH].map(&mut tokens);
    assert!(half.0 < whole.0);
    assert_eq!(whole.0, more.0);
    assert_eq!(8 * whole.1, more.1);
}
