//! Updates with tokens that the policy did not draw: of a person, and of an environment.

use super::*;

/// The first group with a person's row behind it, of which every token weighs this much.
fn with_a_persons_row(experience: &Experience, ce: f64) -> Experience {
    let mut experience = experience.clone();
    let prompt = prompt_of(&experience.samples[0]).to_vec();
    let mut row = testing::sample(0, &prompt, &[3, 1, 4], true);
    row.trajectory.source = Source::Human;
    (row.trajectory.logprobs, row.trajectory.entropies) = (None, None);
    row.signals.ce = Weight::Same(ce);
    experience.add(0, row);
    experience
}

/// A person's row adds the mean log-likelihood of its tokens, whatever the algorithm makes of the
/// draws beside it; their advantages, baseline and weights are what they are without it.
#[test]
fn a_persons_row_adds_its_likelihood_and_nothing_else() {
    let device = Device::flex().autodiff();
    let (policy, base) = (model(1, &device), model(2, &Device::flex()));
    let drawn = experience(&policy, 0.25);
    for text in [
        "loss_type = \"dapo\"",
        "loss_type = \"grpo\"\nkl_coef = 0.3\nentropy_coef = 0.2",
        "name = \"gspo\"\nepsilon = 0.05\nepsilon_high = 0.08",
    ] {
        let recipe = recipe(text, "micro_batch_size = 5");
        let drawn = as_of(&recipe, &drawn);
        let both = with_a_persons_row(&drawn, 0.5);
        let (got, gradient) = gradient(&policy, Some(&base), &both, &recipe);
        let (rest, rest_gradient) = self::gradient(&policy, Some(&base), &drawn, &recipe);
        let own = score_all(&policy, &both, &recipe).unwrap().swap_remove(3);
        let likelihood = own.iter().map(|&logp| f64::from(logp)).sum::<f64>() / 3.0;
        // f32 against f64 over some forty terms of about one.
        assert!(
            (got - (rest - 0.5 * likelihood)).abs() < 2e-6,
            "{text}: {got} {rest} {likelihood}"
        );

        // REINFORCE of the row alone, with an advantage of ½ at each token, has that gradient.
        let mut alone = both.clone();
        alone.samples[3].trajectory.source = Source::Policy;
        alone.samples[3].signals = bourn_episode::Signals::silent(3);
        alone.samples[3].signals.rl.fill(0.5);
        alone.samples[3].trajectory.logprobs = Some(vec![0.0; 3]);
        alone.samples = vec![alone.samples.swap_remove(3)];
        (alone.problems, alone.kept, alone.entropy_coef) = (vec!["one".into()], vec![true], 0.0);
        let reinforce = self::recipe("name = \"reinforce\"", "micro_batch_size = 5");
        let (_, part) = self::gradient(&policy, None, &alone, &reinforce);
        let mut sum = rest_gradient;
        for (sum, part) in sum.values_mut().flatten().zip(part.values().flatten()) {
            // REINFORCE sums a completion's tokens, the likelihood is their mean.
            *sum += part / 3.0;
        }
        let apart = distance(&gradient, &sum);
        assert!(apart < 2e-6 * norm(&sum), "{text}: {apart} of {}", norm(&sum));
    }
}

/// Its tokens are counted among those that were trained on, and in no figure of the policy's draws.
#[test]
fn figures_leave_a_persons_row_out() {
    let policy = model(1, &Device::flex().autodiff());
    let recipe = recipe("loss_type = \"dapo\"", "micro_batch_size = 5");
    let drawn = experience(&policy, 0.1);
    let report = |experience: &Experience| {
        step(&mut learners(&policy, &recipe), None, experience, &recipe)
            .expect("the loss is finite")
    };
    let (without, with) = (report(&drawn), report(&with_a_persons_row(&drawn, 0.5)));
    assert_eq!(with.trained_tokens, without.trained_tokens + 3);
    assert_eq!(with.replay, None);
    assert!(with.grad_norm != without.grad_norm);
    // Of the same numbers, packed with another row: rounding.
    assert!((with.ppo_kl - without.ppo_kl).abs() < 1e-7, "{with:?} {without:?}");
    assert!((with.mismatch_ratio - without.mismatch_ratio).abs() < 1e-5);
    assert_eq!((with.clip_low, with.clip_high), (without.clip_low, without.clip_high));
}

/// What an environment wrote between two completions is read, and not trained on: the row's scores
/// are those of the whole row at its own places, and its gradient is that of the whole row with no
/// advantage in between.
#[test]
fn what_an_environment_wrote_is_read_and_not_trained_on() {
    let policy = model(1, &Device::flex().autodiff());
    let recipe = recipe("name = \"reinforce\"", "micro_batch_size = 5");
    let of = |samples: Vec<Sample>| Experience::new(vec!["one".into()], samples);
    let whole = {
        let mut row = testing::sample(0, &[1, 2, 3], &[4, 5, 6, 7, 8, 9], true);
        row.signals.rl = vec![1.0, 1.0, 0.0, 0.0, -0.5, -0.5];
        of(vec![row])
    };
    let turns = {
        let mut row = whole.samples[0].clone();
        row.trajectory.own[5..7].fill(false);
        (row.trajectory.logprobs, row.trajectory.entropies) =
            (Some(vec![0.0; 4]), Some(vec![0.0; 4]));
        row.signals.rl = vec![1.0, 1.0, -0.5, -0.5];
        of(vec![row])
    };
    let [of_whole, of_turns] =
        [&whole, &turns].map(|all| score_all(&policy, all, &recipe).unwrap().remove(0));
    assert_eq!(of_turns, [&of_whole[..2], &of_whole[4..]].concat());
    let (loss, expect) = gradient(&policy, None, &whole, &recipe);
    let (got_loss, got) = gradient(&policy, None, &turns, &recipe);
    assert_eq!(got_loss, loss);
    // Terms of exactly 0 in sums of f32.
    assert!(distance(&got, &expect) < 1e-7 * norm(&expect), "{}", distance(&got, &expect));
}

#[test]
fn a_trajectory_that_does_not_fit_is_no_batch() {
    let policy = model(1, &Device::flex().autodiff());
    let recipe = recipe("", "micro_batch_size = 5");
    let mut experience = experience(&policy, 0.1);
    experience.samples[0].trajectory.logprobs.as_mut().unwrap().pop();
    let error = score_all(&policy, &experience, &recipe).unwrap_err().to_string();
    assert!(error.contains("log-probs"), "{error}");

    // A KL to a reference that nobody asked is an error, and no KL of 0.
    let mut experience = self::experience(&policy, 0.1);
    experience.samples[0].signals.kl = Weight::Same(0.1);
    let error = micro_batches(&experience, &[0], None, &recipe).unwrap_err().to_string();
    assert!(error.contains("reference's log-probs"), "{error}");
}
