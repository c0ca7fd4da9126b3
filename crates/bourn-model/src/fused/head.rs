//! The output head: logits of a few rows at a time, never of all.

use bourn_kernel::{
    KernelError, Matrix, MatrixMut, ScoredRow, Store, gemm, rms_norm, rms_norm_backward,
    score_rows, score_rows_backward,
};

use super::{Asked, FusedNetwork, FusedScores, FusedSlopes, Linear, Residents, sum};
use crate::Part;

/// Logits that are in memory at once, in values: 64 MiB.
pub(super) const LOGITS: usize = 1 << 24;

/// What the backward pass of the head needs.
pub(crate) struct Head {
    positions: Vec<usize>,
    targets: Vec<u32>,
    temperature: f32,
    /// The residual stream at `positions`, `[n, hidden]`.
    chosen: Vec<f32>,
    /// All logits, if they are so few that one chunk holds them.
    logits: Option<Vec<f32>>,
}

impl FusedNetwork<'_> {
    /// Scores targets from the final residual stream `x`, `[rows, hidden]`.
    pub(super) fn score_head(
        &self,
        x: &[f32],
        asked: &Asked<'_>,
        keep: bool,
    ) -> Result<(FusedScores, Option<Head>), KernelError> {
        let (hidden, vocabulary) = (self.config.hidden_size, self.config.vocab_size);
        let mut chosen = Vec::with_capacity(asked.positions.len() * hidden);
        for &position in &asked.positions {
            chosen.extend_from_slice(&x[position * hidden..(position + 1) * hidden]);
        }
        let normed = self.final_norm(&chosen)?;
        let mut scored = vec![ScoredRow { logprob: 0.0, entropy: 0.0 }; asked.targets.len()];
        let rows = chunk_rows(vocabulary);
        let mut logits = Vec::new();
        let parts = asked.targets.chunks(rows).zip(scored.chunks_mut(rows));
        for ((targets, scored), normed) in parts.zip(normed.chunks(rows * hidden)) {
            logits.resize(targets.len() * vocabulary, 0.0);
            let out = MatrixMut::new(&mut logits, targets.len(), vocabulary)?;
            self.head().forward(normed, targets.len(), Store::Set, out)?;
            score_rows(&logits, targets, asked.temperature, scored)?;
        }
        let whole = asked.targets.len() <= rows;
        let head = keep.then(|| Head {
            positions: asked.positions.clone(),
            targets: asked.targets.to_vec(),
            temperature: asked.temperature,
            chosen,
            logits: whole.then_some(logits),
        });
        let values = if asked.values { self.read_values(&normed)? } else { Vec::new() };
        let scores = FusedScores {
            logprobs: scored.iter().map(|scored| scored.logprob).collect(),
            entropies: scored.iter().map(|scored| scored.entropy).collect(),
            states: normed,
            values,
        };
        Ok((scores, head))
    }

    /// Adds the gradients of the head's weights to `sums`, and that of the residual stream to
    /// `gradient`, `[rows, hidden]`.
    pub(super) fn head_backward(
        &self,
        head: Head,
        slopes: &FusedSlopes<'_>,
        gradient: &mut [f32],
        sums: &mut Residents,
    ) -> Result<(), KernelError> {
        let (hidden, vocabulary) = (self.config.hidden_size, self.config.vocab_size);
        let Head { positions, targets, temperature, chosen, logits } = head;
        let normed = self.final_norm(&chosen)?;
        let mut normed_gradient = match slopes.states {
            Some(states) => states.to_vec(),
            None => vec![0.0; normed.len()],
        };
        if let Some(values) = slopes.values {
            self.values_backward(values, &normed, &mut normed_gradient, sums)?;
        }
        let rows = chunk_rows(vocabulary);
        let (known, mut logits) = match logits {
            Some(logits) => (true, logits),
            None => (false, Vec::new()),
        };
        for (index, targets) in targets.chunks(rows).enumerate() {
            let part = index * rows..index * rows + targets.len();
            let normed = &normed[part.start * hidden..part.end * hidden];
            if !known {
                logits.resize(targets.len() * vocabulary, 0.0);
                let out = MatrixMut::new(&mut logits, targets.len(), vocabulary)?;
                self.head().forward(normed, targets.len(), Store::Set, out)?;
            }
            let entropies = slopes.entropies.map(|slopes| &slopes[part.clone()]);
            let logprobs = &slopes.logprobs[part.clone()];
            score_rows_backward(&mut logits, targets, temperature, logprobs, entropies)?;
            let dy = Matrix::new(&logits, targets.len(), vocabulary)?;
            let weights = sum(sums, self.head_name());
            self.head().weight_gradient(dy, normed, targets.len(), weights)?;
            let out = &mut normed_gradient[part.start * hidden..part.end * hidden];
            // Continued, from zeros if nothing else goes back: the sum over the vocabulary is long and goes in blocks.
            let weights = Matrix::new(self.head().weights, vocabulary, hidden)?;
            gemm(dy, weights, Store::Continue, MatrixMut::new(out, targets.len(), hidden)?)?;
        }
        let name = Part::FinalNorm.name();
        let weight = self.weight(name);
        rms_norm_backward(&chosen, weight, self.eps(), &mut normed_gradient, sum(sums, name))?;
        for (&position, normed) in positions.iter().zip(normed_gradient.chunks_exact(hidden)) {
            let row = &mut gradient[position * hidden..(position + 1) * hidden];
            row.iter_mut().zip(normed).for_each(|(sum, gradient)| *sum += gradient);
        }
        Ok(())
    }

    fn final_norm(&self, chosen: &[f32]) -> Result<Vec<f32>, KernelError> {
        let mut normed = vec![0.0; chosen.len()];
        rms_norm(chosen, self.weight(Part::FinalNorm.name()), self.eps(), &mut normed)?;
        Ok(normed)
    }

    fn head(&self) -> Linear<'_> {
        let weights = self.weight(self.head_name());
        Linear { weights, outputs: self.config.vocab_size, inputs: self.config.hidden_size }
    }
}

/// Rows of logits that are in memory at once.
fn chunk_rows(vocabulary: usize) -> usize {
    (LOGITS / vocabulary).max(16)
}
