//! What a step's updates did to the tokens they trained on.

use bourn_algo::Clip;
use bourn_episode::Source;
use bourn_recipe::RatioLevel;

use super::{ReplayReport, UpdateReport};
use crate::loss::{LossTerms, MicroBatch};

/// Token statistics, from log-probs that are read back anyway.
#[derive(Default)]
pub(super) struct Tally {
    tokens: u64,
    pg_loss: f64,
    clipped_low: u64,
    clipped_high: u64,
    /// Of log π_sampler − log π.
    ppo_kl: f64,
    kl: f64,
    first_tokens: u64,
    first_k3: f64,
    first_ratio: f64,
    replayed: u64,
    replay_weight: f64,
    replay_held: u64,
    /// Tokens that neither the policy nor the base drew.
    taught: u64,
}

impl Tally {
    pub(super) fn add(
        &mut self,
        batch: &MicroBatch,
        logprobs: &[f32],
        terms: &LossTerms<'_>,
        first: bool,
    ) {
        let algorithm = terms.algorithm;
        let drift =
            |token: usize| f64::from(logprobs[token]) - f64::from(batch.drawn_logprobs[token]);
        let mut shared = Vec::new();
        if algorithm.ratio_level == RatioLevel::Sequence {
            for row in batch.ranges() {
                let mean = row.clone().map(drift).sum::<f64>() / row.len() as f64;
                shared.extend(std::iter::repeat_n(mean.exp(), row.len()));
            }
        }
        for (token, &logprob) in logprobs.iter().enumerate() {
            match batch.sources[token] {
                Source::Policy => {}
                Source::Witness => {
                    let (own, base) = (f64::from(logprob), f64::from(batch.drawn_logprobs[token]));
                    let most = terms.witness_weight;
                    let (weight, held) = bourn_algo::truncated_weight(own, base, most);
                    self.replayed += 1;
                    self.replay_weight += weight;
                    self.replay_held += u64::from(held);
                    continue;
                }
                Source::Teacher | Source::Human => {
                    self.taught += 1;
                    continue;
                }
            }
            let log_ratio = drift(token);
            let ratio = log_ratio.exp();
            let advantage = f64::from(batch.rl[token]);
            let (low, high) = (algorithm.epsilon, algorithm.epsilon_high);
            let used = shared.get(token).copied().unwrap_or(ratio);
            let logp = f64::from(logprob);
            let (surrogate, clip) =
                bourn_algo::surrogate(algorithm.surrogate, used, logp, advantage, low, high);
            self.tokens += 1;
            self.pg_loss -= f64::from(batch.weights[token]) * surrogate;
            self.clipped_low += u64::from(clip == Some(Clip::Low));
            self.clipped_high += u64::from(clip == Some(Clip::High));
            self.ppo_kl -= log_ratio;
            if let Some(&base) = batch.reference_logprobs.get(token) {
                let (logp, base) = (f64::from(logprob), f64::from(base));
                self.kl += algorithm.kl_estimator.value(logp, base);
            }
            if first {
                self.first_tokens += 1;
                self.first_k3 += ratio - 1.0 - log_ratio;
                self.first_ratio = self.first_ratio.max((ratio - 1.0).abs());
            }
        }
    }

    pub(super) fn finish(self, report: &mut UpdateReport, updates: f64, kl: bool) {
        let mean = |sum: f64, count: u64| if count == 0 { 0.0 } else { sum / count as f64 };
        report.pg_loss = self.pg_loss / updates;
        report.clip_low = mean(self.clipped_low as f64, self.tokens);
        report.clip_high = mean(self.clipped_high as f64, self.tokens);
        report.ppo_kl = mean(self.ppo_kl, self.tokens);
        report.mismatch_kl = mean(self.first_k3, self.first_tokens);
        report.mismatch_ratio = self.first_ratio;
        report.kl = kl.then(|| mean(self.kl, self.tokens));
        report.trained_tokens = self.tokens + self.replayed + self.taught;
        report.replay = (self.replayed > 0).then(|| ReplayReport {
            weight: mean(self.replay_weight, self.replayed),
            clipped: mean(self.replay_held as f64, self.replayed),
        });
    }
}
