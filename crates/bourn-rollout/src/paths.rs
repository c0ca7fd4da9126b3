//! The engine: one interface, and behind it the path of the device it runs on.

use std::ops::ControlFlow;

use bourn_model::transformer::Transformer;
use bourn_model::{ModelConfig, ModelError, Weights};
use burn::tensor::Device;

use crate::device::{Counts, DeviceEngine};
use crate::engine::CpuEngine;
use crate::error::RolloutError;
use crate::generate;
use crate::sampler::Sampler;
use crate::types::{
    Completion, EngineOptions, Progress, Prompt, Request, Sampling, ScoreItem, Scored, Work,
};

/// Draws and scores completions of one model.
pub struct Engine(Inner);

enum Inner {
    Cpu(Box<CpuEngine>),
    Device(Box<DeviceEngine>),
}

impl Engine {
    /// An engine on the CPU, of weights packed for its kernels.
    ///
    /// # Errors
    /// Names the tensor that is missing or misshapen, or the option that is out of range.
    pub fn new(
        config: &ModelConfig,
        weights: &Weights,
        options: &EngineOptions,
    ) -> Result<Engine, RolloutError> {
        Ok(Engine(Inner::Cpu(Box::new(CpuEngine::new(config, weights, options)?))))
    }

    /// [`Engine::new`] with weights that nothing else needs: the memory of each is given up as it is
    /// packed, where nothing shares it.
    ///
    /// # Errors
    /// As [`Engine::new`].
    pub fn consuming(
        config: &ModelConfig,
        weights: Weights,
        options: &EngineOptions,
    ) -> Result<Engine, RolloutError> {
        Ok(Engine(Inner::Cpu(Box::new(CpuEngine::consuming(config, weights, options)?))))
    }

    /// An engine on `device`: [`Engine::consuming`] on the CPU, [`Engine::on_device`] elsewhere.
    ///
    /// # Errors
    /// As theirs.
    pub fn open(
        config: &ModelConfig,
        weights: Weights,
        options: &EngineOptions,
        device: &Device,
    ) -> Result<Engine, RolloutError> {
        match device.clone().inner() == Device::flex() {
            true => Engine::consuming(config, weights, options),
            false => Engine::on_device(config, &weights, options, &device.clone().inner()),
        }
    }

    /// An engine on any device that Burn knows, composed of Burn's operations. Its numbers are those
    /// of the CPU's up to rounding. It keeps weights as they are alone.
    ///
    /// # Errors
    /// Names the tensor that is missing or misshapen, or the option that is out of range; rounded
    /// weights are refused.
    pub fn on_device(
        config: &ModelConfig,
        weights: &Weights,
        options: &EngineOptions,
        device: &Device,
    ) -> Result<Engine, RolloutError> {
        let engine = DeviceEngine::new(config, weights, options, device)?;
        Ok(Engine(Inner::Device(Box::new(engine))))
    }

    /// Replaces the weights, after an optimiser update; their memory is reused.
    ///
    /// # Errors
    /// Names the tensor that is missing or misshapen; the engine then has its old weights.
    pub fn update(&mut self, weights: &Weights) -> Result<(), RolloutError> {
        match &mut self.0 {
            Inner::Cpu(engine) => engine.update(weights),
            Inner::Device(engine) => engine.update(weights),
        }
    }

    /// [`Engine::update`] with weights that nothing else needs: the memory of each is given up as it is
    /// packed, where nothing shares it.
    ///
    /// # Errors
    /// As [`Engine::update`].
    pub fn refill(&mut self, weights: Weights) -> Result<(), RolloutError> {
        match &mut self.0 {
            Inner::Cpu(engine) => engine.refill(weights),
            Inner::Device(engine) => engine.update(&weights),
        }
    }

    /// Gives up the memory of weights and cache until [`Engine::update`], [`Engine::update_from`] or
    /// [`Engine::refill`]: gradients and activations can have it in between. To draw before that is an
    /// error. On another device than the CPU the engine keeps what it has, whose shapes its kernels
    /// were tuned for.
    pub fn release(&mut self) {
        match &mut self.0 {
            Inner::Cpu(engine) => engine.release(),
            Inner::Device(_) => (),
        }
    }

    /// Replaces the weights by those of `model`, which do not leave the device where the engine is on
    /// the same.
    ///
    /// # Errors
    /// As [`Engine::update`].
    pub fn update_from(&mut self, model: &Transformer) -> Result<(), RolloutError> {
        match &mut self.0 {
            Inner::Device(engine) if engine.shares_device(model) => engine.update_from(model),
            _ => {
                let weights = model.to_weights();
                let unread =
                    |error: ModelError| RolloutError::Device { message: error.to_string() };
                self.update(&weights.map_err(unread)?)
            }
        }
    }

