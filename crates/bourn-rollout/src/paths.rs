//! bourn's own engine: one type, and behind it the path of the device it runs on.

use std::ops::ControlFlow;

use bourn_kernel::Storage;
use bourn_model::transformer::Transformer;
use bourn_model::{ModelConfig, Weights};
use burn::tensor::Device;

use crate::device::{Counts, DeviceEngine};
use crate::engine::CpuEngine;
use crate::error::RolloutError;
use crate::generate;
use crate::rollouts::{Capabilities, HoldWeights, Rollouts, weights_of};
use crate::sampler::TokenSampler;
use crate::types::{EngineOptions, Progress, Prompt, Sampling, ScoreItem, Scored, Work};

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
        match bourn_model::is_cpu(device) {
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
}

/// On the CPU, what prompts begin with alike is computed once for all of them; on another device only
/// equal prompts are shared. A prompt's cache is kept while completions of it are under way or may
/// still come, and given up (to be computed again) where it takes the room of a row that waits.
impl Rollouts for Engine {
    fn capabilities(&self) -> Capabilities {
        let exact = match &self.0 {
            Inner::Cpu(engine) => engine.network.storage() == Storage::F32,
            Inner::Device(_) => false,
        };
        let inserts = false;
        Capabilities { exact, entropies: true, scores: true, inserts, continues: true }
    }

    fn draw(
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

    /// Prompts that several items share are computed once, and on the CPU also what prompts begin with
    /// alike. The numbers are those of [`Engine::draw`]: bit for bit on the CPU, up to rounding on
    /// another device.
    fn score(
        &mut self,
        items: &[ScoreItem<'_>],
        sampling: &Sampling,
        on_progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Vec<Scored>, RolloutError> {
        let sampler = TokenSampler::new(sampling)?;
        match &mut self.0 {
            Inner::Cpu(engine) => engine.score_with(items, sampler, on_progress),
            Inner::Device(engine) => engine.score_with(items, sampler, on_progress),
        }
    }
}

impl HoldWeights for Engine {
    fn load(&mut self, weights: &Weights) -> Result<(), RolloutError> {
        match &mut self.0 {
            Inner::Cpu(engine) => engine.update(weights),
            Inner::Device(engine) => engine.update(weights),
        }
    }

    /// The memory of each is given up as it is packed.
    fn refill(&mut self, weights: Weights) -> Result<(), RolloutError> {
        match &mut self.0 {
            Inner::Cpu(engine) => engine.refill(weights),
            Inner::Device(engine) => engine.update(&weights),
        }
    }

    /// On another device than the CPU the engine keeps what it has, whose shapes its kernels were
    /// tuned for.
    fn release(&mut self) {
        match &mut self.0 {
            Inner::Cpu(engine) => engine.release(),
            Inner::Device(_) => (),
        }
    }

    /// The weights do not leave the device where the engine is on the same.
    fn update_from(&mut self, model: &Transformer) -> Result<(), RolloutError> {
        match &mut self.0 {
            Inner::Device(engine) if engine.shares_device(model) => engine.update_from(model),
            _ => self.load(&weights_of(model)?),
        }
    }
}
