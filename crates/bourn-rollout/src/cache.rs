//! The KV cache: blocks of [`PANEL`] positions for all layers, shared prefixes, a byte budget.

use std::sync::Arc;

use bourn_kernel::{HeadLayout, PANEL};
use bourn_model::ModelConfig;

/// Keys and values of [`PANEL`] positions, `[layer][kv head][HeadLayout]`.
pub(crate) type Block = Box<[f32]>;

/// Stretches of whole blocks, one after the other, each shared with others that begin alike.
pub(crate) type Chain = Vec<Arc<Vec<Block>>>;

/// Where a layer's head lies in a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CacheShape {
    pub(crate) layout: HeadLayout,
    kv_heads: usize,
    layers: usize,
}

impl CacheShape {
    pub(crate) fn new(config: &ModelConfig) -> CacheShape {
        CacheShape {
            layout: HeadLayout::new(config.head_dim),
            kv_heads: config.num_kv_heads,
            layers: config.num_layers,
        }
    }

    pub(crate) fn block_len(&self) -> usize {
        self.offset(self.layers, 0)
    }

    pub(crate) fn block_bytes(&self) -> usize {
        self.block_len() * size_of::<f32>()
    }

    pub(crate) fn offset(&self, layer: usize, kv_head: usize) -> usize {
        (layer * self.kv_heads + kv_head) * self.layout.block_len()
    }
}

/// Blocks that a sequence of this many positions occupies.
pub(crate) fn blocks_for(positions: usize) -> usize {
    positions.div_ceil(PANEL)
}

/// Bytes of a cache that decodes `rows` completions at once, each of at most `length` tokens with
/// its prompt. Twice what the rows hold: a completion's last shared block is copied, and prompts of
/// waiting groups fit beside the rows. Never too small for one completion, since a cache comes in
/// whole blocks; more than a u64 holds counts as its largest.
pub fn cache_bytes(config: &ModelConfig, rows: usize, length: usize) -> u64 {
    let blocks = (2 * blocks_for(length.max(1)) as u64).saturating_mul(rows as u64);
    (CacheShape::new(config).block_bytes() as u64).saturating_mul(blocks)
}

/// Gives out blocks within the budget. Whoever takes blocks has reserved them before, for the
/// longest that the sequence can become: no sequence runs out of cache half way.
#[derive(Debug)]
pub(crate) struct Pool {
    free: Vec<Block>,
    block_len: usize,
    limit: usize,
    reserved: usize,
}

impl Pool {
    pub(crate) fn new(block_len: usize, limit: usize) -> Pool {
        Pool { free: Vec::new(), block_len, limit, reserved: 0 }
    }

    /// Forgets the reservations of a call that ended early; its blocks have been dropped with it.
    pub(crate) fn reset(&mut self) {
        self.reserved = 0;
    }

    /// Gives the memory of free blocks back.
    pub(crate) fn clear(&mut self) {
        self.free = Vec::new();
    }

    /// Most blocks there may be.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Sets blocks aside, if that many are left.
    pub(crate) fn reserve(&mut self, blocks: usize) -> bool {
        let fits = blocks <= self.limit - self.reserved;
        if fits {
            self.reserved += blocks;
        }
        fits
    }

    /// Takes back the blocks of a sequence that had `reserved` of them set aside.
    pub(crate) fn release(&mut self, blocks: impl IntoIterator<Item = Block>, reserved: usize) {
        self.free.extend(blocks);
        self.reserved -= reserved;
    }

    /// Blocks that nobody has.
    pub(crate) fn free_blocks(&self) -> usize {
        self.free.len()
    }

    fn take(&mut self) -> Block {
        // Stale contents of a block are never read: attention sees written positions only.
        self.free.pop().unwrap_or_else(|| vec![0.0; self.block_len].into_boxed_slice())
    }
}

/// The cache of one sequence: whole blocks shared with others that begin alike, then its own.
#[derive(Debug, Default)]
pub(crate) struct CachedSequence {
    shared: Chain,
    /// Blocks of all of `shared`.
    before: usize,
    own: Vec<Block>,
    /// Positions written.
    pub(crate) len: usize,
}

impl CachedSequence {
    /// A sequence that has come to the end of what it shares.
    pub(crate) fn after(shared: Chain) -> CachedSequence {
        let before = shared.iter().map(|blocks| blocks.len()).sum();
        CachedSequence { shared, before, own: Vec::new(), len: before * PANEL }
    }

    /// Makes room for the positions below `positions`.
    pub(crate) fn grow(&mut self, positions: usize, pool: &mut Pool) {
        while self.before + self.own.len() < blocks_for(positions) {
            self.own.push(pool.take());
        }
    }

    /// The block of a position that is not shared, for writing.
    pub(crate) fn block_mut(&mut self, position: usize) -> Option<&mut Block> {
        let index = (position / PANEL).checked_sub(self.before)?;
        self.own.get_mut(index)
    }

    /// Every block in order.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = &[f32]> {
        self.shared.iter().flat_map(|blocks| blocks.iter()).chain(&self.own).map(|block| &**block)
    }

    /// The blocks of its own, given back.
    pub(crate) fn into_own(self) -> Vec<Block> {
        self.own
    }
}

/// A prefilled prompt that sequences start from.
#[derive(Debug)]
pub(crate) struct Prefix {
    /// What other prompts begin with too.
    shared: Chain,
    full: Arc<Vec<Block>>,
    /// The last block where it is not full; copied, since each sequence writes on in it.
    tail: Option<Block>,
    len: usize,
}

impl Prefix {
    pub(crate) fn new(sequence: CachedSequence) -> Prefix {
        let CachedSequence { shared, mut own, len, .. } = sequence;
        let tail = if len.is_multiple_of(PANEL) { None } else { own.pop() };
        Prefix { shared, full: Arc::new(own), tail, len }
    }

    /// A sequence that continues the prompt; if it `writes`, with its own copy of the last block.
    pub(crate) fn fork(&self, writes: bool, pool: &mut Pool) -> CachedSequence {
        let mut shared = self.shared.clone();
        shared.push(Arc::clone(&self.full));
        let mut sequence = CachedSequence { len: self.len, ..CachedSequence::after(shared) };
        if let Some(tail) = self.tail.as_ref().filter(|_| writes) {
            let mut copy = pool.take();
            copy.copy_from_slice(tail);
            sequence.own.push(copy);
        }
        sequence
    }

    /// The blocks that only its sequences share, given back once none does.
    pub(crate) fn into_blocks(self) -> Vec<Block> {
        let mut blocks = Arc::into_inner(self.full).unwrap_or_default();
        blocks.extend(self.tail);
        blocks
    }
}

/// Blocks that a sequence needs beside those of its prompt's prefix, to write `extra` positions.
pub(crate) fn own_blocks(prompt: usize, extra: usize) -> usize {
    if extra == 0 { 0 } else { blocks_for(prompt.saturating_add(extra)) - prompt / PANEL }
}

#[cfg(test)]
#[path = "../tests/unit/cache.rs"]
mod tests;
