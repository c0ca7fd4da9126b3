//! Updates with the base's witnesses among the policy's draws.

use super::*;

/// Of each of the last two groups the last completion is a witness of `base`.
fn with_witnesses(base: &Transformer, experience: &Experience) -> Experience {
    let mut experience = experience.clone();
    let of_base = score_all(base, &experience, &recipe("", "micro_batch_size = 4")).unwrap();
    for index in [8, 11] {
        let sample = &mut experience.samples[index];
        sample.trajectory.source = Source::Witness;
        sample.judged.said = vec![testing::said(Verdict::Correct)];
        sample.signals.rl.fill(if index == 8 { 0.9 } else { 1.1 });
        sample.trajectory.logprobs = Some(of_base[index].clone());
    }
    experience
}

fn replaying(algorithm: &str, max_weight: f64, train: &str) -> Recipe {
    let replay = format!("[replay]\nshare = 0.3\ninterval = 1\nmax_weight = {max_weight}");
    crate::testing::recipe_with(algorithm, train, &replay)
}

const REPLAYED: [&str; 5] = [
    "loss_type = \"sequence\"",
    "loss_type = \"dr_grpo\"\nkl_coef = 0.3\nentropy_coef = 0.2",
    "name = \"gspo\"\nloss_type = \"sequence\"\nepsilon = 0.05\nepsilon_high = 0.08",
    "name = \"kl_cov\"\nloss_type = \"dr_grpo\"",
    "name = \"reinforce\"\npositive_nll = 0.5",
];

/// What the policy drew is in the loss as ever (to the plain twin, witnesses are what the policy did
/// not draw: masked), and a witness adds −w min(π/π_base, most) A log π at each token, by hand. No
/// penalty, bonus, anchor or likelihood term is on it.
#[test]
fn a_witness_adds_its_weighted_log_likelihood_and_nothing_else() {
    let device = Device::flex().autodiff();
    let (policy, base) = (model(1, &device), model(2, &Device::flex()));
    let experience = with_witnesses(&base, &experience(&policy, 0.3));
    let wide = |values: &[f32]| -> Vec<f64> { values.iter().map(|&v| f64::from(v)).collect() };
    for text in REPLAYED {
        let recipe = replaying(text, 1.5, "micro_batch_size = 5");
        let mut mixed = as_of(&recipe, &experience);
        let algorithm = &recipe.algorithm;
        // Witnesses are not anchored.
        let witnesses = mixed.samples.iter_mut().filter(|sample| is_witness(sample));
        witnesses.for_each(|sample| sample.signals.anchor = Weight::default());
        let scored = |model| score_all(model, &mixed, &recipe).unwrap();
        let (own, of_base) = (scored(&policy), scored(&base));
        let (got, gradient) = gradient(&policy, Some(&base), &mixed, &recipe);

        // The policy's own: the same samples without the witnesses' tokens, whose completions count.
        let mut rest = mixed.clone();
        for sample in rest.samples.iter_mut().filter(|sample| is_witness(sample)) {
            sample.trajectory.source = Source::Policy;
            sample.judged.said = vec![testing::said(Verdict::Wrong)];
            sample.signals.rl.fill(0.0);
        }
        let plain = recipe_without_replay(&recipe);
        let weight = match algorithm.loss_type {
            LossType::Sequence => 1.0 / 12.0,
            _ => 1.0 / (12.0 * recipe.rollout.max_completion_length as f64),
        };
        // The terms that the rest still has at those tokens.
        let entropies = entropies(&policy, &mixed);
        let (mut rest_loss, rest_gradient) = self::gradient(&policy, Some(&base), &rest, &plain);
        let mut added = 0.0;
        for index in [8, 11] {
            let sample = &mixed.samples[index];
            let behaviour = wide(sample.logprobs().unwrap());
            for (t, logp) in wide(&own[index]).into_iter().enumerate() {
                let most = 1.5;
                let (value, _) = bourn_algo::replay::replayed_surrogate(
                    logp,
                    behaviour[t],
                    f64::from(sample.signals.rl[t]),
                    most,
                );
                added -= weight * value;
                if algorithm.kl_coef > 0.0 {
                    let kl = bourn_algo::kl_k3(logp, f64::from(of_base[index][t]));
                    rest_loss -= weight * algorithm.kl_coef * kl;
                    rest_loss += weight * algorithm.entropy_coef * entropies[index][t];
                }
            }
        }
        // f32 against f64 over some forty terms of about one, divided by 12 or 96.
        assert!((got - rest_loss - added).abs() < 2e-6, "{text}: {got}, {rest_loss} + {added}");
        // Where nothing but the advantage was at those tokens, gradients add up too: that of
        // REINFORCE with the weights in the advantages is the witnesses' part.
        if algorithm.kl_coef == 0.0 {
            let mut alone = mixed.clone();
            for (sample, own) in alone.samples.iter_mut().zip(&own) {
                let is_witness = is_witness(sample);
                sample.signals.anchor = Weight::default();
                sample.judged.said = vec![testing::said(Verdict::Wrong)];
                let drawn = sample.logprobs().unwrap().to_vec();
                for (a, (drawn, &own)) in
                    sample.signals.rl.iter_mut().zip(drawn.into_iter().zip(own))
                {
                    *a *= if is_witness { (own - drawn).exp().min(1.5) } else { 0.0 };
                }
                sample.trajectory.source = Source::Policy;
            }
            let name = match algorithm.loss_type {
                LossType::Sequence => "name = \"reinforce\"",
                _ => "name = \"reinforce\"\nloss_type = \"dr_grpo\"",
            };
            let reinforce = self::recipe(name, "micro_batch_size = 5");
            let (_, part) = self::gradient(&policy, None, &alone, &reinforce);
            let mut sum = rest_gradient;
            for (sum, part) in sum.values_mut().flatten().zip(part.values().flatten()) {
                *sum += part;
            }
            // The same products in another order, in f32.
            let apart = distance(&gradient, &sum);
            assert!(apart < 2e-6 * norm(&sum), "{text}: {apart} of {}", norm(&sum));
        }
    }
}

