//! A repository at one commit.

use std::fs;
use std::path::{Path, PathBuf};

use hf_hub::api::sync::{ApiError, ApiRepo};

use crate::{Holds, Hub, HubError, HubId};

/// Most files of a repository that are looked at, and how deep its directories go.
const MOST_FILES: usize = 100_000;
const DEEPEST: usize = 8;

/// A repository at one commit.
pub struct Snapshot {
    hub: Hub,
    holds: Holds,
    id: HubId,
    /// `None` where nothing may be downloaded.
    remote: Option<ApiRepo>,
    commit: String,
    files: Vec<String>,
}

impl Snapshot {
    /// What the hub lists.
    pub(crate) fn listed(hub: &Hub, holds: Holds, id: &HubId) -> Result<Snapshot, HubError> {
        let failed = |what: &str, error| failed(holds, id, what, &error);
        let api = hub.api().map_err(|e| failed("set up the client", e))?;
        let info = api.repo(id.at(holds, &id.revision)).info();
        let info = info.map_err(|e| failed("list its files", e))?;
        let commit = info.sha;
        // It becomes a path in the cache.
        if !commit.chars().all(|c| c.is_ascii_hexdigit()) || commit.is_empty() {
            let message = format!("the hub answered with the commit `{commit}`");
            return Err(error(holds, id, message));
        }
        let names = info.siblings.into_iter().map(|sibling| sibling.rfilename);
        let mut files: Vec<String> = names.filter(|name| is_inside(name)).collect();
        files.sort_unstable();
        files.truncate(MOST_FILES);
        let remote = Some(api.repo(id.at(holds, &commit)));
        Ok(Snapshot { hub: hub.clone(), holds, id: id.clone(), remote, commit, files })
    }

    /// What the cache has.
    pub(crate) fn cached(hub: &Hub, holds: Holds, id: &HubId) -> Result<Snapshot, HubError> {
        let folder = hub.cache.path().join(id.at(holds, &id.revision).folder_name());
        let branch = fs::read_to_string(folder.join("refs").join(&id.revision));
        let commit = branch.map_or_else(|_| id.revision.clone(), |commit| commit.trim().to_owned());
        let dir = folder.join("snapshots").join(&commit);
        let mut files = Vec::new();
        if is_inside(&commit) {
            list(&dir, "", DEEPEST, &mut files);
        }
        if files.is_empty() {
            let message = format!(
                "is not in the cache at {}, and HF_HUB_OFFLINE forbids downloading it; unset \
                 HF_HUB_OFFLINE, or point HF_HOME at a cache that has it",
                hub.cache.path().display()
            );
            return Err(error(holds, id, message));
        }
        files.sort_unstable();
        let (hub, id) = (hub.clone(), id.clone());
        Ok(Snapshot { hub, holds, id, remote: None, commit, files })
    }

    /// The names of its files, in order; offline, of those that the cache has.
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// Whether it has a file of this name.
    pub fn has(&self, name: &str) -> bool {
        self.files.binary_search_by(|file| file.as_str().cmp(name)).is_ok()
    }

    /// Where a file of [`Snapshot::files`] is, downloaded first where it must be.
    ///
    /// # Errors
    /// It cannot be downloaded.
    pub fn get(&self, name: &str) -> Result<PathBuf, HubError> {
        match &self.remote {
            None => Ok(self.dir().join(name)),
            Some(remote) => remote
                .get(name)
                .map_err(|error| failed(self.holds, &self.id, &format!("fetch {name}"), &error)),
        }
    }

    /// Says that every file that is wanted is there: from now on the revision's name stands for this
    /// commit. Last, so that an interrupted download is not taken for a whole one.
    ///
    /// # Errors
    /// The cache cannot be written.
    pub fn complete(&self) -> Result<PathBuf, HubError> {
        if self.remote.is_some() {
            let branch = self.hub.cache.repo(self.id.at(self.holds, &self.id.revision));
            branch.create_ref(&self.commit).map_err(|error| {
                self.error(format!("cannot write {}: {error}", self.hub.cache.path().display()))
            })?;
        }
        Ok(self.dir())
    }

    /// An error about this repository.
    pub fn error(&self, message: String) -> HubError {
        error(self.holds, &self.id, message)
    }

    fn dir(&self) -> PathBuf {
        self.hub.cache.repo(self.id.at(self.holds, &self.commit)).pointer_path(&self.commit)
    }
}

fn error(holds: Holds, id: &HubId, message: String) -> HubError {
    HubError { kind: holds.name(), id: id.to_string(), message }
}

fn failed(holds: Holds, id: &HubId, what: &str, problem: &ApiError) -> HubError {
    let message = format!(
        "cannot {what}: {problem}; check the name and the network, or set HF_HUB_OFFLINE=1 to use \
         what is in the cache"
    );
    error(holds, id, message)
}

/// Whether a name stays in the directory that it is in.
fn is_inside(name: &str) -> bool {
    let mut parts = name.split(['/', '\\']);
    !name.contains('\0') && parts.all(|part| !part.is_empty() && part != "." && part != "..")
}

fn list(dir: &Path, before: &str, depth: usize, files: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let (path, name) = (entry.path(), format!("{before}{name}"));
        // The cache's files are links to where their content is.
        // A link to a directory may lead back to this one.
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_dir && depth > 0 {
            list(&path, &format!("{name}/"), depth - 1, files);
        } else if path.is_file() && files.len() < MOST_FILES {
            files.push(name);
        }
    }
}

#[cfg(test)]
#[path = "../tests/unit/snapshot.rs"]
mod tests;
