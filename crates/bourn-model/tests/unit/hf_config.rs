use super::*;

/// A configuration of a Qwen3 of two layers and a context of 64 with these keys.
fn config(keys: Value) -> Result<ModelConfig, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.json");
    let mut object = json!({
        "model_type": "qwen3", "vocab_size": 9, "hidden_size": 8, "intermediate_size": 8,
        "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 4,
        "max_position_embeddings": 64,
    });
    for (key, value) in keys.as_object().unwrap() {
        object[key] = value.clone();
    }
    std::fs::write(&path, object.to_string()).unwrap();
    let object = Object::read(&path).map_err(|e| e.to_string())?;
    ModelConfig::from_object(&object).map_err(|e| e.to_string())
}

/// What was read is what is read again from what is written.
#[test]
fn configurations_survive_writing() {
    for keys in [
        json!({}),
        json!({"attention_bias": true}),
        json!({"model_type": "llama", "attention_bias": true, "mlp_bias": true}),
        json!({"rope_scaling": {"type": "linear", "factor": 2}}),
        json!({"rope_scaling": {"type": "dynamic", "factor": 2.5}}),
        json!({"rope_scaling": {"rope_type": "yarn", "factor": 4.0, "mscale": 0.707,
            "mscale_all_dim": 1.0, "truncate": false, "original_max_position_embeddings": 16}}),
        json!({"use_sliding_window": true, "sliding_window": 8, "max_window_layers": 1}),
        json!({"use_sliding_window": true, "sliding_window": 8,
            "layer_types": ["sliding_attention", "full_attention"]}),
    ] {
        let read = config(keys.clone()).unwrap_or_else(|e| panic!("{keys}: {e}"));
        assert_eq!(config(read.to_hf_json()), Ok(read), "{keys}");
    }
}

#[test]
fn a_window_bounds_the_context() {
    let window = |keys: Value| {
        let config = config(keys).unwrap();
        (config.max_position, config.sliding.map(|sliding| sliding.layers))
    };
    let on = |window: u64, from: u64| json!({"use_sliding_window": true, "sliding_window": window, "max_window_layers": from});
    assert_eq!(window(on(8, 1)), (8, Some(vec![false, true])));
    assert_eq!(window(on(8, 2)), (64, None));
    assert_eq!(window(on(64, 0)), (64, None));
    let config = config(on(8, 1)).unwrap();
    assert_eq!(config.to_hf_json()["max_position_embeddings"], 64);
    assert_eq!(config.to_hf_json()["max_window_layers"], 1);
}

#[test]
fn rope_scalings_as_transformers_defaults_them() {
    let scaling = |table: Value| config(json!({"rope_scaling": table})).unwrap().rope.scaling;
    let yarn = |table: Value| match scaling(table) {
        Some(crate::RopeScaling::Yarn(yarn)) => yarn,
        other => panic!("{other:?}"),
    };
    let read = yarn(json!({"type": "yarn", "factor": 4, "beta_fast": 0}));
    assert_eq!((read.original_max_position, read.beta_fast, read.beta_slow), (64, 32.0, 1.0));
    let read =
        yarn(json!({"type": "yarn", "factor": null, "original_max_position_embeddings": 16}));
    assert_eq!(read.factor, 4.0);
    assert_eq!(
        yarn(json!({"type": "yarn", "factor": 4, "attention_factor": 2})).attention_factor,
        2.0
    );
    assert_eq!(scaling(json!({"type": "default", "factor": 4})), None);
}

#[test]
fn what_is_not_supported_is_refused_by_its_key() {
    let check = |keys: Value, expect: &str| {
        let message = config(keys).unwrap_err();
        assert!(message.contains(expect), "`{expect}` is not in: {message}");
    };
    check(json!({"rope_scaling": {"factor": 4}}), "`rope_scaling.factor`: there is no `rope_type`");
    check(json!({"rope_scaling": {"type": "longrope"}}), "`longrope` is not supported");
    check(json!({"rope_scaling": {"type": "yarn"}}), "`rope_scaling.factor`: is missing");
    check(
        json!({"rope_scaling": {"type": "linear", "factor": 0}}),
        "`rope_scaling.factor`: 0 is not",
    );
    check(json!({"rope_parameters": {"full_attention": {}}}), "`rope_parameters.full_attention`: ");
    check(json!({"mlp_bias": true}), "`mlp_bias`: true is not supported for qwen3");
    check(json!({"layer_types": ["full_attention"]}), "`layer_types`: has 1 types for 2 layers");
    check(json!({"layer_types": 3}), "`layer_types`: must be a list");
    let window = json!({"use_sliding_window": true, "sliding_window": 0, "max_window_layers": 0});
    check(window, "`sliding_window`: 0 tokens");
}
