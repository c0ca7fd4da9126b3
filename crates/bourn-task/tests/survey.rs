//! Files in, suggestions out.

use bourn_recipe::{Extract, VerifierKind};
use bourn_task::{Reading, survey};

/// What the column `answer` of these lines is taken for, and the columns that are suggested.
fn look(text: &str) -> (Option<Reading>, Option<String>, Option<String>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.jsonl");
    std::fs::write(&path, text).unwrap();
    let found = survey(&path).unwrap_or_else(|error| panic!("{error}: {text}"));
    let prompt = found.prompt().map(|column| column.name.clone());
    let answer = found.answer(prompt.as_deref().unwrap_or_default());
    (answer.and_then(|column| column.reading), prompt, answer.map(|column| column.name.clone()))
}

fn lines(answers: &[&str]) -> String {
    let line = |answer: &&str| format!("{{\"question\": \"Why?\", \"answer\": {answer}}}\n");
    answers.iter().map(line).collect()
}

#[test]
fn answers_are_taken_for_what_most_of_them_are() {
    use Extract::*;
    use VerifierKind::*;
    for (answers, format, verifier, extract) in [
        (
            &[r#""3 + 4 = <<3+4=7>>7\n#### 7""#, r#""so\n#### 1,200""#][..],
            Hash,
            Math,
            Some(LastNumber),
        ),
        (&[r#""so \\boxed{\\frac{1}{2}}.""#, r#""\\boxed{3}""#], Boxed, Math, Some(Boxed)),
        (&["7", r#""-1.5""#, r#""$1,200""#], Whole, Math, Some(LastNumber)),
        (&[r#""B""#, r#""(c)""#, r#""D.""#], Whole, Choice, None),
        (&[r#""Paris""#, r#""7""#], Whole, Exact, Some(Whole)),
        (&[r#""\\frac{1}{2}""#, r#""(1, 3]""#, r#""2\\sqrt{3}""#], Whole, Math, Some(Boxed)),
        (&[r#""so \\boxed{x+1}""#, r#""\\boxed{2x^2}""#], Boxed, Math, Some(Boxed)),
        (&[r#""so\n#### Paris""#, r#""so #### Rome""#], Hash, Exact, Some(Hash)),
    ] {
        let (reading, ..) = look(&lines(answers));
        let wanted = Reading { answer_format: format, verifier, extract };
        assert_eq!(reading, Some(wanted), "{answers:?}");
    }
    // One in ten may be unreadable.
    let mut answers = vec!["1"; 9];
    answers.push(r#""none""#);
    assert_eq!(look(&lines(&answers)).0.unwrap().verifier, Math);
    answers.push(r#""none""#);
    assert_eq!(look(&lines(&answers)).0.unwrap().verifier, Exact);
    // Or missing.
    let (reading, _, answer) = look(&lines(&[&["1"; 9][..], &["null"]].concat()));
    assert_eq!((reading.unwrap().verifier, answer.as_deref()), (Math, Some("answer")));
}

#[test]
fn columns_are_found_by_name_or_by_being_the_only_ones() {
    let columns = |text: &str| {
        let (_, prompt, answer) = look(text);
        (prompt.unwrap_or_default(), answer.unwrap_or_default())
    };
    let found = |prompt: &str, answer: &str| (prompt.to_owned(), answer.to_owned());
    // MAWPS, MMLU's kind, MATH.
    assert_eq!(columns(r#"{"input": "1+1?", "target": 2, "id": "x"}"#), found("input", "target"));
    assert_eq!(columns(r#"{"Question": "a?", "answerKey": "B"}"#), found("Question", "answerKey"));
    assert_eq!(
        columns(r#"{"problem": "x", "level": "5", "solution": "\\boxed{1}"}"#),
        found("problem", "solution")
    );
    assert_eq!(columns(r#"{"q": "a?", "a": 1}"#), found("q", "a"));
    // Two could be either.
    assert_eq!(columns(r#"{"q": "a?", "a": "b"}"#), found("", ""));
    // What is not in every object is in no suggestion, and neither is what nobody could read.
    assert_eq!(columns("{\"q\": \"a?\", \"answer\": 1}\n{\"q\": \"b?\"}\n"), found("q", ""));
    assert_eq!(columns(r#"{"q": "a?", "answer": {"right": true}}"#), found("q", ""));
    assert_eq!(columns(r#"{"q": "a?", "answer": {"value": 1}}"#), found("q", "answer.value"));
}

#[test]
fn what_cannot_be_looked_at_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.jsonl");
    let error = survey(&path).unwrap_err().to_string();
    assert!(error.contains("a.jsonl"), "{error}");
    for (text, part) in [("", "no problem"), ("{oops", "a.jsonl:1"), ("[1]", "a.jsonl:1")] {
        std::fs::write(&path, text).unwrap();
        let error = survey(&path).unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
    std::fs::write(&path, lines(&["1"])).unwrap();
    let found = survey(&path).unwrap();
    assert_eq!(found.column("answer").unwrap().example, "1");
    let error = found.column("anser").unwrap_err().to_string();
    assert!(
        error.contains("`question`, `answer`") && error.contains("nearest is `answer`"),
        "{error}"
    );
}

#[test]
fn another_trainers_columns_are_found_inside_others() {
    let row = r#"{"data_source": "gsm8k", "prompt": [{"role": "user", "content": "1+1?"}],
                  "reward_model": {"style": "rule", "ground_truth": "2"},
                  "extra_info": {"answer": "so #### 2", "question": "1+1?"}}"#;
    let (reading, prompt, answer) = look(&row.replace('\n', ""));
    assert_eq!(
        (prompt.as_deref(), answer.as_deref()),
        (Some("prompt"), Some("reward_model.ground_truth"))
    );
    assert_eq!(reading.map(|reading| reading.verifier), Some(VerifierKind::Math));
}
