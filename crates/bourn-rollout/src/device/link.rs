//! What goes between the host and the device, all of it through here and counted.

use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::error::RolloutError;

/// What an engine has asked of its device since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tensors read back, each of which waits until the device has come so far.
    pub reads: u64,
    /// Tensors of indices and random numbers sent; weights are not counted.
    pub writes: u64,
    /// Passes of the model: one for each token of a whole batch, or for a chunk of each prompt.
    pub passes: u64,
    /// Rows of tokens that went through the model in them, those that fill up a shape included.
    pub rows: u64,
    /// Composed operations: matrix products, norms, rotations, cache writes, attentions, stages of the
    /// sampler. Each is a fixed number of kernels.
    pub operations: u64,
    /// Tokens drawn and scored, the rows' own.
    pub tokens: u64,
    /// Tokens that rows went on with, each a row's place in a step that drew nothing for it.
    pub given: u64,
}

/// The way to the device and back.
pub(crate) struct Link {
    pub(crate) device: Device,
    pub(crate) counts: Counts,
}

impl Link {
    pub(crate) fn new(device: &Device) -> Link {
        Link { device: device.clone(), counts: Counts::default() }
    }

    /// Sends rows of equally many integers.
    pub(crate) fn write<const ROWS: usize>(&mut self, rows: [Vec<i32>; ROWS]) -> Tensor<2, Int> {
        self.counts.writes += 1;
        let width = rows.first().map_or(0, Vec::len);
        Tensor::from_data(TensorData::new(rows.concat(), [ROWS, width]), &self.device)
    }

    /// Waits for the device and reads a tensor back.
    pub(crate) fn read(&mut self, tensor: &Tensor<2>) -> Result<Vec<f32>, RolloutError> {
        self.counts.reads += 1;
        let values = tensor.try_to_vec_as::<f32>();
        values.map_err(|error| RolloutError::Device { message: error.to_string() })
    }

    /// Notes a composed operation.
    pub(crate) fn operation(&mut self) {
        self.counts.operations += 1;
    }
}

/// One of the rows of a tensor that was written, `[n]`.
pub(crate) fn row(written: &Tensor<2, Int>, index: usize) -> Tensor<1, Int> {
    let width = written.dims()[1];
    written.clone().narrow(0, index, 1).reshape([width])
}
