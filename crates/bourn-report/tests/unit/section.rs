use super::*;

#[test]
fn spreading_keeps_both_ends() {
    let check = |n: usize, most, expect: &[usize]| {
        let list: Vec<usize> = (0..n).collect();
        assert_eq!(spread(&list, most).into_iter().copied().collect::<Vec<_>>(), expect);
    };
    check(3, 3, &[0, 1, 2]);
    check(5, 3, &[0, 2, 4]);
    check(100, 4, &[0, 33, 66, 99]);
    check(1, 2, &[0]);
}
