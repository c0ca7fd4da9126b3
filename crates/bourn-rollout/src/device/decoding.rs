//! Rows that decode together: which slot each has, and how many there are.

use bourn_model::ModelConfig;
use burn::tensor::{Int, Tensor, s};

use crate::device::buckets;
use crate::device::lanes::{Lanes, Prefilled};
use crate::device::link::{Link, row};
use crate::generate::{Group, RolloutRow};

/// Rows that decode together; each has a slot.
pub(crate) struct Decoding {
    pub(crate) lanes: Lanes,
    free: Vec<bool>,
    /// What each slot drew last, `[slots]`.
    pub(crate) drawn: Tensor<1, Int>,
}

/// Slots and positions that the next step of these rows needs, of at most `most` slots.
pub(crate) fn size(rows: &[RolloutRow<'_, Option<usize>>], most: usize) -> (usize, usize) {
    let length = rows.iter().map(|row| row.before + row.completion.tokens.len()).max();
    (buckets::rows(rows.len(), most), buckets::positions(length.unwrap_or(0)))
}

impl Decoding {
    /// Free slots.
    pub(crate) fn new(
        config: &ModelConfig,
        (slots, length): (usize, usize),
        link: &Link,
    ) -> Decoding {
        Decoding {
            lanes: Lanes::new(config, slots, length, &link.device),
            free: vec![true; slots],
            drawn: Tensor::zeros([slots], &link.device),
        }
    }

    /// Makes the lanes fit the rows, gives each new row a slot, and starts it from its prompt.
    pub(crate) fn seat(
        &mut self,
        config: &ModelConfig,
        size: (usize, usize),
        groups: &[Group<'_, Option<Prefilled>>],
        rows: &mut [RolloutRow<'_, Option<usize>>],
        first_new: usize,
        link: &mut Link,
    ) {
        self.fit(config, &mut rows[..first_new], size, link);
        let mut next = 0;
        let mut starts: Vec<(usize, usize)> = Vec::new();
        for row in &mut rows[first_new..] {
            // There is one: the slots are at least as many as the rows.
            next += self.free[next..].iter().position(|&free| free).unwrap_or(0);
            self.free[next] = false;
            row.cache = Some(next);
            starts.push((next, row.group));
        }
        // Neighbouring slots of one prompt are written together.
        for run in starts.chunk_by(|a, b| a.0 + 1 == b.0 && a.1 == b.1) {
            let (slot, group) = run[0];
            if let Some(Some(prompt)) = &groups[group].ready {
                self.lanes.place(slot..slot + run.len(), prompt, link);
            }
        }
    }

    /// Frees a slot, whose row has left.
    pub(crate) fn vacate(&mut self, slot: usize) {
        self.free[slot] = true;
    }

    /// Grows to `slots` slots and `length` positions where there are fewer. Shrinks to them where
    /// there are four times as many: rarely, since it copies what is left.
    fn fit(
        &mut self,
        config: &ModelConfig,
        rows: &mut [RolloutRow<'_, Option<usize>>],
        (slots, length): (usize, usize),
        link: &mut Link,
    ) {
        let size = |old: usize, new: usize| if new > old || 4 * new <= old { new } else { old };
        let new = (size(self.lanes.rows, slots), size(self.lanes.length, length));
        if new == (self.lanes.rows, self.lanes.length) {
            return;
        }
        link.operation();
        let kept: Vec<i32> = rows.iter().filter_map(|row| row.cache).map(|s| s as i32).collect();
        if kept.is_empty() {
            *self = Decoding::new(config, new, link);
            return;
        }
        let count = kept.len();
        rows.iter_mut().enumerate().for_each(|(slot, row)| row.cache = Some(slot));
        self.free = (0..new.0).map(|slot| slot >= count).collect();
        let order = row(&link.write([kept]), 0);
        self.lanes.resize(&order, new.0, new.1);
        let drawn = Tensor::zeros([new.0], &link.device);
        self.drawn = drawn.slice_assign(s![0..count], self.drawn.clone().select(0, order));
    }
}
