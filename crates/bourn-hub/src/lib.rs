//! Files of a Hugging Face hub, through its cache.
//!
//! What is asked for is a repository at a revision, and of it the files that somebody chooses: all are
//! of one commit, whatever happens to the branch meanwhile. Where nothing may be downloaded, what the
//! cache has is all there is.
//!
//! **This room does not know what the files are for.**
//!
//! ```
//! use bourn_hub::HubId;
//!
//! let id = HubId::parse("Qwen/Qwen2.5-0.5B@main").unwrap();
//! assert_eq!(id.to_string(), "Qwen/Qwen2.5-0.5B@main");
//! // What looks like a path is none.
//! assert_eq!(HubId::parse("./models/tiny"), None);
//! ```

mod id;
mod settings;
mod snapshot;

use std::path::Path;

use hf_hub::api::sync::{Api, ApiBuilder, ApiError};
use hf_hub::{Cache, RepoType};

pub use id::HubId;
pub use settings::HubSettings;
pub use snapshot::Snapshot;

/// Why a hub did not give what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("hub {kind} `{id}`: {message}")]
pub struct HubError {
    /// `model` or `data set`.
    pub kind: &'static str,
    /// `org/name@revision`.
    pub id: String,
    /// What happened, and what to do.
    pub message: String,
}

/// There is no place for the hub's cache.
#[derive(Debug, thiserror::Error)]
#[error("the hub's cache has no place ({0}); set HF_HOME to a directory for it")]
pub struct NoCache(String);

/// What a repository holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// A model.
    Model,
    /// A data set.
    Dataset,
}

impl Holds {
    fn repo_type(self) -> RepoType {
        match self {
            Holds::Model => RepoType::Model,
            Holds::Dataset => RepoType::Dataset,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Holds::Model => "model",
            Holds::Dataset => "data set",
        }
    }
}

/// Where the hub and its cache are.
#[derive(Clone, Debug)]
pub struct Hub {
    cache: Cache,
    endpoint: Option<String>,
    offline: bool,
    token: Option<String>,
}

impl Hub {
    /// From `HF_HOME`, `HF_ENDPOINT`, `HF_HUB_OFFLINE` and `HF_TOKEN`; the hub is not asked.
    ///
    /// # Errors
    /// There is no place for the cache.
    pub fn from_environment() -> Result<Hub, NoCache> {
        let set = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
        let cache = match set("HF_HOME") {
            // Absolute, because the cache links its files to one another.
            Some(home) => {
                let resolved = std::path::absolute(&home);
                let home = resolved.map_err(|error| NoCache(format!("HF_HOME={home}: {error}")))?;
                Cache::new(home.join("hub"))
            }
            None if std::env::home_dir().is_none() => {
                return Err(NoCache("there is no home directory".to_owned()));
            }
            None => Cache::default(),
        };
        let token = set("HF_TOKEN").or_else(|| cache.token());
        let yes = ["1", "true", "yes", "on"];
        let offline =
            set("HF_HUB_OFFLINE").is_some_and(|v| yes.contains(&v.to_lowercase().as_str()));
        Ok(Hub { cache, endpoint: set("HF_ENDPOINT"), offline, token })
    }

    /// A hub at `endpoint`, with its cache in a directory, for tests of what stands on it.
    pub fn at(endpoint: Option<String>, cache: &Path, offline: bool) -> Hub {
        Hub { cache: Cache::new(cache.to_owned()), endpoint, offline, token: None }
    }

    /// A repository at the commit that its revision is at now; offline, at the one that it was at when
    /// the cache was filled.
    ///
    /// # Errors
    /// The hub does not answer, or does not have it; offline, the cache has nothing of it.
    pub fn snapshot(&self, holds: Holds, id: &HubId) -> Result<Snapshot, HubError> {
        match self.offline {
            true => Snapshot::cached(self, holds, id),
            false => Snapshot::listed(self, holds, id),
        }
    }

    fn api(&self) -> Result<Api, ApiError> {
        let mut builder = ApiBuilder::from_cache(self.cache.clone())
            .with_token(self.token.clone())
            .with_retries(3);
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(endpoint.trim_end_matches('/').to_owned());
        }
        builder.build()
    }
}
