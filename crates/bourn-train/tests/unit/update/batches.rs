use super::*;

#[test]
fn groups_stay_whole_where_they_are_to() {
    // Groups of three, two, two and five rows.
    let rows = [0, 0, 0, 1, 1, 2, 2, 3, 3, 3, 3, 3];
    let check = |size, whole_groups, expect: &[usize]| {
        let cut = Cut { size, whole_groups };
        let chunks = chunks(&rows, cut, |&group| group);
        assert_eq!(chunks.concat(), rows, "{cut:?}");
        assert_eq!(chunks.iter().map(|own| own.len()).collect::<Vec<_>>(), expect, "{cut:?}");
    };
    check(5, false, &[5, 5, 2]);
    check(5, true, &[5, 2, 5]);
    check(4, true, &[3, 4, 5]);
    check(1, true, &[3, 2, 2, 5]);
    check(100, true, &[12]);
    assert!(chunks(&[] as &[usize], Cut { size: 4, whole_groups: true }, |&g| g).is_empty());
}
