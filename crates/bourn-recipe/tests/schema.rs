//! The schema and the reference page come from one definition and cover every key.

use bourn_recipe::{json_schema, parse, reference_markdown};

#[test]
fn reference_page() {
    insta::assert_snapshot!(reference_markdown());
}

#[test]
fn every_key_is_documented() {
    fn walk(schema: &serde_json::Value, path: &str) {
        if let Some(keys) = schema["properties"].as_object() {
            for (key, value) in keys {
                let described = value["description"].is_string() || key == "kind";
                assert!(described, "{path}.{key} has no description");
                walk(value, &format!("{path}.{key}"));
            }
        }
        for branch in schema["oneOf"].as_array().into_iter().flatten() {
            walk(branch, path);
        }
        if schema.get("items").is_some() {
            walk(&schema["items"], path);
        }
    }
    walk(&json_schema(), "");
}

#[test]
fn the_schema_has_no_null_and_no_open_table() {
    fn walk(schema: &serde_json::Value) {
        match schema {
            serde_json::Value::Object(object) => {
                if object.contains_key("properties") && object.get("type").is_some() {
                    assert_eq!(object["additionalProperties"], false, "{schema}");
                }
                assert_ne!(object.get("type"), Some(&"null".into()));
                object.values().for_each(walk);
            }
            serde_json::Value::Array(items) => {
                assert!(!items.contains(&"null".into()), "{schema}");
                items.iter().for_each(walk);
            }
            _ => {}
        }
    }
    walk(&json_schema());
}

#[test]
fn defaults_in_the_schema_are_the_defaults_of_the_check() {
    let whole =
        "[model]\npath = \"m\"\n[[task]]\nkind = \"countdown\"\n[algorithm]\nname = \"grpo\"\n";
    let plain = parse(whole, std::path::Path::new("x.toml"), &[]).unwrap();
    let schema = json_schema();
    let mut checked = 0;
    for section in ["rollout", "algorithm", "optimizer", "train", "probe", "checkpoint", "log"] {
        let keys = schema["properties"][section]["properties"].as_object().unwrap();
        for (key, value) in keys {
            let Some(default) = value.get("default") else { continue };
            let set = format!("{section}.{key}={default}");
            let written =
                parse(whole, std::path::Path::new("x.toml"), std::slice::from_ref(&set)).unwrap();
            assert_eq!(written, plain, "{set}");
            checked += 1;
        }
    }
    assert!(checked > 30, "only {checked} defaults were found");
}
