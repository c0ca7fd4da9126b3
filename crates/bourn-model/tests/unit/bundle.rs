use super::*;

#[test]
fn weights_that_were_taken_are_read_again_and_are_the_same_or_an_error() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/llama-tiny");
    let dir = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(fixture).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
    }
    let mut bundle = open(&dir.path().to_string_lossy()).unwrap();
    let kept = bundle.take_weights().unwrap();
    assert!(bundle.weights.is_some(), "small weights stay");
    let taken = bundle.take_from(0).unwrap();
    assert!(bundle.weights.is_none());
    assert_eq!(kept, taken);
    assert_eq!(*bundle.weights().unwrap(), taken);
    assert!(bundle.weights.is_none(), "what was read again is the caller's alone");

    // One bit of a value.
    let file = dir.path().join("model.safetensors");
    let mut bytes = std::fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    let error = bundle.weights().unwrap_err().to_string();
    assert!(error.contains("holds other weights than when it was opened"), "{error}");
    std::fs::remove_file(&file).unwrap();
    let error = bundle.weights().unwrap_err().to_string();
    assert!(error.contains("model.safetensors"), "{error}");
    dir.close().unwrap();
    let error = bundle.weights().unwrap_err().to_string();
    assert!(error.contains("was there when it was opened, and is gone"), "{error}");
}
