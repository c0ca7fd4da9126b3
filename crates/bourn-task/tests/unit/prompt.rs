use serde_json::json;

use super::*;

fn put(value: Value) -> Result<(String, usize), String> {
    let prompt = prompt(&value, "Q: {prompt}")?;
    Ok((prompt.text, prompt.messages.len()))
}

#[test]
fn texts_and_conversations() {
    let user = |text: &str| json!({"role": "user", "content": text});
    let check = |value: Value, text: &str, messages: usize| {
        assert_eq!(put(value), Ok((text.to_owned(), messages)));
    };
    check("1+1".into(), "Q: 1+1", 0);
    // One message of a user is what its text is.
    check(json!([user("1+1")]), "Q: 1+1", 0);
    check(json!([{"role": "user", "content": [{"type": "text", "text": "1+1"}]}]), "Q: 1+1", 0);
    let system = json!({"role": "system", "content": "Be brief."});
    check(json!([system, user("1+1")]), "system: Be brief.\n\nuser: Q: 1+1", 2);
    let answer = json!({"role": "assistant", "content": "2"});
    check(
        json!([user("1+1"), answer, user("2+2")]),
        "user: 1+1\n\nassistant: 2\n\nuser: Q: 2+2",
        3,
    );
}

#[test]
fn what_is_no_prompt_is_said() {
    for (value, expect) in [
        (json!(" "), "is empty"),
        (json!(7), "is no text"),
        (json!([]), "is no text"),
        (json!(["1+1"]), "is a list of something else than messages"),
        (json!([{"content": "x"}]), "a message without a `role`"),
        (json!([{"role": "tool", "content": "x"}]), "a message whose role is \"tool\""),
        (json!([{"role": "user"}]), "a message without a text in `content`"),
        (json!([{"role": "user", "content": " "}]), "is empty"),
        (
            json!([{"role": "user", "content": [{"type": "image", "url": "x"}]}]),
            "a part of type `image`; only text is read",
        ),
        (
            json!([{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]),
            "ends with a message of `assistant`",
        ),
        (
            json!([{"role": "user", "content": "x"}, {"role": "system", "content": "y"},
                   {"role": "user", "content": "z"}]),
            "a system message that is not the first",
        ),
    ] {
        let error = put(value).unwrap_err();
        assert!(error.contains(expect), "`{expect}` is not in: {error}");
    }
}
