//! ggml's block formats, unpacked to f32.
//!
//! Layouts and arithmetic are those of ggml's reference dequantisation, in its order of
//! operations, so that the values are its values bit for bit.

use half::{bf16, f16};

/// How a tensor's values are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(non_camel_case_types)] // the names that the format has in its files and tools
pub(super) enum Kind {
    F32,
    F16,
    BF16,
    Q8_0,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q4_K,
    Q5_K,
    Q6_K,
}

impl Kind {
    /// Every kind with ggml's number for it, values in a block and bytes in a block.
    const ALL: [(Kind, u32, usize, usize); 11] = [
        (Kind::F32, 0, 1, 4),
        (Kind::F16, 1, 1, 2),
        (Kind::BF16, 30, 1, 2),
        (Kind::Q8_0, 8, 32, 34),
        (Kind::Q4_0, 2, 32, 18),
        (Kind::Q4_1, 3, 32, 20),
        (Kind::Q5_0, 6, 32, 22),
        (Kind::Q5_1, 7, 32, 24),
        (Kind::Q4_K, 12, 256, 144),
        (Kind::Q5_K, 13, 256, 176),
        (Kind::Q6_K, 14, 256, 210),
    ];

    /// The kind that a tensor's type number names.
    pub(super) fn from_number(number: u32) -> Option<Kind> {
        Self::ALL.iter().find(|row| row.1 == number).map(|row| row.0)
    }

    /// The kinds that are read, for the error about one that is not.
    pub(super) fn names() -> String {
        Self::ALL.map(|row| format!("{:?}", row.0)).join(", ")
    }

    fn sizes(self) -> (usize, usize) {
        let row = Self::ALL.iter().find(|row| row.0 == self);
        row.map(|row| (row.2, row.3)).expect("every kind has a row in the table")
    }

    /// Values in a block.
    pub(super) fn block_elements(self) -> usize {
        self.sizes().0
    }

    /// Bytes in a block.
    pub(super) fn block_bytes(self) -> usize {
        self.sizes().1
    }

    /// Appends the values of whole blocks.
    pub(super) fn dequantise(self, bytes: &[u8], out: &mut Vec<f32>) {
        let unpack: fn(&[u8], &mut Vec<f32>) = match self {
            Kind::F32 => |b, out| out.push(f32::from_le_bytes([b[0], b[1], b[2], b[3]])),
            Kind::F16 => |b, out| out.push(half_at(b, 0)),
            Kind::BF16 => |b, out| out.push(bf16::from_le_bytes([b[0], b[1]]).to_f32()),
            Kind::Q8_0 => q8_0,
            Kind::Q4_0 => q4_0,
            Kind::Q4_1 => q4_1,
            Kind::Q5_0 => q5_0,
            Kind::Q5_1 => q5_1,
            Kind::Q4_K => q4_k,
            Kind::Q5_K => q5_k,
            Kind::Q6_K => q6_k,
        };
        for block in bytes.chunks_exact(self.block_bytes()) {
            unpack(block, out);
        }
    }
}

/// The f16 at a byte offset.
fn half_at(b: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([b[at], b[at + 1]]).to_f32()
}

/// The 32 nibbles of 16 bytes: all low ones, then all high ones.
fn nibbles(packed: &[u8]) -> impl Iterator<Item = u8> + '_ {
    packed.iter().map(|b| b & 15).chain(packed.iter().map(|b| b >> 4))
}

/// Fifth bit of value `i`, in place, from 32 bits.
fn fifth(bits: &[u8], i: usize) -> u8 {
    (bits[i / 8] >> (i % 8) & 1) << 4
}

// [d: f16] [32 × i8]
fn q8_0(b: &[u8], out: &mut Vec<f32>) {
    let d = half_at(b, 0);
    out.extend(b[2..34].iter().map(|&q| f32::from(q as i8) * d));
}

// [d: f16] [16 × two nibbles], values −8…7
fn q4_0(b: &[u8], out: &mut Vec<f32>) {
    let d = half_at(b, 0);
    out.extend(nibbles(&b[2..18]).map(|q| (f32::from(q) - 8.0) * d));
}

