//! A small recipe and a small model that the tests of several files train.

use std::path::Path;

use bourn_episode::{Finish, Inputs, Trajectory};
use bourn_model::transformer::Transformer;
use bourn_model::{Bundle, HostTensor, ModelConfig, Tokenizer, Weights};
use bourn_recipe::{Recipe, Reward, VerifierKind};
use bourn_seed::rng;
use bourn_task::{Problem, Reference, Rewards};
use bourn_verify::Verdict;
use burn::tensor::Device;
use rand::Rng;

use crate::experience::{Experience, Judged, Said, Sample};
use crate::learner::{Descent, Learner};
use crate::learners::Learners;

/// Of the test recipe's rollouts.
pub(crate) const TEMPERATURE: f64 = 0.8;

/// A recipe with these lines in `[algorithm]` (GRPO, unless they name another) and `[train]`.
pub(crate) fn recipe(algorithm: &str, train: &str) -> Recipe {
    recipe_with(algorithm, train, "")
}

/// A recipe with these lines in `[algorithm]`, `[train]` and at the end.
pub(crate) fn recipe_with(algorithm: &str, train: &str, more: &str) -> Recipe {
    let name = if algorithm.contains("name =") { "" } else { "name = \"grpo\"" };
    let text = format!(
        r#"
        [model]
        architecture = {{ hidden_size = 16, num_layers = 2, num_heads = 2, num_kv_heads = 1, intermediate_size = 24, max_position = 64 }}
        [base]
        steps = 1
        [[task]]
        kind = "countdown"
        [rollout]
        num_generations = 3
        prompts_per_step = 4
        max_prompt_length = 16
        max_completion_length = 8
        temperature = {TEMPERATURE}
        [algorithm]
        {name}
        {algorithm}
        [optimizer]
        lr = 1e-3
        [train]
        max_steps = 4
        {train}
        {more}
        "#
    );
    bourn_recipe::parse(&text, Path::new("test.toml"), &[]).unwrap()
}

/// Random weights of the recipe's architecture with a vocabulary of 11.
pub(crate) fn model(seed: u64, device: &Device) -> Transformer {
    let recipe = recipe("", "");
    let bourn_recipe::ModelSource::Architecture(architecture) = &recipe.model.source else {
        panic!("the test recipe has an architecture");
    };
    let config = ModelConfig::from_architecture(architecture, 11).unwrap();
    let mut weights = Weights::new();
    for (index, (name, shape)) in config.expected_tensors().into_iter().enumerate() {
        let mut rng = rng(seed, "test/weights", &[index as u64]);
        let centre = if shape.len() == 1 { 1.0 } else { 0.0 };
        let count: usize = shape.iter().product();
        let data = (0..count).map(|_| centre + rng.random_range(-0.4..0.4)).collect();
        weights.insert(name, HostTensor { shape, data });
    }
    Transformer::from_weights(&config, &weights, device).unwrap()
}

/// A completion of `prompt` that stopped by itself, of the policy's, with log-probs and entropies of 0
/// where it is not told others.
pub(crate) fn sample(group: usize, prompt: &[u32], tokens: &[u32], correct: bool) -> Sample {
    let zeros = || Some(vec![0.0; tokens.len()]);
    let prompt = Inputs::from(prompt.to_vec());
    let row = Trajectory::of_completion(&prompt, tokens, zeros(), zeros(), Finish::Stop);
    let (verdict, reward) = if correct { (Verdict::Correct, 1.0) } else { (Verdict::Wrong, 0.0) };
    let judged = Judged { said: vec![said(verdict)], reward, steps: None };
    Sample::new(row.in_group(group), judged)
}

/// Of [`two_groups`].
pub(crate) const PROMPTS: [&[u32]; 2] = [&[1, 2, 3], &[4, 5]];

/// Two groups of three completions of random tokens; the first of each is correct.
pub(crate) fn two_groups(purpose: &str) -> Experience {
    let mut rng = rng(9, purpose, &[]);
    let one = |index: usize| {
        let tokens: Vec<u32> = (0..2 + index % 3).map(|_| rng.random_range(0..11)).collect();
        sample(index / 3, PROMPTS[index / 3], &tokens, index.is_multiple_of(3))
    };
    Experience::new(vec!["a".into(), "b".into()], (0..6).map(one).collect())
}

/// A policy that is trained as the recipe says.
pub(crate) fn learners(policy: Transformer, recipe: &Recipe) -> Learners {
    let descent = Descent::new(&recipe.optimizer, recipe.train.total_updates());
    Learners::new(Learner::new(policy, descent))
}

/// A raw verdict.
pub(crate) fn said(verdict: Verdict) -> Said {
    Said { verifier: "test", judgement: verdict.into(), second_opinion: false }
}

/// The prompt of a sample.
pub(crate) fn prompt_of(sample: &Sample) -> &[u32] {
    &sample.trajectory.inputs.ids()[..sample.trajectory.start()]
}

/// A model of [`model`]'s weights with a tokenizer of one character a token: the digits up to 8, and with
/// `<pad>` and `<eos>`, which ends a completion, they are eleven.
pub(crate) fn bundle(seed: u64) -> Bundle {
    let model = model(seed, &Device::flex());
    let tokenizer = Tokenizer::char_level("012345678");
    let mut bundle = Bundle::new(model.config().clone(), model.to_weights().unwrap(), tokenizer);
    bundle.stop_tokens = [1].into();
    bundle
}

/// Problems whose reference is a text that [`bundle`] can write.
pub(crate) fn problems(answers: &[&str]) -> Vec<Problem> {
    let exact = Rewards::open(&[Reward::new(VerifierKind::Exact)], 1).unwrap();
    let problem = |answer: &&str| {
        let reference = Reference::Exact((*answer).to_owned());
        Problem::new(format!("{answer}0"), reference, "test".to_owned(), &exact)
    };
    answers.iter().map(problem).collect()
}
