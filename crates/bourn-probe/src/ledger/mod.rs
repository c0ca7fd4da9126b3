//! The ledger: every draw of every problem, in draw order; its file, and the store that keeps what
//! bases have drawn for all runs. **It draws nothing and estimates nothing.**

pub(crate) mod file;
pub(crate) mod lines;
pub(crate) mod lock;
pub(crate) mod store;
pub(crate) mod upkeep;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Draw, Extent, Outcomes, OutcomesError, StopRule};

/// The draws of one model over a set of problems, by problem id.
///
/// Where a [`StopRule`] ended the drawing, the ledger carries it: without it the outcomes would be
/// read as if their number had been fixed, and every estimate would be biased.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    rule: Option<StopRule>,
    entries: BTreeMap<String, LedgerEntry>,
}

/// The draws of one problem, of which there is at least one, with finite figures in each.
#[derive(Clone, Debug, PartialEq)]
pub struct LedgerEntry {
    prompt: String,
    draws: Vec<Draw>,
    outcomes: Outcomes,
}

/// Everything that a draw is a function of, besides the problem and the draw's number.
///
/// Two ledgers with equal keys agree draw for draw wherever both have draws; so whoever fills the
/// fields must change one of them whenever the draws could change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerKey {
    /// Content hash of the model's weights and tokenizer.
    pub weights: String,
    /// The sampler with all its settings.
    pub sampler: String,
    /// Hash of what turns a problem into tokens and bounds the answer: the template, the system
    /// message, the token budget.
    pub prompt: String,
    /// The verifier with all its settings and its version: stored verdicts are its verdicts.
    pub verifier: String,
    /// Seed of the draws.
    pub seed: u64,
}

/// What can go wrong with a ledger, in memory or in a file.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The same problem twice.
    #[error("problem {0} is in the ledger twice: problem ids must differ")]
    Duplicate(String),
    /// A problem without a draw.
    #[error("problem {0} has no draws: a ledger holds problems that were drawn")]
    NoDraws(String),
    /// Draws that the ledger's rule could not have ended with.
    #[error("problem {id}: {problem}")]
    Outcomes {
        /// The problem.
        id: String,
        /// What is wrong with its draws.
        problem: OutcomesError,
    },
    /// A log-prob or entropy that is no finite number.
    #[error("draw {draw} of problem {id} has {what} {value}: it must be a finite number")]
    NotFinite {
        /// The problem.
        id: String,
        /// The draw, counted from 0.
        draw: u64,
        /// `logprob`, `full_logprob`, `entropy` or `entropies`.
        what: &'static str,
        /// What it was.
        value: f64,
    },
    /// A text that would not be read back.
    #[error("{line} takes more than {max} bytes: a ledger cannot hold it")]
    TooLong {
        /// Which problem or draw it is.
        line: String,
        /// The bound on a line of the file.
        max: usize,
    },
    /// Reading or writing failed.
    #[error("{}: {doing} failed: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not whole, or not as it was written.
    #[error("{}: the ledger is torn or was altered ({what}): delete it, and the draws are made again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// How that shows.
        what: String,
    },
    /// The file is one of a store's.
    #[error("{}: holds a part of a store's draws, which may begin or go on in other files: read a run's own ledger, boundary/*.draws.jsonl.zst", path.display())]
    Part {
        /// The file.
        path: PathBuf,
    },
    /// The file is no ledger that this version reads.
    #[error("{}: is no ledger of format {format} version {version}: move it away, or use the version of bourn that wrote it", path.display(), format = crate::ledger::file::FORMAT, version = crate::ledger::file::VERSION)]
    Format {
        /// The file.
        path: PathBuf,
    },
    /// The file holds the draws of another model, sampler, prompt, verifier or seed.
    #[error("{}: holds draws under another key than its directory's: move it back to where it was", path.display())]
    WrongKey {
        /// The file.
        path: PathBuf,
    },
    /// Two files of one key disagree about a draw.
    #[error("{}: draw {draw} of problem {id} is not what another ledger of the same key holds: the draws were not reproducible; delete one of the files", path.display())]
    Conflict {
        /// The second of the files.
        path: PathBuf,
        /// The problem.
        id: String,
        /// The draw, counted from 0.
        draw: u64,
    },
}

impl Ledger {
    /// An empty ledger of draws whose number was fixed beforehand.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty ledger of draws that `rule` ended; `None` as [`Ledger::new`].
    pub fn of(rule: Option<StopRule>) -> Self {
        Self { rule, entries: BTreeMap::new() }
    }

    /// The rule that ended the drawing of every problem; `None` where its draws were fixed.
    pub fn rule(&self) -> Option<StopRule> {
        self.rule
    }

