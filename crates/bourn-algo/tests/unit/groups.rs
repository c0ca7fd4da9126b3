use super::*;

#[test]
fn groups_may_differ_in_size() {
    let groups = Groups::of([2, 1, 3]);
    assert_eq!(groups.ranges().collect::<Vec<_>>(), [0..2, 2..3, 3..6]);
    assert_eq!((groups.len(), groups.completions(), groups.check(6)), (3, 6, Ok(())));
    let parts: Vec<&[u8]> = groups.slices(&[1, 2, 3, 4, 5, 6]).collect();
    assert_eq!(parts, [&[1, 2][..], &[3], &[4, 5, 6]]);
    assert_eq!(Groups::equal(2, 3), Groups::of([3, 3]));
    assert_eq!(Groups::whole(4), Groups::of([4]));
}

#[test]
fn groups_that_are_not_those_of_the_list_are_refused() {
    assert_eq!(Groups::of([2, 2]).check(0), Err(AlgoError::Empty));
    for sizes in [&[2, 2][..], &[], &[3, 0, 2], &[5, 0]] {
        let groups = Groups::of(sizes.iter().copied());
        let (count, grouped) = (sizes.len(), sizes.iter().sum());
        let error = AlgoError::Groups { len: 5, groups: count, grouped };
        assert_eq!(groups.check(5), Err(error), "{sizes:?}");
    }
    // A list that is too short is no panic.
    assert_eq!(Groups::of([2, 2]).slices(&[1, 2, 3]).map(<[i32]>::len).sum::<usize>(), 3);
}
