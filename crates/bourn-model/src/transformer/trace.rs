//! The way back from a loss to the parameters: Burn's graph all the way, or as far as the scores and by
//! hand from there.

use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::{Device, Gradients, Tensor};

use super::{FITS, TokenScores, Transformer};
use crate::fused::{FusedSlopes, Tape};
use crate::resident::Resident;

/// The way back from a loss of [`TokenScores`] or hidden states to the parameters.
pub struct Trace(pub(super) Way);

pub(super) enum Way {
    /// Burn's own graph, from the parameters on.
    Graph,
    /// Burn's graph from the scores on, and from there to the parameters by hand.
    Fused(Box<(Tape, GraphStart)>),
}

/// What Burn's graph begins with.
#[derive(Default)]
pub(super) struct GraphStart {
    pub(super) scores: Option<TokenScores>,
    pub(super) states: Option<Tensor<2>>,
    pub(super) values: Option<Tensor<1>>,
}

impl Trace {
    /// Without a tape there is nothing to go back from by hand.
    pub(super) fn of(tape: Option<Tape>, start: GraphStart) -> Trace {
        match tape {
            None => Trace(Way::Graph),
            Some(tape) => Trace(Way::Fused(Box::new((tape, start)))),
        }
    }

    /// Adds the gradient of `loss`, a `[1]` tensor, with respect to each parameter of `model`, which
    /// this is the trace of, to the tensor of its name in `sums`. Those of names that are not in it are dropped.
    pub fn add_gradients(
        self,
        model: &Transformer,
        loss: Tensor<1>,
        sums: &mut BTreeMap<String, Tensor<2>>,
    ) {
        let mut gradients = loss.backward();
        let Trace(Way::Fused(way)) = self else {
            for (name, parameter) in model.parameters() {
                if let Some(gradient) = parameter.grad_remove(&mut gradients)
                    && let Some(sum) = sums.remove(name)
                {
                    sums.insert(name.clone(), sum + gradient);
                }
            }
            return;
        };
        let (tape, GraphStart { scores, states, values }) = *way;
        let values = values.as_ref().map(|values| slopes(values, &mut gradients));
        let states = states.as_ref().map(|states| slopes(states, &mut gradients));
        let entropies = scores.as_ref().and_then(|scores| scores.entropies.as_ref());
        let entropies = entropies.map(|entropies| slopes(entropies, &mut gradients));
        let logprobs = scores.as_ref().map(|scores| slopes(&scores.logprobs, &mut gradients));
        let slopes = FusedSlopes {
            logprobs: logprobs.as_deref().unwrap_or_default(),
            entropies: entropies.as_deref(),
            states: states.as_deref(),
            values: values.as_deref(),
        };
        // The fused pass has a sum for every parameter.
        let asked: BTreeSet<String> = sums.keys().cloned().collect();
        for (name, parameter) in model.parameters() {
            let zeros = || Tensor::zeros(parameter.dims(), &Device::flex());
            sums.entry(name.clone()).or_insert_with(zeros);
        }
        let share = |(name, sum)| Some((name, Resident::of::<2>(sum).ok()?));
        let (Some(weights), Some(mut totals)) =
            (model.residents(), std::mem::take(sums).into_iter().map(share).collect())
        else {
            unreachable!("{ON_THE_CPU}")
        };
        model.network(&weights).backward(tape, &slopes, &mut totals).expect(FITS);
        *sums = totals.into_iter().map(|(name, sum)| (name, sum.into_tensor())).collect();
        sums.retain(|name, _| asked.contains(name));
    }
}

/// The gradient of what the graph of a fused pass began with; 0 where the loss does not depend on it.
fn slopes<const D: usize>(start: &Tensor<D>, gradients: &mut Gradients) -> Vec<f32> {
    match start.grad_remove(gradients).map(Resident::of) {
        Some(Ok(gradient)) => gradient.values().to_vec(),
        Some(Err(_)) => unreachable!("{ON_THE_CPU}"),
        None => vec![0.0; start.dims().iter().product()],
    }
}

/// Why what a fused pass has to do with is in memory.
const ON_THE_CPU: &str =
    "the fused pass is taken on the CPU alone, where parameters, sums and gradients lie";
