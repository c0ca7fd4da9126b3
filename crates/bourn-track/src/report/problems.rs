//! What became of each problem, and the answers that show it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use bourn_probe::{Boundary, Draw, LedgerEntry, Outcomes, Solvable};

/// Distinct answers of a problem and a model that are kept.
pub(super) const ANSWERS: usize = 4;
/// Characters of an answer that are kept, and of a prompt.
pub(super) const ANSWER_CHARS: usize = 800;
pub(super) const PROMPT_CHARS: usize = 1000;

/// Which of the two models solved a problem at least once in its draws; in the order of how much it
/// is worth a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
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
pub struct ProblemRecord {
    /// The problem's id.
    pub id: String,
    /// Who solved it.
    pub status: Status,
    /// What the base answered, where the run has its draws.
    pub base: Option<Side>,
    /// What the policy answered.
    pub policy: Option<Side>,
}

/// A problem's draws of one model.
#[derive(Clone, Debug, PartialEq)]
pub struct Side {
    /// The prompt, shortened.
    pub prompt: String,
    /// Draws and correct draws.
    pub outcomes: Outcomes,
    /// How many distinct answers there were.
    pub distinct: usize,
    /// The most frequent ones, correct ones among them if there are any.
    pub answers: Vec<Answer>,
}

/// A distinct answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The completion without the white space around it, shortened.
    pub text: String,
    /// Draws with this text and verdict.
    pub count: usize,
    /// The verdict's name.
    pub verdict: &'static str,
    /// Whether the verdict is that it is right.
    pub correct: bool,
}

impl Status {
    /// Every status, in the order in which figures name them.
    pub const ALL: [Status; 4] = [Status::Kept, Status::Gained, Status::Lost, Status::Neither];

    /// The name used in figures and metric tags.
    pub fn name(self) -> &'static str {
        match self {
            Status::Lost => "lost",
            Status::Gained => "gained",
            Status::Kept => "kept",
            Status::Neither => "neither",
        }
    }

    /// The ids with this status.
    pub fn ids(self, sets: &Solvable) -> &[String] {
        match self {
            Status::Lost => &sets.lost,
            Status::Gained => &sets.gained,
            Status::Kept => &sets.kept,
            Status::Neither => &sets.neither,
        }
    }
}

impl ProblemRecord {
    /// Share of correct draws, policy less base; `None` where one of them is not known.
    pub fn delta(&self) -> Option<f64> {
        Some(self.policy.as_ref()?.outcomes.accuracy() - self.base.as_ref()?.outcomes.accuracy())
    }

    /// The prompt, where any draws are known.
    pub fn prompt(&self) -> Option<&str> {
        self.policy.as_ref().or(self.base.as_ref()).map(|side| side.prompt.as_str())
    }
}

