use bourn_episode::Features;

use super::*;
use crate::engine::group_by_prompt;

/// `(blocks, last tokens)`: whole blocks named by numbers, then so many tokens more.
fn prompt(blocks: &[u32], more: usize) -> Inputs {
    let mut tokens: Vec<u32> = blocks.iter().flat_map(|&block| [block; PANEL]).collect();
    tokens.extend(vec![99; more]);
    tokens.into()
}

/// The stretches of each prompt, as the blocks they consist of.
#[track_caller]
fn check(prompts: &[Inputs], expect: &[&[&[u32]]]) {
    let prompts: Vec<&Inputs> = prompts.iter().collect();
    let trunks = Trunks::new(&prompts);
    for (index, expect) in expect.iter().enumerate() {
        let mut path: Vec<Vec<u32>> = trunks
            .path(index)
            .map(|node| trunks.begin(node, &prompts).1.iter().step_by(PANEL).copied().collect())
            .collect();
        path.reverse();
        assert_eq!(path, *expect, "prompt {index}");
        let shared: usize = path.iter().map(Vec::len).sum();
        let rest = trunks.rest(index, &prompts).1;
        assert_eq!(shared * PANEL + rest.len(), prompts[index].len());
        assert_eq!(trunks.own(index), rest.len().div_ceil(PANEL));
    }
    for (index, node) in trunks.nodes.iter().enumerate() {
        assert!(node.prompts.len() > 1 && node.parent.is_none_or(|parent| parent < index));
    }
}

#[test]
fn common_beginnings_worked_by_hand() {
    check(&[prompt(&[], 1), prompt(&[], 2)], &[&[], &[]]);
    check(&[prompt(&[1, 2], 3)], &[&[]]);
    // Only whole blocks, though more tokens are the same.
    check(&[prompt(&[1], 5), prompt(&[1], 6), prompt(&[2], 5)], &[&[&[1]], &[&[1]], &[]]);
    // The last token is a prompt's own: its last block is not shared where it is just full.
    check(&[prompt(&[1, 2], 0), prompt(&[1, 2], 1)], &[&[&[1]], &[&[1]]]);
    check(&[prompt(&[1], 0), prompt(&[1], 1)], &[&[], &[]]);
    // A head of all, examples of some, and one that has the head alone.
    check(
        &[
            prompt(&[7, 8, 1, 1], 4),
            prompt(&[7, 8, 2], 4),
            prompt(&[7, 8, 1, 2], 4),
            prompt(&[7, 8, 2, 3], 9),
            prompt(&[7, 8, 3], 0),
            prompt(&[8, 7], 1),
        ],
        &[&[&[7, 8], &[1]], &[&[7, 8], &[2]], &[&[7, 8], &[1]], &[&[7, 8], &[2]], &[&[7, 8]], &[]],
    );
    // One is the beginning of another, which two have further on.
    check(
        &[prompt(&[5], 3), prompt(&[5, 6, 6], 1), prompt(&[5, 6, 6], 2)],
        &[&[&[5]], &[&[5], &[6, 6]], &[&[5], &[6, 6]]],
    );
}

/// The prompt of these blocks with features in place of some tokens, from `position` on: `rows` of
/// them, all of one number.
fn pictured(blocks: &[u32], pictures: &[(usize, usize, f32)]) -> Inputs {
    let insert = |&(position, rows, value): &(usize, usize, f32)| {
        let features = Features::new(2, vec![value; 2 * rows]).unwrap();
        Insert::new(position, Arc::new(features))
    };
    let ids = prompt(blocks, 4).ids().to_vec();
    Inputs::new(ids, pictures.iter().map(insert).collect()).unwrap()
}

#[test]
fn equal_placeholders_share_where_features_are_equal() {
    let (cat, dog) = (1.0, 2.0);
    // A picture in the second block: the blocks before it are shared whatever it shows, and those
    // from it on where it shows the same.
    check(
        &[
            pictured(&[7, 9, 8, 1], &[(40, 3, cat)]),
            pictured(&[7, 9, 8, 2], &[(40, 3, cat)]),
            pictured(&[7, 9, 8, 2], &[(40, 3, dog)]),
            pictured(&[7, 9, 8, 2], &[(41, 3, cat)]),
            pictured(&[7, 9, 8, 2], &[]),
        ],
        &[&[&[7], &[9, 8]], &[&[7], &[9, 8]], &[&[7]], &[&[7]], &[&[7]]],
    );
    // One that reaches over two blocks, behind one that all have.
    let of = |last: u32, shown: f32| pictured(&[9, 9, 9, last], &[(0, 2, cat), (60, 9, shown)]);
    check(
        &[of(1, cat), of(2, cat), of(1, dog), of(2, dog)],
        &[&[&[9], &[9, 9]], &[&[9], &[9, 9]], &[&[9], &[9, 9]], &[&[9], &[9, 9]]],
    );
    // The same tokens and the same picture are one prompt; with another picture two.
    let all = [of(1, cat), of(1, dog), of(1, cat)];
    let groups = group_by_prompt(all.iter());
    let members: Vec<Vec<usize>> = groups.into_iter().map(|(_, members)| members).collect();
    assert_eq!(members, [vec![0, 2], vec![1]]);
}

#[test]
fn blocks_are_counted_once_and_given_back() {
    let prompts =
        [prompt(&[7, 8, 1], 4), prompt(&[7, 8, 1], 5), prompt(&[7, 8], 4), prompt(&[7, 9], 4)];
    let prompts = prompts.each_ref();
    let mut trunks = Trunks::new(&prompts);
    assert_eq!([0, 1, 2, 3].map(|prompt| trunks.missing(prompt)), [3, 3, 2, 1]);
    trunks.hold(2);
    assert_eq!([0, 1, 2, 3].map(|prompt| trunks.missing(prompt)), [1, 1, 0, 0]);
    trunks.hold(0);
    assert_eq!([0, 1, 2, 3].map(|prompt| trunks.missing(prompt)), [0; 4]);
    // From the root on, each level once the one before is there.
    let mut order = Vec::new();
    loop {
        let due = trunks.due(&[0, 2]);
        let Some(&node) = due.first() else { break };
        assert_eq!(due.len(), 1);
        let (mut sequence, tokens) = trunks.begin(node, &prompts);
        assert_eq!(sequence.len, order.iter().map(|&node| trunks.len(node)).sum::<usize>() * PANEL);
        let mut pool = crate::cache::Pool::new(4, 10);
        sequence.grow(sequence.len + tokens.len(), &mut pool);
        trunks.finish(node, sequence);
        order.push(node);
    }
    assert_eq!(order.iter().map(|&node| trunks.len(node)).collect::<Vec<_>>(), [1, 1, 1]);
    let (sequence, rest) = trunks.rest(2, &prompts);
    assert_eq!((sequence.len, rest), (2 * PANEL, &[99; 4][..]));
    drop(sequence);

    // What prompt 2 needs stays.
    let (blocks, count) = trunks.prune(|prompt| prompt == 2);
    assert_eq!((blocks.len(), count), (1, 1));
    assert_eq!([0, 2, 3].map(|prompt| trunks.missing(prompt)), [1, 0, 0]);
    let (blocks, count) = trunks.prune(|_| false);
    assert_eq!((blocks.len(), count), (2, 2));
    assert_eq!(trunks.missing(0), 3);
}
