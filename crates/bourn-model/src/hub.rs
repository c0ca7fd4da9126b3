//! Models from a Hugging Face hub, through its cache.

use std::path::{Path, PathBuf};

use hf_hub::api::sync::{Api, ApiBuilder, ApiError};
use hf_hub::{Cache, Repo, RepoType};

use crate::template_files::{ADDITIONAL, EXTENSION, TEMPLATE, TEMPLATE_JSON};
use crate::{ModelError, adapter, safetensors_file};

/// Files that are read where the repository has them.
const SMALL: [&str; 6] = [
    "config.json",
    "tokenizer.json",
    "generation_config.json",
    "tokenizer_config.json",
    TEMPLATE,
    TEMPLATE_JSON,
];
/// Most templates with names of their own that are read.
const MAX_TEMPLATES: usize = 32;
const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// The model by which the hub is asked whether it answers; small, and the one of bourn's recipes.
const KNOWN: &str = "HuggingFaceTB/SmolLM2-135M-Instruct";

/// What the environment says of the hub, for a person to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubSettings {
    /// Where downloaded models are.
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
    pub fn from_environment() -> Result<HubSettings, ModelError> {
        let Hub { cache, endpoint, offline, token } = Hub::from_environment()?;
        Ok(HubSettings {
            cache: cache.path().clone(),
            endpoint: endpoint.map(|endpoint| without_user(&endpoint)),
            offline,
            has_token: token.is_some(),
        })
    }

    /// Asks the hub for the file list of a model that the public one has.
    ///
    /// # Errors
    /// It does not answer, or does not have it.
    pub fn ask() -> Result<(), ModelError> {
        let id = HubId { name: KNOWN.to_owned(), revision: "main".to_owned() };
        let info = Hub::from_environment()?.api().map(|api| api.repo(id.at(&id.revision)).info());
        match info {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) | Err(error) => Err(id.error(error.to_string())),
        }
    }
}

/// Whether a file of a repository is a template with a name of its own.
fn is_template(file: &str) -> bool {
    let name = file.strip_prefix(ADDITIONAL).and_then(|rest| rest.strip_prefix('/'));
    name.is_some_and(|name| name.ends_with(EXTENSION) && !name.contains(['/', '\\']))
}

/// An address without what stands before its `@`.
fn without_user(address: &str) -> String {
    let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
    let host = rest.find('/').unwrap_or(rest.len());
    let rest = rest[..host].rfind('@').map_or(rest, |at| &rest[at + 1..]);
    if scheme.is_empty() { rest.to_owned() } else { format!("{scheme}://{rest}") }
}

/// Where the hub and its cache are.
#[derive(Clone, Debug)]
pub(crate) struct Hub {
    cache: Cache,
    endpoint: Option<String>,
    offline: bool,
    token: Option<String>,
}

/// `org/name` and a branch, tag or commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HubId {
    name: String,
    revision: String,
}

impl HubId {
    /// Reads `org/name[@revision]`; `None` for anything that looks like a path.
    pub(crate) fn parse(source: &str) -> Option<HubId> {
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

    fn error(&self, message: String) -> ModelError {
        ModelError::Hub { id: format!("{}@{}", self.name, self.revision), message }
    }

    fn at(&self, revision: &str) -> Repo {
        Repo::with_revision(self.name.clone(), RepoType::Model, revision.to_owned())
    }
}

impl Hub {
    /// From `HF_HOME`, `HF_ENDPOINT`, `HF_HUB_OFFLINE` and `HF_TOKEN`.
    pub(crate) fn from_environment() -> Result<Hub, ModelError> {
        let set = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
        let cache = match set("HF_HOME") {
            // Absolute, because the cache links its files to one another.
            Some(home) => {
                let home = std::path::absolute(&home)
                    .map_err(ModelError::io("resolve", Path::new(&home)))?;
                Cache::new(home.join("hub"))
            }
            None if std::env::home_dir().is_none() => {
                let hint = "set HF_HOME to the directory of the hub's cache".to_owned();
                return Err(ModelError::MissingFile { path: PathBuf::from("~"), hint });
            }
            None => Cache::default(),
        };
        let token = set("HF_TOKEN").or_else(|| cache.token());
        let yes = ["1", "true", "yes", "on"];
        let offline =
            set("HF_HUB_OFFLINE").is_some_and(|v| yes.contains(&v.to_lowercase().as_str()));
        Ok(Hub { cache, endpoint: set("HF_ENDPOINT"), offline, token })
    }

