use super::*;

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_an_error_that_names_the_file() {
    let mut file = AppendFile::open(Path::new("/dev/full")).unwrap();
    file.append(b"record").unwrap();
    for _ in 0..2 {
        let error = file.flush().unwrap_err().to_string();
        assert!(error.starts_with("cannot write `/dev/full`: No space left"), "{error}");
    }
    assert_eq!(file.pending, b"record", "kept for when there is space again");
}

#[test]
fn records_follow_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    let mut file = AppendFile::create(&path).unwrap();
    file.append(b"one ").unwrap();
    file.sync().unwrap();
    drop(file);
    let mut file = AppendFile::open(&path).unwrap();
    file.append(&vec![b'x'; BUFFER_BYTES]).unwrap();
    // More than the buffer's worth is written without being asked for.
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 4 + BUFFER_BYTES as u64);
    file.append(b" end").unwrap();
    drop(file);
    let bytes = std::fs::read(&path).unwrap();
    assert!(bytes.starts_with(b"one x") && bytes.ends_with(b"x end"));
}
