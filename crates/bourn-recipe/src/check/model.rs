//! The policy's source, its shape, and the pretraining of a fresh one.

use super::{Site, nearby};
use crate::error::RecipeError;
use crate::recipe::*;
use crate::written::*;

/// Most parameters of the transformer blocks of a fresh model.
const MAX_PARAMETERS: u128 = 1 << 36;
/// How far the shares of demonstrations may be from 1 together: decimals such as 0.1 are not exact.
const SHARES_TOLERANCE: f64 = 1e-9;

impl Site<'_> {
    pub(super) fn model(&self, written: ModelWritten) -> Result<Model, RecipeError> {
        let source = match (written.path, written.architecture) {
            (Some(path), None) => ModelSource::Path(path),
            (None, Some(shape)) => ModelSource::Architecture(self.architecture(shape)?),
            (Some(_), Some(_)) => {
                return Err(self.error(
                    &["model.architecture"],
                    "the model is given twice, by `path` and by `architecture`; keep one",
                ));
            }
            (None, None) => {
                return Err(self.error(
                    &["model"],
                    "names no model; write `path` (a published one) or `architecture` (a fresh one)",
                ));
            }
        };
        if written.chat_template && matches!(source, ModelSource::Architecture(_)) {
            return Err(self.error(
                &["model.chat_template"],
                "a fresh architecture has no chat template; remove the key",
            ));
        }
        if !written.system_prompt.is_empty() && !written.chat_template {
            return Err(self.error(
                &["model.system_prompt"],
                "has no effect without `chat_template = true`; set that or remove this",
            ));
        }
        Ok(Model {
            source,
            chat_template: written.chat_template,
            system_prompt: written.system_prompt,
        })
    }

    fn architecture(&self, written: ArchitectureWritten) -> Result<Architecture, RecipeError> {
        let hidden = written.hidden_size;
        let heads = written.num_heads;
        let num_kv_heads = written.num_kv_heads.unwrap_or(heads);
        // Three SwiGLU matrices of 8/3 of the width cost what two of four widths would.
        let intermediate_size = written.intermediate_size.unwrap_or((8 * hidden).div_ceil(96) * 32);
        let (head_key, kv_key) =
            ("model.architecture.num_heads", "model.architecture.num_kv_heads");
        if !hidden.is_multiple_of(heads) {
            return Err(self.error(
                &[head_key],
                format!(
                    "{heads} heads do not divide `hidden_size` {hidden}; {}",
                    nearby(hidden, heads)
                ),
            ));
        }
        if !(hidden / heads).is_multiple_of(2) {
            return Err(self.error(
                &[head_key],
                format!(
                    "`hidden_size` / `num_heads` is {}, which rotary positions need to be even",
                    hidden / heads
                ),
            ));
        }
        if !heads.is_multiple_of(num_kv_heads) {
            return Err(self.error(
                &[kv_key],
                format!(
                    "{num_kv_heads} key/value heads do not divide `num_heads` {heads}; {}",
                    nearby(heads, num_kv_heads)
                ),
            ));
        }
        let shape = Architecture {
            hidden_size: hidden,
            num_layers: written.num_layers,
            num_heads: heads,
            num_kv_heads,
            intermediate_size,
            max_position: written.max_position,
            rope_theta: written.rope_theta,
            tie_embeddings: written.tie_embeddings,
        };
        let parameters = block_parameters(&shape);
        if parameters > MAX_PARAMETERS {
            return Err(self.error(
                &["model.architecture.num_layers"],
                format!("the blocks would have {parameters} parameters, more than 2^36"),
            ));
        }
        Ok(shape)
    }

    pub(super) fn base(
        &self,
        written: Option<BaseStage>,
        model: &Model,
    ) -> Result<Option<BaseStage>, RecipeError> {
        match (written, &model.source) {
            (None, ModelSource::Path(_)) => Ok(None),
            (Some(_), ModelSource::Path(_)) => Err(self.error(
                &["base"],
                "pretrains a fresh architecture, but [model] has a `path`; remove this section",
            )),
            (None, ModelSource::Architecture(_)) => Err(self.error(
                &["model.architecture"],
                "a fresh architecture knows nothing yet; add a [base] section that pretrains it",
            )),
            (Some(base), ModelSource::Architecture(_)) => {
                self.demonstrations(&base.demonstrations)?;
                Ok(Some(base))
            }
        }
    }

    fn demonstrations(&self, shares: &Demonstrations) -> Result<(), RecipeError> {
        let Demonstrations { correct, random, misused, malformed } = *shares;
        let sum = correct + random + misused + malformed;
        if (sum - 1.0).abs() > SHARES_TOLERANCE {
            return Err(self.error(
                &["base.demonstrations"],
                format!("the shares sum to {sum}, not to 1 (those not written are 0)"),
            ));
        }
        Ok(())
    }
}

/// Parameters of the blocks' matrices: four of attention, three of SwiGLU.
fn block_parameters(shape: &Architecture) -> u128 {
    let hidden = shape.hidden_size as u128;
    let kv_width = hidden / shape.num_heads as u128 * shape.num_kv_heads as u128;
    let attention = 2 * hidden * hidden + 2 * hidden * kv_width;
    let feed_forward = 3 * hidden * shape.intermediate_size as u128;
    shape.num_layers as u128 * (attention + feed_forward)
}
