//! The fused pass against Burn's operations and automatic differentiation, on tiny models of each
//! family and ragged batches with and without shared prompts.

use std::collections::BTreeMap;

use bourn_model::transformer::{Packed, TokenScores, Trace, Transformer, read_values};
use bourn_model::{Family, HostTensor, ModelConfig, Rope, RopeScaling, Weights, YarnScaling};
use burn::tensor::{Device, Tensor, TensorData};

const VOCABULARY: usize = 19;

fn config(family: Family, kv_heads: usize, tied: bool) -> ModelConfig {
    ModelConfig {
        family,
        vocab_size: VOCABULARY,
        hidden_size: 24,
        intermediate_size: 40,
        num_layers: 3,
        num_heads: 4,
        num_kv_heads: kv_heads,
        // Not hidden_size / num_heads, as in Qwen3.
        head_dim: 10,
        max_position: 64,
        rope: Rope { theta: 100.0, scaling: None },
        rms_norm_eps: 1e-5,
        tie_embeddings: tied,
        qkv_bias: family == Family::Qwen2,
        qk_norm: family == Family::Qwen3,
        output_bias: false,
        mlp_bias: false,
        sliding: None,
    }
}

fn configs() -> Vec<ModelConfig> {
    vec![
        config(Family::Llama, 4, true),
        config(Family::Llama, 2, false),
        config(Family::Qwen2, 1, true),
        config(Family::Qwen3, 2, false),
        biased(config(Family::Qwen3, 1, false)),
        biased(config(Family::Llama, 2, true)),
    ]
}

/// Every bias that a model may have, and YaRN.
fn biased(config: ModelConfig) -> ModelConfig {
    let yarn = YarnScaling {
        factor: 4.0,
        original_max_position: 16,
        beta_fast: 4.0,
        beta_slow: 1.0,
        attention_factor: 1.2,
        truncate: false,
    };
    let rope = Rope { theta: 100.0, scaling: Some(RopeScaling::Yarn(yarn)) };
    ModelConfig { rope, qkv_bias: true, output_bias: true, mlp_bias: true, ..config }
}

/// Numbers in [−1, 1) without pattern.
fn values(seed: usize, count: usize) -> impl Iterator<Item = f32> {
    let mix = move |i: usize| {
        let h = ((i + 7919 * seed) as u32).wrapping_mul(0x85EB_CA6B);
        (h ^ (h >> 13)).wrapping_mul(0xC2B2_AE35) >> 8
    };
    (0..count).map(move |i| mix(i) as f32 / (1 << 23) as f32 - 1.0)
}

fn model(config: &ModelConfig, device: &Device) -> Transformer {
    let tensor = |(index, (name, shape)): (usize, (String, Vec<usize>))| {
        let centre = if name.ends_with("norm.weight") { 1.0 } else { 0.0 };
        let data = values(index + 1, shape.iter().product()).map(|v| centre + 0.4 * v).collect();
        (name, HostTensor { shape, data })
    };
    let weights: Weights = config.expected_tensors().into_iter().enumerate().map(tensor).collect();
    Transformer::from_weights(config, &weights, device).unwrap()
}

struct Batch {
    packed: Packed,
    positions: Vec<i64>,
    targets: Vec<u32>,
}

/// Prompts and their completions, in order.
fn batch(groups: &[(usize, &[usize])]) -> Batch {
    let mut batch = Batch { packed: Packed::default(), positions: vec![], targets: vec![] };
    let mut ids = values(99, 1000).map(|v| ((v + 1.0) / 2.0 * VOCABULARY as f32) as u32);
    let mut draw = |count: usize| ids.by_ref().take(count).collect::<Vec<u32>>();
    for &(prompt, completions) in groups {
        let prompt = draw(prompt);
        for &length in completions {
            let completion = draw(length);
            let positions = batch.packed.push_completion(&prompt, &completion);
            batch.positions.extend(positions.map(|position| position as i64));
            batch.targets.extend(completion);
        }
    }
    batch
}

fn batches() -> Vec<Batch> {
    vec![
        batch(&[(1, &[1])]),
        batch(&[(3, &[5]), (7, &[2]), (1, &[4])]),
        batch(&[(4, &[3, 6, 1, 2]), (2, &[1, 1]), (33, &[9, 20]), (5, &[8])]),
    ]
}

