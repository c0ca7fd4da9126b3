//! What a task's data are, looked at and not trained on.

use std::collections::BTreeMap;

use bourn_recipe::{Task, TaskKind};

use crate::benchmark;
use crate::dataset::{Dataset, Findings, KeyedProblem};
use crate::load::{TaskError, benchmark_reader, reader};
use crate::problem::Problem;
use crate::rewards::Rewards;

/// Pairs of problems that are listed.
const LISTED: usize = 20;

/// A task's data.
pub struct Inspection {
    /// Problems to train on, or all there are where the probe has none of its own; of a benchmark none.
    pub train: Option<Inspected>,
    /// The probe's own.
    pub probe: Option<Inspected>,
    /// Problems that stand in both, by the same text.
    pub shared: Vec<Pair>,
    /// Problems of which letters and digits are the same, and the rest is not: in both, or where the
    /// probe has none of its own, twice among all.
    pub alike: Vec<Pair>,
}

/// The problems of a source, and what was found in its rows.
pub struct Inspected {
    /// In the order in which they would be held out.
    pub problems: Vec<Problem>,
    /// What was found.
    pub findings: Findings,
    /// Of each problem the hash of its text before the template, and of that text's letters and digits.
    hashes: Vec<(u64, u64)>,
}

/// What two sets of problems share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overlap {
    /// Problems by the same text.
    pub shared: Vec<Pair>,
    /// Problems by the same letters and digits alone.
    pub alike: Vec<Pair>,
}

impl Inspected {
    /// What problems to train on share with those of a probe, of this task or another.
    pub fn overlap(&self, probe: &Inspected) -> Overlap {
        let texts: BTreeMap<u64, usize> = self.places(|hashes| hashes.0);
        let letters: BTreeMap<u64, usize> = self.places(|hashes| hashes.1);
        let mut overlap = Overlap::default();
        for ((text, bare), problem) in probe.hashes.iter().zip(&probe.problems) {
            if let Some(&at) = texts.get(text) {
                overlap.shared.push(pair(&self.problems[at], problem));
            } else if let Some(&at) = letters.get(bare) {
                overlap.alike.push(pair(&self.problems[at], problem));
            }
        }
        overlap
    }

    /// Problems that have the letters and digits of an earlier one.
    fn repeats(&self) -> Vec<Pair> {
        let mut first: BTreeMap<u64, &Problem> = BTreeMap::new();
        let mut repeats = Vec::new();
        for ((_, bare), problem) in self.hashes.iter().zip(&self.problems) {
            match first.get(bare) {
                Some(one) => repeats.push(pair(one, problem)),
                None => {
                    first.insert(*bare, problem);
                }
            }
        }
        repeats
    }

    fn places(&self, hash: fn(&(u64, u64)) -> u64) -> BTreeMap<u64, usize> {
        self.hashes.iter().enumerate().map(|(at, hashes)| (hash(hashes), at)).collect()
    }
}

/// Where two problems stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// To train on, or the first.
    pub one: String,
    /// The probe's, or the second.
    pub other: String,
}

impl From<Dataset> for Inspected {
    fn from(set: Dataset) -> Inspected {
        let hashes = set.entries.iter().map(|entry| (entry.key, entry.alike)).collect();
        let problem = |entry: KeyedProblem| entry.problem;
        let problems = set.entries.into_iter().map(problem).collect();
        Inspected { problems, findings: set.findings, hashes }
    }
}

/// Looks at the data of a task; `None` where it is generated.
///
/// # Errors
/// As [`load`](crate::load); too few problems are none.
pub fn inspect(task: &Task) -> Result<Option<Inspection>, TaskError> {
    let rewards = Rewards::of_task(task, 0)?;
    let (train, probe) = match &task.kind {
        TaskKind::Countdown(_) => return Ok(None),
        TaskKind::Dataset(data) => {
            let reader = reader(data, task, &rewards);
            let probe = data.probe.as_ref().map(|probe| reader.read(probe)).transpose()?;
            (Some(reader.read(&data.source)?), probe)
        }
        TaskKind::Benchmark(of) => {
            let layouts: Vec<_> = of.benchmark.facts().layouts().collect();
            let set = benchmark_reader(&layouts, task, &rewards).read(&of.source)?;
            benchmark::check(of, &set)?;
            (None, Some(set))
        }
    };
    let (train, probe) = (train.map(Inspected::from), probe.map(Inspected::from));
    let overlap = match (&train, &probe) {
        (Some(train), Some(probe)) => train.overlap(probe),
        (Some(all), None) | (None, Some(all)) => {
            Overlap { shared: Vec::new(), alike: all.repeats() }
        }
        (None, None) => Overlap::default(),
    };
    let Overlap { shared, alike } = overlap;
    Ok(Some(Inspection { train, probe, shared, alike }))
}

fn pair(one: &Problem, other: &Problem) -> Pair {
    Pair { one: one.origin.clone(), other: other.origin.clone() }
}

/// Pairs as people read them: the first few.
pub fn listed(pairs: &[Pair]) -> String {
    let first: Vec<String> =
        pairs.iter().take(LISTED).map(|pair| format!("{} = {}", pair.one, pair.other)).collect();
    match pairs.len().saturating_sub(LISTED) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}
