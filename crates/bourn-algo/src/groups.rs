//! Which completions share a baseline.

use std::ops::Range;

use crate::AlgoError;

/// Consecutive completions of a list that share a baseline: group after group, of any sizes.
///
/// ```
/// let groups = bourn_algo::Groups::of([2, 3]);
/// let rewards = [1.0, 0.0, 0.0, 0.0, 1.0];
/// let sizes: Vec<usize> = groups.slices(&rewards).map(<[f32]>::len).collect();
/// assert_eq!(sizes, [2, 3]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// Where each group ends, and the next begins.
    ends: Vec<usize>,
}

impl Groups {
    /// Groups of these sizes.
    pub fn of(sizes: impl IntoIterator<Item = usize>) -> Groups {
        let end = |end: &mut usize, size: usize| {
            *end += size;
            Some(*end)
        };
        Groups { ends: sizes.into_iter().scan(0, end).collect() }
    }

    /// `count` groups of `size` each.
    pub fn equal(count: usize, size: usize) -> Groups {
        Groups::of(std::iter::repeat_n(size, count))
    }

    /// All of `count` completions in one group.
    pub fn whole(count: usize) -> Groups {
        Groups::of([count])
    }

    /// Number of groups.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no group.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Completions of all groups together.
    pub fn completions(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    /// The places of each group's completions.
    pub fn ranges(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| start..end)
    }

    /// Each group's part of a list of one value a completion; what the list lacks is missing there.
    pub fn slices<'a, T>(&'a self, list: &'a [T]) -> impl Iterator<Item = &'a [T]> + 'a {
        self.ranges().map(|range| &list[range.start.min(list.len())..range.end.min(list.len())])
    }

    /// `Ok` where there are completions, `len` of them, and none of the groups is empty.
    pub(crate) fn check(&self, len: usize) -> Result<(), AlgoError> {
        match len {
            0 => Err(AlgoError::Empty),
            _ if self.completions() != len || self.ranges().any(|range| range.is_empty()) => {
                Err(AlgoError::Groups { len, groups: self.len(), grouped: self.completions() })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
#[path = "../tests/unit/groups.rs"]
mod tests;
