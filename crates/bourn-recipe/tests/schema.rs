//! The schema and the reference page come from one definition and cover every key.

use std::fs;
use std::path::Path;

use bourn_recipe::{json_schema, parse, reference_markdown};

/// `docs/recipes.md` ends with the reference page, between two markers. With `UPDATE_DOCS` set the
/// test writes it there.
#[test]
fn the_reference_in_the_docs_is_current() {
    const BEGIN: &str = "<!-- generated: begin -->\n";
    const END: &str = "<!-- generated: end -->\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/recipes.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the page has a first marker");
    let (found, after) = rest.split_once(END).expect("the page has a second marker");
    let current = format!("\n{}\n", reference_markdown());
    if found != current && std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{current}{END}{after}")).unwrap();
        return;
    }
    let same = found.lines().zip(current.lines()).take_while(|(a, b)| a == b).count();
    assert!(
        found == current,
        "docs/recipes.md is stale from line {} of its generated part (run this test with \
         UPDATE_DOCS=1 to write it again): it has\n{:?}\nand should have\n{:?}",
        same + 1,
        found.lines().nth(same),
        current.lines().nth(same),
    );
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
    assert!(checked > 25, "only {checked} defaults were found");
}
