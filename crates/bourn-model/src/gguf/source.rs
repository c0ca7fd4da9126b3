//! The bytes of a GGUF file as its values, none of which takes memory that the file does not have.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use super::dequantise::Kind;
use super::reader::{GgufValue, Texts};
use crate::ModelError;
use crate::config::Family;

/// Bounds far above any published file.
const MAX_STRING: u64 = 1 << 24;
const MAX_DIMENSIONS: u32 = 4;
/// Names and metadata together, in bytes as they lie in memory; a vocabulary of 262,144 tokens with its
/// merges takes a quarter of it.
const MAX_KEPT: u64 = 64 << 20;

/// Metadata that is read here, with what begins with the architecture's name; the rest is passed over.
const READ: [&str; 7] = [
    "general.architecture",
    "general.type",
    "general.alignment",
    "tokenizer.chat_template",
    "split.no",
    "split.count",
    "split.tensors.count",
];
/// Templates with a name of their own.
const TEMPLATES: &str = "tokenizer.chat_template.";
const TOKENIZER: &str = "tokenizer.ggml.";
/// Arrays that are read: a tokenizer's.
const ARRAYS: [&str; 4] = ["tokens", "token_type", "scores", "merges"];

/// A tensor as the directory lists it, before its offset is known to make sense.
pub(super) struct ListedTensor {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) shape: Vec<usize>,
    pub(super) elements: usize,
    pub(super) bytes: u64,
    pub(super) offset: u64,
}

/// A reader that knows how much of the file is left.
pub(super) struct GgufSource<'a> {
    pub(super) path: &'a Path,
    pub(super) reader: BufReader<&'a File>,
    pub(super) at: u64,
    pub(super) length: u64,
    /// Bytes of memory that what has been read takes.
    pub(super) kept: u64,
}

