//! What a run shows in TensorBoard, and where.
//!
//! A run directory is four runs there. `policy` and `base` have what is watched, under the same tags,
//! so that the two share charts; `detail/policy` and `detail/base` have what only the charts of the
//! custom-scalars tab need. The metrics file has every number; here are those that are looked at.

use std::collections::BTreeMap;
use std::path::Path;

use bourn_probe::Boundary;

use crate::boundary::boundary_scalars;
use crate::error::TrackError;
use crate::hparams::{self, HParam};
use crate::layout::{layout, placed, shown};
use crate::parts::histograms;
use crate::picture::pass_at_k_picture;
use crate::tags;
use crate::tensorboard::EventWriter;

/// Whose figures a run of TensorBoard has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The frozen base.
    Base,
    /// The policy, and every difference from its base.
    Policy,
}

/// Numbers of a training step that stand in the custom charts only.
const DETAIL: [&str; 4] = [
    tags::CLIP_RATIO_LOW,
    tags::CLIP_RATIO_HIGH,
    tags::COMPLETIONS_MIN_LENGTH,
    tags::COMPLETIONS_MAX_LENGTH,
];

/// The event files of one process's work on a run.
#[derive(Debug)]
pub struct Board {
    base: EventWriter,
    policy: EventWriter,
    base_detail: EventWriter,
    policy_detail: EventWriter,
    /// The set of problems whose figures are watched: the first that was probed.
    watched: Option<String>,
}

impl Board {
    /// Opens new event files in `dir`, which is made if it is missing. `resume_step` is the first step
    /// that will be written again: TensorBoard then drops what older files hold of that step and later
    /// ones.
    ///
    /// # Errors
    /// A directory or a file that cannot be made.
    pub fn create(dir: &Path, resume_step: Option<u64>) -> Result<Board, TrackError> {
        // TensorBoard colours runs in the order of their first events: the base comes first, in grey.
        let open = |name: &str| EventWriter::create(&dir.join(name), resume_step);
        Ok(Board {
            base: open("base")?,
            policy: open("policy")?,
            base_detail: open("detail/base")?,
            policy_detail: open("detail/policy")?,
            watched: None,
        })
    }

    /// A text of the run, as Markdown.
    ///
    /// # Errors
    /// As [`EventWriter::text`].
    pub fn text(&mut self, tag: &str, step: u64, markdown: &str) -> Result<(), TrackError> {
        self.policy.text(tag, step, markdown)
    }

    /// Says by what the run differs from others, for the HParams tab, which at first shows five of these
    /// settings; `most_tries` is the largest k of
    /// its probes, where it has any. To be written once in a run's life.
    ///
    /// # Errors
    /// As [`EventWriter::scalar`].
    pub fn start_session(
        &mut self,
        hparams: &[(&str, HParam)],
        most_tries: Option<u64>,
    ) -> Result<(), TrackError> {
        let mut metrics = Vec::new();
        if let Some(most) = most_tries {
            metrics.push((tags::WATCH_PASS_AT_1.to_owned(), "pass@1".to_owned()));
            if most > 1 {
                metrics.push((tags::watch_pass_at_most(most), format!("pass@{most}")));
            }
            metrics.push((tags::WATCH_NEVER_SOLVED_AGAIN.to_owned(), "never solved again".into()));
        }
        metrics.push((tags::WATCH_REWARD.to_owned(), "reward".to_owned()));
        metrics.push((tags::WATCH_ENTROPY.to_owned(), "entropy".to_owned()));
        hparams::write_start(&mut self.policy, hparams, &metrics)
    }

    /// Says that the run is complete, for the HParams tab.
    ///
    /// # Errors
    /// As [`EventWriter::scalar`].
    pub fn end_session(&mut self, step: u64) -> Result<(), TrackError> {
        hparams::write_end(&mut self.policy, step)
    }

    /// One training step's numbers under their tags; those that are watched go under the tags that
    /// [`tags::watched`] says. Then flushes.
    ///
    /// # Errors
    /// As [`EventWriter::scalar`] and [`EventWriter::flush`].
    pub fn step(&mut self, step: u64, values: &BTreeMap<String, f64>) -> Result<(), TrackError> {
        for (tag, &value) in values {
            match DETAIL.contains(&tag.as_str()) {
                true => self.policy_detail.scalar(tag, step, value)?,
                false => self.policy.scalar(tags::watched(tag).unwrap_or(tag), step, value)?,
            }
        }
        self.flush()
    }

