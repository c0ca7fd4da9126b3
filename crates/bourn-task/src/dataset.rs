//! Problems out of a data set's files.

use std::collections::BTreeMap;
use std::path::Path;

use bourn_recipe::{Columns, DataSource, Task};
use bourn_rows::{Row, Source};
use bourn_seed::content_hash;
use bourn_verify::Reference;
use serde_json::{Map, Value};

use crate::answer::{is_hashed, readable_as};
use crate::benchmark;
use crate::columns::{Place, column, find};
use crate::load::TaskError;
use crate::problem::Problem;
use crate::prompt::prompt;
use crate::rewards::Rewards;

/// Places that a warning lists before it only counts.
const LISTED: usize = 20;

/// A problem with the hash of its text before the template: the order and the side of the split
/// follow it, so that neither depends on lines, template or seed.
#[derive(Clone)]
pub(crate) struct KeyedProblem {
    pub key: u64,
    /// The hash of that text's letters and digits.
    pub alike: u64,
    pub problem: Problem,
}

/// The readable problems of a source, in the order of their keys, and what was found on the way.
pub(crate) struct Dataset {
    pub entries: Vec<KeyedProblem>,
    pub findings: Findings,
    /// Of each problem and its answer a hash, where it is asked for.
    pub contents: Vec<[u8; 32]>,
}

/// What was found in the rows of a source.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    /// The source, as it was named.
    pub name: String,
    /// Its files.
    pub files: usize,
    /// Rows that were looked at.
    pub rows: usize,
    /// Problems that they gave.
    pub problems: usize,
    /// The columns of the first row.
    pub columns: Vec<String>,
    /// Rows whose reference cannot be read.
    pub unreadable: Places,
    /// Why, for the first of them.
    pub reason: String,
    /// Rows whose text stood before, with the same answer.
    pub repeated: Places,
    /// Rows whose text stands elsewhere with another answer; all of them.
    pub disagreeing: Places,
    /// How many problems these are.
    pub disputed: usize,
    /// Rows whose answer, compared as a text, is a whole solution that ends in `#### 42`.
    pub hashed: usize,
}

/// What is read of a source, and how.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    /// The layouts there may be: of each row the first of which it has both columns.
    pub layouts: &'a [Columns],
    pub task: &'a Task,
    pub rewards: &'a Rewards,
    /// Most problems; 0 for all.
    pub most: usize,
    /// Whether the problems are to be compared with a benchmark's.
    pub compared: bool,
}

/// A problem as it was first met.
struct Met {
    problem: Problem,
    alike: u64,
    place: String,
    disagrees: bool,
}

