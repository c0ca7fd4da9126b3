//! What became of each problem, and the answers that show it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use bourn_probe::{Boundary, Draw, LedgerEntry, Outcomes, Solvable};
use bourn_track::words::{LOST_OR_NEARLY, NEVER_SOLVED_AGAIN, NEW_OR_NEARLY, NEWLY_SOLVED};

/// Distinct answers of a problem and a model that are kept.
pub(crate) const ANSWERS: usize = 4;
/// Characters of an answer that are kept, and of a prompt.
pub(crate) const ANSWER_CHARS: usize = 800;
pub(crate) const PROMPT_CHARS: usize = 1000;

/// Which of the two models solved a problem at least once in its draws; in the order of how much it
/// is worth a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ProblemStatus {
    /// The base only.
    Lost,
    /// The policy only.
    Gained,
    /// Both.
    Kept,
    /// Neither.
    Neither,
}

/// One problem of a set at the last checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ProblemRecord {
    /// The problem's id.
    pub(crate) id: String,
    /// Who solved it.
    pub(crate) status: ProblemStatus,
    /// What the base answered, where the run has its draws.
    pub(crate) base: Option<ModelAnswers>,
    /// What the policy answered.
    pub(crate) policy: Option<ModelAnswers>,
}

/// A problem's draws of one model.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ModelAnswers {
    /// The prompt, shortened.
    pub(crate) prompt: String,
    /// Draws and correct draws.
    pub(crate) outcomes: Outcomes,
    /// How many distinct answers there were.
    pub(crate) distinct: usize,
    /// The most frequent ones, correct ones among them if there are any.
    pub(crate) answers: Vec<CountedAnswer>,
}

/// A distinct answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CountedAnswer {
    /// The completion without the white space around it, shortened.
    pub(crate) text: String,
    /// Draws with this text and verdict.
    pub(crate) count: usize,
    /// The verdict's name.
    pub(crate) verdict: &'static str,
    /// Whether the verdict is that it is right.
    pub(crate) correct: bool,
}

impl ProblemStatus {
    /// Every status, in the order in which figures name them.
    pub(crate) const ALL: [ProblemStatus; 4] =
        [ProblemStatus::Kept, ProblemStatus::Gained, ProblemStatus::Lost, ProblemStatus::Neither];

    /// Its class in the page's style.
    pub(crate) fn class(self) -> &'static str {
        match self {
            ProblemStatus::Lost => "lost",
            ProblemStatus::Gained => "gained",
            ProblemStatus::Kept => "kept",
            ProblemStatus::Neither => "neither",
        }
    }

    /// What it is called where draws were counted.
    pub(crate) fn name(self) -> &'static str {
        match self {
            ProblemStatus::Lost => NEVER_SOLVED_AGAIN,
            ProblemStatus::Gained => NEWLY_SOLVED,
            other => other.class(),
        }
    }

    /// What it is called where numbers are expected ones.
    pub(crate) fn expected_name(self) -> &'static str {
        match self {
            ProblemStatus::Lost => LOST_OR_NEARLY,
            ProblemStatus::Gained => NEW_OR_NEARLY,
            other => other.class(),
        }
    }

    /// The ids with this status.
    pub(crate) fn ids(self, sets: &Solvable) -> &[String] {
        match self {
            ProblemStatus::Lost => &sets.never_solved_again,
            ProblemStatus::Gained => &sets.newly_solved,
            ProblemStatus::Kept => &sets.kept,
            ProblemStatus::Neither => &sets.neither,
        }
    }
}

impl ProblemRecord {
    /// Share of correct draws, policy less base; `None` where one of them is not known.
    pub(crate) fn delta(&self) -> Option<f64> {
        Some(self.policy.as_ref()?.outcomes.accuracy() - self.base.as_ref()?.outcomes.accuracy())
    }

    /// The prompt, where any draws are known.
    pub(crate) fn prompt(&self) -> Option<&str> {
        self.policy.as_ref().or(self.base.as_ref()).map(|side| side.prompt.as_str())
    }
}

