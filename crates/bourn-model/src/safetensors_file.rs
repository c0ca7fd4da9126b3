//! Reading and writing safetensors: one file, or shards with an index.
//!
//! The `safetensors` crate checks a header against itself (shapes, types, extents without gap or
//! overlap); here the header is checked against the file's length before anything of its size is
//! taken, and tensors are read one by one: mapping the file would need `unsafe`, and a map of a
//! file that shrinks kills the process.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use half::{bf16, f16};
use safetensors::tensor::{Dtype, Metadata, TensorInfo, View};
use serde_json::Value;

use crate::json_file::Object;
use crate::weights::{self, Expected, HostTensor, Weights};
use crate::{ModelConfig, ModelError};

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
/// The longest header that is read, a third of the format's own bound: in memory it takes several times
/// its bytes. That of 100,000 tensors has half of it.
const MAX_HEADER: u64 = 32 << 20;
/// Bytes converted at a time; a multiple of every element size.
const CHUNK: usize = 1 << 20;

/// Reads the weights of a Hugging Face directory and checks them against the configuration.
pub(crate) fn read_directory(dir: &Path, config: &ModelConfig) -> Result<Weights, ModelError> {
    let (single, index) = (dir.join(SINGLE), dir.join(INDEX));
    let expected = Expected::new(config);
    if single.exists() && index.exists() {
        refuse_two_sets(dir, &single, &index)?;
    }
    let (origin, weights) = if single.exists() {
        let header = Header::open(&single)?;
        let names: Vec<String> = header.tensors.keys().cloned().collect();
        (single, header.read(&names, &expected)?)
    } else if index.exists() {
        let weights = read_shards(dir, &index, &expected)?;
        (index, weights)
    } else {
        let hint = if dir.join("pytorch_model.bin").exists() {
            "pytorch_model.bin is a pickle, which bourn does not read; save the model with `save_pretrained`, which writes safetensors"
        } else {
            "a Hugging Face directory holds model.safetensors, or model.safetensors.index.json with its shards"
        };
        return Err(ModelError::MissingFile { path: single, hint: hint.to_owned() });
    };
    weights::settle(config, weights).map_err(|e| e.inside(&origin))
}

/// Refuses weights that are there twice, in one file and in shards: which are meant is not said.
fn refuse_two_sets(dir: &Path, single: &Path, index: &Path) -> Result<(), ModelError> {
    let shards = shards(index)?;
    let other = |name: &&String| *name != SINGLE && dir.join(name).exists();
    match shards.keys().find(other) {
        None => Ok(()),
        Some(shard) => {
            let message = format!(
                "stands beside {INDEX} and its {shard}, which are other weights; move away the ones that are not meant"
            );
            Err(ModelError::file(single, message))
        }
    }
}

/// The shards that an index names, each with the tensors it is to hold.
pub(crate) fn shards(index: &Path) -> Result<BTreeMap<String, Vec<String>>, ModelError> {
    let object = Object::read(index)?;
    let Some(Value::Object(map)) = object.get("weight_map") else {
        return Err(object.error("weight_map", "must be an object of tensor names and file names"));
    };
    let mut shards: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (tensor, file) in map {
        let key = format!("weight_map.{tensor}");
        let file = file.as_str().ok_or_else(|| object.error(&key, "must be a file name"))?;
        // A name from a download must not reach outside the directory.
        let mut parts = Path::new(file).components();
        let plain = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
        if !plain || file.contains(['/', '\\']) || !file.ends_with(".safetensors") {
            let message =
                format!("`{file}` must be the name of a .safetensors file beside the index");
            return Err(object.error(&key, message));
        }
        shards.entry(file.to_owned()).or_default().push(tensor.clone());
    }
    Ok(shards)
}

fn read_shards(dir: &Path, index: &Path, expected: &Expected) -> Result<Weights, ModelError> {
    let mut all = Weights::new();
    for (file, names) in shards(index)? {
        let path = dir.join(&file);
        if !path.exists() {
            let hint = format!("{INDEX} names this shard; the copy or download is incomplete");
            return Err(ModelError::MissingFile { path, hint });
        }
        let header = Header::open(&path)?;
        let listed: BTreeSet<&String> = names.iter().collect();
        if let Some(stray) = header.tensors.keys().find(|name| !listed.contains(name)) {
            let message = format!("holds tensor `{stray}`, which {INDEX} does not place here");
            return Err(ModelError::file(&path, message));
        }
        if let Some(absent) = names.iter().find(|name| !header.tensors.contains_key(*name)) {
            let message = format!("has no tensor `{absent}`, which {INDEX} places here");
            return Err(ModelError::file(&path, message));
        }
        all.extend(header.read(&names, expected)?);
    }
    Ok(all)
}

/// A safetensors file whose header has been checked against its length.
struct Header {
    path: PathBuf,
    file: File,
    /// Where the tensors' bytes begin.
    start: u64,
    tensors: BTreeMap<String, TensorInfo>,
}

