use super::*;

#[test]
fn own_blocks_worked_by_hand() {
    // (prompt, positions written after it, blocks beside the prompt's whole ones)
    for (prompt, extra, expect) in [
        (5, 0, 0),
        (32, 0, 0),
        (5, 1, 1),
        (5, 27, 1),
        (5, 28, 2),
        (31, 1, 1),
        (32, 1, 1),
        (33, 31, 1),
        (33, 32, 2),
        (64, 65, 3),
    ] {
        assert_eq!(own_blocks(prompt, extra), expect, "{prompt} + {extra}");
    }
    assert_eq!(own_blocks(1, usize::MAX), usize::MAX.div_ceil(PANEL));
}

#[test]
fn the_budget_is_kept_and_memory_reused() {
    let mut pool = Pool::new(4, 3);
    assert!(pool.reserve(2) && !pool.reserve(2) && pool.reserve(1) && !pool.reserve(1));
    let mut sequence = CachedSequence::default();
    sequence.grow(2 * PANEL, &mut pool);
    let first: Vec<*const f32> = sequence.blocks().map(<[f32]>::as_ptr).collect();
    pool.release(sequence.into_own(), 2);
    assert!(pool.reserve(2) && !pool.reserve(1));
    let mut next = CachedSequence::default();
    next.grow(PANEL + 1, &mut pool);
    assert!(next.blocks().all(|block| first.contains(&block.as_ptr())));
}

#[test]
fn forks_share_whole_blocks_and_copy_the_last() {
    let mut pool = Pool::new(4, 10);
    let mut prompt = CachedSequence::default();
    prompt.grow(PANEL + 3, &mut pool);
    prompt.len = PANEL + 3;
    prompt.block_mut(0).unwrap().fill(1.0);
    prompt.block_mut(PANEL + 2).unwrap().fill(2.0);
    let prefix = Prefix::new(prompt);

    let mut a = prefix.fork(true, &mut pool);
    let b = prefix.fork(true, &mut pool);
    assert_eq!((a.len, b.len), (PANEL + 3, PANEL + 3));
    // What is shared cannot be written; the copies are apart.
    assert!(a.block_mut(PANEL - 1).is_none());
    a.block_mut(PANEL + 3).unwrap().fill(3.0);
    assert!(a.block_mut(2 * PANEL).is_none());
    let contents = |s: &CachedSequence| s.blocks().map(|block| block[0]).collect::<Vec<_>>();
    assert_eq!((contents(&a), contents(&b)), (vec![1.0, 3.0], vec![1.0, 2.0]));
    let shared = |s: &CachedSequence| s.blocks().next().map(<[f32]>::as_ptr);
    assert_eq!(shared(&a), shared(&b));
    // Without anything to write, no copy.
    assert_eq!(contents(&prefix.fork(false, &mut pool)), [1.0]);

    assert_eq!((a.into_own().len(), b.into_own().len()), (1, 1));
    assert_eq!(prefix.into_blocks().len(), 2);
}
