use super::*;

#[test]
fn shapes_worked_by_hand() {
    for (needed, expect) in [
        (0, 0),
        (1, 64),
        (64, 64),
        (65, 128),
        (128, 128),
        (129, 256),
        (257, 512),
        (512, 512),
        (513, 768),
        (2049, 2304),
    ] {
        assert_eq!(positions(needed), expect, "{needed}");
    }
    for (needed, most, expect) in [(1, 48, 1), (3, 48, 4), (33, 48, 48), (48, 48, 48), (5, 5, 5)] {
        assert_eq!(rows(needed, most), expect, "{needed} of {most}");
    }
}

#[test]
fn chunks_worked_by_hand() {
    let (_, config) = crate::device::testing::tiny();
    let chunk = |rows, start, most| chunk(&config, rows, start, most, usize::MAX);
    // 4 heads. 8 rows of 256 are the tokens of a pass; of 16 rows each takes 128.
    assert_eq!(chunk(8, 0, 1000), (256, 1024));
    assert_eq!(chunk(16, 0, 1000), (128, 1024));
    assert_eq!(chunk(4096, 0, 1000), (1, 1024));
    // A short rest is one pass, and its padding counts: 100 + 8.
    assert_eq!(chunk(2, 100, 5), (8, 128));
    assert_eq!(chunk(2, 121, 5), (8, 256));
    assert_eq!(super::chunk(&config, 2, 121, 5, 128), (2, 128));
    assert_eq!(super::chunk(&config, 2, 124, 5, 128), (1, 256));
    // 2²⁶ scores over 4 heads and 2¹⁷ positions: 128 tokens in all.
    assert_eq!(chunk(1, (1 << 17) - 1024, 1000), (128, 1 << 17));
    assert_eq!(chunk(2, (1 << 17) - 1024, 1000), (64, 1 << 17));

    // 32 prompts of 64 positions are the tokens of a pass, and 8 of 256.
    for (rows, length, expect) in [(7, 64, 4), (100, 64, 32), (9, 256, 8), (9, 1 << 17, 1)] {
        assert_eq!(together(&config, rows, length), expect, "{rows} of {length}");
    }
}
