use std::path::Path;

use super::*;

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn a_cache_gives_what_it_has_offline() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("datasets--org--set");
    write(&folder.join("refs/main"), "abc123\n");
    write(&folder.join("snapshots/abc123/main/train.parquet"), "PAR1");
    write(&folder.join("snapshots/abc123/README.md"), "");
    let hub = Hub::at(None, home.path(), true);
    for source in ["org/set", "org/set@abc123"] {
        let set = hub.snapshot(Holds::Dataset, &HubId::parse(source).unwrap()).unwrap();
        assert_eq!(set.files(), ["README.md", "main/train.parquet"], "{source}");
        assert!(set.has("README.md") && !set.has("main"));
        assert_eq!(fs::read(set.get("main/train.parquet").unwrap()).unwrap(), b"PAR1");
        assert_eq!(set.complete().unwrap(), folder.join("snapshots/abc123"));
    }
    let missing = HubId::parse("org/other").unwrap();
    let Err(error) = hub.snapshot(Holds::Dataset, &missing) else { panic!("it is not there") };
    assert!(error.to_string().starts_with("hub data set `org/other@main`: is not in the cache"));
    // A model of the same name is another repository.
    assert!(hub.snapshot(Holds::Model, &HubId::parse("org/set").unwrap()).is_err());
}

#[test]
fn a_cached_revision_leads_nowhere_else() {
    let home = tempfile::tempdir().unwrap();
    write(&home.path().join("secret/file"), "");
    write(&home.path().join("datasets--org--set/refs/main"), "../../secret");
    let hub = Hub::at(None, home.path(), true);
    assert!(hub.snapshot(Holds::Dataset, &HubId::parse("org/set").unwrap()).is_err());
}

#[test]
fn names_stay_inside() {
    for inside in ["a", "a/b.parquet", "..a", "a..b/c"] {
        assert!(is_inside(inside), "{inside}");
    }
    for outside in ["", "..", "../a", "a/../b", "/a", "a//b", "a/", "./a", "a\\..\\b", "a\0"] {
        assert!(!is_inside(outside), "{outside}");
    }
}
