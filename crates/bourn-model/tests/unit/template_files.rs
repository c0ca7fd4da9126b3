use super::*;

/// The template of a directory with these files, or the error.
fn template(files: &[(&str, &str)]) -> Result<Option<String>, String> {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let config = Object::read_optional(&dir.path().join("tokenizer_config.json")).unwrap();
    let found = read(dir.path(), config.as_ref(), &Tokenizer::char_level("ab"));
    found.map(|found| found.map(|t| t.source().to_owned())).map_err(|e| e.to_string())
}

const JINJA: (&str, &str) = ("chat_template.jinja", "jinja");
const JSON: (&str, &str) = ("chat_template.json", r#"{"chat_template": "json"}"#);
const CONFIG: (&str, &str) = ("tokenizer_config.json", r#"{"chat_template": "config"}"#);
const RAG: (&str, &str) = ("additional_chat_templates/rag.jinja", "rag");
const TOOLS: (&str, &str) = ("additional_chat_templates/tool_use.jinja", "tools");
const DEFAULT: (&str, &str) = ("additional_chat_templates/default.jinja", "default");

#[test]
fn one_file_goes_before_another() {
    let check = |files: &[(&str, &str)], expect: Option<&str>| {
        assert_eq!(template(files), Ok(expect.map(str::to_owned)), "{files:?}");
    };
    check(&[], None);
    check(&[CONFIG, JSON, JINJA], Some("jinja"));
    check(&[CONFIG, JSON], Some("config"));
    check(&[JSON], Some("json"));
    check(&[JSON, ("tokenizer_config.json", "{}")], Some("json"));
    check(&[JINJA, RAG, TOOLS], Some("jinja"));
    check(&[CONFIG, RAG, DEFAULT], Some("default"));
    check(&[CONFIG, ("additional_chat_templates/readme.md", "")], Some("config"));
}

#[test]
fn the_default_of_several() {
    let list = |list: &str| {
        let text = format!(r#"{{"chat_template": {list}}}"#);
        template(&[("tokenizer_config.json", &text)])
    };
    let (rag, default) =
        (r#"{"name": "rag", "template": "r"}"#, r#"{"name": "default", "template": "d"}"#);
    assert_eq!(list(&format!("[{rag}, {default}]")), Ok(Some("d".to_owned())));
    assert_eq!(list(&format!("[{rag}]")), Ok(Some("r".to_owned())));
    let check = |found: Result<Option<String>, String>, expect: &[&str]| {
        let message = found.unwrap_err();
        for text in expect {
            assert!(message.contains(text), "`{text}` is not in: {message}");
        }
    };
    let tools = r#"{"name": "tool_use", "template": "t"}"#;
    let both = list(&format!("[{rag}, {tools}]"));
    check(both, &["`chat_template`: has the templates `rag`, `tool_use` and none named `default`"]);
    for wrong in ["3", "[]", "[3]", r#"[{"name": "default"}]"#] {
        check(
            list(wrong),
            &["tokenizer_config.json: `chat_template`: must be a template, or a list"],
        );
    }
    let named = template(&[CONFIG, RAG, TOOLS]);
    check(named, &["additional_chat_templates: has the chat templates `rag`, `tool_use`", JINJA.0]);
    check(
        template(&[("chat_template.json", "[]")]),
        &["chat_template.json: must hold one JSON object"],
    );
    check(
        template(&[("chat_template.json", r#"{"chat_template": 3}"#)]),
        &["chat_template.json: `chat"],
    );
}
