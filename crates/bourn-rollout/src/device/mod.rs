//! The engine on every device but the CPU's kernels, composed of Burn's operations.
//!
//! It is built for a device that is far from the host. Shapes come in few sizes ([`buckets`]); a token
//! of the whole batch costs one write of integers, one pass of the model, and one read of what the
//! sampler, which runs on the device, has drawn. What was drawn stays there as the next step's input.
//!
//! A prompt is prefilled up to its last token, once for all completions, and copied into the rows that
//! start from it; each row reads the last token itself. So every row, new or old, is in the same
//! step, and there are no logits but those that are drawn from. Prompts are shared by those equal to
//! them alone: what different prompts begin with is computed for each.

mod buckets;
mod decoding;
mod lanes;
mod link;
mod network;
mod sampler;
mod score;

use std::collections::BTreeMap;

use bourn_episode::Inputs;
use bourn_kernel::Storage;
use bourn_model::transformer::Transformer;
use bourn_model::{ModelConfig, Weights};
use burn::tensor::{Device, Tensor, TensorData};

use crate::device::decoding::Decoding;
use crate::device::lanes::{Lanes, Prefilled};
use crate::device::link::{Link, row};
use crate::device::network::{DeviceFed, DeviceNetwork};
use crate::engine::{check_options, check_prompt, positions};
use crate::error::RolloutError;
use crate::generate::{DrawingRows, Group, RolloutRow};
use crate::path::{Call, Path};
use crate::sampler::SampledToken;
use crate::types::EngineOptions;

pub use buckets::cache_bytes;
pub use link::Counts;

/// Draws and scores completions on a device of Burn's.
pub(crate) struct DeviceEngine {
    network: DeviceNetwork,
    link: Link,
    batch_size: usize,
    /// Positions of cache that there may be.
    budget: usize,
    call: DeviceLimits,
    /// Positions of cache that each prompt of the call takes.
    costs: Vec<usize>,
    /// The rows of the call that is under way.
    decoding: Option<Decoding>,
}

/// What a call may have, in rows and positions of cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct DeviceLimits {
    rows: usize,
    /// Left for prompts, beside that many rows of the longest.
    prompts: usize,
}

impl DeviceEngine {
    pub(crate) fn new(
        config: &ModelConfig,
        weights: &Weights,
        options: &EngineOptions,
        device: &Device,
    ) -> Result<DeviceEngine, RolloutError> {
        check_options(options)?;
        if options.storage != Storage::F32 {
            return Err(RolloutError::Rounded);
        }
        crate::network::check(config, weights)?;
        let device = device.clone().inner();
        Ok(DeviceEngine {
            network: DeviceNetwork::new(config, |name| upload(weights, name, &device)),
            link: Link::new(&device),
            batch_size: options.batch_size,
            budget: options.cache_bytes / buckets::position_bytes(config).max(1),
            call: DeviceLimits::default(),
            costs: Vec::new(),
            decoding: None,
        })
    }

    pub(crate) fn update(&mut self, weights: &Weights) -> Result<(), RolloutError> {
        crate::network::check(&self.network.config, weights)?;
        let device = &self.link.device;
        self.network.load(|name| upload(weights, name, device));
        Ok(())
    }

    /// Whether the model's parameters lie on the engine's device.
    pub(crate) fn shares_device(&self, model: &Transformer) -> bool {
        model.device().clone().inner() == self.link.device
    }

    pub(crate) fn update_from(&mut self, model: &Transformer) -> Result<(), RolloutError> {
        let model = model.frozen();
        let own: BTreeMap<_, _> = model.config().expected_tensors().into_iter().collect();
        let found = |name: &str| own.get(name).map(|shape| (&shape[..], shape.iter().product()));
        self.network
            .config
            .check_tensors(found)
            .map_err(|error| RolloutError::Weights { problem: error.to_string() })?;
        // Every name asked for is one of those that have just been checked.
        self.network.load(|name| model.parameters()[name].clone());
        Ok(())
    }

    pub(crate) fn counts(&self) -> Counts {
        self.link.counts
    }

    /// Gives up the cache of a call that is over.
    pub(crate) fn end(&mut self) {
        self.decoding = None;
    }

    /// Fails where one completion alone does not fit: a row of `length` positions and its prompt.
    fn check_budget(
        &self,
        prompt: usize,
        completion: usize,
        length: usize,
        subject: &dyn Fn() -> String,
    ) -> Result<(), RolloutError> {
        let needed = prompt_positions(prompt).saturating_add(length);
        if needed <= self.budget {
            return Ok(());
        }
        let bytes = buckets::position_bytes(&self.network.config);
        Err(RolloutError::CacheBudget {
            subject: subject(),
            prompt,
            completion,
            needed: needed.saturating_mul(bytes),
            budget: self.budget * bytes,
        })
    }

