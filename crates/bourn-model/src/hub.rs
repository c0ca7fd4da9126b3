//! Models from a Hugging Face hub, through its cache.

use std::path::{Path, PathBuf};

use hf_hub::api::sync::{Api, ApiBuilder, ApiError};
use hf_hub::{Cache, Repo, RepoType};

use crate::{ModelError, safetensors_file};

/// Files that are read where the repository has them.
const SMALL: [&str; 5] = [
    "config.json",
    "tokenizer.json",
    "generation_config.json",
    "tokenizer_config.json",
    "chat_template.jinja",
];
const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

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
        let has = |file: &str| info.siblings.iter().any(|s| s.rfilename == file);
        let repo = api.repo(id.at(&info.sha));
        let get = |file: &str| repo.get(file).map_err(|e| failed(&format!("fetch {file}"), e));
        for file in SMALL.into_iter().filter(|file| has(file)) {
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
mod tests {
    use std::collections::BTreeMap;
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    use super::*;
    use crate::bundle::open_directory;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn hub_ids() {
        let check = |source: &str, expect: Option<(&str, &str)>| {
            let id = HubId::parse(source);
            let found = id.as_ref().map(|id| (id.name.as_str(), id.revision.as_str()));
            assert_eq!(found, expect, "{source}");
        };
        check("Qwen/Qwen2.5-0.5B", Some(("Qwen/Qwen2.5-0.5B", "main")));
        check("org/name@v1.0", Some(("org/name", "v1.0")));
        check("org/name@refs/pr/1", Some(("org/name", "refs/pr/1")));
        for source in [
            "",
            "name",
            "a/b/c",
            "/a/b",
            "./a",
            "../a",
            "a/..",
            "org/name@",
            "org/name@../x",
            "org/name@a//b",
            "o rg/name",
            "org/näme",
            "~/model",
            "org/name@/abs",
        ] {
            check(source, None);
        }
    }

    /// A hub of one model on the loopback interface: answers as many requests as `requests`.
    fn serve(files: BTreeMap<String, Vec<u8>>, requests: usize) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming().take(requests) {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let request = lines.next().unwrap().unwrap();
                let mut range = None;
                for line in lines.by_ref().map(Result::unwrap).take_while(|l| !l.is_empty()) {
                    if let Some(bytes) = line.to_lowercase().strip_prefix("range: bytes=") {
                        let (from, to) = bytes.split_once('-').unwrap();
                        range = Some((from.parse::<usize>().unwrap(), to.parse::<usize>().ok()));
                    }
                }
                let path = request.split(' ').nth(1).unwrap();
                let file = path.strip_prefix(&format!("/org/tiny/resolve/{COMMIT}/"));
                let (status, body, extra) = if path == "/api/models/org/tiny/revision/main" {
                    let names: Vec<_> =
                        files.keys().map(|f| serde_json::json!({"rfilename": f})).collect();
                    let info = serde_json::json!({"siblings": names, "sha": COMMIT});
                    ("200 OK", info.to_string().into_bytes(), String::new())
                } else if let Some((name, body)) = file.and_then(|f| files.get_key_value(f)) {
                    let etag = format!("x-repo-commit: {COMMIT}\r\netag: \"{name}-1\"\r\n");
                    let (from, to) = range.unwrap_or((0, None));
                    let to = to.map_or(body.len(), |to| body.len().min(to + 1));
                    let part = body[from.min(to)..to].to_vec();
                    let length = body.len();
                    let place = format!("content-range: bytes {from}-{}/{length}\r\n", to - 1);
                    ("206 Partial Content", part, etag + &place)
                } else {
                    ("404 Not Found", Vec::new(), String::new())
                };
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n{extra}\r\n"
                );
                stream.write_all(head.as_bytes()).unwrap();
                stream.write_all(&body).unwrap();
            }
        });
        endpoint
    }

    fn fixture() -> (PathBuf, BTreeMap<String, Vec<u8>>) {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/qwen2-tiny");
        let entries = std::fs::read_dir(&dir).unwrap().map(Result::unwrap);
        let files = entries
            .map(|e| (e.file_name().into_string().unwrap(), std::fs::read(e.path()).unwrap()))
            .collect();
        (dir, files)
    }

    #[test]
    fn a_model_is_downloaded_once_and_then_found_offline() {
        let (dir, mut files) = fixture();
        files.insert("README.md".to_owned(), b"not fetched".to_vec());
        let home = tempfile::tempdir().unwrap();
        let cache = Cache::new(home.path().join("hub"));
        let endpoint = Some(serve(files, 64));
        let online = Hub { cache: cache.clone(), endpoint, offline: false, token: None };
        let id = HubId::parse("org/tiny").unwrap();
        let fetched = open_directory(&online.fetch(&id).unwrap(), "org/tiny").unwrap();
        let local = open_directory(&dir, "local").unwrap();
        assert_eq!(fetched.weights_hash, local.weights_hash);
        assert_eq!((fetched.config, fetched.tokenizer), (local.config, local.tokenizer));

        let nowhere = Some("http://127.0.0.1:9".to_owned());
        let offline = Hub { cache, endpoint: nowhere, offline: true, token: None };
        for source in ["org/tiny".to_owned(), format!("org/tiny@{COMMIT}")] {
            let found = offline.fetch(&HubId::parse(&source).unwrap()).unwrap();
            assert!(!found.join("README.md").exists() && found.join("config.json").exists());
            assert_eq!(open_directory(&found, &source).unwrap().weights_hash, local.weights_hash);
        }
    }

    #[test]
    fn what_cannot_be_had_is_said() {
        let home = tempfile::tempdir().unwrap();
        let cache = Cache::new(home.path().join("hub"));
        let check = |endpoint: &str, offline: bool, source: &str, expect: &[&str]| {
            let endpoint = Some(endpoint.to_owned());
            let hub = Hub { cache: cache.clone(), endpoint, offline, token: None };
            let message = hub.fetch(&HubId::parse(source).unwrap()).unwrap_err().to_string();
            for text in expect {
                assert!(message.contains(text), "`{text}` is not in: {message}");
            }
        };
        let closed = "http://127.0.0.1:9";
        check(closed, true, "org/x", &["hub model `org/x@main`", "HF_HUB_OFFLINE forbids"]);
        check(closed, false, "org/x", &["hub model `org/x@main`", "cannot list its files"]);
        let other = serve(BTreeMap::new(), 2);
        check(&other, false, "org/other", &["cannot list its files", "404"]);
        check(&other, false, "org/tiny", &["has neither model.safetensors nor"]);
    }
}
