use super::*;

fn insert(position: usize, values: &[f32]) -> Insert {
    Insert::new(position, Arc::new(Features::new(2, values.to_vec()).unwrap()))
}

#[test]
fn equal_placeholders_with_different_features_are_different_inputs() {
    let ids = vec![1, 9, 9, 2];
    let with = |values: &[f32]| Inputs::new(ids.clone(), vec![insert(1, values)]).unwrap();
    let (cat, dog) = (with(&[1.0, 2.0, 3.0, 4.0]), with(&[1.0, 2.0, 3.0, 5.0]));
    assert_eq!(cat, with(&[1.0, 2.0, 3.0, 4.0]));
    assert_eq!(cat.hash(), with(&[1.0, 2.0, 3.0, 4.0]).hash());
    assert_ne!(cat, dog);
    assert_ne!(cat.hash(), dog.hash());
    assert_ne!(cat, Inputs::from(ids.clone()));
    assert_ne!(cat.hash(), Inputs::from(ids).hash());
}

#[test]
fn inserts_lie_within_the_ids_in_order_and_apart() {
    let check = |inserts: Vec<Insert>| Inputs::new(vec![0; 4], inserts).map(|_| ());
    let two = [0.0; 4];
    assert_eq!(check(vec![insert(0, &two), insert(2, &two)]), Ok(()));
    let outside = InputsError::Outside { position: 3, rows: 2, ids: 4 };
    assert_eq!(check(vec![insert(3, &two)]), Err(outside));
    let outside = InputsError::Outside { position: usize::MAX, rows: 2, ids: 4 };
    assert_eq!(check(vec![insert(usize::MAX, &two)]), Err(outside));
    let overlap = InputsError::Overlap { position: 1 };
    assert_eq!(check(vec![insert(0, &two), insert(1, &two)]), Err(overlap));
    let overlap = InputsError::Overlap { position: 0 };
    assert_eq!(check(vec![insert(2, &two), insert(0, &two)]), Err(overlap));
}

#[test]
fn features_are_whole_rows() {
    assert_eq!(Features::new(2, vec![0.0; 4]).unwrap().rows(), 2);
    for (width, values) in [(0, 4), (2, 0), (2, 3)] {
        let error = InputsError::Width { values, width };
        assert_eq!(Features::new(width, vec![0.0; values]), Err(error));
    }
}
