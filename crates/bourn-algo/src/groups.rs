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
mod tests {
    use super::*;

    #[test]
    fn groups_may_differ_in_size() {
        let groups = Groups::of([2, 1, 3]);
        assert_eq!(groups.ranges().collect::<Vec<_>>(), [0..2, 2..3, 3..6]);
        assert_eq!((groups.len(), groups.completions(), groups.check(6)), (3, 6, Ok(())));
        let parts: Vec<&[u8]> = groups.slices(&[1, 2, 3, 4, 5, 6]).collect();
        assert_eq!(parts, [&[1, 2][..], &[3], &[4, 5, 6]]);
        assert_eq!(Groups::equal(2, 3), Groups::of([3, 3]));
        assert_eq!(Groups::whole(4), Groups::of([4]));
    }

    #[test]
    fn groups_that_are_not_those_of_the_list_are_refused() {
        assert_eq!(Groups::of([2, 2]).check(0), Err(AlgoError::Empty));
        for sizes in [&[2, 2][..], &[], &[3, 0, 2], &[5, 0]] {
            let groups = Groups::of(sizes.iter().copied());
            let (count, grouped) = (sizes.len(), sizes.iter().sum());
            let error = AlgoError::Groups { len: 5, groups: count, grouped };
            assert_eq!(groups.check(5), Err(error), "{sizes:?}");
        }
        // A list that is too short is no panic.
        assert_eq!(Groups::of([2, 2]).slices(&[1, 2, 3]).map(<[i32]>::len).sum::<usize>(), 3);
    }
}
