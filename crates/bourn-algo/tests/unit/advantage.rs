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
