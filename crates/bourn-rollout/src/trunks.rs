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

use crate::cache::{Block, CachedSequence, Chain, blocks_for};

/// A stretch of whole blocks that several prompts begin with, after those of its parent.
#[derive(Debug)]
struct TrunkNode {
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

impl TrunkNode {
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
    nodes: Vec<TrunkNode>,
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
                nodes.push(TrunkNode { parent, tokens, prompts, held, blocks });
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
    pub(crate) fn begin<'a>(
        &self,
        node: usize,
        prompts: &[&'a Inputs],
    ) -> (CachedSequence, &'a [u32]) {
        let node = &self.nodes[node];
        let prompt: &'a [u32] = prompts[node.prompts[0]].ids();
        (CachedSequence::after(self.chain(node.parent)), &prompt[node.tokens.clone()])
    }

    /// Takes the blocks of a stretch that has been computed.
    pub(crate) fn finish(&mut self, node: usize, sequence: CachedSequence) {
        self.nodes[node].blocks = Some(Arc::new(sequence.into_own()));
    }

    /// A sequence behind what a prompt shares, all of which is computed, and the rest of the prompt;
    /// `prompts` are those that these are the trunks of.
    pub(crate) fn rest<'a>(
        &self,
        prompt: usize,
        prompts: &[&'a Inputs],
    ) -> (CachedSequence, &'a [u32]) {
        let rest = &prompts[prompt].ids()[self.shared[prompt] * PANEL..];
        (CachedSequence::after(self.chain(self.leaf[prompt])), rest)
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
#[path = "../tests/unit/trunks.rs"]
mod tests;
