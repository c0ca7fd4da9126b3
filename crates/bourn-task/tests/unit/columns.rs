use serde_json::json;

use super::*;

#[test]
fn columns_are_found_by_their_names() {
    let row = json!({
        "prompt": "p",
        "a.b": 1,
        "reward_model": {"style": "rule", "ground_truth": {"value": 7}},
        "info": "{\"answer\": [3], \"note\": \"\"}",
        "text": "{not json",
    });
    let Value::Object(columns) = row else { unreachable!() };
    let check = |name: &str, expect: Option<Value>| {
        assert_eq!(find(&columns, name).map(Cow::into_owned), expect, "{name}");
    };
    check("prompt", Some("p".into()));
    check("a.b", Some(1.into()));
    check("reward_model.ground_truth.value", Some(7.into()));
    check("reward_model.style", Some("rule".into()));
    check("info.answer", Some(json!([3])));
    check("question|prompt", Some("p".into()));
    check("prompt|question", Some("p".into()));
    check("reward_model.answer | info.answer", Some(json!([3])));
    for none in ["", "question", "a|b", "prompt.x", "text.x", "reward_model.", ".", "|"] {
        check(none, None);
    }
}

#[test]
fn an_error_names_columns_inside_columns() {
    let row = json!({"prompt": [], "reward_model": {"ground_truth": "7", "style": ""}, "x": {}});
    let Value::Object(columns) = row else { unreachable!() };
    let place = Place { path: Path::new("a.parquet"), line: 3, columns: &columns };
    let error = column(&place, ("answer_column", "reward_model.answer")).unwrap_err().to_string();
    assert!(
        error.starts_with(
            "a.parquet:3: there is no column `reward_model.answer`; there are `prompt`, \
             `reward_model.ground_truth`, `reward_model.style`, `x`"
        ),
        "{error}"
    );
}
