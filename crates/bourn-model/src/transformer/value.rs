//! A value head on a transformer: one number a token, read from its hidden state.

use burn::tensor::{Tensor, TensorData};

use super::{Packed, Trace, Transformer, Way, indices, leaf, to_vec};
use crate::{HostTensor, ModelError, Weights};

const WEIGHT: &str = "value_head.weight";
const BIAS: &str = "value_head.bias";

impl Transformer {
    /// The same model with a value head that says 0 of everything. Its two parameters, `[1,
    /// hidden_size]` and `[1, 1]`, are trained with the others, and are no part of
    /// [`Transformer::to_weights`].
    pub fn with_value_head(mut self) -> Transformer {
        for (name, width) in [(WEIGHT, self.config.hidden_size), (BIAS, 1)] {
            let zeros = Tensor::<2>::zeros([1, width], &self.device);
            self.parameters.insert(name.to_owned(), leaf(zeros));
        }
        self
    }

    /// The value head's parameters, read back to the host; none without one.
    pub fn value_head(&self) -> Weights {
        let read = |name: &str| {
            let tensor = self.parameters.get(name)?;
            let shape = tensor.dims().to_vec();
            Some((name.to_owned(), HostTensor { shape, data: to_vec(tensor) }))
        };
        [BIAS, WEIGHT].into_iter().filter_map(read).collect()
    }

    /// Puts what [`Transformer::value_head`] gave back; a model without a head gets one.
    ///
    /// # Errors
    /// Names the tensor that is missing or misshapen, with both shapes.
    pub fn set_value_head(&mut self, weights: &Weights) -> Result<(), ModelError> {
        for (name, width) in [(WEIGHT, self.config.hidden_size), (BIAS, 1)] {
            let host = weights
                .get(name)
                .ok_or_else(|| ModelError::MissingTensor { tensor: name.to_owned() })?;
            if host.shape != [1, width] || host.data.len() != width {
                return Err(ModelError::Shape {
                    tensor: name.to_owned(),
                    expected: vec![1, width],
                    found: host.shape.clone(),
                });
            }
            let data = TensorData::new(host.data.clone(), [1, width]);
            let tensor = Tensor::from_data(data, &self.device);
            self.parameters.insert(name.to_owned(), leaf(tensor));
        }
        Ok(())
    }

    /// The value of the prefix that ends at each of `positions`, packed indices, `[n]`, and the way
    /// back from a loss of them; zeros without a head. Composed of Burn's operations.
    pub fn values(&self, batch: &Packed, positions: Vec<i64>) -> (Tensor<1>, Trace) {
        let count = positions.len();
        let (Some(weight), Some(bias)) = (self.parameters.get(WEIGHT), self.parameters.get(BIAS))
        else {
            return (Tensor::zeros([count], &self.device), Trace(Way::Graph));
        };
        let hidden = self.hidden(batch).select(0, indices(positions, &self.device)); // [n, hidden]
        let values = hidden.matmul(weight.clone().transpose()) + bias.clone(); // [n, 1]
        (values.reshape([count]), Trace(Way::Graph))
    }
}
