//! What can be wrong with the arguments of a kernel.

/// A slice whose length does not fit the shape it is said to have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KernelError {
    /// A slice is shorter or longer than its shape.
    #[error("{argument} has {found} values where its shape needs {expected}")]
    Length {
        /// Which argument.
        argument: &'static str,
        /// Values that the shape asks for.
        expected: usize,
        /// Values that were given.
        found: usize,
    },
    /// An index or a count lies outside of what there is.
    #[error("{argument} is {found} where it may be {least} to {most}")]
    Range {
        /// Which argument.
        argument: &'static str,
        /// Smallest valid value.
        least: usize,
        /// Largest valid value.
        most: usize,
        /// Value that was given.
        found: usize,
    },
    /// A shape has no representable number of elements.
    #[error("a shape of {rows} x {columns} has more elements than this machine can address")]
    TooLarge {
        /// Rows of the shape.
        rows: usize,
        /// Columns of the shape.
        columns: usize,
    },
}

/// Fails unless `found == expected`.
pub(crate) fn check_len(
    argument: &'static str,
    expected: usize,
    found: usize,
) -> Result<(), KernelError> {
    if expected == found { Ok(()) } else { Err(KernelError::Length { argument, expected, found }) }
}

/// Fails unless `least <= found <= most`.
pub(crate) fn check_range(
    argument: &'static str,
    least: usize,
    most: usize,
    found: usize,
) -> Result<(), KernelError> {
    if (least..=most).contains(&found) {
        Ok(())
    } else {
        Err(KernelError::Range { argument, least, most, found })
    }
}

/// `rows * columns`, unless that overflows.
pub(crate) fn elements(rows: usize, columns: usize) -> Result<usize, KernelError> {
    rows.checked_mul(columns).ok_or(KernelError::TooLarge { rows, columns })
}