impl GgufSource<'_> {
    pub(super) fn error(&self, message: impl Into<String>) -> ModelError {
        ModelError::file(self.path, message)
    }

    /// Claims `n` bytes of what is left.
    fn take(&mut self, n: u64) -> Result<(), ModelError> {
        if n > self.length - self.at {
            let message = format!(
                "is torn: {n} bytes are missing at byte {}; copy or download it again",
                self.at
            );
            return Err(self.error(message));
        }
        self.at += n;
        Ok(())
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], ModelError> {
        self.take(N as u64)?;
        let mut bytes = [0; N];
        self.reader.read_exact(&mut bytes).map_err(ModelError::io("read", self.path))?;
        Ok(bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, ModelError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, ModelError> {
        self.array().map(u64::from_le_bytes)
    }

    /// Claims memory for what is to be kept.
    fn keep(&mut self, bytes: u64) -> Result<(), ModelError> {
        self.kept = self.kept.saturating_add(bytes);
        match self.kept > MAX_KEPT {
            true => Err(self.error(format!(
                "has names and metadata of more than {} MiB, before byte {}",
                MAX_KEPT >> 20,
                self.at
            ))),
            false => Ok(()),
        }
    }

    /// Passes over bytes.
    fn skip(&mut self, bytes: u64) -> Result<(), ModelError> {
        self.take(bytes)?;
        // A claim that fits the file fits the system's own type for a place in it.
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.reader.seek_relative(bytes).map_err(ModelError::io("read", self.path))
    }

    /// Passes over a metadata value of the given type number.
    pub(super) fn pass(&mut self, kind: u32, key: &str) -> Result<GgufValue, ModelError> {
        match kind {
            8 => {
                let length = self.u64()?;
                self.skip(length)?;
            }
            9 => {
                let (kind, count, width) = self.array_head(key)?;
                return self.pass_all(kind, count, width);
            }
            _ => match width(kind) {
                Some(width) => self.skip(width)?,
                None => return Err(self.unknown(kind, key)),
            },
        }
        Ok(GgufValue::Skipped)
    }

    /// Passes over the elements of an array.
    fn pass_all(&mut self, kind: u32, count: u64, width: u64) -> Result<GgufValue, ModelError> {
        if kind != 8 {
            self.skip(count * width)?;
            return Ok(GgufValue::Skipped);
        }
        for _ in 0..count {
            let length = self.u64()?;
            self.skip(length)?;
        }
        Ok(GgufValue::Skipped)
    }

    fn unknown(&self, kind: u32, key: &str) -> ModelError {
        self.error(format!("metadata `{key}` has the unknown type {kind}"))
    }

    pub(super) fn text(&mut self) -> Result<String, ModelError> {
        let length = self.u64()?;
        if length > MAX_STRING {
            return Err(self.error(format!("has a text of {length} bytes at byte {}", self.at)));
        }
        self.take(length)?;
        self.keep(length)?;
        let mut bytes = vec![0; length as usize];
        self.reader.read_exact(&mut bytes).map_err(ModelError::io("read", self.path))?;
        let at = self.at;
        String::from_utf8(bytes)
            .map_err(|_| self.error(format!("has a text that is not UTF-8 before byte {at}")))
    }

    /// A metadata value of the given type number.
    pub(super) fn value(&mut self, kind: u32, key: &str) -> Result<GgufValue, ModelError> {
        Ok(match kind {
            0 => GgufValue::Int(u8::from_le_bytes(self.array()?).into()),
            1 => GgufValue::Int(i8::from_le_bytes(self.array()?).into()),
            2 => GgufValue::Int(u16::from_le_bytes(self.array()?).into()),
            3 => GgufValue::Int(i16::from_le_bytes(self.array()?).into()),
            4 => GgufValue::Int(self.u32()?.into()),
            5 => GgufValue::Int(i32::from_le_bytes(self.array()?).into()),
            6 => GgufValue::Float(decimal(f32::from_le_bytes(self.array()?))),
            7 => GgufValue::Bool(self.array::<1>()?[0] != 0),
            8 => GgufValue::Text(self.text()?),
            9 => self.list(key)?,
            10 => GgufValue::Int(self.u64()?.into()),
            11 => GgufValue::Int(i64::from_le_bytes(self.array()?).into()),
            12 => GgufValue::Float(f64::from_le_bytes(self.array()?)),
            _ => return Err(self.unknown(kind, key)),
        })
    }

    /// The type number of an array's elements, how many there are, and the fewest bytes of one.
    fn array_head(&mut self, key: &str) -> Result<(u32, u64, u64), ModelError> {
        let (kind, count) = (self.u32()?, self.u64()?);
        let Some(width) = width(kind) else {
            let message = format!("metadata `{key}` is an array of the unsupported type {kind}");
            return Err(self.error(message));
        };
        if count > (self.length - self.at) / width {
            let message = format!("is torn: metadata `{key}` claims {count} elements");
            return Err(self.error(message));
        }
        Ok((kind, count, width))
    }

    fn list(&mut self, key: &str) -> Result<GgufValue, ModelError> {
        let (kind, count, width) = self.array_head(key)?;
        let read = key.strip_prefix(TOKENIZER).is_some_and(|name| ARRAYS.contains(&name));
        if !read || matches!(kind, 7 | 12) {
            return self.pass_all(kind, count, width);
        }
        // Texts, whose lengths come later, by where they end; all integers as the widest.
        self.keep(count.saturating_mul(if kind == 6 { 4 } else { 8 }))?;
        match kind {
            8 => {
                let mut texts = Texts::default();
                for _ in 0..count {
                    texts.push(&self.text()?);
                }
                Ok(GgufValue::Texts(texts))
            }
            6 => {
                let value = |_| self.array().map(f32::from_le_bytes);
                Ok(GgufValue::Floats((0..count).map(value).collect::<Result<_, _>>()?))
            }
            _ => {
                let mut ints = Vec::new();
                for _ in 0..count {
                    let GgufValue::Int(n) = self.value(kind, key)? else { break };
                    // One that no integer of ours holds is none that a tokenizer has.
                    ints.push(i64::try_from(n).unwrap_or(i64::MAX));
                }
                Ok(GgufValue::Ints(ints))
            }
        }
    }

    pub(super) fn listed(&mut self) -> Result<ListedTensor, ModelError> {
        let name = self.text()?;
        let dimensions = self.u32()?;
        if dimensions == 0 || dimensions > MAX_DIMENSIONS {
            return Err(self.error(format!("tensor `{name}` has {dimensions} dimensions")));
        }
        let sizes = (0..dimensions).map(|_| self.u64()).collect::<Result<Vec<u64>, _>>()?;
        let (number, offset) = (self.u32()?, self.u64()?);
        let kind = Kind::from_number(number).ok_or_else(|| {
            self.error(format!(
                "tensor `{name}` has the type number {number}; bourn reads {}",
                Kind::names()
            ))
        })?;
        let elements = sizes.iter().try_fold(1u64, |n, &d| n.checked_mul(d));
        let block = kind.block_elements() as u64;
        let whole = elements.filter(|n| *n > 0 && sizes[0] % block == 0);
        let bytes = whole.and_then(|n| (n / block).checked_mul(kind.block_bytes() as u64));
        let shape =
            sizes.iter().rev().map(|&d| usize::try_from(d).ok()).collect::<Option<Vec<_>>>();
        match (shape, whole.and_then(|n| usize::try_from(n).ok()), bytes) {
            (Some(shape), Some(elements), Some(bytes)) => {
                Ok(ListedTensor { name, kind, shape, elements, bytes, offset })
            }
            _ => Err(self.error(format!(
                "tensor `{name}` has the dimensions {sizes:?}, which do not make whole {kind:?} blocks"
            ))),
        }
    }
}

/// Whether a metadata value is read here.
pub(super) fn is_read(key: &str) -> bool {
    let architecture = Family::ALL
        .iter()
        .any(|family| key.strip_prefix(family.name()).is_some_and(|rest| rest.starts_with('.')));
    let named = key.starts_with(TOKENIZER) || key.starts_with(TEMPLATES);
    architecture || READ.contains(&key) || named
}

/// The bytes of a value of a type number, or the fewest: a text takes at least its length.
fn width(kind: u32) -> Option<u64> {
    match kind {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        8 | 10..=12 => Some(8),
        _ => None,
    }
}

/// The f64 that an f32 was written as: 1e-5 in a configuration, not 9.999999747378752e-6.
fn decimal(value: f32) -> f64 {
    value.to_string().parse().unwrap_or_else(|_| value.into())
}
