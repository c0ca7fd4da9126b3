use super::*;

#[track_caller]
fn check(text: &str, names: &str, expect: &str) {
    let found = nearest(text, names.split_whitespace());
    assert_eq!(found.unwrap_or("none"), expect, "{text} among {names}");
}

#[test]
fn the_name_that_was_meant() {
    // A slip.
    check("anwser", "answer question", "answer");
    check("anwser", "question answers answer", "answer");
    check("temprature", "template temperature", "temperature");
    check("nam", "name num", "name");
    check("sed", "seed name", "seed");
    check("prompts", "prompt_id prompt", "prompt");
    // Case and punctuation are no slips.
    check("question", "Answer Question", "Question");
    check("question", "QUESTION answer", "QUESTION");
    check("dr-grpo", "grpo dr_grpo", "dr_grpo");
    check("maxPromptLength", "max_completion_length max_prompt_length", "max_prompt_length");
    // A word in common, where letters alone are nearer to another.
    check("answer", "anchor answer_text", "answer_text");
    check("problem_text", "problem solution program_test", "problem");
    check("problem", "id problem_text prologue", "problem_text");
    check("solution", "id gold_solution resolution_id", "gold_solution");
    check("num_gen", "num_layers num_generations", "num_generations");
    // Nothing that was meant.
    check("answer", "text label", "none");
    check("question", "answer id", "none");
    check("max_foo", "max_prompt_length max_completion_length", "none");
    check("", "a bb", "none");
    check("x", "+ - * /", "+");
    check("answer", "", "none");
    check(&"x".repeat(65), "xxx", "none");
}
