//! A value head on a transformer: one number a token, read from its hidden state.

use burn::tensor::Tensor;

use super::{GraphStart, Packed, TokenScores, Trace, Transformer, Way, host_tensor, indices, leaf};
use crate::fused::Asked;
use crate::{ModelError, Part, Weights};

const WEIGHT: &str = Part::Value.name();
const BIAS: &str = Part::ValueBias.name();

impl Transformer {
    /// The names of the value head's parameters.
    pub const VALUE_HEAD: [&str; 2] = [BIAS, WEIGHT];

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
    ///
    /// # Errors
    /// Names the tensor that the device does not give back.
    pub fn value_head(&self) -> Result<Weights, ModelError> {
        let here = Transformer::VALUE_HEAD.into_iter();
        let here = here.filter_map(|name| Some((name, self.parameters.get(name)?)));
        here.map(|(name, tensor)| host_tensor(name, tensor, tensor.dims().to_vec())).collect()
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
            let tensor = host.data.to_tensor([1, width], &self.device);
            self.parameters.insert(name.to_owned(), leaf(tensor));
        }
        Ok(())
    }

    /// The value of the prefix that ends at each of `positions`, packed indices, `[n]`, and the way
    /// back from a loss of them; zeros without a head.
    ///
    /// On the CPU this is one fused forward, as [`score`](Transformer::score) is, elsewhere
    /// [`values_composed`](Transformer::values_composed).
    pub fn values(&self, batch: &Packed, positions: Vec<i64>) -> (Tensor<1>, Trace) {
        let Some(weights) = self.residents().filter(|_| self.has_value_head()) else {
            return self.values_composed(batch, positions);
        };
        let count = positions.len();
        let asked = Asked { values: true, ..Asked::states(batch, positions) };
        let (scores, tape) = self.fused(&weights, &asked);
        let values = self.start(scores.values, [count]);
        let start = GraphStart { values: Some(values.clone()), ..GraphStart::default() };
        (values, Trace::of(tape, start))
    }

    /// [`score`](Transformer::score) and [`values`](Transformer::values) of the same prefixes: one
    /// forward for both, and one way back from a loss of both.
    pub fn score_with_values(
        &self,
        batch: &Packed,
        positions: Vec<i64>,
        targets: &[u32],
        temperature: f64,
        with_entropy: bool,
    ) -> (TokenScores, Tensor<1>, Trace) {
        let Some(weights) = self.residents().filter(|_| self.has_value_head()) else {
            // Two forwards in one graph: what the device has no fused pass for is not made fast.
            let (values, _) = self.values_composed(batch, positions.clone());
            let (scores, trace) =
                self.score_composed(batch, positions, targets, temperature, with_entropy);
            return (scores, values, trace);
        };
        let asked =
            Asked { values: true, ..Asked::targets(batch, positions, targets, temperature) };
        let (mut scores, tape) = self.fused(&weights, &asked);
        let values = self.start(std::mem::take(&mut scores.values), [targets.len()]);
        let scores = self.token_scores(scores, with_entropy);
        let start = GraphStart {
            scores: Some(scores.clone()),
            values: Some(values.clone()),
            ..GraphStart::default()
        };
        (scores, values, Trace::of(tape, start))
    }

    /// [`values`](Transformer::values) composed of Burn's operations, on any device.
    pub fn values_composed(&self, batch: &Packed, positions: Vec<i64>) -> (Tensor<1>, Trace) {
        let hidden = self.hidden(batch).select(0, indices(positions, &self.device)); // [n, hidden]
        (self.value_of(hidden), Trace(Way::Graph))
    }

    /// Values that only the head learns from: the trunk's forward keeps nothing, and the way back
    /// ends at the head's two parameters.
    pub fn values_of_head(&self, batch: &Packed, positions: Vec<i64>) -> (Tensor<1>, Trace) {
        let (states, _) = self.frozen().states(batch, positions); // [n, hidden]
        let states = if self.device.is_autodiff() { Tensor::from_inner(states) } else { states };
        (self.value_of(states), Trace(Way::Graph))
    }

    /// Whether there is a value head.
    pub(super) fn has_value_head(&self) -> bool {
        Transformer::VALUE_HEAD.iter().all(|&name| self.parameters.contains_key(name))
    }

    /// The values of hidden states, `[n, hidden]` to `[n]`; zeros without a head.
    fn value_of(&self, states: Tensor<2>) -> Tensor<1> {
        let count = states.dims()[0];
        let (Some(weight), Some(bias)) = (self.parameters.get(WEIGHT), self.parameters.get(BIAS))
        else {
            return Tensor::zeros([count], &self.device);
        };
        (states.matmul(weight.clone().transpose()) + bias.clone()).reshape([count])
    }
}
