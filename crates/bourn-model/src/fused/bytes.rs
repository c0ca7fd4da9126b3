//! What a pass over packed tokens takes in memory, beside the buffers that it is of.

use super::head::LOGITS;
use crate::ModelConfig;

const F32: u64 = 4;

/// About the bytes that Burn's automatic differentiation keeps of a composed pass: what goes into each
/// operation of a layer, attention over whole sequences of `length`, and the logits of the head.
pub fn composed_bytes(config: &ModelConfig, tokens: u64, scored: u64, length: u64) -> u64 {
    let (hidden, wide) = (config.hidden_size as u64, config.intermediate_size as u64);
    let q = (config.num_heads * config.head_dim) as u64;
    let kv = (config.num_kv_heads * config.head_dim) as u64;
    let scores = 3 * config.num_heads as u64 * length;
    let layer = 10 * hidden + 6 * q + 4 * kv + 5 * wide + scores;
    F32 * (tokens * config.num_layers as u64 * layer + scored * 4 * config.vocab_size as u64)
}

/// Bytes of the fused pass over packed tokens, some of them scored, with every buffer of
/// the fused pass counted: what the layers keep, what one of them needs on the way back,
/// and the head.
pub fn activation_bytes(config: &ModelConfig, tokens: u64, scored: u64, checkpoints: bool) -> u64 {
    let (hidden, wide) = (config.hidden_size as u64, config.intermediate_size as u64);
    let q = (config.num_heads * config.head_dim) as u64;
    let qkv = q + 2 * (config.num_kv_heads * config.head_dim) as u64;
    let raw = if config.qk_norm { qkv } else { 0 };
    // Beside its input: queries, keys and values, mixed values, the stream between the halves, gates
    // and ups.
    let inside = raw + qkv + q + hidden + 2 * wide;
    let kept = if checkpoints { hidden } else { hidden + inside };
    // The stream and its gradient, normed rows and theirs, the gradient of `qkv` by head and by row
    // or the product of the gates, and the rows that a product packs.
    let passing = 4 * hidden + (2 * qkv).max(wide) + wide.max(q);
    let layers = config.num_layers as u64 * kept + if checkpoints { inside } else { 0 };
    let logits = scored.saturating_mul(config.vocab_size as u64).min(LOGITS as u64);
    F32 * (tokens * (layers + passing) + scored * 3 * hidden + logits)
}