    /// Prefills prompts. `after_pass` is called after every pass of the model.
    fn prefill_all(
        &mut self,
        prompts: &[&Inputs],
        after_pass: &mut dyn FnMut() -> Result<(), RolloutError>,
    ) -> Result<Vec<Prefilled>, RolloutError> {
        let mut by_length: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (index, prompt) in prompts.iter().enumerate() {
            by_length.entry(prompt_positions(prompt.len())).or_default().push(index);
        }
        let mut all: Vec<_> = prompts.iter().map(|_| Prefilled::default()).collect();
        by_length.remove(&0);
        for (length, indices) in by_length {
            let mut rest = &indices[..];
            while !rest.is_empty() {
                // Powers of two, so that no row is padding.
                let count = buckets::together(&self.network.config, rest.len(), length);
                let (now, later) = rest.split_at(count);
                rest = later;
                let together: Vec<&[u32]> = now.iter().map(|&index| prompts[index].ids()).collect();
                let prefilled = self.prefill_together(&together, length, after_pass)?;
                for (&index, prefilled) in now.iter().zip(prefilled) {
                    all[index] = prefilled;
                }
            }
        }
        Ok(all)
    }

    /// Prefills prompts that have as many cached positions, a power of two of them, and calls
    /// `after_pass` after each chunk.
    fn prefill_together(
        &mut self,
        prompts: &[&[u32]],
        length: usize,
        after_pass: &mut dyn FnMut() -> Result<(), RolloutError>,
    ) -> Result<Vec<Prefilled>, RolloutError> {
        let config = &self.network.config;
        let longest = prompts.iter().map(|prompt| positions(prompt.len())).max().unwrap_or(0);
        let (chunk, _) = buckets::chunk(config, prompts.len(), 0, length, length);
        let mut lanes = Lanes::new(config, prompts.len(), length, &self.link.device);
        for start in (0..longest).step_by(chunk) {
            // Padding repeats a token that is read anyway: another might not even be finite.
            let token = |prompt: &&[u32], i| {
                prompt.get(start + i).or(prompt.last()).copied().unwrap_or(0) as i32
            };
            let tokens =
                prompts.iter().flat_map(|prompt| (0..chunk).map(move |i| token(prompt, i)));
            let places = prompts.iter().flat_map(|_| (start..start + chunk).map(|i| i as i32));
            let written = self.link.write([tokens.collect(), places.collect()]);
            let fed = DeviceFed {
                tokens: row(&written, 0),
                positions: row(&written, 1).reshape([prompts.len(), chunk]),
            };
            self.network.forward(&fed, &mut lanes, &mut self.link);
            after_pass()?;
        }
        Ok(lanes.split(&mut self.link))
    }
}

impl Path for DeviceEngine {
    /// None once closed: the rows that started from it have copies.
    type Prompt = Option<Prefilled>;
    /// The slot; none before the first step.
    type Cache = Option<usize>;

    fn config(&self) -> &ModelConfig {
        &self.network.config
    }

    fn admit(
        &mut self,
        prompt: &Inputs,
        room: usize,
        subject: &dyn Fn() -> String,
    ) -> Result<(), RolloutError> {
        check_prompt(&self.network.config, prompt, room, subject)?;
        let length = buckets::positions(prompt.len() + positions(room));
        self.check_budget(prompt.len(), room, length, subject)
    }

    /// Rows of the longest are set aside at once, as the lanes have one length: as many as fit beside
    /// the longest prompt.
    fn begin(&mut self, call: Call<'_>) {
        self.decoding = None;
        self.costs = call.prompts.iter().map(|prompt| prompt_positions(prompt.len())).collect();
        let prompt = call.prompts.iter().map(|prompt| prompt.len()).max().unwrap_or(0);
        let longest = prompt.saturating_add(positions(call.room));
        let length = buckets::positions(longest).max(1);
        let prompt = prompt_positions(prompt);
        let fit = self.budget.saturating_sub(prompt) / length;
        // Multiples of eight, so that calls of similar prompts have the same shapes.
        let fit = if fit < 8 { fit } else { fit / 8 * 8 };
        let rows = self.batch_size.min(fit);
        self.call = DeviceLimits { rows, prompts: self.budget.saturating_sub(rows * length) };
    }

    fn most_rows(&self) -> usize {
        self.call.rows
    }

    fn most_prompts(&self) -> usize {
        usize::MAX
    }

    fn prompt_cost(&self, group: usize) -> usize {
        self.costs[group]
    }

    /// Nothing beside the rows that have been set aside.
    fn row_cost(&self, _: usize, _: usize) -> usize {
        0
    }

    fn reserve(&mut self, cost: usize) -> bool {
        let fits = cost <= self.call.prompts;
        if fits {
            self.call.prompts -= cost;
        }
        fits
    }