/// A loss that weighs every log-prob, and every entropy if there are some, differently.
fn loss(scores: &TokenScores) -> Tensor<1> {
    let weighted = |scores: &Tensor<1>, seed: usize| {
        let count = scores.dims()[0];
        let weights = TensorData::new(values(seed, count).collect::<Vec<_>>(), [count]);
        (scores.clone() * Tensor::from_data(weights, &scores.device())).sum()
    };
    let logprobs = weighted(&scores.logprobs, 1);
    match &scores.entropies {
        Some(entropies) => logprobs + weighted(entropies, 2),
        None => logprobs,
    }
}

fn gradients(
    model: &Transformer,
    (scores, trace): (TokenScores, Trace),
) -> BTreeMap<String, Vec<f32>> {
    let zeros =
        |(name, p): (&String, &Tensor<2>)| (name.clone(), Tensor::zeros(p.dims(), &Device::flex()));
    let mut sums = model.parameters().iter().map(zeros).collect();
    trace.add_gradients(model, loss(&scores), &mut sums);
    sums.iter().map(|(name, sum)| (name.clone(), read_values(sum).unwrap())).collect()
}

#[test]
fn fused_scores_and_gradients_are_those_of_burn() {
    for config in configs() {
        let model = model(&config, &Device::flex().autodiff());
        for batch in batches() {
            for (temperature, entropy) in [(1.0, false), (0.7, true)] {
                let Batch { packed, positions, targets } = &batch;
                let fused = model.score(packed, positions.clone(), targets, temperature, entropy);
                let composed =
                    model.score_composed(packed, positions.clone(), targets, temperature, entropy);
                let pairs = [
                    (Some(&fused.0.logprobs), Some(&composed.0.logprobs)),
                    (fused.0.entropies.as_ref(), composed.0.entropies.as_ref()),
                ];
                for (fused, composed) in pairs {
                    let (Some(fused), Some(composed)) = (fused, composed) else {
                        assert!(fused.is_none() && composed.is_none());
                        continue;
                    };
                    for (fused, composed) in
                        read_values(fused).unwrap().iter().zip(read_values(composed).unwrap())
                    {
                        // Three layers of sums in f32 in two orders; log-probs are below 10.
                        assert!((fused - composed).abs() < 2e-5, "{fused} for {composed}");
                    }
                }
                let (fused, composed) = (gradients(&model, fused), gradients(&model, composed));
                for (name, composed) in &composed {
                    let largest = composed.iter().fold(0.0_f32, |a, b| a.max(b.abs()));
                    for (fused, composed) in fused[name].iter().zip(composed) {
                        // A few hundred roundings of either side, relative to the largest entry.
                        let bound = 1e-4 * largest + 1e-6;
                        let error = (fused - composed).abs();
                        assert!(
                            error <= bound,
                            "{:?} {name}: {fused} for {composed}",
                            config.family
                        );
                    }
                }
            }
        }
    }
}

/// Along a direction the slope of the loss is the gradient's component.
#[test]
fn fused_gradients_are_those_of_finite_differences() {
    for config in configs() {
        let mut model = model(&config, &Device::flex().autodiff());
        let Batch { packed, positions, targets } = batches().swap_remove(2);
        let gradient =
            gradients(&model, model.score(&packed, positions.clone(), &targets, 0.8, true));
        for (seed, (name, gradient)) in gradient.iter().enumerate() {
            let direction: Vec<f32> = values(seed + 50, gradient.len()).collect();
            let length = direction.iter().map(|d| d * d).sum::<f32>().sqrt();
            let product = gradient.iter().zip(&direction).map(|(g, d)| f64::from(g * d));
            let slope = product.sum::<f64>() / f64::from(length);
            let here = model.parameters()[name].clone().inner();
            let mut at = |distance: f32| -> f64 {
                let data = TensorData::new(direction.clone(), here.dims());
                let step = Tensor::<2>::from_data(data, &Device::flex()) * (distance / length);
                model.set_parameter(name, here.clone() + step).unwrap();
                let (scores, _) = model.score(&packed, positions.clone(), &targets, 0.8, true);
                f64::from(read_values(&loss(&scores)).unwrap()[0])
            };
            let step = 4e-3;
            let numeric = (at(step) - at(-step)) / f64::from(2.0 * step);
            at(0.0);
            // The loss sums some fifty terms and is rounded to about 4e-6, which the step turns into
            // 1e-3; the curvature's share is of the order of step² times the third derivative.
            let bound = 2e-3 + 2e-3 * slope.abs();
            assert!((numeric - slope).abs() < bound, "{name}: numeric {numeric}, {slope}");
        }
    }
}