    /// What has gone between the host and the device since the engine was made; `None` on the CPU,
    /// where nothing does.
    pub fn counts(&self) -> Option<Counts> {
        match &self.0 {
            Inner::Cpu(_) => None,
            Inner::Device(engine) => Some(engine.counts()),
        }
    }

    /// Rows of tokens that the model has been run on since the engine was made: of prompts and
    /// beginnings that were prefilled, of tokens that were drawn or scored and fed back.
    pub fn rows_run(&self) -> u64 {
        match &self.0 {
            Inner::Cpu(engine) => engine.rows_run(),
            Inner::Device(engine) => engine.counts().rows,
        }
    }

    /// Bytes of cache that are kept for the next call: after one that ended well, the most that it
    /// used at once; none on another device than the CPU.
    pub fn cached_bytes(&self) -> usize {
        match &self.0 {
            Inner::Cpu(engine) => engine.cached_bytes(),
            Inner::Device(_) => 0,
        }
    }

    /// Draws the completions of each request, in the order of their sample indices.
    ///
    /// The t-th token of a completion is drawn with the t-th number of a ChaCha8 stream keyed by
    /// (seed, purpose, step, stream, sample index). `on_progress` is called after every pass of the
    /// model; where it breaks, the call ends with [`RolloutError::Interrupted`].
    ///
    /// # Errors
    /// Names the problem at fault: an empty or overlong prompt, a token outside the vocabulary, a
    /// cache too small for one completion, logits that are not finite.
    pub fn generate(
        &mut self,
        requests: &[Request<'_>],
        sampling: &Sampling,
        on_progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Vec<Vec<Completion>>, RolloutError> {
        match &mut self.0 {
            Inner::Cpu(engine) => {
                generate::generate(&mut **engine, requests, sampling, on_progress)
            }
            Inner::Device(engine) => {
                let result = generate::generate(&mut **engine, requests, sampling, on_progress);
                engine.end();
                result
            }
        }
    }

    /// Draws the completions that `work` asks for, for as long as it asks, and hands each back as it
    /// ends. Each is the same as [`Engine::generate`] gives for the same prompt, stream and sample
    /// index, whatever is under way with it.
    ///
    /// What prompts begin with alike is computed once for all of them on the CPU; on another device
    /// only equal prompts are shared. A prompt's cache is kept while completions of it are under way or
    /// may still come, and given up (to be computed again) where it takes the room of a completion that
    /// waits.
    ///
    /// # Errors
    /// As [`Engine::generate`].
    pub fn stream(
        &mut self,
        prompts: &[Prompt<'_>],
        sampling: &Sampling,
        work: &mut dyn Work,
        on_progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), RolloutError> {
        match &mut self.0 {
            Inner::Cpu(engine) => {
                generate::stream(&mut **engine, prompts, sampling, work, on_progress)
            }
            Inner::Device(engine) => {
                let result = generate::stream(&mut **engine, prompts, sampling, work, on_progress);
                engine.end();
                result
            }
        }
    }

    /// log π(token | prompt, tokens before) of each token of each completion, and the entropies
    /// before them, under the full softmax at `temperature` (1e-4 to 1e4).
    ///
    /// Prompts that several items share are computed once, and on the CPU also what prompts begin with
    /// alike. The numbers are those that
    /// [`Engine::generate`] gives for the same tokens: bit for bit on the CPU, up to rounding on
    /// another device. `on_progress` is called after every pass of the model; where it breaks, the
    /// call ends with [`RolloutError::Interrupted`].
    ///
    /// # Errors
    /// Names the item at fault by its index: an empty or overlong prompt, a token outside the
    /// vocabulary, a cache too small for it alone, logits that are not finite.
    pub fn score(
        &mut self,
        items: &[ScoreItem<'_>],
        temperature: f64,
        on_progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Vec<Scored>, RolloutError> {
        self.score_with(items, Sampler::whole(temperature)?, on_progress)
    }

    /// As [`Engine::score`], with the truncation of `sampling` too: the sampled log-probs are those
    /// that [`Engine::generate`] gives for the same tokens, and `None` where it could not have drawn
    /// the token. Only what makes a distribution of logits is used of `sampling`.
    ///
    /// # Errors
    /// As [`Engine::score`].
    pub fn score_sampled(
        &mut self,
        items: &[ScoreItem<'_>],
        sampling: &Sampling,
        on_progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Vec<Scored>, RolloutError> {
        self.score_with(items, Sampler::new(sampling)?, on_progress)
    }

    fn score_with(
        &mut self,
        items: &[ScoreItem<'_>],
        sampler: Sampler,
        on_progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Vec<Scored>, RolloutError> {
        match &mut self.0 {
            Inner::Cpu(engine) => engine.score_with(items, sampler, on_progress),
            Inner::Device(engine) => engine.score_with(items, sampler, on_progress),
        }
    }
}
