//! What the environment says of the hub.

use std::path::PathBuf;

use crate::{Holds, Hub, HubError, HubId, NoCache};

/// What the environment says of the hub, for a person to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubSettings {
    /// Where downloaded files are.
    pub cache: PathBuf,
    /// The hub's address, where it is not the public one, without a name and password.
    pub endpoint: Option<String>,
    /// Whether nothing is downloaded.
    pub offline: bool,
    /// Whether there is a token to show it. What it is, nobody is told.
    pub has_token: bool,
}

impl HubSettings {
    /// From `HF_HOME`, `HF_ENDPOINT`, `HF_HUB_OFFLINE` and `HF_TOKEN`; the hub is not asked.
    ///
    /// # Errors
    /// There is no place for the cache.
    pub fn from_environment() -> Result<HubSettings, NoCache> {
        let Hub { cache, endpoint, offline, token } = Hub::from_environment()?;
        Ok(HubSettings {
            cache: cache.path().clone(),
            endpoint: endpoint.map(|endpoint| without_user(&endpoint)),
            offline,
            has_token: token.is_some(),
        })
    }
}

impl Hub {
    /// Asks the hub for the file list of a model, whatever `HF_HUB_OFFLINE` says.
    ///
    /// # Errors
    /// It does not answer, or does not have it.
    pub fn ask(&self, model: &HubId) -> Result<(), HubError> {
        let info = self.api().map(|api| api.repo(model.at(Holds::Model, &model.revision)).info());
        match info {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) | Err(error) => {
                let kind = Holds::Model.name();
                Err(HubError { kind, id: model.to_string(), message: error.to_string() })
            }
        }
    }
}

/// An address without what stands before its `@`.
fn without_user(address: &str) -> String {
    let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
    let host = rest.find('/').unwrap_or(rest.len());
    let rest = rest[..host].rfind('@').map_or(rest, |at| &rest[at + 1..]);
    if scheme.is_empty() { rest.to_owned() } else { format!("{scheme}://{rest}") }
}

#[cfg(test)]
#[path = "../tests/unit/settings.rs"]
mod tests;
