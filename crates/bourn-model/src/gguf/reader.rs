//! The GGUF container, versions 2 and 3, little endian: metadata and a directory of tensors.
//!
//! A file may say anything: every count, length and offset is checked against the bytes that are
//! there before memory is taken for it, what nobody here asks for is passed over, what is kept has a
//! bound, and no two tensors may share bytes, so that reading all of them costs no more than the
//! file's size times what its types expand to.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::dequantise::Kind;
use crate::ModelError;
use crate::config::Family;

/// The four bytes that a GGUF file begins with.
pub(super) const MAGIC: [u8; 4] = *b"GGUF";
/// Bounds far above any published file.
const MAX_ENTRIES: u64 = 1 << 16;
const MAX_STRING: u64 = 1 << 24;
const MAX_DIMENSIONS: u32 = 4;
const MAX_ALIGNMENT: u64 = 1 << 20;
/// Names and metadata together, in bytes as they lie in memory; a vocabulary of 262,144 tokens with its
/// merges takes a quarter of it.
const MAX_KEPT: u64 = 64 << 20;

/// Metadata that is read here, with what begins with the architecture's name; the rest is passed over.
const READ: [&str; 3] = ["general.architecture", "general.alignment", "tokenizer.chat_template"];
const TOKENIZER: &str = "tokenizer.ggml.";
/// Arrays that are read: a tokenizer's.
const ARRAYS: [&str; 4] = ["tokens", "token_type", "scores", "merges"];

/// A metadata value. Integers of all widths are one, and so are floats.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum GgufValue {
    /// A signed or unsigned integer.
    Int(i128),
    /// An f32, by its shortest decimal, or an f64.
    Float(f64),
    /// A boolean.
    Bool(bool),
    /// UTF-8 text.
    Text(String),
    /// An array of integers.
    Ints(Vec<i64>),
    /// An array of floats.
    Floats(Vec<f32>),
    /// An array of texts.
    Texts(Texts),
    /// What bourn has no use for: an array of another type, or under a key that is not read.
    Skipped,
}

/// Texts in a row, which take no more memory than they do in the file, however short they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Texts {
    all: String,
    ends: Vec<usize>,
}

impl Texts {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn get(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.all[start..end])
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    fn push(&mut self, text: &str) {
        self.all.push_str(text);
        self.ends.push(self.all.len());
    }
}

/// A tensor's place in the file.
#[derive(Clone, Debug)]
pub(super) struct GgufTensor {
    /// How its values are packed.
    pub kind: Kind,
    /// Dimensions, outermost first (GGUF writes them innermost first).
    pub shape: Vec<usize>,
    /// Number of values.
    pub elements: usize,
    /// Absolute byte offset.
    pub start: u64,
    /// Length in bytes.
    pub bytes: u64,
}

/// A GGUF file whose directory has been checked.
#[derive(Debug)]
pub(super) struct Gguf {
    pub path: PathBuf,
    file: File,
    /// Metadata by key.
    pub metadata: BTreeMap<String, GgufValue>,
    /// Tensors by GGUF name.
    pub tensors: BTreeMap<String, GgufTensor>,
}

/// A tensor as the directory lists it, before its offset is known to make sense.
struct ListedTensor {
    name: String,
    kind: Kind,
    shape: Vec<usize>,
    elements: usize,
    bytes: u64,
    offset: u64,
}

impl Gguf {
    /// Reads and checks everything but the tensors' values.
    pub(super) fn open(path: &Path) -> Result<Gguf, ModelError> {
        let file = bourn_foreign::open(path).map_err(ModelError::io("open", path))?;
        let length = file.metadata().map_err(ModelError::io("read", path))?.len();
        let mut source = GgufSource { path, reader: BufReader::new(&file), at: 0, length, kept: 0 };
        if source.array::<4>()? != MAGIC {
            return Err(source.error("is not a GGUF file"));
        }
        let version = source.u32()?;
        if !(2..=3).contains(&version) {
            let hint = if version.swap_bytes() <= 3 { " (or big endian)" } else { "" };
            let message = format!("is GGUF version {version}{hint}; bourn reads 2 and 3");
            return Err(source.error(message));
        }
        let (tensors, entries) = (source.u64()?, source.u64()?);
        if tensors > MAX_ENTRIES || entries > MAX_ENTRIES {
            let message = format!("claims {tensors} tensors and {entries} metadata entries");
            return Err(source.error(message));
        }
        let mut metadata = BTreeMap::new();
        for _ in 0..entries {
            let key = source.text()?;
            let kind = source.u32()?;
            let value =
                if is_read(&key) { source.value(kind, &key)? } else { source.pass(kind, &key)? };
            if metadata.insert(key.clone(), value).is_some() {
                return Err(source.error(format!("has the metadata key `{key}` twice")));
            }
        }
        let listed = (0..tensors).map(|_| source.listed()).collect::<Result<Vec<_>, _>>()?;
        let alignment = match metadata.get("general.alignment") {
            None => 32,
            Some(GgufValue::Int(a)) if (1..=i128::from(MAX_ALIGNMENT)).contains(a) => *a as u64,
            Some(other) => {
                return Err(source.error(format!("has general.alignment = {other:?}")));
            }
        };
        let base = source.at.next_multiple_of(alignment);
        let tensors = place(path, listed, base, length)?;
        Ok(Gguf { path: path.to_owned(), file, metadata, tensors })
    }

