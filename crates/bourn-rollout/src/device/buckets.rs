//! The few shapes that tensors have, so that a device compiles and tunes few kernels.
//!
//! - Rows: powers of two, and the most rows that a call may have.
//! - Positions of the cache: 64, 128, 256, and from there on multiples of 256.
//! - Tokens of a row in one pass: 1 when decoding, else powers of two up to 256.

use bourn_model::ModelConfig;

/// Most tokens of one row in one pass of the model: long prompts are prefilled in chunks of these.
pub(crate) const CHUNK: usize = 256;

/// Most tokens of all rows in one pass that is not decoding.
const PASS: usize = 2048;

/// Most attention scores of one layer in such a pass, 256 MB: bounds the pass over a long cache.
const SCORES: usize = 1 << 26;

/// Positions of a cache that holds at least `positions`; none where there are none.
pub(crate) fn positions(positions: usize) -> usize {
    match positions {
        0 => 0,
        1..=64 => 64,
        65..=256 => positions.next_power_of_two(),
        _ => positions.saturating_add(255) / 256 * 256,
    }
}

/// Rows that hold at least `rows`, of at most `most`.
pub(crate) fn rows(rows: usize, most: usize) -> usize {
    rows.next_power_of_two().min(most)
}

/// Whether `rows` rows of `chunk` tokens each, over a cache of `length` positions, are one pass.
fn is_pass(config: &ModelConfig, rows: usize, chunk: usize, length: usize) -> bool {
    let tokens = rows * chunk;
    tokens <= PASS && config.num_heads * tokens * length <= SCORES
}

/// The largest power of two of rows, at most `rows`, that can be prefilled together in chunks as long
/// as may be, over caches of `length` positions.
pub(crate) fn together(config: &ModelConfig, rows: usize, length: usize) -> usize {
    let mut most = 1 << rows.max(1).ilog2();
    while most > 1 && !is_pass(config, most, length.min(CHUNK), length) {
        most /= 2;
    }
    most
}

/// Tokens of each of `rows` rows in one pass, of at most `most`, over caches that begin at position
/// `start`; and the positions that the cache then needs for `most` tokens in passes of those. As short
/// as it takes for these to be at most `room`, where that can be.
pub(crate) fn chunk(
    config: &ModelConfig,
    rows: usize,
    start: usize,
    most: usize,
    room: usize,
) -> (usize, usize) {
    let mut chunk = most.next_power_of_two().min(CHUNK);
    loop {
        let length = positions(start + most.next_multiple_of(chunk));
        let fits = length <= room && is_pass(config, rows, chunk, length);
        if fits || chunk == 1 {
            return (chunk, length);
        }
        chunk /= 2;
    }
}

/// Bytes of keys and values at one position, of all layers.
pub(crate) fn position_bytes(config: &ModelConfig) -> usize {
    2 * config.num_layers * config.num_kv_heads * config.head_dim * size_of::<f32>()
}

/// Bytes of a cache with which [`Engine::on_device`](crate::Engine::on_device) decodes `rows`
/// completions at once, each of at most `length` tokens with its prompt. Twice what the rows hold, as
/// prompts of waiting groups fit beside them; more than a u64 holds counts as its largest.
pub fn cache_bytes(config: &ModelConfig, rows: usize, length: usize) -> u64 {
    let positions = (2 * positions(length.max(1)) as u64).saturating_mul(rows as u64);
    (position_bytes(config) as u64).saturating_mul(positions)
}

#[cfg(test)]
#[path = "../../tests/unit/device/buckets.rs"]
mod tests;
