use super::*;

/// One head of width 4 over one input: the file's rows are 0, 2, 1, 3.
#[test]
fn rows_return_to_rotate_half_order() {
    assert_eq!(rotate_half_order(&[0.0, 2.0, 1.0, 3.0], 1, 4, 1), [0.0, 1.0, 2.0, 3.0]);
    let two_heads = [0.0, 0.5, 1.0, 1.5, 10.0, 10.5, 11.0, 11.5];
    assert_eq!(rotate_half_order(&two_heads, 2, 2, 2), two_heads);
}
