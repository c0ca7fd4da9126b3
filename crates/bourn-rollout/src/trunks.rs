//! Beginnings that several prompts of a call have in common (a system prompt, examples, the head of
//! a chat template), computed and kept once for all of them.
//!
//! What is shared is whole blocks of the cache, and never a prompt's last token: the logits after it
//! come of its own prefill. Blocks are alike where their tokens are and the inserts that lie in them.
//! The numbers are the same as without sharing, since a key or a value
//! depends on the tokens up to its own alone, and no row on the batch that it is computed in.

use std::ops::Range;
use std::sync::Arc;

use bourn_episode::{Inputs, Insert};
use bourn_kernel::PANEL;

use crate::cache::{Block, Chain, Sequence, blocks_for};

/// A stretch of whole blocks that several prompts begin with, after those of its parent.
#[derive(Debug)]
struct Node {
    parent: Option<usize>,
    /// Where its tokens are, in each of its prompts.
    tokens: Range<usize>,
    /// The prompts that have it.
    prompts: Vec<usize>,
    /// Whether its blocks are set aside.
    held: bool,
    /// Its blocks, once they are computed.
    blocks: Option<Arc<Vec<Block>>>,
}

impl Node {
    fn len(&self) -> usize {
        self.tokens.len() / PANEL
    }
}

/// The whole blocks of a prompt, all but its last token's.
#[derive(Clone, Copy)]
struct Whole<'a> {
    ids: &'a [[u32; PANEL]],
    inserts: &'a [Insert],
}

impl<'a> Whole<'a> {
    fn of(prompt: &'a Inputs) -> Whole<'a> {
        let ids = &prompt.ids()[..prompt.len().saturating_sub(1)];
        Whole { ids: ids.as_chunks().0, inserts: prompt.inserts() }
    }

    /// The tokens of a block and the inserts that stand for any of them. An insert is equal to another
    /// of the same place and content, and so in the rows of it that lie in the block.
    fn get(&self, block: usize) -> Option<(&'a [u32; PANEL], &'a [Insert])> {
        let ids = self.ids.get(block)?;
        let first = self.inserts.partition_point(|insert| insert.end() <= block * PANEL);
        let rest = &self.inserts[first..];
        let count = rest.partition_point(|insert| insert.position() < (block + 1) * PANEL);
        Some((ids, &rest[..count]))
    }

    fn blocks(self) -> impl Iterator<Item = (&'a [u32; PANEL], &'a [Insert])> {
        (0..self.ids.len()).filter_map(move |block| self.get(block))
    }
}

/// Different prompts with what they have in common: a tree of stretches.
#[derive(Debug, Default)]
pub(crate) struct Trunks {
    /// Parents before their children.
    nodes: Vec<Node>,
    /// The last stretch of each prompt.
    leaf: Vec<Option<usize>>,
    /// Blocks of all stretches of each prompt.
    shared: Vec<usize>,
    /// Blocks of each prompt that it shares with no other.
    own: Vec<usize>,
}

impl Trunks {
    /// Finds what these prompts, all different, have in common.
    pub(crate) fn new(prompts: &[&Inputs]) -> Trunks {
        let whole = |prompt: usize| Whole::of(prompts[prompt]);
        let mut order: Vec<usize> = (0..prompts.len()).collect();
        order.sort_by(|&a, &b| whole(a).blocks().cmp(whole(b).blocks()));
        let (mut nodes, mut leaf) = (Vec::new(), vec![None; prompts.len()]);
        let mut shared = vec![0; prompts.len()];
        // Prompts that are alike up to `depth` blocks, which are those of `parent` and before.
        let mut waiting = vec![(order.as_slice(), 0, None)];
        while let Some((alike, depth, parent)) = waiting.pop() {
            for alike in alike.chunk_by(|&a, &b| whole(a).get(depth) == whole(b).get(depth)) {
                let (first, last) = (whole(alike[0]), whole(alike[alike.len() - 1]));
                // They are sorted: what the first and the last have in common, all have.
                let common = first.blocks().zip(last.blocks()).take_while(|(a, b)| a == b).count();
                if alike.len() == 1 || common <= depth {
                    continue;
                }
                for &prompt in alike {
                    (leaf[prompt], shared[prompt]) = (Some(nodes.len()), common);
                }
                waiting.push((alike, common, Some(nodes.len())));
                let tokens = depth * PANEL..common * PANEL;
                let (prompts, held, blocks) = (alike.to_vec(), false, None);
                nodes.push(Node { parent, tokens, prompts, held, blocks });
            }
        }
        let blocks = prompts.iter().map(|prompt| blocks_for(prompt.len()));
        let own = blocks.zip(&shared).map(|(blocks, shared)| blocks - shared).collect();
        Trunks { nodes, leaf, shared, own }
    }