impl Reader<'_> {
    /// Reads a source.
    pub(crate) fn read(self, source: &DataSource) -> Result<Dataset, TaskError> {
        let DataSource { path, config, split } = source;
        let (config, split) = (config.as_deref(), split.as_deref());
        let files = Source { path, config, split }.files()?;
        let several = files.len() > 1;
        let mut findings =
            Findings { name: named(source), files: files.len(), ..Findings::default() };
        let mut met: BTreeMap<u64, Met> = BTreeMap::new();
        let mut first_unreadable = None;
        let mut contents = Vec::new();
        for path in &files {
            if self.is_enough(met.len()) {
                break;
            }
            let file =
                path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
            bourn_rows::for_each(path, |Row { place: line, columns }| {
                let place = Place { path, line, columns: &columns };
                let shown = if several { format!("{file}:{line}") } else { line.to_string() };
                if findings.rows == 0 {
                    findings.columns = columns.keys().cloned().collect();
                }
                findings.rows += 1;
                let layout = self.layout(&columns);
                let prompt_column = column(&place, ("prompt_column", &layout.prompt))?;
                let answer = column(&place, ("answer_column", &layout.answer))?;
                let put = prompt(&prompt_column, &self.task.template).map_err(|problem| {
                    place.malformed(format!("the column `{}` {problem}", layout.prompt))
                })?;
                if self.compared {
                    let answer = benchmark::answer(&answer, layout.answer_format);
                    contents.push(benchmark::content(&put.content, &answer));
                }
                let key = content_hash(&[b"problem", put.content.trim().as_bytes()]);
                match Reference::of_value(&answer, layout.answer_format, &self.task.rewards) {
                    Err(reason) => {
                        if findings.unreadable.count == 0 {
                            findings.reason = reason;
                            first_unreadable = Some((path.clone(), line, answer.into_owned()));
                        }
                        findings.unreadable.add(shown);
                    }
                    Ok(reference) => {
                        let before = met.get_mut(&key);
                        match before {
                            Some(before) if before.problem.reference.agrees(&reference) => {
                                findings.repeated.add(shown);
                            }
                            Some(before) => {
                                if !std::mem::replace(&mut before.disagrees, true) {
                                    findings.disagreeing.add(before.place.clone());
                                }
                                findings.disagreeing.add(shown);
                            }
                            None => {
                                let hashed = is_hashed(&answer, layout.answer_format, &reference);
                                findings.hashed += usize::from(hashed);
                                let origin = format!("{file}:{line}");
                                let alike =
                                    content_hash(&[benchmark::bare(&put.content).as_bytes()]);
                                let problem = Problem::new(put, reference, origin, self.rewards);
                                let (place, disagrees) = (shown, false);
                                met.insert(key, Met { problem, alike, place, disagrees });
                            }
                        }
                    }
                }
                Ok::<_, TaskError>(!self.is_enough(met.len()))
            })?;
        }
        findings.disputed = met.values().filter(|met| met.disagrees).count();
        // Of two answers nobody knows which is right, and the wrong one would be paid for.
        met.retain(|_, met| !met.disagrees);
        findings.problems = met.len();
        if met.is_empty() {
            return Err(self.nothing(source, &files[0], findings, first_unreadable));
        }
        let entry = |(key, met): (u64, Met)| {
            let Met { problem, alike, .. } = met;
            KeyedProblem { key, alike, problem }
        };
        Ok(Dataset { entries: met.into_iter().map(entry).collect(), findings, contents })
    }

    fn is_enough(&self, problems: usize) -> bool {
        self.most != 0 && problems >= self.most
    }

    /// The layout of a row; the first of all, where it has none, so that an error names that one's.
    fn layout(&self, columns: &Map<String, Value>) -> &Columns {
        let has = |layout: &&Columns| {
            find(columns, &layout.prompt).is_some() && find(columns, &layout.answer).is_some()
        };
        self.layouts.iter().find(has).unwrap_or(&self.layouts[0])
    }

    fn nothing(
        &self,
        source: &DataSource,
        file: &Path,
        findings: Findings,
        unreadable: Option<(std::path::PathBuf, u64, Value)>,
    ) -> TaskError {
        match unreadable {
            None if findings.disagreeing.count > 0 => TaskError::Disagreeing {
                source_name: named(source),
                places: findings.disagreeing.to_string(),
            },
            None => TaskError::Empty { path: file.to_path_buf() },
            Some((path, line, answer)) => TaskError::NoReference {
                path,
                count: findings.unreadable.count,
                line,
                reason: findings.reason,
                advice: readable_as(&answer, self.task).map_or_else(
                    || "check `answer_column` and `answer_format`".to_owned(),
                    |name| format!("set `answer_format = \"{name}\"`, by which it can"),
                ),
            },
        }
    }
}

/// A source as people read it: `openai/gsm8k, main, test`.
pub(crate) fn named(source: &DataSource) -> String {
    let DataSource { path, config, split } = source;
    let parts = [Some(path), config.as_ref(), split.as_ref()];
    parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(", ")
}

impl Findings {
    /// What the user should know, one sentence each.
    pub fn warnings(&self) -> Vec<String> {
        let Findings { name, unreadable, reason, repeated, disagreeing, hashed, .. } = self;
        let mut warnings = Vec::new();
        if unreadable.count > 0 {
            warnings.push(format!(
                "{name}: {} left out, because their reference cannot be read (the first: {reason}): \
                 {unreadable}",
                problems(unreadable.count),
            ));
        }
        if repeated.count > 0 {
            warnings.push(format!(
                "{name}: {} left out, because the same text stands on an earlier line: {repeated}",
                problems(repeated.count),
            ));
        }
        if disagreeing.count > 0 {
            warnings.push(format!(
                "{name}: {} left out, because the same text stands there with different answers: \
                 {disagreeing}",
                problems(self.disputed),
            ));
        }
        if *hashed > 0 && *hashed == self.problems {
            warnings.push(format!(
                "{name}: every reference holds `####`, and is compared as a whole: for what stands \
                 behind it set `answer_format = \"hash\"`",
            ));
        }
        warnings
    }
}

/// `1 problem`, `2 problems`.
pub(crate) fn problems(count: usize) -> String {
    format!("{count} problem{}", if count == 1 { "" } else { "s" })
}

/// Places of rows, all counted and the first few kept: lines, and of several files `file:line`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The first few.
    pub first: Vec<String>,
    /// How many there are.
    pub count: usize,
}

impl Places {
    fn add(&mut self, place: String) {
        self.count += 1;
        if self.first.len() < LISTED {
            self.first.push(place);
        }
    }
}

impl std::fmt::Display for Places {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lines = self.first.iter().all(|place| !place.contains(':'));
        match (lines, self.count) {
            (true, 1) => write!(f, "line ")?,
            (true, _) => write!(f, "lines ")?,
            (false, _) => {}
        }
        write!(f, "{}", self.first.join(", "))?;
        match self.count - self.first.len() {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
