use super::*;

/// What the options come to when these are the answers; and all that was said.
fn answered(dir: &Path, answers: &[&str]) -> (anyhow::Result<Starter>, String) {
    let mut args = InitArgs { file: Some(dir.join("new.toml")), ..InitArgs::default() };
    let mut said = Vec::new();
    let answers = answers.join("\n") + "\n";
    let filled = Questions::new(answers.as_bytes(), &mut said).fill(&mut args);
    (filled.and_then(|()| starter(&args)), String::from_utf8(said).unwrap())
}

#[test]
fn empty_answers_make_the_quickstart() {
    let dir = tempfile::tempdir().unwrap();
    let (starter, said) = answered(dir.path(), &["", ""]);
    assert_eq!(starter.unwrap(), Starter::Small, "{said}");
    assert!(said.contains("[countdown]") && said.contains("[small]"), "{said}");
}

#[test]
fn a_data_set_is_asked_about_until_the_answers_can_be_taken() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("train.jsonl");
    let line = "{\"question\": \"How many?\", \"answer\": \"so\\n#### 7\", \"id\": 1}\n";
    std::fs::write(&data, line.repeat(3)).unwrap();
    let data = data.to_str().unwrap();
    let (starter, said) = answered(
        dir.path(),
        &[
            "nowhere.jsonl",
            data,
            "small",
            "org/model",
            "perhaps",
            "yes",
            "",
            "anser",
            "",
            "maths",
            "",
            "",
        ],
    );
    let Starter::Data(model, data) = starter.unwrap() else { panic!("{said}") };
    assert_eq!(model, StarterModel { path: "org/model".into(), chat_template: true });
    assert_eq!((data.answer_format, data.verifier), (Extract::Hash, VerifierKind::Math));
    assert_eq!((data.prompt_column.as_str(), data.answer_column.as_str()), ("question", "answer"));
    assert_eq!(data.probe, None);
    for part in [
        "nowhere.jsonl: ",
        "made for countdown alone",
        "yes or no",
        "nearest is `answer`",
        "`maths`",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn answers_that_end_early_write_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (starter, _) = answered(dir.path(), &[""]);
    assert!(starter.unwrap_err().to_string().contains("nothing is written"));
}