    /// The directory that holds the model's files, downloaded first unless offline. All files are
    /// of one commit, whatever happens to the branch meanwhile.
    pub(crate) fn fetch(&self, id: &HubId) -> Result<PathBuf, ModelError> {
        if self.offline { self.cached(id) } else { self.download(id) }
    }

    fn cached(&self, id: &HubId) -> Result<PathBuf, ModelError> {
        let repo = self.cache.repo(id.at(&id.revision));
        let by_branch = repo.get("config.json");
        let by_commit = repo.pointer_path(&id.revision).join("config.json");
        let found = by_branch.or_else(|| Some(by_commit).filter(|p| p.exists()));
        let dir = found.and_then(|config| config.parent().map(Path::to_owned));
        dir.ok_or_else(|| {
            id.error(format!(
                "is not in the cache at {}, and HF_HUB_OFFLINE forbids downloading it; unset HF_HUB_OFFLINE, or point HF_HOME at a cache that has it",
                self.cache.path().display()
            ))
        })
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

    fn download(&self, id: &HubId) -> Result<PathBuf, ModelError> {
        let failed = |what: &str, e: ApiError| {
            id.error(format!(
                "cannot {what}: {e}; check the name and the network, or set HF_HUB_OFFLINE=1 to use what is in the cache"
            ))
        };
        let api = self.api().map_err(|e| failed("set up the client", e))?;
        let info = api.repo(id.at(&id.revision)).info().map_err(|e| failed("list its files", e))?;
        if !info.sha.chars().all(|c| c.is_ascii_hexdigit()) || info.sha.is_empty() {
            return Err(id.error(format!("the hub answered with the commit `{}`", info.sha)));
        }
        if let Some(file) = info.siblings.iter().find(|s| adapter::FILES.contains(&&*s.rfilename)) {
            let message = format!("has an adapter, {}; {}", file.rfilename, adapter::ADVICE);
            return Err(id.error(message));
        }
        let has = |file: &str| info.siblings.iter().any(|s| s.rfilename == file);
        let repo = api.repo(id.at(&info.sha));
        let get = |file: &str| repo.get(file).map_err(|e| failed(&format!("fetch {file}"), e));
        for file in SMALL.into_iter().filter(|file| has(file)) {
            get(file)?;
        }
        let named = info.siblings.iter().map(|s| s.rfilename.as_str()).filter(|s| is_template(s));
        for file in named.take(MAX_TEMPLATES) {
            get(file)?;
        }
        if has(SINGLE) {
            get(SINGLE)?;
        } else if has(INDEX) {
            for shard in safetensors_file::shards(&get(INDEX)?)?.keys() {
                get(shard)?;
            }
        } else {
            return Err(id.error(format!(
                "has neither {SINGLE} nor {INDEX}; for a GGUF, download the file and give its path"
            )));
        }
        // The branch is recorded last, so that an interrupted download is not taken for a model.
        let branch = self.cache.repo(id.at(&id.revision));
        branch.create_ref(&info.sha).map_err(ModelError::io("write", self.cache.path()))?;
        Ok(self.cache.repo(id.at(&info.sha)).pointer_path(&info.sha))
    }
}

#[cfg(test)]
#[path = "../tests/unit/hub.rs"]
mod tests;
