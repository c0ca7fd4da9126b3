//! The axes of charts: ranges with round labels.

/// Labels of an axis of draws; more would touch each other on a phone.
const MAX_K_LABELS: usize = 10;
/// About this many labels on other axes.
const LABELS: f64 = 5.0;
/// Values beyond are drawn at the edge: the arithmetic of the axes stays finite.
const EDGE: f64 = 1e9;

/// A range of values with the ones that are labelled.
#[derive(Clone, Debug)]
pub(crate) struct Axis {
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) ticks: Vec<(f64, String)>,
}

impl Axis {
    /// Shares from 0 to 100%.
    pub(crate) fn shares() -> Self {
        let tick = |i: i32| (f64::from(i) / 5.0, format!("{}%", 20 * i));
        Axis { low: 0.0, high: 1.0, ticks: (0..=5).map(tick).collect() }
    }

    /// Shares from 0 to 100% with the half in between, for charts with little room.
    pub(crate) fn halves() -> Self {
        let tick = |i: i32| (f64::from(i) / 2.0, format!("{}%", 50 * i));
        Axis { low: 0.0, high: 1.0, ticks: (0..=2).map(tick).collect() }
    }

    /// Differences of shares that hold all of `values`, and 0.
    pub(crate) fn differences(values: impl Iterator<Item = f64>) -> Self {
        Self::holding(values.chain([0.0]), 0.05, |value, _| format!("{:.0}%", 100.0 * value))
    }

    /// Numbers that hold all of `values`, and 0.
    pub(crate) fn values(values: impl Iterator<Item = f64>) -> Self {
        Self::holding(values.chain([0.0]), 1e-9, |value, decimals| format!("{value:.decimals$}"))
    }

    /// Counts from 0 to at least `most`.
    pub(crate) fn counts(most: f64) -> Self {
        Self::holding([0.0, most.max(1.0)].into_iter(), 1.0, |value, _| format!("{value:.0}"))
    }

    /// Steps from 0 to `last`, with no more air than that.
    pub(crate) fn steps(last: u64) -> Self {
        let last = (last.max(1) as f64).min(EDGE);
        let mut axis = Self::counts(last);
        axis.cap(last);
        axis
    }

    /// From 1 up to at least `most` on a log₂ scale; values are given as their logarithms.
    pub(crate) fn factors(most: f64) -> Self {
        let last = if most.is_finite() { most.clamp(2.0, EDGE).log2().ceil() as u32 } else { 1 };
        let every = last.div_ceil(LABELS as u32).max(1) as usize;
        let tick = |power: u32| (f64::from(power), (1u64 << power).to_string());
        Axis {
            low: 0.0,
            high: f64::from(last),
            ticks: (0..=last).step_by(every).map(tick).collect(),
        }
    }

    /// Draws on a log₂ scale, half a step of air on both sides.
    pub(crate) fn draws(k: &[u64]) -> Self {
        let place = |k: Option<&u64>| k.map_or(0.0, |&k| log2(k));
        let every = k.len().div_ceil(MAX_K_LABELS).max(1);
        Axis {
            low: place(k.first()) - 0.3,
            high: place(k.last()) + 0.3,
            ticks: k.iter().step_by(every).map(|&k| (log2(k), k.to_string())).collect(),
        }
    }

    /// As [`Axis::draws`], with at most three labels.
    pub(crate) fn few_draws(k: &[u64]) -> Self {
        let mut axis = Self::draws(k);
        let ends = [k.first(), k.get(k.len() / 2), k.last()];
        let mut labelled: Vec<u64> = ends.into_iter().flatten().copied().collect();
        labelled.dedup();
        axis.ticks = labelled.into_iter().map(|k| (log2(k), k.to_string())).collect();
        axis
    }

    /// One place for each name, in order, from 0 on; `most` names at most are written.
    pub(crate) fn names(names: &[String], most: usize) -> Self {
        let every = names.len().div_ceil(most.max(1)).max(1);
        let tick = |(index, name): (usize, &String)| (index as f64, name.clone());
        Axis {
            low: -0.5,
            high: names.len().max(1) as f64 - 0.5,
            ticks: names.iter().enumerate().step_by(every).map(tick).collect(),
        }
    }

    /// Ends the axis at `high`, without labels beyond.
    pub(crate) fn cap(&mut self, high: f64) {
        if high > self.low {
            self.high = high.min(EDGE);
            self.ticks.retain(|(value, _)| *value <= high);
        }
    }

    /// Round numbers around `values`; `show` is told how many decimals tell labels apart.
    fn holding(
        values: impl Iterator<Item = f64>,
        least_step: f64,
        show: impl Fn(f64, usize) -> String,
    ) -> Self {
        let fold = |(low, high): (f64, f64), value: f64| {
            let value = value.clamp(-EDGE, EDGE);
            (low.min(value), high.max(value))
        };
        let (low, high) = values.filter(|v| v.is_finite()).fold((EDGE, -EDGE), fold);
        let (low, high) = if low > high { (0.0, 0.0) } else { (low, high) };
        let step = round_step((high - low) / LABELS).max(least_step);
        let first = (low / step).floor();
        // An axis of one value still has a width.
        let last = (high / step).ceil().max(first + 1.0);
        let decimals = (-step.log10().floor()).max(0.0) as usize;
        let count = (last - first) as usize;
        let tick = |i: usize| {
            // Adding zero turns -0 into 0.
            let value = (first + i as f64) * step + 0.0;
            (value, show(value, decimals))
        };
        Axis { low: first * step, high: last * step, ticks: (0..=count).map(tick).collect() }
    }

    /// Where a value stands, 0 at the low end and 1 at the high one.
    pub(crate) fn place(&self, value: f64) -> f64 {
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }
}

/// Logarithm to base 2 of a number of draws.
pub(crate) fn log2(k: u64) -> f64 {
    (k.max(1) as f64).log2()
}

/// The next of 1, 2, 5, 10, 20, 50, … (and of their tenths) from `least` on.
fn round_step(least: f64) -> f64 {
    // Also a NaN or a zero: any step will do.
    if least.is_nan() || least <= 1e-9 {
        return 1e-9;
    }
    let power = 10f64.powf(least.log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * power >= least);
    factor.unwrap_or(10.0) * power
}

#[cfg(test)]
#[path = "../tests/unit/axis.rs"]
mod tests;
