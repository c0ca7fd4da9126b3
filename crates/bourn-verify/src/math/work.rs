//! A budget of work, so that no answer takes longer or more memory than another may.

/// Units of work for one answer: about a term times a term of machine-sized coefficients each.
pub(super) const BUDGET: u64 = 200_000;
/// Most bits of a numerator or denominator: 2^20000 is exact, and 10^(10^9) is never begun.
pub(super) const MAX_BITS: u64 = 40_000;
/// Most terms of a polynomial.
pub(super) const MAX_TERMS: usize = 2_000;

/// Why a value is not computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fail {
    /// It has none: a division by zero, 0⁰, the logarithm of zero.
    Undefined,
    /// It would take more than the budget.
    TooMuch,
    /// Arithmetic that is not known here.
    Unknown,
}

/// What is left of a budget.
#[derive(Debug)]
pub(super) struct Work {
    left: u64,
}

impl Work {
    pub(super) fn new() -> Work {
        Work { left: BUDGET }
    }

    pub(super) fn spend(&mut self, units: u64) -> Result<(), Fail> {
        self.left = self.left.checked_sub(units).ok_or(Fail::TooMuch)?;
        Ok(())
    }
}
