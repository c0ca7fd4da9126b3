//! Tensors of the CPU backend as slices, without a copy.

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::tensor::{Device, Tensor};

/// The values of a tensor that lies in this process's memory, f32 and row-major, shared with it
/// until they are written to.
#[derive(Clone)]
pub struct Resident(FlexTensor);

impl Resident {
    /// Shares the values of `tensor`, leaving its history behind; on another device the tensor comes
    /// back.
    ///
    /// # Errors
    /// The tensor itself, where it is not in this process's memory.
    pub fn of<const D: usize>(tensor: Tensor<D>) -> Result<Resident, Box<Tensor<D>>> {
        let tensor = if tensor.is_autodiff() { tensor.inner() } else { tensor };
        if tensor.device() != Device::flex() {
            return Err(Box::new(tensor));
        }
        let tensor = tensor
            .try_into_primitive::<Flex>()
            .expect("a tensor on this device is a primitive of its backend");
        let whole = tensor.bytes().len() == size_of::<f32>() * tensor.layout().num_elements();
        let plain = tensor.is_contiguous() && tensor.layout().start_offset() == 0;
        Ok(Resident(if plain && whole { tensor } else { tensor.to_contiguous() }))
    }

    /// The values.
    pub fn values(&self) -> &[f32] {
        self.0.storage()
    }

    /// The values to write to: copied first if the tensor is still in use elsewhere.
    pub fn values_mut(&mut self) -> &mut [f32] {
        self.0.storage_mut()
    }

    /// Rows and columns of a matrix.
    pub fn dims(&self) -> [usize; 2] {
        let shape = self.0.layout().shape();
        [shape[0], shape[1]]
    }

    /// The tensor again, without history.
    pub fn into_tensor<const D: usize>(self) -> Tensor<D> {
        Tensor::from_primitive::<Flex>(self.0)
    }
}
