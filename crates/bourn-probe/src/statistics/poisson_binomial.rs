//! How many of several independent events happen, each with its own probability.

/// The distribution of a count, as the mean of the distributions that were [added](Self::add).
pub(crate) struct CountMixture {
    /// Probability of each count, times the number of distributions.
    mass: Vec<f64>,
    parts: f64,
}

/// Standard deviation from where on the normal distribution stands in for the exact one.
const NORMAL_FROM: f64 = 32.0;
/// Probability below which a tail is cut off; the cuts of all events together stay below 10⁻¹⁰.
const NEGLIGIBLE: f64 = 1e-16;

impl CountMixture {
    /// No distribution yet, of counts up to `events`.
    pub(crate) fn new(events: usize) -> Self {
        Self { mass: vec![0.0; events + 1], parts: 0.0 }
    }

    /// Adds the Poisson-binomial distribution of these events' probabilities.
    ///
    /// By convolution, with tails below 10⁻¹⁶ cut. From a standard deviation of 32 on, the normal
    /// distribution with the same mean and variance, by unit steps: its distribution function is
    /// within 0.56/32 of the exact one (Berry and Esseen; Shevtsova's constant), which moves a
    /// quantile by a small part of the standard deviation.
    pub(crate) fn add(&mut self, events: impl Iterator<Item = f64> + Clone) {
        self.parts += 1.0;
        let variance: f64 = events.clone().map(|p| p * (1.0 - p)).sum();
        if variance >= NORMAL_FROM * NORMAL_FROM {
            let (mean, deviation) = (events.sum::<f64>(), variance.sqrt());
            let below = |edge: f64| {
                0.5 * libm::erfc((mean - edge) / (deviation * std::f64::consts::SQRT_2))
            };
            let last = self.mass.len() - 1;
            for (count, mass) in self.mass.iter_mut().enumerate() {
                let low = if count == 0 { 0.0 } else { below(count as f64 - 0.5) };
                let high = if count == last { 1.0 } else { below(count as f64 + 0.5) };
                *mass += high - low;
            }
            return;
        }
        let (first, exact) = poisson_binomial(events);
        for (mass, part) in self.mass[first..].iter_mut().zip(&exact) {
            *mass += part;
        }
    }

    /// The smallest counts with at least (1 ∓ confidence)/2 of the probability at or below them.
    pub(crate) fn interval(&self, confidence: f64) -> (f64, f64) {
        let tail = (1.0 - confidence) / 2.0;
        (self.quantile(tail), self.quantile(1.0 - tail))
    }

    /// The interval of the count less an independent quantity that is one of `others`, each with
    /// the same probability; there must be one.
    pub(crate) fn interval_less(&self, others: &[f64], confidence: f64) -> (f64, f64) {
        let cumulative: Vec<f64> = self
            .mass
            .iter()
            .scan(0.0, |sum, mass| {
                *sum += mass / self.parts;
                Some(*sum)
            })
            .collect();
        // P(count − other ≤ x), a step function that rises from 0 to 1.
        let at_most = |x: f64| {
            let part = |other: &f64| {
                let count = (x + other + 1e-9).floor();
                if count < 0.0 {
                    0.0
                } else {
                    cumulative[(count as usize).min(cumulative.len() - 1)]
                }
            };
            others.iter().map(part).sum::<f64>() / others.len() as f64
        };
        let most = others.iter().copied().fold(0.0, f64::max);
        let quantile = |q: f64| {
            let (mut low, mut high) = (-most - 1.0, (self.mass.len() - 1) as f64);
            // To 10⁻⁹ of a problem, of which there are at most 2³².
            for _ in 0..64 {
                let middle = 0.5 * (low + high);
                if at_most(middle) >= q - 1e-9 { high = middle } else { low = middle }
            }
            high
        };
        let tail = (1.0 - confidence) / 2.0;
        (quantile(tail), quantile(1.0 - tail))
    }

    fn quantile(&self, q: f64) -> f64 {
        // Less the rounding of a sum, so that a tail of exactly q is enough.
        let wanted = self.parts * q - 1e-9;
        let mut sum = 0.0;
        let place = self.mass.iter().position(|mass| {
            sum += mass;
            sum >= wanted
        });
        place.unwrap_or(self.mass.len() - 1) as f64
    }
}

/// The smallest count of a probability worth keeping, and the probabilities from there up.
fn poisson_binomial(events: impl Iterator<Item = f64>) -> (usize, Vec<f64>) {
    let (mut first, mut mass) = (0, vec![1.0_f64]);
    for p in events {
        mass.push(0.0);
        for count in (1..mass.len()).rev() {
            mass[count] = mass[count] * (1.0 - p) + mass[count - 1] * p;
        }
        mass[0] *= 1.0 - p;
        while mass.last().is_some_and(|&m| m < NEGLIGIBLE) {
            mass.pop();
        }
        let cut = mass.iter().take_while(|&&m| m < NEGLIGIBLE).count();
        mass.drain(..cut);
        first += cut;
    }
    (first, mass)
}

#[cfg(test)]
#[path = "../../tests/unit/statistics/poisson_binomial.rs"]
mod tests;