    fn prefill(
        &mut self,
        groups: &[Group<'_, Option<Prefilled>>],
        fresh: &[usize],
        after_pass: &mut dyn FnMut() -> Result<(), RolloutError>,
    ) -> Result<Vec<Option<Prefilled>>, RolloutError> {
        let prompts: Vec<&Inputs> = fresh.iter().map(|&group| groups[group].prompt).collect();
        let all = self.prefill_all(&prompts, after_pass)?;
        Ok(all.into_iter().map(Some).collect())
    }

    /// One token of each row is read, whatever it has pending: shapes stay those of decoding. What the
    /// work has given to go on with costs a step a token, in which the other rows draw; what such a
    /// step draws for the row is dropped, and takes no random number.
    fn step(
        &mut self,
        groups: &[Group<'_, Option<Prefilled>>],
        rows: &mut [RolloutRow<'_, Option<usize>>],
        first_new: usize,
        draw: DrawingRows<'_>,
    ) -> Result<u64, RolloutError> {
        let (config, link) = (&self.network.config, &mut self.link);
        let size = decoding::size(rows, self.call.rows);
        let decoding = self.decoding.get_or_insert_with(|| Decoding::new(config, size, link));
        decoding.seat(config, size, groups, rows, first_new, link);
        let slots = decoding.lanes.rows;
        // A slot that is free reads token 0 at position 0, which a new row overwrites.
        let mut given = vec![0; slots];
        let mut places = vec![0; slots];
        let mut numbers = vec![0; slots];
        for row in rows.iter_mut() {
            let Some(slot) = row.cache else { continue };
            let drawn = row.completion.tokens.len();
            given[slot] = match row.pending.pop_front() {
                Some(pending) => pending as i32,
                None if drawn == 0 => {
                    groups[row.group].prompt.ids().last().copied().unwrap_or(0) as i32
                }
                None => DRAWN,
            };
            places[slot] = (row.before + drawn - row.pending.len() - 1) as i32;
            if row.pending.is_empty() {
                numbers[slot] = (row.random() >> 40) as i32;
            }
        }
        let written = self.link.write([given, places, numbers]);
        let given = row(&written, 0);
        let continues = given.clone().equal_scalar(DRAWN);
        let fed = DeviceFed {
            tokens: given.mask_where(continues, decoding.drawn.clone()),
            positions: row(&written, 1).reshape([slots, 1]),
        };
        // Multiples of 2⁻²⁴ in [0, 1).
        let uniform = row(&written, 2).float().mul_scalar((0.5_f32).powi(24)).reshape([slots, 1]);
        let x = self.network.forward(&fed, &mut decoding.lanes, &mut self.link);
        let logits = self.network.logits(x, &mut self.link);
        let (tokens, packed) = sampler::draw(&draw.sampler, logits, uniform, &mut self.link);
        decoding.drawn = tokens;

        let values = self.link.read(&packed)?;
        let mut count = 0;
        // A row that still has tokens to read has drawn nothing that counts.
        for row in rows.iter_mut().filter(|row| row.pending.is_empty()) {
            let drawn = row.cache.and_then(|slot| values.get(4 * slot..4 * slot + 4));
            draw.take(row, drawn.and_then(drawn_token))?;
            count += 1;
        }
        self.link.counts.tokens += count;
        self.link.counts.given += rows.len() as u64 - count;
        Ok(count)
    }

    fn leave(&mut self, row: Option<usize>, _: usize) {
        if let (Some(decoding), Some(slot)) = (&mut self.decoding, row) {
            decoding.vacate(slot);
        }
    }

    fn forget(&mut self, prompt: Option<Prefilled>, group: usize) {
        drop(prompt);
        self.call.prompts += self.costs[group];
    }

    fn close(&self, prompt: &mut Option<Prefilled>) {
        *prompt = None;
    }

    fn starts(&self, prompt: &Option<Prefilled>) -> bool {
        prompt.is_some()
    }
}

/// Positions of cache that a prefilled prompt of this many tokens takes.
fn prompt_positions(prompt: usize) -> usize {
    buckets::positions(positions(prompt))
}

/// Stands for the token that the row drew last.
const DRAWN: i32 = -1;

/// One row of what [`sampler::draw`] packs; `None` where a logit was not finite.
fn drawn_token(values: &[f32]) -> Option<SampledToken> {
    let &[token, logprob, sampled_logprob, entropy] = values else { return None };
    let finite = logprob.is_finite() && sampled_logprob.is_finite() && entropy.is_finite();
    // Rounding may leave it below 0.
    let entropy = entropy.max(0.0);
    finite.then_some(SampledToken { token: token as u32, logprob, sampled_logprob, entropy })
}

/// A tensor of checked weights on the device, as a matrix.
fn upload(weights: &Weights, name: &str, device: &Device) -> Tensor<2> {
    let host = &weights[name];
    Tensor::from_data(TensorData::new(host.data.to_vec(), matrix(&host.shape)), device)
}

/// Norms and biases are `[1, n]`.
fn matrix(shape: &[usize]) -> [usize; 2] {
    match *shape {
        [rows, columns] => [rows, columns],
        _ => [1, shape.iter().product()],
    }
}

#[cfg(test)]
#[path = "../../tests/unit/device/testing.rs"]
mod testing;
