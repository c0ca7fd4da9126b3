//! Teacher forcing on a device: completions are fed in chunks, side by side, each from its prompt.

use std::ops::{ControlFlow, Range};

use bourn_episode::Inputs;
use burn::tensor::Tensor;

use crate::device::lanes::{Lanes, Prefilled};
use crate::device::link::row;
use crate::device::network::DeviceFed;
use crate::device::{DeviceEngine, buckets, prompt_positions, sampler};
use crate::engine::{check_prompt, check_tokens, group_by_prompt, positions};
use crate::error::{RolloutError, item};
use crate::generate::report;
use crate::sampler::TokenSampler;
use crate::types::{Progress, ScoreItem, Scored};

/// Most logits at once, 64 MB: scoring is of many tokens of each row.
const LOGITS: usize = 1 << 24;

/// Items that are scored together, with the prompts that they start from.
#[derive(Clone, Debug, Default)]
struct DeviceScoreWave<'a> {
    prompts: Vec<&'a Inputs>,
    /// (item, index into `prompts`), neighbours of one prompt together; no completion is empty.
    items: Vec<(usize, usize)>,
    longest_prompt: usize,
    longest_completion: usize,
}

/// A token to score.
struct DeviceScoreTarget {
    item: usize,
    /// Place in the completion.
    place: usize,
    /// Row of the pass whose logits predict it.
    row: usize,
}

