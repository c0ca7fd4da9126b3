use super::*;

#[test]
fn completions_of_a_prompt_share_its_rows() {
    let mut packed = Packed::default();
    let mut push = |prompt: &[u32], completion: &[u32]| {
        packed.push_completion(prompt, completion).collect::<Vec<_>>()
    };
    assert_eq!(push(&[1, 2, 3], &[4, 5, 6]), [2, 3, 4]);
    assert_eq!(push(&[1, 2, 3], &[7]), [2]);
    assert_eq!(push(&[1, 2, 3], &[8, 9]), [2, 5]);
    assert_eq!(push(&[1, 2], &[8, 9]), [7, 8]);
    assert_eq!(push(&[1], &[8]), [9]);
    assert_eq!(packed.ids(), [1, 2, 3, 4, 5, 8, 1, 2, 8, 1]);
    assert_eq!(packed.positions(), [0, 1, 2, 3, 4, 3, 0, 1, 2, 0]);
    let (flat, rows) = packed.unshared();
    assert_eq!(flat.ids(), [1, 2, 3, 4, 5, 1, 2, 3, 8, 1, 2, 8, 1]);
    assert_eq!(flat.positions(), [0, 1, 2, 3, 4, 0, 1, 2, 3, 0, 1, 2, 0]);
    assert_eq!(rows, [0, 1, 2, 3, 4, 8, 9, 10, 11, 12]);
}
