//! Weights on the host: f32, row-major, under Hugging Face's names.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Deref, DerefMut};

use burn::tensor::{Device, Tensor, TensorData};

use crate::{ModelConfig, ModelError, Part, Resident};

/// A tensor on the host.
#[derive(Clone, Debug, PartialEq)]
pub struct HostTensor {
    /// Dimensions, outermost first; a linear layer's are `[out, in]`.
    pub shape: Vec<usize>,
    /// Values, row-major; as many as the product of `shape`.
    pub data: Values,
}

/// Values of a tensor on the host. Clones share them, and so does a tensor of the CPU backend that
/// is made of them or that they were read from, until one of all these is written to: a model is
/// handed from trainer to engine, or to a file, without a second copy of it.
#[derive(Clone)]
pub struct Values(Resident);

impl Values {
    /// Shares a tensor's values, or reads them back from another device.
    ///
    /// # Errors
    /// The device does not give them back.
    pub fn of<const D: usize>(tensor: &Tensor<D>) -> Result<Values, ModelError> {
        match Resident::of(tensor.clone()) {
            Ok(values) => Ok(Values(values)),
            Err(tensor) => {
                let values = tensor.try_to_vec_as::<f32>().map_err(|error| ModelError::Read {
                    shape: tensor.dims().to_vec(),
                    message: error.to_string(),
                })?;
                Ok(values.into())
            }
        }
    }

    /// A tensor of these values on `device`, which shares them where it is the CPU.
    pub fn to_tensor(&self, shape: [usize; 2], device: &Device) -> Tensor<2> {
        let host = self.0.clone().into_tensor::<1>();
        let plain = device.clone().inner();
        let tensor = if plain == host.device() {
            host.reshape(shape)
        } else {
            Tensor::from_data(TensorData::new(self.to_vec(), shape), &plain)
        };
        if device.is_autodiff() { Tensor::from_inner(tensor) } else { tensor }
    }
}

impl Default for Values {
    fn default() -> Values {
        Vec::new().into()
    }
}

impl From<Vec<f32>> for Values {
    fn from(values: Vec<f32>) -> Values {
        let shape = [values.len()];
        let tensor = Tensor::<1>::from_data(TensorData::new(values, shape), &Device::flex());
        Values(Resident::of(tensor).unwrap_or_else(|_| unreachable!("it was made on the CPU")))
    }
}

impl FromIterator<f32> for Values {
    fn from_iter<I: IntoIterator<Item = f32>>(values: I) -> Values {
        Vec::from_iter(values).into()
    }
}

impl Deref for Values {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        self.0.values()
    }
}

impl DerefMut for Values {
    /// The values to write to; copied first where they are shared.
    fn deref_mut(&mut self) -> &mut [f32] {
        self.0.values_mut()
    }
}

impl<'a> IntoIterator for &'a Values {
    type Item = &'a f32;
    type IntoIter = std::slice::Iter<'a, f32>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a> IntoIterator for &'a mut Values {
    type Item = &'a mut f32;
    type IntoIter = std::slice::IterMut<'a, f32>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

impl PartialEq for Values {
    fn eq(&self, other: &Values) -> bool {
        **self == **other
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Every tensor of a model by its Hugging Face name; `lm_head.weight` is absent when it is tied.
pub type Weights = BTreeMap<String, HostTensor>;

const EMBEDDING: &str = Part::Embedding.name();
const HEAD: &str = Part::Head.name();

/// BLAKE3, in hexadecimal, over names, shapes and values in the order of names. Equal exactly when
/// the weights are equal bit for bit, whatever file they came from.
pub fn weights_hash(weights: &Weights) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"bourn weights 1\0");
    hasher.update(&(weights.len() as u64).to_le_bytes());
    for (name, tensor) in weights {
        // Lengths before contents, so that no two different lists spell the same bytes.
        hasher.update(&(name.len() as u64).to_le_bytes());
        hasher.update(name.as_bytes());
        hasher.update(&(tensor.shape.len() as u64).to_le_bytes());
        for &d in &tensor.shape {
            hasher.update(&(d as u64).to_le_bytes());
        }
        hasher.update(&little_endian(&tensor.data));
    }
    hasher.finalize().to_hex().to_string()
}

/// The values' bytes as safetensors files and hashes have them; borrowed where memory agrees.
pub(crate) fn little_endian(values: &[f32]) -> std::borrow::Cow<'_, [u8]> {
    if cfg!(target_endian = "little") {
        bytemuck::cast_slice(values).into()
    } else {
        values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>().into()
    }
}

/// Whether a tensor of this name is left unread: buffers that old checkpoints carry and that are
/// recomputed from the configuration.
pub(crate) fn is_recomputed(name: &str) -> bool {
    name.ends_with(".rotary_emb.inv_freq")
}

/// What a tensor without a place is, where its name tells.
fn foreign(name: &str) -> Option<&'static str> {
    /// Ends of names in checkpoints of GPTQ, AWQ, bitsandbytes and FP8.
    const QUANTISED: [&str; 12] = [
        ".qweight",
        ".qzeros",
        ".scales",
        ".g_idx",
        ".weight_scale",
        ".weight_scale_inv",
        ".input_scale",
        ".weight_packed",
        ".absmax",
        ".quant_map",
        ".SCB",
        ".weight_format",
    ];
    if QUANTISED.iter().any(|end| name.ends_with(end)) || name.contains(".quant_state.") {
        return Some(
            "is of a quantised checkpoint, which bourn does not read; use the unquantised model or a GGUF",
        );
    }
    ["lora_A", "lora_B", "lora_embedding", "lora_magnitude"].iter().any(|part| name.contains(part)).then_some(
        "is of a LoRA adapter, which bourn does not apply; merge it into the model with peft's `merge_and_unload`",
    )
}