// [d: f16] [m: f16] [16 × two nibbles], values m + d·(0…15)
fn q4_1(b: &[u8], out: &mut Vec<f32>) {
    let (d, m) = (half_at(b, 0), half_at(b, 2));
    out.extend(nibbles(&b[4..20]).map(|q| f32::from(q) * d + m));
}

// [d: f16] [32 fifth bits] [16 × two nibbles], values −16…15
fn q5_0(b: &[u8], out: &mut Vec<f32>) {
    let d = half_at(b, 0);
    let values = nibbles(&b[6..22]).enumerate();
    out.extend(values.map(|(i, q)| (f32::from(q | fifth(&b[2..6], i)) - 16.0) * d));
}

// [d: f16] [m: f16] [32 fifth bits] [16 × two nibbles]
fn q5_1(b: &[u8], out: &mut Vec<f32>) {
    let (d, m) = (half_at(b, 0), half_at(b, 2));
    let values = nibbles(&b[8..24]).enumerate();
    out.extend(values.map(|(i, q)| f32::from(q | fifth(&b[4..8], i)) * d + m));
}

/// The 6-bit scale and minimum of sub-block `j` of 8, packed in 12 bytes: the first four whole in
/// bytes 0–3 and 4–7, the last four as nibbles in bytes 8–11 with their top bits above the first.
fn scale_and_min(packed: &[u8], j: usize) -> (f32, f32) {
    let (scale, min) = if j < 4 {
        (packed[j] & 63, packed[j + 4] & 63)
    } else {
        let low = packed[j + 4];
        ((low & 15) | (packed[j - 4] >> 6 << 4), (low >> 4) | (packed[j] >> 6 << 4))
    };
    (scale.into(), min.into())
}

// [d: f16] [dmin: f16] [12: scales and minima] [128 × two nibbles]; 8 sub-blocks of 32
fn q4_k(b: &[u8], out: &mut Vec<f32>) {
    let (d, dmin) = (half_at(b, 0), half_at(b, 2));
    for (pair, packed) in b[16..144].chunks_exact(32).enumerate() {
        for high in 0..2 {
            let (scale, min) = scale_and_min(&b[4..16], 2 * pair + high);
            let (d, m) = (d * scale, dmin * min);
            out.extend(packed.iter().map(|q| d * f32::from(q >> (4 * high) & 15) - m));
        }
    }
}

// As q4_k with 32 bytes of fifth bits after the scales: bit j of byte i is for value i of sub-block j
fn q5_k(b: &[u8], out: &mut Vec<f32>) {
    let (d, dmin) = (half_at(b, 0), half_at(b, 2));
    let fifths = &b[16..48];
    for (pair, packed) in b[48..176].chunks_exact(32).enumerate() {
        for high in 0..2 {
            let j = 2 * pair + high;
            let (scale, min) = scale_and_min(&b[4..16], j);
            let (d, m) = (d * scale, dmin * min);
            out.extend(packed.iter().zip(fifths).map(|(q, bits)| {
                let q = (q >> (4 * high) & 15) | (bits >> j & 1) << 4;
                d * f32::from(q) - m
            }));
        }
    }
}

// [128: low nibbles] [64: top two bits] [16 × i8 scale] [d: f16], values −32…31; two halves of 128
fn q6_k(b: &[u8], out: &mut Vec<f32>) {
    let d = half_at(b, 208);
    for half in 0..2 {
        let low = &b[64 * half..64 * half + 64];
        let top = &b[128 + 32 * half..128 + 32 * half + 32];
        let scales = &b[192 + 8 * half..192 + 8 * half + 8];
        for quarter in 0..4 {
            for i in 0..32 {
                // Quarters 0 and 1 are the low nibbles of the two rows of 32, 2 and 3 the high ones.
                let nibble = low[32 * (quarter % 2) + i] >> (4 * (quarter / 2)) & 15;
                let q = nibble | (top[i] >> (2 * quarter) & 3) << 4;
                let scale = f32::from(scales[2 * quarter + i / 16] as i8);
                out.push(d * scale * (f32::from(q) - 32.0));
            }
        }
    }
}

#[cfg(test)]
#[path = "../../tests/unit/gguf/dequantise.rs"]
mod tests;
