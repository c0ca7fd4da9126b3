use super::*;

#[test]
fn a_name_is_a_directory_a_file_or_a_hub_id() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    std::fs::create_dir(at("model-chat")).unwrap();
    let error = SourceKind::of(&at("model-chat")).unwrap_err().to_string();
    assert!(error.contains("config.json is missing"), "{error}");
    std::fs::write(at("model-chat/config.json"), "{}").unwrap();
    assert_eq!(SourceKind::of(&at("model-chat")).unwrap(), SourceKind::Directory);
    std::fs::write(at("weights.gguf"), b"GGUF").unwrap();
    assert_eq!(SourceKind::of(&at("weights.gguf")).unwrap(), SourceKind::Gguf);
    std::fs::write(at("notes.txt"), "text").unwrap();
    assert!(SourceKind::of(&at("notes.txt")).unwrap_err().to_string().contains("notes.txt"));
    assert_eq!(SourceKind::of("org/name@v1").unwrap(), SourceKind::Hub);
    for bad in ["small", "", "./nowhere", "org/name.gguf"] {
        assert!(SourceKind::of(bad).is_err(), "{bad}");
    }

    // A directory is asked what it has, and not what it is called.
    assert!(!seems_chat(&at("model-chat")));
    let config = "{\"chat_template\": \"{{ messages }}\"}";
    std::fs::write(at("model-chat/tokenizer_config.json"), config).unwrap();
    assert!(seems_chat(&at("model-chat")));
    assert!(seems_chat("HuggingFaceTB/SmolLM2-135M-Instruct") && seems_chat("google/gemma-2b-it"));
    assert!(!seems_chat("HuggingFaceTB/SmolLM2-135M"));
}
