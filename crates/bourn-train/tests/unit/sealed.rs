use super::*;

fn write_one(path: &Path, text: &str) {
    write(path, |dir| write_file(&dir.join("a.txt"), text.as_bytes())).unwrap();
}

#[test]
fn a_sealed_directory_is_whole_or_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("one");
    write_one(&path, "first");
    write_one(&path, "second");
    verify(&path).unwrap();
    assert_eq!(read_text(&path.join("a.txt")).unwrap(), "second");
    assert_eq!(list(dir.path()).unwrap(), ["one"], "something was left behind");

    fs::write(path.join("a.txt"), "secont").unwrap();
    let error = verify(&path).unwrap_err().to_string();
    assert!(error.contains("a.txt") && error.contains("checksum"), "{error}");
    fs::remove_file(path.join("a.txt")).unwrap();
    assert!(verify(&path).unwrap_err().to_string().contains("a.txt"));
    fs::remove_file(path.join(MANIFEST)).unwrap();
    assert!(verify(&path).unwrap_err().to_string().contains(MANIFEST));
}

#[test]
fn what_is_no_json_is_named_and_not_written_as_nothing() {
    let path = Path::new("run/state.json");
    assert_eq!(to_json(path, &[1]).unwrap(), "[\n  1\n]\n");
    let error = to_json(path, &BTreeMap::from([((1, 2), 3)])).unwrap_err().to_string();
    assert!(error.contains("run/state.json: encoding the file: key must be a string"), "{error}");
}

#[test]
fn a_write_that_fails_leaves_what_was_there_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("one");
    write_one(&path, "first");
    let full = || std::io::Error::from(std::io::ErrorKind::StorageFull);
    let failed = write(&path, |dir| {
        write_file(&dir.join("a.txt"), b"second")?;
        Err(TrainError::io(&dir.join("b.txt"), "writing the file")(full()))
    });
    assert!(failed.unwrap_err().to_string().contains("b.txt"));
    verify(&path).unwrap();
    assert_eq!(read_text(&path.join("a.txt")).unwrap(), "first");
    assert_eq!(list(dir.path()).unwrap(), ["one"]);
}

/// The states that a kill can leave, by the names that it leaves.
#[test]
fn settling_keeps_one_of_old_and_new() {
    let check = |left: &[&str], settled: &[&str], kept: &str| {
        let dir = tempfile::tempdir().unwrap();
        for name in left {
            write_one(&dir.path().join(name), name);
        }
        settle(dir.path()).unwrap();
        assert_eq!(list(dir.path()).unwrap(), settled, "{left:?}");
        let text = read_text(&dir.path().join("one").join("a.txt")).unwrap();
        assert_eq!(text, kept, "{left:?}");
    };
    check(&["one"], &["one"], "one");
    check(&[".writing-x", "one"], &["one"], "one");
    check(&[".replaced-one", ".writing-x"], &["one"], ".replaced-one");
    check(&[".replaced-one", "one"], &["one"], "one");
    settle(Path::new("there is no such directory")).unwrap();
}

#[test]
fn what_cannot_be_written_to_is_named_and_nothing_is_made() {
    let dir = tempfile::tempdir().unwrap();
    check_writable(&dir.path().join("new/and/deeper")).unwrap();
    assert!(list(dir.path()).unwrap().is_empty());
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let error = check_writable(&file.join("run")).unwrap_err().to_string();
    assert!(error.contains("file"), "{error}");
}
