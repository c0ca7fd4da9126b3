//! Sets of real numbers, as intervals.

use super::equal::{Same, same_form};
use super::form::Form;
use super::numeric::real_constant;
use super::relation::{Inequality, solved};
use super::work::{Fail, Work};

/// An end of an interval; without a place it is infinite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bound {
    pub at: Option<Form>,
    pub closed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    pub low: Bound,
    pub high: Bound,
}

/// A union of intervals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Region {
    pub intervals: Vec<Interval>,
}

/// Most intervals of one answer.
const MAX_INTERVALS: usize = 60;

impl Bound {
    const FAR: Bound = Bound { at: None, closed: false };

    fn place(&self, infinite: f64) -> f64 {
        self.at.as_ref().and_then(real_constant).unwrap_or(infinite)
    }
}

impl Interval {
    fn low(&self) -> f64 {
        self.low.place(f64::NEG_INFINITY)
    }

    fn high(&self) -> f64 {
        self.high.place(f64::INFINITY)
    }
}

/// Whether two places are one, as far as floating point says.
fn close(a: f64, b: f64) -> bool {
    a == b || a.is_finite() && b.is_finite() && (a - b).abs() <= 1e-12 * a.abs().max(b.abs())
}

impl Region {
    pub(super) fn all() -> Region {
        Region { intervals: vec![Interval { low: Bound::FAR, high: Bound::FAR }] }
    }

    /// In order, with intervals that touch joined.
    pub(super) fn settled(mut self, work: &mut Work) -> Result<Region, Fail> {
        if self.intervals.len() > MAX_INTERVALS {
            return Err(Fail::TooMuch);
        }
        work.spend(50 * self.intervals.len() as u64)?;
        self.intervals.sort_by(|a, b| a.low().total_cmp(&b.low()));
        let mut joined: Vec<Interval> = Vec::new();
        for next in self.intervals {
            match joined.last_mut() {
                Some(last) if touches(last, &next) => {
                    if close(last.low(), next.low()) {
                        last.low.closed |= next.low.closed;
                    }
                    if close(last.high(), next.high()) {
                        last.high.closed |= next.high.closed;
                    } else if next.high() > last.high() {
                        last.high = next.high;
                    }
                }
                _ => joined.push(next),
            }
        }
        Ok(Region { intervals: joined })
    }

    /// Without one point.
    pub(super) fn without(self, at: &Option<Form>) -> Region {
        let Some(place) = at.as_ref().and_then(real_constant) else { return self };
        let mut intervals = Vec::new();
        for interval in self.intervals {
            let open = Bound { at: at.clone(), closed: false };
            if interval.low() < place && place < interval.high() && !close(interval.low(), place) {
                let Interval { low, high } = interval;
                intervals.push(Interval { low, high: open.clone() });
                intervals.push(Interval { low: open, high });
            } else {
                let mut kept = interval;
                if close(kept.low(), place) {
                    kept.low.closed = false;
                }
                if close(kept.high(), place) {
                    kept.high.closed = false;
                }
                intervals.push(kept);
            }
        }
        Region { intervals }
    }

    /// Where inequalities in one letter hold together.
    pub(super) fn of_inequalities(parts: &[Inequality]) -> Option<Region> {
        let mut work = Work::new();
        let mut letter: Option<String> = None;
        let mut interval = Interval { low: Bound::FAR, high: Bound::FAR };
        for part in parts {
            let (name, at, above) = solved(part, &mut work)?;
            real_constant(&at)?;
            if letter.as_ref().is_some_and(|letter| *letter != name) {
                return None;
            }
            letter = Some(name);
            let bound = Bound { at: Some(at), closed: !part.strict };
            let side = if above { &mut interval.low } else { &mut interval.high };
            if side.at.is_some() {
                return None;
            }
            *side = bound;
        }
        letter.map(|_| Region { intervals: vec![interval] })
    }

    /// The union of regions of which no two meet.
    pub(super) fn disjoint(regions: &[Region]) -> Option<Region> {
        let mut intervals: Vec<Interval> =
            regions.iter().flat_map(|region| region.intervals.clone()).collect();
        if intervals.len() > MAX_INTERVALS {
            return None;
        }
        intervals.sort_by(|a, b| a.low().total_cmp(&b.low()));
        let apart = intervals.windows(2).all(|pair| pair[0].high() <= pair[1].low());
        apart.then_some(Region { intervals })
    }

    /// Where a letter is not one of some values.
    pub(super) fn unequal(form: &Form) -> Option<Region> {
        let part = Inequality { form: form.clone(), strict: true };
        let (_, at, _) = solved(&part, &mut Work::new())?;
        Some(Region::all().without(&Some(at)))
    }

    pub(super) fn same(&self, other: &Region, work: &mut Work) -> Result<Same, Fail> {
        let (mine, theirs) = (self.clone().settled(work)?, other.clone().settled(work)?);
        if mine.intervals.len() != theirs.intervals.len() {
            return Ok(Same::No);
        }
        let mut all = Same::Exactly;
        for (a, b) in mine.intervals.iter().zip(&theirs.intervals) {
            for (a, b) in [(&a.low, &b.low), (&a.high, &b.high)] {
                all = all.and(match (&a.at, &b.at) {
                    (None, None) => Same::Exactly,
                    (Some(x), Some(y)) if a.closed == b.closed => same_form(x, y, work)?,
                    _ => Same::No,
                });
            }
        }
        Ok(all)
    }
}

/// Whether the second of two, which begins later, goes on where the first ends, or before.
fn touches(a: &Interval, b: &Interval) -> bool {
    if close(a.high(), b.low()) {
        return a.high.closed || b.low.closed;
    }
    b.low() < a.high()
}