/// Every problem of the figures with what the two models answered. Where there are posteriors,
/// those come first that were most probably lost or gained; otherwise lost and gained ones. Then
/// those of the largest change, then by id.
pub(super) fn problems(
    figures: &Boundary,
    mut base: BTreeMap<String, Side>,
    mut policy: BTreeMap<String, Side>,
) -> Vec<ProblemRecord> {
    let states = figures.solvability.iter().flat_map(|s| &s.problems);
    let chances: BTreeMap<&str, f64> =
        states.map(|p| (p.id.as_str(), p.lost.max(p.gained))).collect();
    let mut records: Vec<ProblemRecord> = Status::ALL
        .into_iter()
        .flat_map(|status| status.ids(&figures.solvable).iter().map(move |id| (status, id)))
        .map(|(status, id)| ProblemRecord {
            id: id.clone(),
            status,
            base: base.remove(id),
            policy: policy.remove(id),
        })
        .collect();
    let changed = |p: &ProblemRecord| matches!(p.status, Status::Lost | Status::Gained);
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
pub(super) fn side(entry: &LedgerEntry) -> Side {
    let mut counts: BTreeMap<_, (usize, usize)> = BTreeMap::new();
    for (number, draw) in entry.draws().iter().enumerate() {
        let Draw { text, verdict, .. } = draw;
        counts.entry((text.trim(), *verdict)).or_insert((0, number)).0 += 1;
    }
    let mut answers: Vec<_> = counts
        .iter()
        .map(|(&(text, verdict), &(count, first))| (text, verdict, count, first))
        .collect();
    // The most frequent first; of equally frequent ones the first drawn.
    answers.sort_by_key(|&(_, _, count, first)| (Reverse(count), first));
    // A rare right answer is what the page is for: half of the places are its own.
    let place = |correct: bool| {
        let of = answers.iter().filter(move |(_, verdict, ..)| verdict.is_correct() == correct);
        of.cloned().collect::<Vec<_>>()
    };
    let (right, wrong) = (place(true), place(false));
    let rights = right.len().min(ANSWERS - wrong.len().min(ANSWERS / 2));
    let mut shown: Vec<_> =
        right.into_iter().take(rights).chain(wrong.into_iter().take(ANSWERS - rights)).collect();
    shown.sort_by_key(|&(_, _, count, first)| (Reverse(count), first));
    Side {
        prompt: shorten(entry.prompt(), PROMPT_CHARS),
        outcomes: entry.outcomes(),
        distinct: answers.len(),
        answers: shown
            .into_iter()
            .map(|(text, verdict, count, _)| Answer {
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
pub(super) fn shorten(text: &str, most: usize) -> String {
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
mod tests {
    use bourn_probe::Ledger;
    use bourn_verify::Verdict;

    use super::*;

    /// A side of draws given as text and how often it was drawn; texts with `!` are right.
    fn of(draws: &[(&str, usize)]) -> Side {
        let draw = |text: &str| Draw {
            verdict: if text.contains('!') { Verdict::Correct } else { Verdict::Wrong },
            text: text.to_owned(),
            answer: None,
            tokens: 1,
            logprob: -1.0,
            full_logprob: -1.0,
            entropy: 0.5,
            truncated: false,
            ids: vec![0; 1],
            entropies: vec![0.5; 1],
        };
        let draws = draws
            .iter()
            .flat_map(|&(text, count)| std::iter::repeat_n(draw(text), count))
            .collect();
        let mut ledger = Ledger::new();
        ledger.insert("p".into(), "prompt".into(), draws).unwrap();
        side(ledger.get("p").unwrap())
    }

    #[test]
    fn rare_right_answers_are_among_those_shown() {
        let check = |draws: &[(&str, usize)], expect: &[(&str, usize)]| {
            let side = of(draws);
            let shown: Vec<_> = side.answers.iter().map(|a| (a.text.as_str(), a.count)).collect();
            assert_eq!(shown, expect, "{draws:?}");
            let all: usize = draws.iter().map(|(_, count)| count).sum();
            assert_eq!(side.outcomes.n(), all as u64);
        };
        check(&[("a", 1)], &[("a", 1)]);
        check(&[("a", 1), ("b", 2)], &[("b", 2), ("a", 1)]);
        // Equally frequent ones in draw order, not in that of the alphabet.
        check(&[("z", 1), ("a", 1)], &[("z", 1), ("a", 1)]);
        check(
            &[("a", 9), ("b", 8), ("c", 7), ("d", 6), ("e!", 1)],
            &[("a", 9), ("b", 8), ("c", 7), ("e!", 1)],
        );
        check(
            &[("a!", 9), ("b!", 8), ("c!", 7), ("d", 6), ("e", 5), ("f", 4)],
            &[("a!", 9), ("b!", 8), ("d", 6), ("e", 5)],
        );
        check(
            &[("a!", 2), ("b!", 2), ("c!", 2), ("d!", 2), ("e!", 2)],
            &[("a!", 2), ("b!", 2), ("c!", 2), ("d!", 2)],
        );
        // The same text but for the white space around it.
        check(&[(" a", 1), ("a\n", 1)], &[("a", 2)]);
    }

    #[test]
    fn long_texts_lose_their_middle() {
        let check = |text: &str, most, expect: &str| assert_eq!(shorten(text, most), expect);
        check("abcdef", 6, "abcdef");
        check("abcdefg", 4, "ab\n[… 3 characters left out …]\nfg");
        check("äöüäöüä", 5, "äö\n[… 2 characters left out …]\nöüä");
    }

    #[test]
    fn the_surest_changes_come_first() {
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        let sets = Solvable {
            kept: ids(&["k1", "k2"]),
            gained: ids(&["g"]),
            lost: ids(&["l1", "l2"]),
            neither: ids(&["n"]),
        };
        let side = |c, n| of(&[("x!", c), ("y", n - c)]);
        let base = [("k1", 1), ("k2", 9), ("g", 0), ("l1", 2), ("l2", 5), ("n", 0)];
        let policy = [("k1", 2), ("k2", 1), ("g", 4), ("l1", 0), ("l2", 0), ("n", 0)];
        let sides = |list: [(&str, usize); 6]| {
            list.into_iter().map(|(id, c)| (id.to_owned(), side(c, 10))).collect()
        };
        let mut figures = crate::sample::boundary();
        figures.solvable = sets;
        let records = problems(&figures, sides(base), sides(policy));
        let order: Vec<_> = records.iter().map(|p| p.id.as_str()).collect();
        assert_eq!(order, ["l2", "g", "l1", "k2", "k1", "n"]);
        assert_eq!(records[0].delta(), Some(-0.5));
        // Without the base's draws there is no change to go by.
        let records = problems(&figures, BTreeMap::new(), sides(policy));
        let order: Vec<_> = records.iter().map(|p| p.id.as_str()).collect();
        assert_eq!(order, ["g", "l1", "l2", "k1", "k2", "n"]);
        assert_eq!(records[0].delta(), None);
        // With posteriors, the most probable loss or gain comes first, whatever the counts say.
        let mut solvability = crate::sample::rich().solvability.unwrap();
        let mut known = solvability.problems[0].clone();
        (known.id, known.lost, known.gained) = ("k2".into(), 0.7, 0.0);
        solvability.problems = vec![known];
        figures.solvability = Some(solvability);
        let records = problems(&figures, sides(base), sides(policy));
        let order: Vec<_> = records.iter().map(|p| p.id.as_str()).collect();
        assert_eq!(order, ["k2", "l2", "g", "l1", "k1", "n"]);
    }
}
