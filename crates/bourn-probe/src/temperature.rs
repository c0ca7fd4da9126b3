//! Both models at other temperatures: the temperature at which their entropies are equal, and the
//! figures of one setting.

use crate::figures::TemperaturePoint;
use crate::{Boundary, CompareError, CompareOptions, Curve, Estimate, Ledger, boundary};

/// Lowest and highest temperature that [`match_temperature`] tries.
pub(crate) const MATCH_RANGE: (f64, f64) = (0.05, 10.0);

/// Most temperatures that are tried. Five steps outwards reach either end of the range, and halving
/// what they leave thirteen times is less than [`WIDTH`].
const MOST_TRIALS: usize = 24;

/// ln of the ratio of two temperatures that are not told apart any more.
const WIDTH: f64 = 1e-3;

/// Share of the standard error within which entropies are equal: an error of a quarter that is not
/// correlated with it adds 3% to it.
const SHARE: f64 = 0.25;

/// Entropies closer than this, in nats, are equal: tables show three decimals.
const FLOOR: f64 = 1e-3;

/// How the search for a temperature of equal entropy ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Match {
    /// There is one.
    Found(Matched),
    /// There is none in the range, or it could not be found; why, and what was tried.
    NotFound {
        /// The reason, as a clause.
        reason: String,
        /// Temperatures that were tried.
        trials: u64,
    },
}

/// The policy's temperature of equal entropy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Matched {
    /// The temperature, to four digits.
    pub temperature: f64,
    /// The base's mean token entropy, in nats.
    pub base_entropy: f64,
    /// The policy's mean token entropy at that temperature, in nats.
    pub policy_entropy: f64,
    /// Standard error over problems of the difference of the two, in nats.
    pub standard_error: f64,
    /// How close the two had to be, in nats.
    pub tolerance: f64,
    /// Temperatures that were tried, this one included.
    pub trials: u64,
}

/// The policy's temperature at which its mean token entropy is that of `base`.
///
/// `draw` gives the policy's draws at a temperature: as many of each problem as `base` holds, so
/// that problems weigh alike in both means (draws that a success may end would give hard problems
/// more weight, and differently for each model), and with the same random numbers at every
/// temperature, so that the difference changes with the temperature and not with luck. Entropies are
/// token-weighted means at the model's own draws, over the full vocabulary at their temperature.
///
/// The search goes outwards from `start`, the base's temperature, until the difference changes sign,
/// and then closes in by regula falsi (Illinois) in the logarithm of the temperature. It ends where
/// the entropies differ by at most a quarter of their difference's standard error over problems (or
/// a thousandth of a nat), which more draws of these problems could not improve on. A finite number
/// of draws makes the entropy a step function of the temperature: where a step lies across the
/// base's, the nearer side is taken if it is within one standard error.
///
/// # Errors
/// What `draw` fails with.
pub fn match_temperature<E>(
    base: &Ledger,
    start: f64,
    draw: &mut dyn FnMut(f64) -> Result<Ledger, E>,
) -> Result<Match, E> {
    let mut search = Search { base, draw, trials: 0 };
    let (lowest, highest) = MATCH_RANGE;
    let mut near = match search.at(start.clamp(lowest, highest))? {
        Some(trial) => trial,
        None => return Ok(search.failed("a model drew no token".to_owned())),
    };
    let rising = near.gap < 0.0;
    let mut factor: f64 = 1.5;
    let far = loop {
        if near.is_equal() {
            return Ok(search.found(&near));
        }
        if near.temperature == if rising { highest } else { lowest } {
            let reason = format!(
                "the policy's entropy is {:.3} nats at temperature {}, still {} the base's {:.3}",
                near.policy,
                near.temperature,
                if rising { "below" } else { "above" },
                near.base
            );
            return Ok(search.failed(reason));
        }
        let next = near.temperature * if rising { factor } else { factor.recip() };
        let Some(trial) = search.at(next.clamp(lowest, highest))? else {
            return Ok(search.failed(format!("the policy drew no token at temperature {next}")));
        };
        if trial.is_equal() || (trial.gap < 0.0) != rising {
            break trial;
        }
        (near, factor) = (trial, factor * factor);
    };
    search.close_in(near, far)
}

/// One temperature that was tried.
#[derive(Clone, Copy)]
struct Trial {
    temperature: f64,
    base: f64,
    policy: f64,
    /// Policy less base.
    gap: f64,
    /// Its standard error over problems.
    error: f64,
}

impl Trial {
    fn tolerance(&self) -> f64 {
        (SHARE * self.error).max(FLOOR)
    }

    fn is_equal(&self) -> bool {
        self.gap.abs() <= self.tolerance()
    }
}

struct Search<'a, E> {
    base: &'a Ledger,
    draw: &'a mut dyn FnMut(f64) -> Result<Ledger, E>,
    trials: usize,
}

