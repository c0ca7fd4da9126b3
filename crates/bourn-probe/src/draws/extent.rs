//! How many draws each problem gets.

use crate::{MAX_DRAWS, Outcomes, OutcomesError, StopRule};

/// How many draws each problem gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// This many, whatever comes of them.
    Fixed(u64),
    /// Until the rule stops.
    Until(StopRule),
}

impl Extent {
    /// At most `n_max` draws, ended by success number `stop`; 0 for a fixed `n_max`.
    pub fn new(n_max: u64, stop: u64) -> Self {
        match stop {
            0 => Self::Fixed(n_max),
            successes => Self::Until(StopRule { successes, n_max }),
        }
    }

    /// Most draws of a problem.
    pub fn n_max(self) -> u64 {
        match self {
            Self::Fixed(n) => n,
            Self::Until(rule) => rule.n_max,
        }
    }

    /// The rule, where there is one.
    pub fn rule(self) -> Option<StopRule> {
        match self {
            Self::Fixed(_) => None,
            Self::Until(rule) => Some(rule),
        }
    }

    /// The success that ends the drawing; out of reach where the number of draws is fixed.
    pub(crate) fn stop(self) -> u64 {
        self.rule().map_or(u64::MAX, |rule| rule.successes)
    }

    /// Whether `n` draws with `c` correct end the drawing.
    pub fn ends(self, n: u64, c: u64) -> bool {
        c >= self.stop() || n >= self.n_max()
    }

    /// The outcomes of `draws` (whether each was correct, in draw order), those beyond the end cut.
    ///
    /// # Errors
    /// No draws, or more than 2³² of them; under a rule, as [`Outcomes::cut`].
    pub fn outcomes(
        self,
        draws: impl IntoIterator<Item = bool>,
    ) -> Result<Outcomes, OutcomesError> {
        match self {
            Self::Until(rule) => Outcomes::cut(draws, rule),
            Self::Fixed(n) => {
                let draws = draws.into_iter().take(usize::try_from(n).unwrap_or(usize::MAX));
                let (n, c) = draws.fold((0, 0), |(n, c), d| (n + 1, c + u64::from(d)));
                Outcomes::new(n, c)
            }
        }
    }

    /// Whether the numbers make sense: 1 to [`MAX_DRAWS`] draws.
    pub(crate) fn is_possible(self) -> bool {
        (1..=MAX_DRAWS).contains(&self.n_max()) && self.stop() > 0
    }
}
