use std::io::Read;

use super::*;

#[test]
fn files_are_opened_and_what_is_none_is_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    assert_eq!(open(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
    fs::write(&path, "seven").unwrap();
    for open in [open, open_stream] {
        let mut text = String::new();
        open(&path).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "seven");
    }
}

/// Opening it would wait for a writer that never comes.
#[cfg(unix)]
#[test]
fn a_pipe_and_a_device_are_refused_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let link = dir.path().join("link");
    std::os::unix::fs::symlink(&pipe, &link).unwrap();
    for open in [open, open_stream] {
        for (path, what) in
            [(&*pipe, "a pipe"), (&*link, "a pipe"), (Path::new("/dev/null"), "a device")]
        {
            let error = open(path).unwrap_err().to_string();
            assert!(error.contains(&format!("it is {what} and no file; give a file")), "{error}");
        }
    }
}
