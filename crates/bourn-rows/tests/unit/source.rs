use super::*;

fn check(path: &Path, config: Option<&str>, split: Option<&str>) -> Result<Vec<String>, String> {
    let path = path.to_str().unwrap();
    let found = Source { path, config, split }.files().map_err(|error| error.to_string())?;
    let name = |file: &PathBuf| file.file_name().unwrap().to_str().unwrap().to_owned();
    Ok(found.iter().map(name).collect())
}

fn has(error: Result<Vec<String>, String>, expect: &str) {
    let error = error.unwrap_err();
    assert!(error.contains(expect), "`{expect}` is not in: {error}");
}

#[test]
fn files_patterns_and_directories() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    for name in ["train-0.jsonl", "train-1.jsonl", "test.jsonl"] {
        fs::write(at(name), "{}").unwrap();
    }
    fs::create_dir(at("empty")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("..", at("empty/loop")).unwrap();
    assert_eq!(check(&at("test.jsonl"), None, None).unwrap(), ["test.jsonl"]);
    assert_eq!(
        check(&at("train-*.jsonl"), None, None).unwrap(),
        ["train-0.jsonl", "train-1.jsonl"]
    );
    assert_eq!(check(dir.path(), None, Some("test")).unwrap(), ["test.jsonl"]);
    has(check(dir.path(), None, None), "has several splits (there are `test`, `train`)");
    has(check(&at("test.jsonl"), None, Some("test")), "`split` has no effect on files");
    has(check(&at("*.jsonl"), Some("main"), None), "`config` has no effect on files");
    has(check(&at("a*.jsonl"), None, None), "no file has such a name");
    has(check(&at("a[.jsonl"), None, None), "a[.jsonl: ");
    has(check(&at("missing.jsonl"), None, None), "No such file");
    has(check(&at("empty"), None, None), "holds no data");
}

#[test]
fn a_hub_gives_a_split_of_a_data_set() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("datasets--org--set");
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("refs/main", "abc123");
    write("snapshots/abc123/main/train.jsonl", "{}");
    write("snapshots/abc123/main/test.jsonl", "{}");
    let hub = Hub::at(None, home.path(), true);
    let id = HubId::parse("org/set").unwrap();
    let source = Source { path: "org/set", config: Some("main"), split: Some("test") };
    let found = source.of_hub(&hub, &id).unwrap();
    assert_eq!(found, [folder.join("snapshots/abc123/main/test.jsonl")]);
    let error = Source { split: None, ..source }.of_hub(&hub, &id).unwrap_err().to_string();
    assert!(error.starts_with("hub data set `org/set@main`: has several splits"), "{error}");
}
