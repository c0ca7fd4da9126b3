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
mod tests {
    use super::*;

    /// Every subset of the events.
    fn enumerated(events: &[f64]) -> Vec<f64> {
        let mut mass = vec![0.0; events.len() + 1];
        for subset in 0..1_u32 << events.len() {
            let bit = |i: usize| subset >> i & 1 == 1;
            let happen = |(i, p): (usize, &f64)| if bit(i) { *p } else { 1.0 - p };
            let probability: f64 = events.iter().enumerate().map(happen).product();
            mass[subset.count_ones() as usize] += probability;
        }
        mass
    }

    #[test]
    fn convolution_is_enumeration() {
        let cases: [&[f64]; 5] = [
            &[],
            &[0.3],
            &[0.0, 1.0, 0.5, 1.0],
            &[0.1, 0.9, 0.25, 0.999, 1e-9, 0.5, 0.7],
            &[0.05; 12],
        ];
        for events in cases {
            let (first, mass) = poisson_binomial(events.iter().copied());
            for (count, expect) in enumerated(events).into_iter().enumerate() {
                let got = count.checked_sub(first).and_then(|at| mass.get(at)).unwrap_or(&0.0);
                // A dozen roundings of numbers up to 1, and the cut.
                assert!((got - expect).abs() < 1e-14, "{events:?} {count}: {got} is not {expect}");
            }
        }
    }

    #[test]
    fn quantiles_worked_by_hand() {
        let interval = |parts: &[&[f64]], confidence| {
            let mut mixture = CountMixture::new(4);
            for part in parts {
                mixture.add(part.iter().copied());
            }
            mixture.interval(confidence)
        };
        // Binomial(2, ½): 1/4, 1/2, 1/4.
        assert_eq!(interval(&[&[0.5, 0.5]], 0.5), (0.0, 1.0));
        assert_eq!(interval(&[&[0.5, 0.5]], 0.4), (1.0, 1.0));
        assert_eq!(interval(&[&[0.5, 0.5]], 0.9), (0.0, 2.0));
        assert_eq!(interval(&[&[1.0; 4]], 0.9), (4.0, 4.0));
        // Half of the time all four, half of the time none.
        assert_eq!(interval(&[&[1.0; 4], &[0.0; 4]], 0.9), (0.0, 4.0));
        assert_eq!(interval(&[&[]], 0.9), (0.0, 0.0));
    }

    #[test]
    fn differences_worked_by_hand() {
        let mut mixture = CountMixture::new(2);
        mixture.add([0.5, 0.5].into_iter());
        // 0, 1, 2 with 1/4, 1/2, 1/4, less ½ or less 3: −3, −2, −1 with 1/8, 1/4, 1/8 and −½, ½, 1½
        // likewise.
        let check = |confidence: f64, low: f64, high: f64| {
            let got = mixture.interval_less(&[0.5, 3.0], confidence);
            // The bisection's own accuracy.
            assert!((got.0 - low).abs() < 1e-7 && (got.1 - high).abs() < 1e-7, "{got:?}");
        };
        check(0.9, -3.0, 1.5);
        check(0.7, -2.0, 0.5);
        check(0.2, -1.0, -0.5);
        let (low, high) = mixture.interval_less(&[0.0], 0.9);
        assert!((low - 0.0).abs() < 1e-7 && (high - 2.0).abs() < 1e-7);
    }

    /// Beyond the switch the normal quantiles are those of the exact distribution, to a count.
    #[test]
    fn the_normal_stands_in_where_it_may() {
        let events: Vec<f64> = (0..6000).map(|i| 0.05 + 0.9 * f64::from(i % 97) / 97.0).collect();
        let variance: f64 = events.iter().map(|p| p * (1.0 - p)).sum();
        assert!(variance > NORMAL_FROM * NORMAL_FROM);
        let mut normal = CountMixture::new(events.len());
        normal.add(events.iter().copied());
        let (first, mass) = poisson_binomial(events.iter().copied());
        let mut exact = CountMixture { mass: vec![0.0; first], parts: 1.0 };
        exact.mass.extend(mass);
        for confidence in [0.5, 0.9, 0.99] {
            let (got, expect) = (normal.interval(confidence), exact.interval(confidence));
            let off = (got.0 - expect.0).abs().max((got.1 - expect.1).abs());
            assert!(off <= 1.0, "{confidence}: {got:?} is not {expect:?}");
        }
    }
}