fn is_witness(sample: &Sample) -> bool {
    sample.trajectory.source == Source::Witness
}

fn recipe_without_replay(recipe: &Recipe) -> Recipe {
    Recipe { replay: None, ..recipe.clone() }
}

/// Where every weight is held by its bound it is a constant, and the loss is what its gradient is
/// the slope of.
#[test]
fn the_gradient_of_witnesses_agrees_with_finite_differences() {
    let device = Device::flex().autodiff();
    let (policy, base) = (model(1, &device), model(2, &Device::flex()));
    let experience = with_witnesses(&base, &experience(&policy, 0.3));
    let most = 0.01;
    let recipe = replaying("loss_type = \"sequence\"", most, "micro_batch_size = 5");
    let mut witnesses = experience.clone();
    let policys = witnesses.samples.iter_mut().filter(|sample| !is_witness(sample));
    policys.for_each(|sample| sample.signals.rl.fill(0.0));
    // Undo the bound's size, so that the loss is of about one.
    for sample in &mut witnesses.samples {
        sample.signals.rl.iter_mut().for_each(|a| *a /= most as f32);
    }
    let own = score_all(&policy, &witnesses, &recipe).unwrap();
    for (sample, own) in witnesses.samples.iter().zip(own).filter(|(s, _)| is_witness(s)) {
        let mut pairs = own.iter().zip(sample.logprobs().unwrap());
        assert!(pairs.all(|(own, base)| own - base > f32::ln(0.02)), "every weight is held");
    }
    let (_, analytic) = gradient(&policy, None, &witnesses, &recipe);
    let length = norm(&analytic);
    let step = 2e-3;
    let along = |sign: f32| {
        let mut moved = policy.clone();
        for (name, tensor) in policy.parameters() {
            let scaled = analytic[name].iter().map(|g| g / length as f32).collect::<Vec<_>>();
            let d = TensorData::new(scaled, tensor.dims());
            let d = Tensor::<2>::from_data(d, &Device::flex());
            moved.set_parameter(name, tensor.clone().inner() + d * (sign * step)).unwrap();
        }
        gradient(&moved, None, &witnesses, &recipe).0
    };
    let numeric = (along(1.0) - along(-1.0)) / (2.0 * f64::from(step));
    // As in `gradients_agree_with_finite_differences`.
    assert!((numeric - length).abs() < 1e-3 * length + 5e-4, "{numeric} against {length}");
    assert!(length > 0.1, "{length}");
}

/// With a replay table and no witness nothing is another bit.
#[test]
fn without_witnesses_replay_changes_no_bit() {
    let device = Device::flex().autodiff();
    let (policy, base) = (model(1, &device), model(2, &Device::flex()));
    let experience = experience(&policy, 0.25);
    for text in REPLAYED {
        let recipe = replaying(text, 1.5, "micro_batch_size = 5");
        let experience = as_of(&recipe, &experience);
        let with = gradient(&policy, Some(&base), &experience, &recipe);
        let without = gradient(&policy, Some(&base), &experience, &recipe_without_replay(&recipe));
        assert!(with == without, "{text}");
    }
}

/// The first minibatch's ratio, the clip and the loss of the policy's own draws do not see
/// witnesses, whose weights have figures of their own.
#[test]
fn figures_of_the_policys_draws_leave_witnesses_out() {
    let device = Device::flex().autodiff();
    let (policy, base) = (model(1, &device), model(2, &Device::flex()));
    let experience = with_witnesses(&base, &experience(&policy, 0.0));
    let recipe = replaying("loss_type = \"sequence\"", 1.2, "micro_batch_size = 5");
    let report = step(&mut learners(&policy, &recipe), None, &experience, &recipe)
        .expect("the loss is finite");
    // The sampler's log-probs are the policy's own, scored in batches of another size: rounding.
    assert!(report.mismatch_ratio < 1e-5 && report.mismatch_kl.abs() < 1e-10, "{report:?}");
    assert!(report.ppo_kl.abs() < 1e-6 && report.clip_low + report.clip_high == 0.0, "{report:?}");

    let own = score_all(&policy, &experience, &recipe).unwrap();
    let mut weights = Vec::new();
    for index in [8, 11] {
        let base = experience.samples[index].logprobs().unwrap();
        weights.extend(own[index].iter().zip(base).map(|(own, base)| f64::from(own - base).exp()));
    }
    let mean = weights.iter().map(|weight| weight.min(1.2)).sum::<f64>() / weights.len() as f64;
    let held = weights.iter().filter(|&&weight| weight > 1.2).count();
    let replay = report.replay.expect("there are witnesses");
    // Exponentials of f32 numbers.
    assert!((replay.weight - mean).abs() < 1e-6, "{replay:?} against {mean}");
    assert_eq!(replay.clipped, held as f64 / weights.len() as f64);
    assert!(held > 0 && held < weights.len());
}
