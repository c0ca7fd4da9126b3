use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use std::path::Path;

use super::*;
use crate::bundle::open_directory;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

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
    let template = br#"{"chat_template": "a template"}"#.to_vec();
    files.insert("chat_template.json".to_owned(), template);
    files.insert("additional_chat_templates/default.jinja".to_owned(), b"the default".to_vec());
    let home = tempfile::tempdir().unwrap();
    let online = Hub::at(Some(serve(files, 64)), home.path(), false);
    let id = HubId::parse("org/tiny").unwrap();
    let fetched = open_directory(&fetch(&online, &id).unwrap(), "org/tiny").unwrap();
    let local = open_directory(&dir, "local").unwrap();
    assert_eq!(fetched.weights_hash, local.weights_hash);
    assert_eq!(fetched.chat_template.as_ref().unwrap().source(), "the default");
    assert_eq!((fetched.config, fetched.tokenizer), (local.config, local.tokenizer));

    let offline = Hub::at(Some("http://127.0.0.1:9".to_owned()), home.path(), true);
    for source in ["org/tiny".to_owned(), format!("org/tiny@{COMMIT}")] {
        let found = fetch(&offline, &HubId::parse(&source).unwrap()).unwrap();
        assert!(!found.join("README.md").exists() && found.join("config.json").exists());
        assert_eq!(open_directory(&found, &source).unwrap().weights_hash, local.weights_hash);
    }
}

#[test]
fn what_cannot_be_had_is_said() {
    let home = tempfile::tempdir().unwrap();
    let check = |endpoint: &str, offline: bool, source: &str, expect: &[&str]| {
        let hub = Hub::at(Some(endpoint.to_owned()), home.path(), offline);
        let message = fetch(&hub, &HubId::parse(source).unwrap()).unwrap_err().to_string();
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

#[test]
fn an_adapter_is_not_passed_over() {
    let (_, mut files) = fixture();
    files.insert("adapter_config.json".to_owned(), b"{}".to_vec());
    let home = tempfile::tempdir().unwrap();
    let hub = Hub::at(Some(serve(files, 64)), home.path(), false);
    let message = fetch(&hub, &HubId::parse("org/tiny").unwrap()).unwrap_err().to_string();
    let expect = "hub model `org/tiny@main`: has an adapter, adapter_config.json; ";
    assert!(message.contains(expect) && message.contains("merge_and_unload"), "{message}");
}

#[test]
fn templates_with_names() {
    for (file, expect) in [
        ("additional_chat_templates/rag.jinja", true),
        ("additional_chat_templates/../rag.jinja", false),
        ("additional_chat_templates/a/b.jinja", false),
        ("additional_chat_templates/rag.txt", false),
        ("rag.jinja", false),
    ] {
        assert_eq!(is_template(file), expect, "{file}");
    }
}
