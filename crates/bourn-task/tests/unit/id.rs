use super::*;

/// Two pictures of one question are two problems, and none leaves the id what the text gives.
#[test]
fn what_stands_beside_text_is_part_of_the_id() {
    let of = |inserts: &[Hash]| ProblemId::of(&[b"exact", b"what is it?", b"a cat"], inserts);
    let (plain, one, other) = (of(&[]), of(&[[1; 32]]), of(&[[2; 32]]));
    assert_eq!(plain.number(), content_hash(&[b"exact", b"what is it?", b"a cat"]));
    assert!(plain != one && one != other && of(&[[1; 32], [2; 32]]) != one);
}