#[test]
fn checkpoints_threads_and_repetition_change_no_bit() {
    for config in configs() {
        let batch = batches().swap_remove(2);
        let run = |threads: usize, checkpoints: bool| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let model = model(&config, &Device::flex().autodiff())
                    .with_gradient_checkpointing(checkpoints);
                let Batch { packed, positions, targets } = &batch;
                gradients(&model, model.score(packed, positions.clone(), targets, 0.9, true))
            })
        };
        let one = run(1, false);
        assert_eq!(one, run(4, false));
        assert_eq!(one, run(2, true));
    }
}

/// A prompt that is shared scores as if it were not, to the bit, and its gradient is the sum.
#[test]
fn sharing_a_prompt_changes_no_score() {
    let model = model(&configs()[1], &Device::flex().autodiff());
    let Batch { packed, positions, targets } = batches().swap_remove(2);
    let (flat, rows) = packed.unshared();
    let apart: Vec<i64> = positions.iter().map(|&p| rows[p as usize] as i64).collect();
    assert!(flat.ids().len() > packed.ids().len());
    let shared = model.score(&packed, positions, &targets, 1.0, true);
    let alone = model.score(&flat, apart, &targets, 1.0, true);
    assert_eq!(read_values(&shared.0.logprobs).unwrap(), read_values(&alone.0.logprobs).unwrap());
    let (shared, alone) = (gradients(&model, shared), gradients(&model, alone));
    for (name, alone) in &alone {
        let largest = alone.iter().fold(0.0_f32, |a, b| a.max(b.abs()));
        for (shared, alone) in shared[name].iter().zip(alone) {
            // The same terms in another order.
            assert!((shared - alone).abs() <= 2e-5 * largest + 1e-7, "{name}");
        }
    }
}

/// Padding to few shapes changes scores and gradients by rounding alone.
#[test]
fn buckets_change_nothing_but_rounding() {
    for config in configs() {
        for Batch { packed, positions, targets } in batches() {
            let exact = model(&config, &Device::flex().autodiff());
            let padded = exact.clone().with_buckets(true);
            let score = |model: &Transformer| {
                model.score_composed(&packed, positions.clone(), &targets, 0.7, true)
            };
            let (a, b) = (score(&exact), score(&padded));
            for (a, b) in
                read_values(&a.0.logprobs).unwrap().iter().zip(read_values(&b.0.logprobs).unwrap())
            {
                // Log-probs are of the order of 10, and a matrix product may sum in another order
                // where it is larger.
                assert!((a - b).abs() < 2e-5, "{a}, {b}");
            }
            assert_eq!(a.0.logprobs.dims(), b.0.logprobs.dims());
            assert_near(&gradients(&padded, b), &gradients(&exact, a));
        }
    }
}

/// A head on the hidden states: value and gradient are those of Burn's own way.
#[test]
fn states_and_their_gradients_are_those_of_burn() {
    for config in configs() {
        let model = model(&config, &Device::flex().autodiff());
        let Batch { packed, positions, .. } = batches().swap_remove(2);
        let (fused, trace) = model.states(&packed, positions.clone());
        let ids = TensorData::new(positions.clone(), [positions.len()]);
        let composed = model.hidden(&packed).select(0, Tensor::from_data(ids, &Device::flex()));
        for (fused, composed) in
            read_values(&fused).unwrap().iter().zip(read_values(&composed).unwrap())
        {
            // States are near 1; three layers of sums in f32 in two orders.
            assert!((fused - composed).abs() < 2e-5, "{fused} for {composed}");
        }
        let zeros = |(name, p): (&String, &Tensor<2>)| {
            (name.clone(), Tensor::zeros(p.dims(), &Device::flex()))
        };
        let mut sums: BTreeMap<String, Tensor<2>> = model.parameters().iter().map(zeros).collect();
        let loss = |states: Tensor<2>| {
            let weights = values(3, states.dims().iter().product()).collect::<Vec<_>>();
            let weights = TensorData::new(weights, states.dims());
            (states.clone() * Tensor::from_data(weights, &states.device())).sum()
        };
        trace.add_gradients(&model, loss(fused), &mut sums);
        let mut graph = loss(composed).backward();
        for (name, parameter) in model.parameters() {
            let expect = match parameter.grad_remove(&mut graph) {
                Some(gradient) => read_values(&gradient).unwrap(),
                None => vec![0.0; parameter.dims().iter().product()],
            };
            let largest = expect.iter().fold(0.0_f32, |a, b| a.max(b.abs()));
            for (found, expect) in read_values(&sums[name]).unwrap().iter().zip(expect) {
                // As for the scores.
                assert!((found - expect).abs() <= 1e-4 * largest + 1e-6, "{name}");
            }
        }
    }
}