impl<E> Search<'_, E> {
    /// Draws at a temperature; `None` if a model drew no token.
    fn at(&mut self, temperature: f64) -> Result<Option<Trial>, E> {
        let temperature = four_digits(temperature);
        let policy = (self.draw)(temperature)?;
        self.trials += 1;
        Ok(gap(self.base, &policy).map(|(base, policy, error)| Trial {
            temperature,
            base,
            policy,
            gap: policy - base,
            error,
        }))
    }

    /// Closes in on the change of sign between two temperatures.
    fn close_in(&mut self, near: Trial, far: Trial) -> Result<Match, E> {
        let mut ends = [near, far];
        // The differences as the secant takes them: an end that stays twice counts half (Illinois).
        let mut pull = [near.gap, far.gap];
        let mut stayed = None;
        let mut best = if near.gap.abs() < far.gap.abs() { near } else { far };
        while !best.is_equal() && self.trials < MOST_TRIALS {
            let [a, b] = ends.map(|end| end.temperature.ln());
            if (a - b).abs() <= WIDTH {
                break;
            }
            let secant = four_digits(((a * pull[1] - b * pull[0]) / (pull[1] - pull[0])).exp());
            let inside = |t: f64| ends.iter().all(|end| end.temperature != t) && t.is_finite();
            let middle = four_digits(((a + b) / 2.0).exp());
            let next = if inside(secant) { secant } else { middle };
            if !inside(next) {
                break;
            }
            let Some(trial) = self.at(next)? else { break };
            let side = usize::from((trial.gap < 0.0) == (ends[1].gap < 0.0));
            (ends[side], pull[side]) = (trial, trial.gap);
            let other = 1 - side;
            if stayed == Some(other) {
                pull[other] /= 2.0;
            }
            stayed = Some(other);
            if trial.gap.abs() < best.gap.abs() {
                best = trial;
            }
        }
        if best.gap.abs() <= best.error.max(FLOOR) {
            return Ok(self.found(&best));
        }
        let [low, high] = match ends[0].temperature < ends[1].temperature {
            true => ends,
            false => [ends[1], ends[0]],
        };
        Ok(self.failed(format!(
            "the policy's entropy jumps from {:.3} to {:.3} nats between temperatures {} and {}, past \
             the base's {:.3}",
            low.policy, high.policy, low.temperature, high.temperature, best.base
        )))
    }

    fn found(&self, trial: &Trial) -> Match {
        Match::Found(Matched {
            temperature: trial.temperature,
            base_entropy: trial.base,
            policy_entropy: trial.policy,
            standard_error: trial.error,
            tolerance: trial.tolerance(),
            trials: self.trials as u64,
        })
    }

    fn failed(&self, reason: String) -> Match {
        Match::NotFound { reason, trials: self.trials as u64 }
    }
}

/// A temperature to four significant digits: as it is shown is as it was drawn at.
fn four_digits(temperature: f64) -> f64 {
    let scale = 10_f64.powi(3 - temperature.log10().floor() as i32);
    (temperature * scale).round() / scale
}

/// Mean token entropies of base and policy, and the standard error over problems of their
/// difference; `None` if either drew no token. Each mean is a ratio of sums over problems, and its
/// error that of the ratio's linearisation (Cochran 1977, section 2.11), paired by problem.
fn gap(base: &Ledger, policy: &Ledger) -> Option<(f64, f64, f64)> {
    let sums = |ledger: &Ledger| -> Option<(f64, Vec<f64>)> {
        let parts: Vec<(f64, f64)> = ledger.entries().map(|(_, e)| e.entropy_sum()).collect();
        let (nats, tokens) = parts.iter().fold((0.0, 0.0), |(n, t), (a, b)| (n + a, t + b));
        let mean = (tokens > 0.0).then(|| nats / tokens)?;
        let per_problem = tokens / parts.len() as f64;
        Some((mean, parts.iter().map(|(n, t)| (n - mean * t) / per_problem).collect()))
    };
    let ((base, from_base), (policy, from_policy)) = (sums(base)?, sums(policy)?);
    let square: f64 = from_base.iter().zip(&from_policy).map(|(b, p)| (p - b).powi(2)).sum();
    let count = from_base.len() as f64;
    let error = if count > 1.0 { (square / (count * (count - 1.0))).sqrt() } else { 0.0 };
    Some((base, policy, error))
}

/// The figures of both models at the temperatures (base, policy) that these ledgers were drawn at,
/// with the paired intervals of [`boundary`]; `draws` is what was drawn for them.
///
/// # Errors
/// As [`boundary`].
pub fn temperature_point(
    (base_temperature, policy_temperature): (f64, f64),
    base: &Ledger,
    policy: &Ledger,
    draws: u64,
    options: &CompareOptions,
) -> Result<TemperaturePoint, CompareError> {
    let Boundary { k, base, policy, delta, entropy, .. } = boundary(base, policy, options)?;
    let curve = |curve: &Curve| -> Vec<Estimate> {
        (0..k.len()).filter_map(|index| curve.at(index)).collect()
    };
    Ok(TemperaturePoint {
        base_temperature,
        policy_temperature,
        // Where no token was drawn there was none to be uncertain of.
        base_entropy: entropy.as_ref().map_or(0.0, |entropy| entropy.base),
        policy_entropy: entropy.as_ref().map_or(0.0, |entropy| entropy.policy),
        base: curve(&base),
        policy: curve(&policy),
        delta: curve(&delta),
        draws,
    })
}

#[cfg(test)]
#[path = "../tests/unit/temperature.rs"]
mod tests;