    /// Adds a problem with its draws in draw order; those beyond the rule's end are cut.
    ///
    /// # Errors
    /// An id that is there already, an empty list, draws that end before the rule does, and draws
    /// whose log-prob or entropy is not finite; the ledger is then as it was.
    pub fn insert(
        &mut self,
        id: String,
        prompt: String,
        mut draws: Vec<Draw>,
    ) -> Result<(), LedgerError> {
        if draws.is_empty() {
            return Err(LedgerError::NoDraws(id));
        }
        check_finite(&id, 0, &draws)?;
        let extent = self.rule.map_or(Extent::Fixed(draws.len() as u64), Extent::Until);
        let correct = draws.iter().map(|draw| draw.verdict.is_correct());
        let outcomes = match extent.outcomes(correct) {
            Ok(outcomes) => outcomes,
            Err(problem) => return Err(LedgerError::Outcomes { id, problem }),
        };
        draws.truncate(outcomes.n() as usize);
        match self.entries.entry(id) {
            Entry::Vacant(entry) => {
                entry.insert(LedgerEntry { prompt, draws, outcomes });
                Ok(())
            }
            Entry::Occupied(entry) => Err(LedgerError::Duplicate(entry.key().clone())),
        }
    }

    /// Number of problems.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no problem.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The problem with this id.
    pub fn get(&self, id: &str) -> Option<&LedgerEntry> {
        self.entries.get(id)
    }

    /// Every problem's id and entry, in id order.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = (&str, &LedgerEntry)> {
        self.entries.iter().map(|(id, entry)| (id.as_str(), entry))
    }

    /// Draws and correct draws of every problem.
    pub fn outcomes(&self) -> BTreeMap<String, Outcomes> {
        self.entries.iter().map(|(id, entry)| (id.clone(), entry.outcomes())).collect()
    }
}

impl LedgerEntry {
    /// The prompt that was put to the model, as the problem has it.
    pub fn prompt(&self) -> &str {
        &self.prompt
    }

    /// The draws in draw order, at least one.
    pub fn draws(&self) -> &[Draw] {
        &self.draws
    }

    /// Draws and correct draws, with the rule that ended them; only the verdict
    /// [`Correct`](bourn_verify::Verdict::Correct) is correct.
    pub fn outcomes(&self) -> Outcomes {
        self.outcomes
    }

    /// The sum of token entropies over all tokens of all draws, in nats, and the number of tokens.
    /// Their ratio over many problems is the token-weighted mean: each token counts once, as it
    /// does in the training metric, so that short answers weigh no more than they are long.
    pub(crate) fn entropy_sum(&self) -> (f64, f64) {
        self.draws.iter().fold((0.0, 0.0), |(nats, count), draw| {
            let tokens = f64::from(draw.tokens);
            (nats + draw.entropy * tokens, count + tokens)
        })
    }
}

impl LedgerKey {
    /// Content address: a hash of every field, as 64 hexadecimal digits.
    pub fn address(&self) -> String {
        self.address_in("bourn ledger key, version 3")
    }

    /// Whether `address` is the one that this key had when fields were written otherwise: no run asks
    /// for it any more.
    pub(crate) fn had_address(&self, address: &str) -> bool {
        address == self.address_in("bourn ledger key, version 2")
    }

    fn address_in(&self, format: &str) -> String {
        let Self { weights, sampler, prompt, verifier, seed } = self;
        let mut hasher = blake3::Hasher::new_derive_key(format);
        for field in [weights, sampler, prompt, verifier] {
            // With lengths, so that no two keys run together into the same bytes.
            hasher.update(&(field.len() as u64).to_le_bytes());
            hasher.update(field.as_bytes());
        }
        hasher.update(&seed.to_le_bytes());
        hasher.finalize().to_hex().to_string()
    }
}

/// Refuses figures that no file and no mean could hold; `first` is the number of the first draw.
pub(crate) fn check_finite(id: &str, first: u64, draws: &[Draw]) -> Result<(), LedgerError> {
    for (draw, number) in draws.iter().zip(first..) {
        let figures = [
            ("logprob", draw.logprob),
            ("full_logprob", draw.full_logprob),
            ("entropy", draw.entropy),
        ];
        let entropies = draw.entropies.iter().map(|&nats| ("entropies", f64::from(nats)));
        for (what, value) in figures.into_iter().chain(entropies) {
            if !value.is_finite() {
                return Err(LedgerError::NotFinite {
                    id: id.to_owned(),
                    draw: number,
                    what,
                    value,
                });
            }
        }
    }
    Ok(())
}
