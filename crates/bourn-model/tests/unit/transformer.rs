use super::*;
use crate::{Family, Rope};

/// A small model of numbers that vary.
fn model() -> Transformer {
    let config = ModelConfig {
        family: Family::Llama,
        vocab_size: 11,
        hidden_size: 8,
        intermediate_size: 12,
        num_layers: 2,
        num_heads: 2,
        num_kv_heads: 1,
        head_dim: 4,
        max_position: 64,
        rope: Rope { theta: 10_000.0, scaling: None },
        rms_norm_eps: 1e-5,
        tie_embeddings: true,
        qkv_bias: false,
        qk_norm: false,
        output_bias: false,
        mlp_bias: false,
        sliding: None,
    };
    let tensor = |(name, shape): (String, Vec<usize>)| {
        let count = shape.iter().product::<usize>();
        let data: Vec<f32> = (0..count).map(|i| (i * 7919 % 101) as f32 / 101.0 - 0.5).collect();
        (name, HostTensor { shape, data: data.into() })
    };
    let weights = config.expected_tensors().into_iter().map(tensor).collect();
    Transformer::from_weights(&config, &weights, &Device::flex().autodiff()).unwrap()
}

/// Gradients of a log-prob by either pass, of what is trainable.
fn gradients(model: &Transformer, composed: bool) -> BTreeMap<String, Vec<f32>> {
    let mut batch = Packed::default();
    batch.push([1, 2, 3]);
    let (scores, trace) = match composed {
        true => model.score_composed(&batch, vec![2], &[5], 1.0, false),
        false => model.score(&batch, vec![2], &[5], 1.0, false),
    };
    let zeros =
        |(name, p): (&String, &Tensor<2>)| (name.clone(), Tensor::zeros(p.dims(), &Device::flex()));
    let mut sums = model.trainable().map(zeros).collect();
    trace.add_gradients(model, scores.logprobs.sum(), &mut sums);
    sums.iter().map(|(name, sum)| (name.clone(), read_values(sum).unwrap())).collect()
}

/// What is held has no gradient, by either pass; what is let go again has all of it; and new weights
/// are held as the old ones were.
#[test]
fn what_is_held_may_be_let_go_again() {
    let whole = model();
    let narrow = whole.clone().with_trainable(|_, layer| layer == Some(1));
    let wide = narrow.clone().with_trainable(|_, _| true);
    for composed in [false, true] {
        let all = gradients(&whole, composed);
        let upper = gradients(&narrow, composed);
        assert!(!upper.is_empty() && upper.keys().all(|name| name.contains("layers.1.")));
        assert!(upper.iter().all(|(name, gradient)| *gradient == all[name]), "{composed}");
        assert!(upper.values().flatten().any(|&g| g != 0.0), "{composed}");
        assert_eq!(gradients(&wide, composed), all, "{composed}");
    }
    let again = narrow.with_weights(&whole.to_weights().unwrap()).unwrap();
    assert_eq!(gradients(&again, false), gradients(&narrow, false));
}
