//! What a task's data are, looked at and not trained on.

use std::collections::BTreeMap;

use bourn_recipe::{Task, TaskKind};

use crate::benchmark::{self, bare};
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
        let problem = |entry: KeyedProblem| entry.problem;
        Inspected {
            problems: set.entries.into_iter().map(problem).collect(),
            findings: set.findings,
        }
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
    let (mut shared, mut alike) = (Vec::new(), Vec::new());
    match (&train, &probe) {
        (Some(train), Some(probe)) => {
            let keys: BTreeMap<u64, &Problem> =
                train.entries.iter().map(|entry| (entry.key, &entry.problem)).collect();
            let both = probe
                .entries
                .iter()
                .filter_map(|entry| keys.get(&entry.key).map(|one| pair(one, &entry.problem)));
            shared.extend(both);
            let texts: BTreeMap<String, &KeyedProblem> =
                train.entries.iter().map(|entry| (bare(&entry.problem.prompt), entry)).collect();
            alike.extend(probe.entries.iter().filter_map(|entry| {
                let one = texts.get(&bare(&entry.problem.prompt))?;
                let same = keys.contains_key(&entry.key);
                (!same).then(|| pair(&one.problem, &entry.problem))
            }));
        }
        (Some(all), None) | (None, Some(all)) => {
            let mut texts: BTreeMap<String, &Problem> = BTreeMap::new();
            for KeyedProblem { problem, .. } in &all.entries {
                match texts.entry(bare(&problem.prompt)) {
                    std::collections::btree_map::Entry::Occupied(one) => {
                        alike.push(pair(one.get(), problem));
                    }
                    std::collections::btree_map::Entry::Vacant(place) => {
                        place.insert(problem);
                    }
                }
            }
        }
        (None, None) => {}
    }
    let (train, probe) = (train.map(Inspected::from), probe.map(Inspected::from));
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
