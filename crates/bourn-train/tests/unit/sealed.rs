use super::manifest::MANIFEST;
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
    verify(&path, &[]).unwrap();
    assert_eq!(read_text(&path.join("a.txt")).unwrap(), "second");
    assert_eq!(list(dir.path()).unwrap(), ["one"], "something was left behind");

    fs::write(path.join("a.txt"), "secont").unwrap();
    let error = verify(&path, &[]).unwrap_err().to_string();
    assert!(error.contains("a.txt") && error.contains("checksum"), "{error}");
    fs::remove_file(path.join("a.txt")).unwrap();
    assert!(verify(&path, &[]).unwrap_err().to_string().contains("a.txt"));
    fs::remove_file(path.join(MANIFEST)).unwrap();
    assert!(verify(&path, &[]).unwrap_err().to_string().contains(MANIFEST));
}

#[test]
fn what_is_no_json_is_named_and_not_written_as_nothing() {
    let path = Path::new("run/state.json");
    assert_eq!(to_json(path, &[1]).unwrap(), "[\n  1\n]\n");
    let error =
        to_json(path, &std::collections::BTreeMap::from([((1, 2), 3)])).unwrap_err().to_string();
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
    verify(&path, &[]).unwrap();
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
    check(&[".removing-two", "one"], &["one"], "one");
    check(&[".removing-.replaced-one", "one", ".DS_Store"], &[".DS_Store", "one"], "one");
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

/// The manifest is the whole truth of a directory: whatever it does not say is refused.
#[test]
fn a_manifest_that_does_not_fit_is_refused() {
    let check = |change: &dyn Fn(&Path), parts: &[&str]| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("one");
        write_one(&path, "first");
        verify(&path, &["a.txt"]).unwrap();
        change(&path);
        let error = verify(&path, &["a.txt"]).unwrap_err().to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{parts:?}: {error}");
    };
    let put = |text: &'static str| move |path: &Path| fs::write(path.join(MANIFEST), text).unwrap();
    check(&put("{\"blake3\":{}}"), &["does not name a.txt"]);
    check(&put("{\"blake3\":{},\"bytes\":{}}"), &["does not name a.txt"]);
    check(&put("{}"), &["is not a manifest"]);
    check(&put(""), &["is not a manifest"]);
    for name in ["/dev/zero", "../one/a.txt", "b/a.txt", "..\\\\a", ".hidden", "", MANIFEST] {
        let text = format!("{{\"blake3\":{{\"a.txt\":\"0\",\"{name}\":\"0\"}}}}");
        check(
            &|path| fs::write(path.join(MANIFEST), &text).unwrap(),
            &["no name of a file beside"],
        );
    }
    let change = |from: &'static str, to: &'static str| {
        move |path: &Path| {
            let text = fs::read_to_string(path.join(MANIFEST)).unwrap();
            assert!(text.contains(from));
            fs::write(path.join(MANIFEST), text.replace(from, to)).unwrap();
        }
    };
    check(
        &change("\"a.txt\": 5", "\"a.txt\": 6"),
        &["a.txt", "it has 5 bytes, and MANIFEST.json says 6"],
    );
    check(&change("\"a.txt\": 5", "\"b.txt\": 5"), &["the size of just the files"]);
    // Beside the files there is nothing, whatever its name promises.
    check(
        &|path| fs::write(path.join("reference.safetensors"), "").unwrap(),
        &["reference.safetensors", "move it away"],
    );
    check(&|path| fs::create_dir(path.join("more")).unwrap(), &["more", "move it away"]);
    let instead = |make: &'static dyn Fn(&Path)| {
        move |path: &Path| {
            fs::remove_file(path.join("a.txt")).unwrap();
            make(&path.join("a.txt"));
        }
    };
    check(&instead(&|_| {}), &["a.txt", "is missing"]);
    check(&instead(&|path| fs::create_dir(path).unwrap()), &["a.txt", "is not a file"]);
    #[cfg(unix)]
    check(&instead(&|path| std::os::unix::fs::symlink("/dev/zero", path).unwrap()), &["is a link"]);
    #[cfg(unix)]
    check(
        &|path| {
            // The same bytes, but elsewhere.
            fs::rename(path.join("a.txt"), path.with_file_name("a")).unwrap();
            std::os::unix::fs::symlink("../a", path.join("a.txt")).unwrap();
        },
        &["is a link"],
    );
}

/// Directories of versions that wrote no sizes, and what systems leave in directories.
#[test]
fn a_manifest_without_sizes_and_hidden_files_are_let_be() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("one");
    write_one(&path, "first");
    assert!(verify(&path, &[]).unwrap().sized);
    let hash = blake3::hash(b"first").to_hex();
    let text = format!("{{\"blake3\":{{\"a.txt\":\"{hash}\"}}}}");
    fs::write(path.join(MANIFEST), text).unwrap();
    fs::write(path.join(".DS_Store"), "").unwrap();
    let contents = verify(&path, &["a.txt"]).unwrap();
    assert!(contents.has("a.txt") && !contents.has(".DS_Store") && !contents.sized);
}

#[test]
fn what_is_deleted_gives_up_its_name_first() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("one");
    write_one(&path, "first");
    let aside = set_aside(&path).unwrap().unwrap();
    assert_eq!(list(dir.path()).unwrap(), [".removing-one"]);
    // Killed here, half of it gone; and another of its name was made and deleted since.
    fs::remove_file(aside.join("a.txt")).unwrap();
    write_one(&path, "second");
    remove(&path).unwrap();
    assert!(list(dir.path()).unwrap().is_empty());
    remove(&path).unwrap();
}

/// Only whoever has the turn clears up, so that what somebody is writing stays.
#[test]
fn what_another_process_writes_is_not_cleared_up() {
    let dir = tempfile::tempdir().unwrap();
    let below = dir.path().join("bases");
    assert!(Turn::take_if_free(&dir.path().join("nowhere")).is_none());
    let turn = Turn::take(dir.path()).unwrap();
    fs::create_dir_all(below.join(".writing-1")).unwrap();
    assert!(Turn::take_if_free(dir.path()).is_none());
    drop(turn);
    Turn::take_if_free(dir.path()).unwrap().clear_up(&below);
    assert!(list(&below).unwrap().is_empty());
}

/// A pipe nobody writes to would be waited for, a device never ends.
#[test]
#[cfg(unix)]
fn only_files_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("recipe.toml");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    for path in [pipe.as_path(), Path::new("/dev/zero"), dir.path()] {
        let error = read_text(path).unwrap_err().to_string();
        assert!(error.contains("it is not a file"), "{error}");
    }
}