/// Every problem of the figures with what the two models answered. Where there are posteriors,
/// those come first that are most probably lost or new; otherwise those that one model alone solved. Then
/// those of the largest change, then by id.
pub(crate) fn problems(
    figures: &Boundary,
    mut base: BTreeMap<String, ModelAnswers>,
    mut policy: BTreeMap<String, ModelAnswers>,
) -> Vec<ProblemRecord> {
    let states = figures.solvability.iter().flat_map(|s| &s.problems);
    let chances: BTreeMap<&str, f64> =
        states.map(|p| (p.id.as_str(), p.lost_or_nearly.max(p.new_or_nearly))).collect();
    let mut records: Vec<ProblemRecord> = ProblemStatus::ALL
        .into_iter()
        .flat_map(|status| status.ids(&figures.solvable).iter().map(move |id| (status, id)))
        .map(|(status, id)| ProblemRecord {
            id: id.clone(),
            status,
            base: base.remove(id),
            policy: policy.remove(id),
        })
        .collect();
    let changed =
        |p: &ProblemRecord| matches!(p.status, ProblemStatus::Lost | ProblemStatus::Gained);
    let size = |p: &ProblemRecord| p.delta().map_or(0.0, f64::abs);
    records.sort_by(|a, b| {
        let chance = |p: &ProblemRecord| chances.get(p.id.as_str()).copied().unwrap_or(0.0);
        let chances = chance(b).total_cmp(&chance(a));
        let classes = changed(b).cmp(&changed(a));
        chances
            .then(classes)
            .then_with(|| size(b).total_cmp(&size(a)))
            .then_with(|| a.id.cmp(&b.id))
    });
    records
}

/// What is kept of a problem's draws.
pub(crate) fn answers(entry: &LedgerEntry) -> ModelAnswers {
    let mut counts: BTreeMap<_, (usize, usize)> = BTreeMap::new();
    for (number, draw) in entry.draws().iter().enumerate() {
        let Draw { text, verdict, .. } = draw;
        counts.entry((text.trim(), *verdict)).or_insert((0, number)).0 += 1;
    }
    let mut distinct: Vec<_> = counts
        .iter()
        .map(|(&(text, verdict), &(count, first))| (text, verdict, count, first))
        .collect();
    // The most frequent first; of equally frequent ones the first drawn.
    distinct.sort_by_key(|&(_, _, count, first)| (Reverse(count), first));
    // A rare right answer is what the page is for: half of the places are its own.
    let place = |correct: bool| {
        let of = distinct.iter().filter(move |(_, verdict, ..)| verdict.is_correct() == correct);
        of.cloned().collect::<Vec<_>>()
    };
    let (right, wrong) = (place(true), place(false));
    let rights = right.len().min(ANSWERS - wrong.len().min(ANSWERS / 2));
    let mut shown: Vec<_> =
        right.into_iter().take(rights).chain(wrong.into_iter().take(ANSWERS - rights)).collect();
    shown.sort_by_key(|&(_, _, count, first)| (Reverse(count), first));
    ModelAnswers {
        prompt: shorten(entry.prompt(), PROMPT_CHARS),
        outcomes: entry.outcomes(),
        distinct: distinct.len(),
        answers: shown
            .into_iter()
            .map(|(text, verdict, count, _)| CountedAnswer {
                text: shorten(text, ANSWER_CHARS),
                count,
                verdict: verdict.name(),
                correct: verdict.is_correct(),
            })
            .collect(),
    }
}

/// At most `most` characters of a text, without its middle if it is longer: a completion begins
/// with its approach and ends with its answer.
pub(crate) fn shorten(text: &str, most: usize) -> String {
    let length = text.chars().count();
    if length <= most {
        return text.to_owned();
    }
    let (head, tail) = (most / 2, most - most / 2);
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(length - tail).collect();
    format!("{start}\n[… {} characters left out …]\n{end}", length - head - tail)
}

#[cfg(test)]
#[path = "../tests/unit/problems.rs"]
mod tests;