#[test]
fn gradients_that_nobody_asks_for_are_dropped() {
    let model = model(&config(Family::Llama, 2, false), &Device::flex().autodiff());
    let Batch { packed, positions, targets } = batches().swap_remove(1);
    let name = "model.layers.1.mlp.up_proj.weight";
    let scores = || model.score(&packed, positions.clone(), &targets, 1.0, false);
    let composed = || model.score_composed(&packed, positions.clone(), &targets, 1.0, false);
    for scores in [&scores as &dyn Fn() -> (TokenScores, Trace), &composed] {
        let all = gradients(&model, scores());
        let zeros = Tensor::zeros(model.parameters()[name].dims(), &Device::flex());
        let mut sums = BTreeMap::from([(name.to_owned(), zeros)]);
        let (scores, trace) = scores();
        trace.add_gradients(&model, loss(&scores), &mut sums);
        assert_eq!(sums.keys().collect::<Vec<_>>(), [name]);
        assert_eq!(read_values(&sums[name]).unwrap(), all[name]);
        assert!(all[name].iter().any(|&gradient| gradient != 0.0));
    }
}

/// A model whose value head says something.
fn valued(config: &ModelConfig) -> Transformer {
    let mut model = model(config, &Device::flex().autodiff()).with_value_head();
    let mut head = model.value_head().unwrap();
    for (seed, host) in head.values_mut().enumerate() {
        host.data = values(seed + 70, host.data.len()).collect();
    }
    model.set_value_head(&head).unwrap();
    model
}

/// A loss that weighs every value differently, and is not linear in them.
fn value_loss(read: &Tensor<1>) -> Tensor<1> {
    let count = read.dims()[0];
    let weights = TensorData::new(values(5, count).collect::<Vec<_>>(), [count]);
    (read.clone().square() * Tensor::from_data(weights, &read.device())).sum()
}

fn value_gradients(
    model: &Transformer,
    (read, trace): (Tensor<1>, Trace),
) -> BTreeMap<String, Vec<f32>> {
    let zeros =
        |(name, p): (&String, &Tensor<2>)| (name.clone(), Tensor::zeros(p.dims(), &Device::flex()));
    let mut sums = model.parameters().iter().map(zeros).collect();
    trace.add_gradients(model, value_loss(&read), &mut sums);
    sums.iter().map(|(name, sum)| (name.clone(), read_values(sum).unwrap())).collect()
}

fn assert_near(found: &BTreeMap<String, Vec<f32>>, expect: &BTreeMap<String, Vec<f32>>) {
    assert!(found.keys().eq(expect.keys()));
    for (name, expect) in expect {
        let largest = expect.iter().fold(0.0_f32, |a, b| a.max(b.abs()));
        for (found, expect) in found[name].iter().zip(expect) {
            // As for the scores: a few hundred roundings, relative to the largest entry.
            assert!((found - expect).abs() <= 1e-4 * largest + 1e-6, "{name}: {found}, {expect}");
        }
    }
}

#[test]
fn fused_values_and_gradients_are_those_of_burn() {
    for config in configs() {
        let model = valued(&config);
        for Batch { packed, positions, targets } in batches() {
            let fused = model.values(&packed, positions.clone());
            let composed = model.values_composed(&packed, positions.clone());
            let frozen = model.frozen().values(&packed, positions.clone()).0;
            assert_eq!(read_values(&frozen).unwrap(), read_values(&fused.0).unwrap());
            assert!(!frozen.is_autodiff());
            for (fused, composed) in
                read_values(&fused.0).unwrap().iter().zip(read_values(&composed.0).unwrap())
            {
                // Twenty-four products of states near 1, after three layers in f32 in two orders.
                assert!((fused - composed).abs() < 1e-4, "{fused} for {composed}");
            }
            let expect = value_gradients(&model, composed);
            assert!(expect["value_head.weight"].iter().any(|&g| g.abs() > 1e-3));
            assert_near(&value_gradients(&model, fused), &expect);

            // With scores in the same forward neither changes, and gradients add up.
            let (scores, read, trace) =
                model.score_with_values(&packed, positions.clone(), &targets, 0.7, true);
            let (alone, alone_trace) = model.score(&packed, positions.clone(), &targets, 0.7, true);
            assert_eq!(
                read_values(&scores.logprobs).unwrap(),
                read_values(&alone.logprobs).unwrap()
            );
            assert_eq!(read_values(&read).unwrap(), read_values(&frozen).unwrap());
            let zeros = |(name, p): (&String, &Tensor<2>)| {
                (name.clone(), Tensor::zeros(p.dims(), &Device::flex()))
            };
            let mut sums = model.parameters().iter().map(zeros).collect();
            trace.add_gradients(&model, loss(&scores) + value_loss(&read), &mut sums);
            let both =
                sums.iter().map(|(name, sum)| (name.clone(), read_values(sum).unwrap())).collect();
            let mut parts = gradients(&model, (alone, alone_trace));
            for (name, sum) in &mut parts {
                sum.iter_mut().zip(&expect[name]).for_each(|(sum, value)| *sum += value);
            }
            assert_near(&both, &parts);
        }
    }
}

