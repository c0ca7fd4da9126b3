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
use super::source::{GgufSource, ListedTensor, is_read};
use super::split;
use crate::ModelError;

/// The four bytes that a GGUF file begins with.
pub(super) const MAGIC: [u8; 4] = *b"GGUF";
/// Bounds far above any published file.
const MAX_ENTRIES: u64 = 1 << 16;
const MAX_ALIGNMENT: u64 = 1 << 20;

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

    pub(super) fn push(&mut self, text: &str) {
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
    /// Which of the model's files it is in.
    pub part: usize,
}

/// A GGUF file, or one that is split into several, whose directories have been checked.
#[derive(Debug)]
pub(super) struct Gguf {
    /// The file that was asked for.
    pub path: PathBuf,
    /// The files that it is made of, in order.
    pub(super) parts: Vec<(PathBuf, File)>,
    /// Metadata by key.
    pub metadata: BTreeMap<String, GgufValue>,
    /// Tensors by GGUF name.
    pub tensors: BTreeMap<String, GgufTensor>,
}

impl Gguf {
    /// Reads and checks everything but the tensors' values: of the file, and of all the others where it
    /// is one of a model's several.
    pub(super) fn open(path: &Path) -> Result<Gguf, ModelError> {
        let mut kept = 0;
        let file = Gguf::open_one(path, &mut kept)?;
        split::join(file, &mut kept)
    }

    /// Reads and checks one file; `kept` counts the memory that names and metadata take.
    pub(super) fn open_one(path: &Path, kept: &mut u64) -> Result<Gguf, ModelError> {
        let file = bourn_foreign::open(path).map_err(ModelError::io("open", path))?;
        let length = file.metadata().map_err(ModelError::io("read", path))?.len();
        let mut source =
            GgufSource { path, reader: BufReader::new(&file), at: 0, length, kept: *kept };
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
        *kept = source.kept;
        let tensors = place(path, listed, base, length)?;
        let path = path.to_owned();
        Ok(Gguf { parts: vec![(path.clone(), file)], path, metadata, tensors })
    }

    /// A tensor's values in f32, row-major.
    pub(super) fn values(&self, name: &str, entry: &GgufTensor) -> Result<Vec<f32>, ModelError> {
        let (path, mut file) = match self.parts.get(entry.part) {
            Some((path, file)) => (path, file),
            None => return Err(self.error(format!("has no part {} of its own", entry.part))),
        };
        let io = || ModelError::io("read", path);
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
        let entry = GgufTensor { kind, shape, elements, start, bytes, part: 0 };
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
