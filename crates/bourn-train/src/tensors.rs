//! Host tensors in a safetensors file: the optimiser's moments.

use std::fs;
use std::path::Path;

use bourn_model::{HostTensor, Weights};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::error::TrainError;

/// Writes `weights` to `path` in f32.
pub fn write(path: &Path, weights: &Weights) -> Result<(), TrainError> {
    let bytes: Vec<Vec<u8>> = weights
        .values()
        .map(|tensor| tensor.data.iter().flat_map(|value| value.to_le_bytes()).collect())
        .collect();
    let mut views = Vec::with_capacity(weights.len());
    for ((name, tensor), bytes) in weights.iter().zip(&bytes) {
        let view = TensorView::new(Dtype::F32, tensor.shape.clone(), bytes);
        views.push((name.as_str(), view.map_err(|error| fault(path, &error))?));
    }
    safetensors::serialize_to_file(views, None, path)
        .map_err(std::io::Error::other)
        .map_err(TrainError::io(path, "writing the file"))
}

/// Reads what [`write`] wrote.
///
/// # Errors
/// The file is missing, torn, or holds another type than f32.
pub fn read(path: &Path) -> Result<Weights, TrainError> {
    let bytes = fs::read(path).map_err(TrainError::io(path, "reading the file"))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|error| fault(path, &error))?;
    let mut weights = Weights::new();
    for (name, view) in file.iter() {
        if view.dtype() != Dtype::F32 {
            return Err(TrainError::OptimizerState { tensor: name.to_owned() });
        }
        let value = |chunk: &[u8]| f32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]);
        let data = view.data().chunks_exact(4).map(value).collect();
        weights.insert(name.to_owned(), HostTensor { shape: view.shape().to_vec(), data });
    }
    Ok(weights)
}

fn fault(path: &Path, error: &dyn std::fmt::Display) -> TrainError {
    TrainError::Checkpoint { path: path.to_owned(), problem: error.to_string() }
}
