//! What a repository is called.

use std::fmt;

use hf_hub::Repo;

use crate::Holds;

/// `org/name` and a branch, tag or commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubId {
    pub(crate) name: String,
    pub(crate) revision: String,
}

impl HubId {
    /// Reads `org/name[@revision]`; `None` for anything that looks like a path.
    pub fn parse(source: &str) -> Option<HubId> {
        let (name, revision) = source.split_once('@').unwrap_or((source, "main"));
        let (org, model) = name.split_once('/')?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let word = |s: &str| {
            s.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') && s.chars().all(allowed)
        };
        // A revision may hold slashes (`refs/pr/1`), but becomes a path in the cache.
        let revised = !revision.is_empty() && revision.split('/').all(word);
        let fits = word(org) && word(model) && revised && source.len() <= 256;
        fits.then(|| HubId { name: name.to_owned(), revision: revision.to_owned() })
    }

    /// The repository at another revision.
    pub(crate) fn at(&self, holds: Holds, revision: &str) -> Repo {
        Repo::with_revision(self.name.clone(), holds.repo_type(), revision.to_owned())
    }
}

impl fmt::Display for HubId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.revision)
    }
}

#[cfg(test)]
#[path = "../tests/unit/id.rs"]
mod tests;