impl Header {
    fn open(path: &Path) -> Result<Header, ModelError> {
        let mut file = bourn_foreign::open(path).map_err(ModelError::io("open", path))?;
        let length = file.metadata().map_err(ModelError::io("read", path))?.len();
        let torn = |what: &str| {
            ModelError::file(path, format!("is torn: {what}; copy or download it again"))
        };
        let mut prefix = [0; 8];
        if length < 8 {
            return Err(torn(&format!("{length} bytes are too few for a header")));
        }
        file.read_exact(&mut prefix).map_err(ModelError::io("read", path))?;
        let size = u64::from_le_bytes(prefix);
        if size > length - 8 {
            return Err(torn(&format!("its header claims {size} bytes and the file has {length}")));
        }
        if size > MAX_HEADER {
            let message = format!("has a header of {size} bytes; at most {MAX_HEADER} are read");
            return Err(ModelError::file(path, message));
        }
        let mut header = vec![0; size as usize];
        file.read_exact(&mut header).map_err(ModelError::io("read", path))?;
        let metadata: Metadata = serde_json::from_slice(&header).map_err(|e| {
            ModelError::file(path, format!("has a damaged safetensors header: {e}"))
        })?;
        let start = 8 + size;
        // Extents are contiguous from 0, so the last one's end is the length of all of them.
        let data = metadata.data_len() as u64;
        if start.checked_add(data) != Some(length) {
            let whole = start.saturating_add(data);
            return Err(torn(&format!(
                "its header asks for {whole} bytes and the file has {length}"
            )));
        }
        let tensors = metadata.tensors().into_iter().map(|(k, v)| (k, v.clone())).collect();
        Ok(Header { path: path.to_owned(), file, start, tensors })
    }

    /// Reads tensors by name, each checked against the configuration before memory is taken.
    fn read(&self, names: &[String], expected: &Expected) -> Result<Weights, ModelError> {
        let mut out = Weights::new();
        for name in names.iter().filter(|name| !weights::is_recomputed(name)) {
            let Some(info) = self.tensors.get(name) else { continue };
            expected.check(name, &info.shape).map_err(|e| e.inside(&self.path))?;
            let data = self.values(name, info)?;
            out.insert(name.clone(), HostTensor { shape: info.shape.clone(), data: data.into() });
        }
        Ok(out)
    }

    fn values(&self, name: &str, info: &TensorInfo) -> Result<Vec<f32>, ModelError> {
        let (from, to) = info.data_offsets;
        let (width, widen): (usize, fn(&[u8]) -> f32) = match info.dtype {
            Dtype::F32 => (4, |b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])),
            Dtype::F16 => (2, |b| f16::from_le_bytes([b[0], b[1]]).to_f32()),
            Dtype::BF16 => (2, |b| bf16::from_le_bytes([b[0], b[1]]).to_f32()),
            other => {
                let message = format!("has type {other:?}; bourn reads F32, F16 and BF16");
                let error = ModelError::Tensor { tensor: name.to_owned(), message };
                return Err(error.inside(&self.path));
            }
        };
        let io = || ModelError::io("read", &self.path);
        let mut reader = BufReader::with_capacity(0, &self.file);
        reader.seek(SeekFrom::Start(self.start + from as u64)).map_err(io())?;
        let mut data = Vec::with_capacity((to - from) / width);
        let mut left = to - from;
        let mut chunk = vec![0; left.min(CHUNK)];
        while left > 0 {
            let bytes = &mut chunk[..left.min(CHUNK)];
            reader.read_exact(bytes).map_err(io())?;
            data.extend(bytes.chunks_exact(width).map(widen));
            left -= bytes.len();
        }
        Ok(data)
    }
}

/// A host tensor as the `safetensors` crate writes it.
struct AsView<'a>(&'a HostTensor);

impl View for AsView<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }
    fn shape(&self) -> &[usize] {
        &self.0.shape
    }
    fn data(&self) -> std::borrow::Cow<'_, [u8]> {
        weights::little_endian(&self.0.data)
    }
    fn data_len(&self) -> usize {
        self.0.data.len() * 4
    }
}

/// Writes `model.safetensors` in f32, as `transformers` expects it. The same weights give the same
/// bytes.
pub(crate) fn write(dir: &Path, weights: &Weights) -> Result<PathBuf, ModelError> {
    let path = dir.join(SINGLE);
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    write_file(&path, weights, Some(metadata))?;
    Ok(path)
}

/// Writes tensors of any names to a safetensors file, in f32. The same tensors give the same bytes.
///
/// # Errors
/// The operating system's.
pub fn write_tensors(path: &Path, tensors: &Weights) -> Result<(), ModelError> {
    write_file(path, tensors, None)
}

/// Reads a safetensors file of any names, in f32, one tensor at a time.
///
/// # Errors
/// The file is missing, torn, or holds another type than F32, F16 and BF16.
pub fn read_tensors(path: &Path) -> Result<Weights, ModelError> {
    let header = Header::open(path)?;
    let read = |(name, info): (&String, &TensorInfo)| {
        let data = header.values(name, info)?.into();
        Ok((name.clone(), HostTensor { shape: info.shape.clone(), data }))
    };
    header.tensors.iter().map(read).collect()
}

fn write_file(
    path: &Path,
    weights: &Weights,
    metadata: Option<HashMap<String, String>>,
) -> Result<(), ModelError> {
    let io = |source| ModelError::Io { action: "write", path: path.to_owned(), source };
    // The library writes beside it and renames, and its file is for its owner alone: what the umask
    // gives a file is found out first, and given back.
    let permissions =
        File::create(path).and_then(|file| file.metadata()).map_err(io)?.permissions();
    let views = weights.iter().map(|(name, tensor)| (name, AsView(tensor)));
    safetensors::serialize_to_file(views, metadata, path).map_err(|e| match e {
        safetensors::SafeTensorError::IoError(source) => io(source),
        other => ModelError::file(path, format!("cannot be written: {other}")),
    })?;
    std::fs::set_permissions(path, permissions).map_err(io)
}