    /// The charts of the custom-scalars tab for these sets of problems, to be written once by a process,
    /// before or with the first figures; charts are those of the parts that `sets` have.
    ///
    /// # Errors
    /// As [`EventWriter::layout`].
    pub fn layout(&mut self, step: u64, sets: &[(&str, &Boundary)]) -> Result<(), TrackError> {
        self.policy.layout(step, &layout(sets))
    }

    /// One probe: what is watched of it, the figures that charts show, histograms over problems of each
    /// model's accuracy (share of correct draws), of perplexities and of the probabilities of being lost
    /// or nearly and new or nearly, and the pass@k picture; then flushes.
    ///
    /// # Errors
    /// As [`EventWriter::scalar`] and [`EventWriter::flush`].
    pub fn probe(
        &mut self,
        step: u64,
        set: &str,
        boundary: &Boundary,
        base_accuracies: &[f64],
        policy_accuracies: &[f64],
    ) -> Result<(), TrackError> {
        if self.watched.get_or_insert_with(|| set.to_owned()) == set {
            self.watch(step, boundary)?;
        }
        let shown = shown(set, boundary);
        let before = tags::boundary(set, "");
        for (tag, value) in boundary_scalars(set, boundary) {
            let (side, figure) = placed(tag.strip_prefix(&before).unwrap_or(&tag));
            let tag = tags::boundary(set, &figure);
            if shown.contains(&tag) {
                self.detail(side).scalar(&tag, step, value)?;
            }
        }
        let accuracy = tags::boundary(set, "accuracy");
        self.base.histogram(&accuracy, step, base_accuracies)?;
        self.policy.histogram(&accuracy, step, policy_accuracies)?;
        for (figure, values) in histograms(boundary) {
            let (side, figure) = placed(&figure);
            self.detail(side).histogram(&tags::boundary(set, &figure), step, &values)?;
        }
        let picture = pass_at_k_picture(boundary);
        self.policy.image(&tags::boundary(set, "pass_at_k"), step, &picture)?;
        self.flush()
    }

    fn watch(&mut self, step: u64, b: &Boundary) -> Result<(), TrackError> {
        for (writer, curve) in [(&mut self.base, &b.base), (&mut self.policy, &b.policy)] {
            for (tag, value) in watched_tries(&b.k, &curve.pass_at_k) {
                writer.scalar(&tag, step, value)?;
            }
        }
        let sets = &b.solvable;
        for (tag, ids) in [
            (tags::WATCH_NEVER_SOLVED_AGAIN, &sets.never_solved_again),
            (tags::WATCH_NEWLY_SOLVED, &sets.newly_solved),
        ] {
            self.policy.scalar(tag, step, ids.len() as f64)?;
        }
        Ok(())
    }

    fn detail(&mut self, side: Side) -> &mut EventWriter {
        match side {
            Side::Base => &mut self.base_detail,
            Side::Policy => &mut self.policy_detail,
        }
    }

    fn writers(&mut self) -> [&mut EventWriter; 4] {
        [&mut self.base, &mut self.policy, &mut self.base_detail, &mut self.policy_detail]
    }

    /// Hands everything written so far to the operating system, where TensorBoard can read it.
    ///
    /// # Errors
    /// A file that does not take it.
    pub fn flush(&mut self) -> Result<(), TrackError> {
        self.writers().into_iter().try_for_each(EventWriter::flush)
    }

    /// Hands everything written so far to the disk.
    ///
    /// # Errors
    /// A disk that does not take it.
    pub fn sync(&mut self) -> Result<(), TrackError> {
        self.writers().into_iter().try_for_each(EventWriter::sync)
    }
}

/// The least and the largest number of tries of a curve, under the tags that are watched.
fn watched_tries(k: &[u64], pass_at_k: &[f64]) -> Vec<(String, f64)> {
    let points: Vec<(u64, f64)> = k.iter().copied().zip(pass_at_k.iter().copied()).collect();
    let first = points.first().filter(|(k, _)| *k == 1);
    let last = points.last().filter(|(k, _)| *k > 1);
    let first = first.map(|(_, value)| (tags::WATCH_PASS_AT_1.to_owned(), *value));
    let last = last.map(|(k, value)| (tags::watch_pass_at_most(*k), *value));
    first.into_iter().chain(last).collect()
}

#[cfg(test)]
#[path = "../tests/unit/board.rs"]
mod tests;