    /// The stretches of a prompt, the last one first.
    fn path(&self, prompt: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(self.leaf[prompt], |&node| self.nodes[node].parent)
    }

    /// The stretches of some prompts.
    pub(crate) fn of(&self, prompts: impl IntoIterator<Item = usize>) -> Vec<usize> {
        let mut nodes: Vec<usize> =
            prompts.into_iter().flat_map(|prompt| self.path(prompt)).collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes
    }

    /// Blocks of a stretch.
    pub(crate) fn len(&self, node: usize) -> usize {
        self.nodes[node].len()
    }

    /// Blocks of a prompt that it shares with no other.
    pub(crate) fn own(&self, prompt: usize) -> usize {
        self.own[prompt]
    }

    /// Blocks that have to be set aside before a prompt can start from its beginning.
    pub(crate) fn missing(&self, prompt: usize) -> usize {
        self.path(prompt).filter(|&node| !self.nodes[node].held).map(|node| self.len(node)).sum()
    }

    /// Notes that the blocks of a prompt's stretches are set aside.
    pub(crate) fn hold(&mut self, prompt: usize) {
        for node in self.of([prompt]) {
            self.nodes[node].held = true;
        }
    }

    /// Stretches of these prompts that can be computed now: they are not, and what comes before is.
    pub(crate) fn due(&self, prompts: &[usize]) -> Vec<usize> {
        let ready = |node: usize| self.nodes[node].blocks.is_some();
        let due = |node: &usize| !ready(*node) && self.nodes[*node].parent.is_none_or(ready);
        self.of(prompts.iter().copied()).into_iter().filter(due).collect()
    }

    /// A sequence at the beginning of a stretch, and the tokens that it goes on with; `prompts` are
    /// those that these are the trunks of.
    pub(crate) fn begin<'a>(&self, node: usize, prompts: &[&'a Inputs]) -> (Sequence, &'a [u32]) {
        let node = &self.nodes[node];
        let prompt: &'a [u32] = prompts[node.prompts[0]].ids();
        (Sequence::after(self.chain(node.parent)), &prompt[node.tokens.clone()])
    }

    /// Takes the blocks of a stretch that has been computed.
    pub(crate) fn finish(&mut self, node: usize, sequence: Sequence) {
        self.nodes[node].blocks = Some(Arc::new(sequence.into_own()));
    }

    /// A sequence behind what a prompt shares, all of which is computed, and the rest of the prompt;
    /// `prompts` are those that these are the trunks of.
    pub(crate) fn rest<'a>(&self, prompt: usize, prompts: &[&'a Inputs]) -> (Sequence, &'a [u32]) {
        let rest = &prompts[prompt].ids()[self.shared[prompt] * PANEL..];
        (Sequence::after(self.chain(self.leaf[prompt])), rest)
    }

    fn chain(&self, last: Option<usize>) -> Chain {
        let path = std::iter::successors(last, |&node| self.nodes[node].parent);
        let mut chain: Chain =
            path.filter_map(|node| self.nodes[node].blocks.as_ref().map(Arc::clone)).collect();
        chain.reverse();
        chain
    }

    /// Gives up the stretches that no prompt needs: their blocks, and how many were set aside.
    pub(crate) fn prune(&mut self, needs: impl Fn(usize) -> bool) -> (Vec<Block>, usize) {
        let (mut blocks, mut count) = (Vec::new(), 0);
        for node in &mut self.nodes {
            if !node.held || node.prompts.iter().any(|&prompt| needs(prompt)) {
                continue;
            }
            count += node.len();
            node.held = false;
            // Nothing else has them: a sequence is of a prompt that needs them.
            blocks.extend(node.blocks.take().and_then(Arc::into_inner).into_iter().flatten());
        }
        (blocks, count)
    }
}

#[cfg(test)]
mod tests {
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
            &[
                &[&[7, 8], &[1]],
                &[&[7, 8], &[2]],
                &[&[7, 8], &[1]],
                &[&[7, 8], &[2]],
                &[&[7, 8]],
                &[],
            ],
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
            assert_eq!(
                sequence.len,
                order.iter().map(|&node| trunks.len(node)).sum::<usize>() * PANEL
            );
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
}
