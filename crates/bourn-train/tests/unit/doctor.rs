use super::*;

fn by<'f>(findings: &'f [Finding], what: &str) -> &'f Finding {
    findings.iter().find(|finding| finding.what == what).expect(what)
}

/// A cache as runs leave it, and what is wrong with it after this or that.
#[test]
fn damage_in_the_cache_is_found_and_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("bases")).unwrap();
    let write = |path: &Path, files: [&str; 3]| {
        let fill = |at: &Path| {
            files.iter().try_for_each(|file| sealed::write_file(&at.join(file), b"numbers"))
        };
        sealed::write(path, fill).unwrap();
    };
    let base = dir.path().join("bases/0123");
    write(&base, bourn_model::FILES);
    let whole = cache(dir.path());
    assert_eq!(by(&whole, "bases").state, State::Ok, "{whole:?}");
    assert!(by(&whole, "bases").says.starts_with("1 pretrained"), "{whole:?}");
    assert_eq!(by(&whole, "ledgers").says, "none yet");

    let stopped = dir.path().join("bases/4567.unfinished");
    write(&stopped, ["weights.safetensors", "moments.safetensors", "halfway.json"]);
    let halfway = cache(dir.path());
    let says = &by(&halfway, "bases").says;
    assert!(says.starts_with("1 pretrained and 1 stopped on the way"), "{says}");

    fs::create_dir(dir.path().join("bases/.writing-1")).unwrap();
    let left = cache(dir.path());
    assert_eq!(by(&left, "bases").state, State::Note, "{left:?}");
    assert!(by(&left, "bases").says.contains(".writing-1"), "{left:?}");

    fs::write(base.join("model.safetensors"), "torn").unwrap();
    let key = dir.path().join("ledgers").join("a".repeat(64));
    fs::create_dir_all(&key).unwrap();
    fs::write(key.join("draws.jsonl.zst"), "torn").unwrap();
    let torn = cache(dir.path());
    for (what, part) in [("bases", "0123/model.safetensors"), ("ledgers", "draws.jsonl.zst")] {
        let finding = by(&torn, what);
        assert_eq!(finding.state, State::Wrong, "{torn:?}");
        assert!(finding.says.contains(part) && finding.remedy.is_some(), "{torn:?}");
    }
}

#[test]
fn a_file_where_a_directory_is_to_be_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    assert_eq!(by(&cache(&file), "cache").state, State::Wrong);
    assert_eq!(runs(&file.join("runs")).state, State::Wrong);
    assert_eq!(runs(&dir.path().join("runs")).state, State::Ok);
    assert!(!dir.path().join("runs").exists(), "looking left something behind");
}

#[test]
fn threads_say_why_they_are_so_many() {
    let may = available_parallelism().unwrap().get();
    assert!(threads(may, None).says.contains("one for each core"));
    let refused = threads(may, Some("T=9 asks for more".into()));
    assert_eq!(refused.state, State::Note);
    assert!(refused.says.ends_with("(T=9 asks for more)"), "{refused:?}");
    if may > 1 {
        assert!(threads(1, None).says.starts_with("1, as RAYON_NUM_THREADS says"));
    }
}
