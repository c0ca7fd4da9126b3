//! What a probe will be able to show, said before its draws are made.

use bourn_probe::{Detectable, Ledger, StopRule, detectable, powers_of_two};
use bourn_recipe::Probe;
use bourn_track::detectable_line;

use crate::error::TrainError;
use crate::probe::{Prober, extent};

impl Prober<'_> {
    /// Says, before anything is drawn, what the draws will be able to show: from the base's draws
    /// of earlier runs where the store has them all, else at worst.
    pub(crate) fn announce(&self) -> Result<(), TrainError> {
        let store = self.store()?;
        let problems = || self.problems.iter().map(|p| (p.id.as_str(), p.prompt.as_str()));
        for sampler in &self.measured.probe.samplers {
            let key = self.ledger_key(&self.base, sampler);
            let base = store.get(&key, problems(), extent(self.measured.probe))?;
            self.tell_detectable(&self.set_name(sampler), base.as_ref());
        }
        Ok(())
    }

    /// The same of one set, from the base's draws where they are known.
    pub(crate) fn tell_detectable(&self, set: &str, base: Option<&Ledger>) {
        let detectable = detectable_before(self.measured.probe, self.problems.len(), base);
        self.console.detail(format!("probe: {set}: {}", detectable_line(&detectable)));
    }
}

/// What a probe on so many problems will be able to show, before the policy is drawn:
/// from the base's draws where they are known, else at worst.
pub fn detectable_before(probe: &Probe, problems: usize, base: Option<&Ledger>) -> Detectable {
    let extent = extent(probe);
    let n_max = extent.n_max();
    // A fixed number of draws is a rule whose successes are out of reach.
    let rule = extent.rule().unwrap_or(StopRule { successes: n_max + 1, n_max });
    let base = base.map(Ledger::outcomes);
    let k = powers_of_two(n_max);
    detectable(problems, rule, base.as_ref(), &k, probe.confidence)
}