/// The shape that the configuration gives the tensor, or `None` where it has no place for it.
/// A tied model's own copy of the output head has the embedding's shape.
pub(crate) struct Expected(BTreeMap<String, Vec<usize>>);

impl Expected {
    /// With a place for the copy of the output head that a tied model's file may hold.
    pub(crate) fn new(config: &ModelConfig) -> Expected {
        let mut expected = Expected::of(config);
        if config.tie_embeddings {
            expected.0.insert(HEAD.to_owned(), vec![config.vocab_size, config.hidden_size]);
        }
        expected
    }

    fn of(config: &ModelConfig) -> Expected {
        Expected(config.expected_tensors().into_iter().collect())
    }

    /// Checks a tensor's shape before its values are read.
    pub(crate) fn check(&self, name: &str, found: &[usize]) -> Result<(), ModelError> {
        let (tensor, found) = (name.to_owned(), found.to_vec());
        match self.0.get(name) {
            None => match foreign(name) {
                Some(message) => Err(ModelError::Tensor { tensor, message: message.to_owned() }),
                None => Err(ModelError::UnexpectedTensor { tensor, found }),
            },
            Some(expected) if *expected != found => {
                Err(ModelError::Shape { tensor, found, expected: expected.clone() })
            }
            Some(_) => Ok(()),
        }
    }
}

/// The shape and the number of values of a tensor, for [`ModelConfig::check_tensors`].
pub(crate) fn extent(tensor: &HostTensor) -> (&[usize], usize) {
    (&tensor.shape, tensor.data.len())
}

/// Checks that the weights are those of the configuration, with nothing left over, and that all
/// values are finite.
pub(crate) fn check(config: &ModelConfig, weights: &Weights) -> Result<(), ModelError> {
    let expected = Expected::of(config);
    // What is missing before what is wrong, and of it the first by name.
    if let Some(name) = expected.0.keys().find(|name| !weights.contains_key(*name)) {
        return Err(ModelError::MissingTensor { tensor: name.clone() });
    }
    config.check_tensors(|name| weights.get(name).map(extent))?;
    for (name, tensor) in weights {
        expected.check(name, &tensor.shape)?;
        if let Some(at) = tensor.data.iter().position(|v| !v.is_finite()) {
            let message = format!("is damaged: its value {at} is {}", tensor.data[at]);
            return Err(ModelError::Tensor { tensor: name.clone(), message });
        }
    }
    Ok(())
}

/// Drops a tied model's copy of the output head, then checks the rest. A copy with other values is
/// refused: either it or the configuration is wrong, and which cannot be known.
pub(crate) fn settle(config: &ModelConfig, mut weights: Weights) -> Result<Weights, ModelError> {
    if config.tie_embeddings
        && let Some(head) = weights.remove(HEAD)
        && weights.get(EMBEDDING).is_some_and(|embedding| *embedding != head)
    {
        let message = format!(
            "differs from `{EMBEDDING}` though the configuration ties them; remove it, or set tie_word_embeddings to false"
        );
        return Err(ModelError::Tensor { tensor: HEAD.to_owned(), message });
    }
    check(config, &weights)?;
    Ok(weights)
}

#[cfg(test)]
#[path = "../tests/unit/weights.rs"]
mod tests;
