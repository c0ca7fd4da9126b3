//! The value head: one number of a final hidden state.

use bourn_kernel::{KernelError, Matrix, MatrixMut, Store, add_row_sums};

use super::{FusedNetwork, Linear, Residents, sum};
use crate::Part;

const WEIGHT: &str = Part::Value.name();
const BIAS: &str = Part::ValueBias.name();

impl FusedNetwork<'_> {
    /// The value of each final hidden state of `normed`, `[n, hidden]`.
    pub(super) fn read_values(&self, normed: &[f32]) -> Result<Vec<f32>, KernelError> {
        let rows = normed.len() / self.config.hidden_size;
        let mut values = vec![0.0; rows];
        let store = Store::SetBiased(self.weight(BIAS));
        self.value_head().forward(normed, rows, store, MatrixMut::new(&mut values, rows, 1)?)?;
        Ok(values)
    }

    /// Adds the gradients of the value head to `sums`, and that of the hidden states `normed` to
    /// `gradient`, both `[n, hidden]`, given that of the values, `[n]`.
    pub(super) fn values_backward(
        &self,
        slopes: &[f32],
        normed: &[f32],
        gradient: &mut [f32],
        sums: &mut Residents,
    ) -> Result<(), KernelError> {
        let rows = slopes.len();
        let dy = Matrix::new(slopes, rows, 1)?;
        self.value_head().weight_gradient(dy, normed, rows, sum(sums, WEIGHT))?;
        add_row_sums(slopes, 1, 0, sum(sums, BIAS))?;
        self.value_head().input_gradient(dy, Store::Continue, gradient, rows)
    }

    fn value_head(&self) -> Linear<'_> {
        Linear { weights: self.weight(WEIGHT), outputs: 1, inputs: self.config.hidden_size }
    }
}
