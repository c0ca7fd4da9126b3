use super::*;
use crate::Message;

/// Jobs and answers are those of this process, in their order; one that fails ends nothing.
#[test]
fn every_job_is_answered() {
    let job = |source: &str| {
        let job = RenderJob {
            source: source.to_owned().into(),
            special: Default::default(),
            messages: vec![Message::new("user", "ä\n\"7\"\u{0}")].into(),
            add_generation_prompt: true,
        };
        let here = engine::render(&job);
        (serde_json::to_string(&job).unwrap() + "\n", here)
    };
    let (lines, here): (String, Vec<_>) =
        ["{{ messages[0].content }}", "{{ x( }}", "b"].map(job).into_iter().unzip();
    let mut answers = Vec::new();
    serve(&mut lines.as_bytes(), &mut answers, || ()).unwrap();
    let lines = String::from_utf8(answers).unwrap();
    let apart: Vec<Result<String, String>> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(apart, here);
    assert_eq!(apart[0].as_deref(), Ok("ä\n\"7\"\u{0}"));
    assert!(apart[1].is_err());
}

#[test]
fn how_it_ended_says_what_was_wrong() {
    let check = |said: &str, status: &str, expect: &str| {
        let found = reason(said, status);
        assert!(found.contains(expect), "`{expect}` is not in: {found}");
    };
    let overflow = "\nthread '<unnamed>' (7) has overflowed its stack\nfatal runtime error: …";
    check(overflow, "signal: 6 (SIGABRT)", "it nests deeper than a stack of 64 MiB");
    check("memory allocation of 9 bytes failed\n", "signal: 6 (SIGABRT)", "more memory");
    check("", "signal: 24 (SIGXCPU)", "more than 1 second of processor time");
    check(LATE, "signal: 6 (SIGABRT)", "more than 1 second of processor time");
    check("odd\n", "exit status: 1", "ended: exit status: 1 odd");
}