impl<'a> DeviceScoreWave<'a> {
    /// The wave and one item more.
    fn with(mut self, prompt: &'a Inputs, item: usize, completion: usize) -> DeviceScoreWave<'a> {
        if self.prompts.last() != Some(&prompt) {
            self.prompts.push(prompt);
        }
        self.items.push((item, self.prompts.len() - 1));
        self.longest_prompt = self.longest_prompt.max(prompt.len());
        self.longest_completion = self.longest_completion.max(completion);
        self
    }

    fn rows(&self, engine: &DeviceEngine) -> usize {
        buckets::rows(self.items.len(), engine.batch_size)
    }

    /// Positions of cache that the prompts take.
    fn prompts(&self) -> usize {
        self.prompts.iter().map(|prompt| prompt_positions(prompt.len())).sum()
    }

    /// Tokens of each row in one pass, and positions of the cache; these at most `room` if they can.
    fn shape(&self, engine: &DeviceEngine, room: usize) -> (usize, usize) {
        let start = positions(self.longest_prompt);
        let (config, rows) = (&engine.network.config, self.rows(engine));
        buckets::chunk(config, rows, start, self.longest_completion, room)
    }

    /// Whether the batch and the cache hold it with chunks as long as they may be.
    fn fits(&self, engine: &DeviceEngine) -> bool {
        let (_, length) = self.shape(engine, usize::MAX);
        let cost = self.rows(engine) * length + self.prompts();
        self.items.len() <= engine.batch_size && cost <= engine.budget
    }
}

impl DeviceEngine {
    pub(crate) fn score_with(
        &mut self,
        items: &[ScoreItem<'_>],
        sampler: TokenSampler,
        on_progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Vec<Scored>, RolloutError> {
        for (index, &ScoreItem { prompt, completion }) in items.iter().enumerate() {
            let subject = || item(index);
            check_prompt(&self.network.config, prompt, completion.len(), subject)?;
            check_tokens(&self.network.config, completion, subject)?;
            let length = buckets::positions(positions(prompt.len()) + completion.len());
            self.check_budget(prompt.len(), completion.len(), length, &subject)?;
        }
        let mut scored = vec![Scored::of_nothing(); items.len()];
        let empty = items.iter().filter(|item| item.completion.is_empty()).count();
        let mut progress = Progress { completions_done: empty as u64, tokens_done: 0 };
        for wave in self.waves(items) {
            let report_on = &mut || report(on_progress, progress);
            let prompts = self.prefill_all(&wave.prompts, report_on)?;
            // More than the room is never needed: one item alone fits in chunks that are short enough.
            let room = self.budget.saturating_sub(wave.prompts()) / wave.rows(self);
            let (chunk, length) = wave.shape(self, room);
            let (config, device) = (&self.network.config, &self.link.device);
            let mut lanes = Lanes::new(config, wave.rows(self), length, device);
            self.place(&wave, &prompts, &mut lanes);
            drop(prompts);
            for start in (0..wave.longest_completion).step_by(chunk) {
                let fed = start..start + chunk;
                let targets = self.feed(items, &wave, fed, &mut lanes, &sampler, &mut scored)?;
                progress.tokens_done += targets as u64;
                report(on_progress, progress)?;
            }
            progress.completions_done += wave.items.len() as u64;
            report(on_progress, progress)?;
        }
        Ok(scored)
    }

    /// Starts the rows from their prompts.
    fn place(&mut self, wave: &DeviceScoreWave<'_>, prompts: &[Prefilled], lanes: &mut Lanes) {
        let mut start = 0;
        for run in wave.items.chunk_by(|a, b| a.1 == b.1) {
            let rows = start..start + run.len();
            start = rows.end;
            lanes.place(rows, &prompts[run[0].1], &mut self.link);
        }
    }

    /// Feeds the tokens before those at the places `fed` of each completion, and scores these.
    /// Returns how many there were.
    fn feed(
        &mut self,
        items: &[ScoreItem<'_>],
        wave: &DeviceScoreWave<'_>,
        fed: Range<usize>,
        lanes: &mut Lanes,
        sampler: &TokenSampler,
        scored: &mut [Scored],
    ) -> Result<usize, RolloutError> {
        let (rows, chunk) = (lanes.rows, fed.len());
        let mut targets = Vec::new();
        // What is padding goes on after the completion, where nothing looks, and in rows that are
        // padding from the start on.
        let (mut tokens, mut places) = (vec![0; rows * chunk], vec![0; rows * chunk]);
        for row in 0..rows {
            let index = wave.items.get(row).map(|&(index, _)| index);
            let (prompt, completion) =
                index.map_or((&[0][..], &[][..]), |i| (items[i].prompt.ids(), items[i].completion));
            for (i, place) in fed.clone().enumerate() {
                // Padding repeats a token that is read anyway: another might not even be finite.
                let before = place.checked_sub(1).filter(|_| place < completion.len());
                let token = before.map_or(prompt.last(), |before| completion.get(before));
                let at = row * chunk + i;
                tokens[at] = token.copied().unwrap_or(0) as i32;
                places[at] = (positions(prompt.len()) + place) as i32;
                if let Some(item) = index.filter(|_| place < completion.len()) {
                    targets.push(DeviceScoreTarget { item, place, row: at });
                }
            }
        }
        let written = self.link.write([tokens, places]);
        let pass = DeviceFed {
            tokens: row(&written, 0),
            positions: row(&written, 1).reshape([rows, chunk]),
        };
        let x = self.network.forward(&pass, lanes, &mut self.link);
        let values = self.scores(items, &targets, x, sampler)?;
        for (target, values) in targets.iter().zip(values.chunks_exact(4)) {
            let &[inside, logprob, sampled, entropy] = values else { continue };
            if !(logprob.is_finite() && entropy.is_finite()) {
                let position = items[target.item].prompt.len() + target.place - 1;
                return Err(RolloutError::NonFinite { subject: item(target.item), position });
            }
            // Rounding may leave it below 0.
            let (sampled, entropy) = ((inside > 0.0).then_some(sampled), entropy.max(0.0));
            scored[target.item].push(logprob, sampled, entropy);
        }
        self.link.counts.tokens += targets.len() as u64;
        Ok(targets.len())
    }

    /// The scores of the targets from final residuals of a pass, four a target; read once.
    fn scores(
        &mut self,
        items: &[ScoreItem<'_>],
        targets: &[DeviceScoreTarget],
        x: Tensor<2>,
        sampler: &TokenSampler,
    ) -> Result<Vec<f32>, RolloutError> {
        if targets.is_empty() {
            return Ok(Vec::new());
        }
        let most = (LOGITS / self.network.config.vocab_size).max(1);
        let most = 1 << most.ilog2();
        let count = match targets.len() {
            count if count <= most => count.next_power_of_two(),
            count => count.next_multiple_of(most),
        };
        let token = |target: &DeviceScoreTarget| items[target.item].completion[target.place] as i32;
        let mut rows: Vec<i32> = targets.iter().map(|target| target.row as i32).collect();
        let mut tokens: Vec<i32> = targets.iter().map(token).collect();
        rows.resize(count, 0);
        tokens.resize(count, 0);
        let written = self.link.write([rows, tokens]);
        let (rows, tokens) = (row(&written, 0), row(&written, 1));
        let mut all = Vec::new();
        for start in (0..count).step_by(most) {
            let width = most.min(count - start);
            let chosen = x.clone().select(0, rows.clone().narrow(0, start, width));
            let logits = self.network.logits(chosen, &mut self.link);
            let tokens = tokens.clone().narrow(0, start, width);
            all.push(sampler::score(sampler, logits, tokens, &mut self.link));
        }
        self.link.read(&Tensor::cat(all, 0))
    }

    /// Divides the items into waves that fit the batch and the cache, items with equal prompts side
    /// by side.
    fn waves<'a>(&self, items: &[ScoreItem<'a>]) -> Vec<DeviceScoreWave<'a>> {
        let mut all = Vec::new();
        let mut wave = DeviceScoreWave::default();
        for (prompt, members) in group_by_prompt(items.iter().map(|item| item.prompt)) {
            for index in members {
                let length = items[index].completion.len();
                if length == 0 {
                    continue;
                }
                let joined = wave.clone().with(prompt, index, length);
                // One alone fits, as was checked.
                if wave.items.is_empty() || joined.fits(self) {
                    wave = joined;
                } else {
                    all.push(std::mem::take(&mut wave));
                    wave = wave.with(prompt, index, length);
                }
            }
        }
        all.extend((!wave.items.is_empty()).then_some(wave));
        all
    }
}
