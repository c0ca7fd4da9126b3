use super::*;
use crate::testing::{model, recipe};

/// A gradient of `value` everywhere.
fn constant(policy: &Transformer, value: f32) -> NamedGradients {
    let mut gradients = NamedGradients::zeros(policy);
    gradients.0.values_mut().for_each(|gradient| *gradient = gradient.clone() + value);
    gradients
}

#[test]
fn the_norm_is_over_all_parameters_and_scaling_is_linear() {
    let policy = model(1, &Device::flex().autodiff());
    let count = policy.config().parameters() as f64;
    let mut gradients = constant(&policy, -0.5);
    // √(count × 0.25); the squares are exact in f32 and the sum is in f64.
    assert!((gradients.norm().unwrap() - 0.5 * count.sqrt()).abs() < 1e-9);
    gradients.scale(0.25);
    assert!((gradients.norm().unwrap() - 0.125 * count.sqrt()).abs() < 1e-9);
}

/// Two updates by hand (Loshchilov & Hutter 2019, algorithm 2), with gradients 0.5 and −0.25:
/// m̂₁ = 0.5, v̂₁ = 0.25; m₂ = 0.9 · 0.05 − 0.1 · 0.25 = 0.02, m̂₂ = 0.02 / 0.19;
/// v₂ = 0.99 · 0.0025 + 0.01 · 0.0625 = 0.0031, v̂₂ = 0.0031 / 0.0199.
#[test]
fn updates_are_those_worked_by_hand_and_vectors_do_not_decay() {
    let mut settings = recipe("", "").optimizer;
    (settings.beta1, settings.beta2) = (0.9, 0.99);
    (settings.eps, settings.weight_decay) = (1e-8, 0.1);
    let lr = 0.01;
    let mut policy = model(1, &Device::flex().autodiff());
    let before = policy.to_weights().unwrap();
    let mut optimizer = AdamWOptimizer::new(&settings);
    for gradient in [0.5, -0.25] {
        let gradients = constant(&policy, gradient);
        optimizer.step(&mut policy, gradients, lr).unwrap();
    }
    assert_eq!(optimizer.updates(), 2);
    let (first, second) = (lr * 1.0, lr * (0.02 / 0.19) / (0.0031_f64 / 0.0199).sqrt());
    for (name, after) in policy.to_weights().unwrap() {
        let decay = if after.shape.len() == 1 { 1.0 } else { 1.0 - lr * 0.1 };
        for (&was, &now) in before[&name].data.iter().zip(&after.data) {
            let expect = (f64::from(was) * decay - first) * decay - second;
            // Some ten roundings of numbers of at most 1.4, in f32.
            assert!((f64::from(now) - expect).abs() < 1e-6, "{name}: {now}, not {expect}");
        }
    }
}

#[test]
fn a_restored_optimizer_goes_on_to_the_bit() {
    let settings = recipe("", "").optimizer;
    let mut policy = model(1, &Device::flex().autodiff());
    let mut optimizer = AdamWOptimizer::new(&settings);
    let gradients = constant(&policy, 0.3);
    optimizer.step(&mut policy, gradients, 1e-3).unwrap();

    let mut other = policy.clone();
    let mut restored = AdamWOptimizer::new(&settings);
    let moments = optimizer.to_weights().unwrap();
    restored.restore(&other, None, &moments, optimizer.updates(), 0).unwrap();
    for (policy, optimizer) in [(&mut policy, &mut optimizer), (&mut other, &mut restored)] {
        let gradients = constant(policy, -0.2);
        optimizer.step(policy, gradients, 1e-3).unwrap();
    }
    assert_eq!(policy.to_weights().unwrap(), other.to_weights().unwrap());
    assert_eq!(optimizer.to_weights().unwrap(), restored.to_weights().unwrap());

    let mut torn = optimizer.to_weights().unwrap();
    torn.remove("v/model.norm.weight");
    let error = restored.restore(&other, None, &torn, 2, 0).unwrap_err();
    assert!(error.to_string().contains("v/model.norm.weight"), "{error}");
}

/// What is held has no gradient and no state, and stays; what learns does as without it.
#[test]
fn what_does_not_learn_stays() {
    let settings = recipe("", "").optimizer;
    let whole = model(1, &Device::flex().autodiff());
    let mut half = whole.clone().with_trainable(|_, layer| layer.is_some_and(|at| at > 0));
    let learns: Vec<&String> = half.trainable().map(|(name, _)| name).collect();
    assert!(!learns.is_empty() && learns.iter().all(|name| name.contains("layers.1.")));
    let (before, mut all) = (whole.to_weights().unwrap(), whole.clone());
    let (mut one, mut other) = (AdamWOptimizer::new(&settings), AdamWOptimizer::new(&settings));
    let gradients = constant(&half, 0.3);
    one.step(&mut half, gradients, 1e-3).unwrap();
    other.step(&mut all, constant(&whole, 0.3), 1e-3).unwrap();
    let (half, all) = (half.to_weights().unwrap(), all.to_weights().unwrap());
    for (name, tensor) in &half {
        let expect = if name.contains("layers.1.") { &all[name] } else { &before[name] };
        assert_eq!(tensor, expect, "{name}");
    }
    assert!(one.to_weights().unwrap().keys().all(|name| name.contains("layers.1.")));
}

#[test]
fn an_update_of_what_is_not_there_is_an_error() {
    let mut policy = model(1, &Device::flex().autodiff());
    let mut gradients = constant(&policy, 0.3);
    let stray = gradients.0["model.norm.weight"].clone();
    gradients.0.insert("model.layers.7.stray".into(), stray);
    let mut optimizer = AdamWOptimizer::new(&recipe("", "").optimizer);
    let error = optimizer.step(&mut policy, gradients, 1e-3).unwrap_err();
    assert!(error.to_string().contains("model.layers.7.stray"), "{error}");
}