    /// A tensor's values in f32, row-major.
    pub(super) fn values(&self, name: &str, entry: &GgufTensor) -> Result<Vec<f32>, ModelError> {
        let io = || ModelError::io("read", &self.path);
        let mut file = &self.file;
        file.seek(SeekFrom::Start(entry.start)).map_err(io())?;
        let too_large = |_| self.error(format!("tensor `{name}` is too large for this machine"));
        let mut left = usize::try_from(entry.bytes).map_err(too_large)?;
        // Whole blocks at a time, about a mebibyte: every block size divides the chunk's.
        let chunk = entry.kind.block_bytes() * 4096;
        let mut buffer = vec![0; left.min(chunk)];
        let mut out = Vec::with_capacity(entry.elements);
        while left > 0 {
            let bytes = &mut buffer[..left.min(chunk)];
            file.read_exact(bytes).map_err(io())?;
            entry.kind.dequantise(bytes, &mut out);
            left -= bytes.len();
        }
        Ok(out)
    }

    /// An error that names this file.
    pub(super) fn error(&self, message: impl Into<String>) -> ModelError {
        ModelError::file(&self.path, message)
    }

    /// An error that names a metadata key of this file.
    pub(super) fn key_error(&self, key: &str, message: impl Into<String>) -> ModelError {
        ModelError::key(&self.path, key, message)
    }

    /// A whole number of at least 0, if the key is there.
    pub(super) fn size(&self, key: &str) -> Result<Option<usize>, ModelError> {
        match self.metadata.get(key) {
            None => Ok(None),
            Some(GgufValue::Int(n)) => usize::try_from(*n)
                .map(Some)
                .map_err(|_| self.key_error(key, format!("{n} is out of range"))),
            Some(_) => Err(self.key_error(key, "must be a whole number")),
        }
    }

    /// A number, if the key is there.
    pub(super) fn number(&self, key: &str) -> Result<Option<f64>, ModelError> {
        match self.metadata.get(key) {
            None => Ok(None),
            Some(GgufValue::Float(f)) => Ok(Some(*f)),
            Some(GgufValue::Int(n)) => Ok(Some(*n as f64)),
            Some(_) => Err(self.key_error(key, "must be a number")),
        }
    }

    /// A text, if the key is there.
    pub(super) fn text(&self, key: &str) -> Result<Option<&str>, ModelError> {
        match self.metadata.get(key) {
            None => Ok(None),
            Some(GgufValue::Text(t)) => Ok(Some(t)),
            Some(_) => Err(self.key_error(key, "must be a text")),
        }
    }

    /// A boolean, if the key is there.
    pub(super) fn boolean(&self, key: &str) -> Result<Option<bool>, ModelError> {
        match self.metadata.get(key) {
            None => Ok(None),
            Some(GgufValue::Bool(b)) => Ok(Some(*b)),
            Some(_) => Err(self.key_error(key, "must be a boolean")),
        }
    }

    /// An array of texts, if the key is there.
    pub(super) fn texts(&self, key: &str) -> Result<Option<&Texts>, ModelError> {
        match self.metadata.get(key) {
            None => Ok(None),
            Some(GgufValue::Texts(t)) => Ok(Some(t)),
            Some(_) => Err(self.key_error(key, "must be an array of texts")),
        }
    }
}

/// Turns relative offsets into checked places in the file.
fn place(
    path: &Path,
    listed: Vec<ListedTensor>,
    base: u64,
    length: u64,
) -> Result<BTreeMap<String, GgufTensor>, ModelError> {
    let mut extents = Vec::with_capacity(listed.len());
    let mut tensors = BTreeMap::new();
    for ListedTensor { name, kind, shape, elements, bytes, offset } in listed {
        let start = base.checked_add(offset);
        let end = start.and_then(|s| s.checked_add(bytes));
        let (Some(start), Some(end)) = (start, end.filter(|&end| end <= length)) else {
            let message = format!(
                "is torn: tensor `{name}` of {bytes} bytes at offset {offset} ends beyond the file's {length} bytes; copy or download it again"
            );
            return Err(ModelError::file(path, message));
        };
        extents.push((start, end, name.clone()));
        let entry = GgufTensor { kind, shape, elements, start, bytes };
        if tensors.insert(name.clone(), entry).is_some() {
            return Err(ModelError::file(path, format!("lists the tensor `{name}` twice")));
        }
    }
    extents.sort();
    if let Some(pair) = extents.windows(2).find(|pair| pair[1].0 < pair[0].1) {
        let message = format!("tensors `{}` and `{}` share bytes", pair[0].2, pair[1].2);
        return Err(ModelError::file(path, message));
    }
    Ok(tensors)
}

/// A reader that knows how much of the file is left.
struct GgufSource<'a> {
    path: &'a Path,
    reader: BufReader<&'a File>,
    at: u64,
    length: u64,
    /// Bytes of memory that what has been read takes.
    kept: u64,
}

impl GgufSource<'_> {
    fn error(&self, message: impl Into<String>) -> ModelError {
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

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ModelError> {
        self.take(N as u64)?;
        let mut bytes = [0; N];
        self.reader.read_exact(&mut bytes).map_err(ModelError::io("read", self.path))?;
        Ok(bytes)
    }

    fn u32(&mut self) -> Result<u32, ModelError> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, ModelError> {
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
    fn pass(&mut self, kind: u32, key: &str) -> Result<GgufValue, ModelError> {
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

    fn text(&mut self) -> Result<String, ModelError> {
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
    fn value(&mut self, kind: u32, key: &str) -> Result<GgufValue, ModelError> {
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

    fn listed(&mut self) -> Result<ListedTensor, ModelError> {
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
fn is_read(key: &str) -> bool {
    let architecture = Family::ALL
        .iter()
        .any(|family| key.strip_prefix(family.name()).is_some_and(|rest| rest.starts_with('.')));
    architecture || READ.contains(&key) || key.starts_with(TOKENIZER)
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
