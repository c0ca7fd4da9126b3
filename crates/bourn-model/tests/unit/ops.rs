use super::*;

#[test]
fn buckets_by_hand() {
    let sizes = [0, 1, 2, 3, 4, 5, 6, 7, 9, 12, 13, 17, 24, 25, 33, 1000, 1500];
    let expect = [1, 1, 2, 3, 4, 6, 6, 8, 12, 12, 16, 24, 24, 32, 48, 1024, 1536];
    assert_eq!(sizes.map(bucket), expect);
}
