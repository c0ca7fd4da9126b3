use super::*;

fn yarn() -> YarnScaling {
    YarnScaling {
        factor: 4.0,
        original_max_position: 64,
        beta_fast: 32.0,
        beta_slow: 1.0,
        attention_factor: YarnScaling::recommended(4.0, 1.0),
        truncate: true,
    }
}

#[test]
fn yarn_leaves_fast_pairs_and_stretches_slow_ones() {
    let stretch = |pair| yarn().stretch(pair, 16, 10_000.0);
    assert_eq!(stretch(0), 1.0);
    assert_eq!(stretch(7), 4.0);
    assert!((0..7).all(|pair| stretch(pair) <= stretch(pair + 1)));
}

#[test]
fn recommended_attention_factors() {
    assert_eq!(YarnScaling::recommended(1.0, 1.0), 1.0);
    assert!((YarnScaling::recommended(4.0, 1.0) - 1.138_629_436_111_989).abs() < 1e-12);
}

/// Ledgers of Llama 3.x's models are named after this, and other kinds must not be taken for it.
#[test]
fn canonical_json_tells_scalings_apart() {
    let json = |scaling| serde_json::to_string(&Rope { theta: 2.0, scaling }).unwrap();
    let llama3 = Llama3Scaling {
        factor: 8.0,
        low_freq_factor: 1.0,
        high_freq_factor: 4.0,
        original_max_position: 64,
    };
    assert_eq!(
        json(Some(RopeScaling::Llama3(llama3))),
        r#"{"theta":2.0,"scaling":{"factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position":64}}"#
    );
    assert_eq!(json(None), r#"{"theta":2.0,"scaling":null}"#);
    let linear = json(Some(RopeScaling::Linear { factor: 8.0 }));
    let dynamic = json(Some(RopeScaling::Dynamic { factor: 8.0 }));
    assert_eq!(linear, r#"{"theta":2.0,"scaling":{"linear_factor":8.0}}"#);
    assert_ne!(linear, dynamic);
}

#[test]
fn scalings_out_of_bounds_name_the_key() {
    let check = |theta, scaling, key: &str| {
        let fault = Rope { theta, scaling: Some(scaling) }.check().unwrap_err();
        assert_eq!(fault.0, key, "{}", fault.1);
    };
    let yarn_with = |change: fn(&mut YarnScaling)| {
        let mut scaling = yarn();
        change(&mut scaling);
        RopeScaling::Yarn(scaling)
    };
    for factor in [0.5, f64::NAN, 1e9] {
        check(1e4, RopeScaling::Linear { factor }, "rope_scaling.factor");
        check(1e4, RopeScaling::Dynamic { factor }, "rope_scaling.factor");
    }
    check(1e4, yarn_with(|y| y.factor = 0.0), "rope_scaling.factor");
    check(1e4, yarn_with(|y| y.beta_fast = 0.5), "rope_scaling.beta_fast");
    check(1e4, yarn_with(|y| y.beta_slow = f64::NAN), "rope_scaling.beta_fast");
    check(1e4, yarn_with(|y| y.attention_factor = 0.0), "rope_scaling.attention_factor");
    let original = "rope_scaling.original_max_position_embeddings";
    check(1e4, yarn_with(|y| y.original_max_position = 0), original);
    check(1.0, yarn_with(|_| ()), "rope_theta");
    assert_eq!(Rope { theta: 1e4, scaling: Some(RopeScaling::Yarn(yarn())) }.check(), Ok(()));
}
