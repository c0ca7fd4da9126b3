//! The ledger: every draw of every problem, in draw order.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Draw, Outcomes};

/// The draws of one model over a set of problems, by problem id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    entries: BTreeMap<String, LedgerEntry>,
}

/// The draws of one problem, of which there is at least one, with finite figures in each.
#[derive(Clone, Debug, PartialEq)]
pub struct LedgerEntry {
    prompt: String,
    draws: Vec<Draw>,
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
    /// A log-prob or entropy that is no finite number.
    #[error("draw {draw} of problem {id} has {what} {value}: it must be a finite number")]
    NotFinite {
        /// The problem.
        id: String,
        /// The draw, counted from 0.
        draw: u64,
        /// `logprob` or `entropy`.
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
    /// The file is no ledger that this version reads.
    #[error("{}: is no ledger of format {format} version {version}: move it away, or use the version of bourn that wrote it", path.display(), format = crate::ledger_file::FORMAT, version = crate::ledger_file::VERSION)]
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
    /// An empty ledger.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a problem with its draws in draw order; refuses an id that is there already, an empty
    /// list, and draws whose log-prob or entropy is not finite.
    pub fn insert(
        &mut self,
        id: String,
        prompt: String,
        draws: Vec<Draw>,
    ) -> Result<(), LedgerError> {
        if draws.is_empty() {
            return Err(LedgerError::NoDraws(id));
        }
        check_finite(&id, 0, &draws)?;
        match self.entries.entry(id) {
            Entry::Vacant(entry) => {
                entry.insert(LedgerEntry { prompt, draws });
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

    /// Draws and correct draws; only the verdict [`Correct`](bourn_verify::Verdict::Correct) is
    /// correct.
    pub fn outcomes(&self) -> Outcomes {
        let correct = self.draws.iter().filter(|draw| draw.verdict.is_correct()).count();
        Outcomes::new(self.draws.len() as u64, correct as u64)
            .expect("an entry has at least one draw, and no memory holds more than MAX_DRAWS")
    }

    /// The sum of token entropies over all tokens of all draws, in nats, and the number of tokens.
    /// Their ratio over many problems is the token-weighted mean: each token counts once, as it
    /// does in the training metric, so that short answers weigh no more than they are long.
    pub fn entropy_sum(&self) -> (f64, f64) {
        self.draws.iter().fold((0.0, 0.0), |(nats, count), draw| {
            let tokens = f64::from(draw.tokens);
            (nats + draw.entropy * tokens, count + tokens)
        })
    }
}

impl LedgerKey {
    /// Content address: a hash of every field, as 64 hexadecimal digits.
    pub fn address(&self) -> String {
        let Self { weights, sampler, prompt, verifier, seed } = self;
        let mut hasher = blake3::Hasher::new_derive_key("bourn ledger key, version 1");
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
        for (what, value) in [("logprob", draw.logprob), ("entropy", draw.entropy)] {
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
