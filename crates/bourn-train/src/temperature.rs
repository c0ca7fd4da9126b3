//! Both models at other temperatures: at equal entropy, and on the recipe's grid.

use bourn_probe::figures::{TemperaturePoint, Temperatures};
use bourn_probe::{CompareOptions, Extent, Ledger, Match, match_temperature, temperature_point};
use bourn_recipe::{Sampler, Temperature, WhichProbes};

use crate::error::TrainError;
use crate::probe::{Bench, Prober, extent};
use crate::side::Role;

impl Prober<'_> {
    /// Base and policy at other temperatures than the sampler's, whose other settings stay, where
    /// the recipe asks for it at this probe. `base` and `policy` are what they drew at its own.
    pub(crate) fn temperatures(
        &self,
        bench: &mut Bench<'_, '_>,
        sampler: &Sampler,
        [base, policy]: [&Ledger; 2],
        options: &CompareOptions,
    ) -> Result<Option<Temperatures>, TrainError> {
        let Some(asked) = &self.measured.probe.temperature else { return Ok(None) };
        let last = bench.step >= self.measured.max_steps;
        if !(self.standalone || last || asked.every == WhichProbes::Probe) {
            return Ok(None);
        }
        let other = Extent::new(asked.n_max as u64, asked.stop as u64);
        // What was drawn at the sampler's own temperature need not be drawn again.
        let mut drawn = |role: Role, temperature: f64| -> Result<Ledger, TrainError> {
            if temperature == sampler.temperature && other == extent(self.measured.probe) {
                let own = if role == Role::Base { base } else { policy };
                return Ok(own.clone());
            }
            let name = format!("probe: {} at temperature {temperature}", role.name());
            let sampler = at(sampler, temperature);
            Ok(self.draws(bench, role, &sampler, other, Some(&name))?.ledger)
        };
        let mut grid = Vec::new();
        for &temperature in &asked.grid {
            let base = drawn(Role::Base, temperature)?;
            let policy = drawn(Role::Policy, temperature)?;
            let count = draws(&base) + draws(&policy);
            let both = (temperature, temperature);
            grid.push(temperature_point(both, &base, &policy, count, options)?);
        }
        let (matched, unmatched) = match asked.matched {
            true => self.matched(bench, sampler, [base, policy], asked, options)?,
            false => (None, None),
        };
        Ok(Some(Temperatures { matched, unmatched, grid }))
    }

    /// The policy at the temperature of the base's entropy against the base at its own; or why
    /// there is no such temperature.
    fn matched(
        &self,
        bench: &mut Bench<'_, '_>,
        sampler: &Sampler,
        [base, policy]: [&Ledger; 2],
        asked: &Temperature,
        options: &CompareOptions,
    ) -> Result<(Option<TemperaturePoint>, Option<String>), TrainError> {
        // As many draws of each problem by both models, whatever the rule of the probe: the same
        // weight for each problem in both means.
        let few = Extent::Fixed(asked.match_draws as u64);
        let mut stage = self.console.stage("probe: equal entropy", 0, "temperature");
        let base_few = self.draws(bench, Role::Base, sampler, few, None)?.ledger;
        let found = match_temperature(&base_few, sampler.temperature, &mut |temperature| {
            stage.inc(1);
            let sampler = at(sampler, temperature);
            Ok::<_, TrainError>(self.draws(bench, Role::Policy, &sampler, few, None)?.ledger)
        })?;
        drop(stage);
        let matched = match found {
            Match::Found(matched) => matched,
            Match::NotFound { reason, trials } => {
                self.console.detail(format!(
                    "probe: equal entropy: not found in {trials} temperatures: {reason}"
                ));
                return Ok((None, Some(reason)));
            }
        };
        let temperature = matched.temperature;
        self.console.detail(format!(
            "probe: equal entropy: policy {:.4} nats/token at temperature {temperature}, base {:.4} \
             at {}; within {:.4} (standard error {:.4}), {} temperatures tried",
            matched.policy_entropy,
            matched.base_entropy,
            sampler.temperature,
            matched.tolerance,
            matched.standard_error,
            matched.trials,
        ));
        let other = Extent::new(asked.n_max as u64, asked.stop as u64);
        let there = match temperature == sampler.temperature && other == extent(self.measured.probe)
        {
            true => policy.clone(),
            false => {
                let name = format!("probe: policy at temperature {temperature}");
                let sampler = at(sampler, temperature);
                self.draws(bench, Role::Policy, &sampler, other, Some(&name))?.ledger
            }
        };
        let trials = matched.trials * asked.match_draws as u64 * self.problems.len() as u64;
        let both = (sampler.temperature, temperature);
        let count = draws(&there) + trials;
        let mut point = temperature_point(both, base, &there, count, options)?;
        (point.base_entropy, point.policy_entropy) = (matched.base_entropy, matched.policy_entropy);
        Ok((Some(point), None))
    }
}

/// The sampler at another temperature.
fn at(sampler: &Sampler, temperature: f64) -> Sampler {
    Sampler { temperature, ..sampler.clone() }
}

/// Draws that count. Not those made: how many of them a store had already is nothing about the
/// figures.
fn draws(ledger: &Ledger) -> u64 {
    ledger.entries().map(|(_, entry)| entry.draws().len() as u64).sum()
}