#[test]
fn fused_value_gradients_are_those_of_finite_differences() {
    for config in configs() {
        let mut model = valued(&config);
        let Batch { packed, positions, .. } = batches().swap_remove(2);
        let gradient = value_gradients(&model, model.values(&packed, positions.clone()));
        for (seed, (name, gradient)) in gradient.iter().enumerate() {
            let direction: Vec<f32> = values(seed + 50, gradient.len()).collect();
            let length = direction.iter().map(|d| d * d).sum::<f32>().sqrt();
            let product = gradient.iter().zip(&direction).map(|(g, d)| f64::from(g * d));
            let slope = product.sum::<f64>() / f64::from(length);
            let here = model.parameters()[name].clone().inner();
            let mut at = |distance: f32| -> f64 {
                let data = TensorData::new(direction.clone(), here.dims());
                let step = Tensor::<2>::from_data(data, &Device::flex()) * (distance / length);
                model.set_parameter(name, here.clone() + step).unwrap();
                let (read, _) = model.values(&packed, positions.clone());
                f64::from(read_values(&value_loss(&read)).unwrap()[0])
            };
            let step = 4e-3;
            let numeric = (at(step) - at(-step)) / f64::from(2.0 * step);
            at(0.0);
            // The loss sums some fifty squares of up to a hundred and is rounded to about 2e-5, which
            // the step turns into 5e-3; the third derivative's share is of the order of step².
            let bound = 1e-2 + 5e-3 * slope.abs();
            assert!((numeric - slope).abs() < bound, "{name}: numeric {numeric}, {slope}");
        }
    }
}

#[test]
fn values_depend_on_neither_checkpoints_nor_threads_nor_sharing() {
    for config in configs() {
        let Batch { packed, positions, .. } = batches().swap_remove(2);
        let run = |threads: usize, checkpoints: bool| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let model = valued(&config).with_gradient_checkpointing(checkpoints);
                let read = model.values(&packed, positions.clone());
                (read_values(&read.0).unwrap(), value_gradients(&model, read))
            })
        };
        let one = run(1, false);
        assert_eq!(one, run(4, false));
        assert_eq!(one, run(2, true));

        let (flat, rows) = packed.unshared();
        let apart = positions.iter().map(|&p| rows[p as usize] as i64).collect();
        let model = valued(&config);
        let alone = model.values(&flat, apart);
        assert_eq!(read_values(&alone.0).unwrap(), one.0);
        assert_near(&one.1, &value_gradients(&model, alone));
    }
}

/// The head alone: its gradients are those that it has with the trunk, and the trunk has none.
#[test]
fn a_head_alone_has_the_gradients_that_it_has_with_its_trunk() {
    let model = valued(&configs()[1]);
    let Batch { packed, positions, .. } = batches().swap_remove(2);
    let whole = value_gradients(&model, model.values(&packed, positions.clone()));
    let alone = value_gradients(&model, model.values_of_head(&packed, positions));
    for (name, alone) in &alone {
        if !name.starts_with("value_head") {
            assert!(alone.iter().all(|&g| g == 0.0), "{name}");
            continue;
        }
        let largest = whole[name].iter().fold(0.0_f32, |a, b| a.max(b.abs()));
        for (alone, whole) in alone.iter().zip(&whole[name]) {
            // The same fifty terms in another order.
            assert!((alone - whole).abs() <= 1e-5 * largest, "{name}: {alone}, {whole}");
        }
    }
}
