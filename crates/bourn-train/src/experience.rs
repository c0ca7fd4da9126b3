//! From problems to judged completions: what one step trains on.

use std::ops::ControlFlow;
use std::sync::Arc;

use bourn_model::Bundle;
use bourn_model::prompt::Prompter;
use bourn_recipe::{Baseline, Recipe, Reward, VerifierKind};
use bourn_rollout::{Completion, Engine, Finish, Progress, Request, Sampling, StopText};
use bourn_task::seed::rng;
use bourn_task::{Problem, Problems};
use bourn_verify::Verdict;
use rand::Rng;

use crate::error::TrainError;
use crate::implicit::ImplicitReport;

/// One completion with what its verifiers said and what it is worth.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Index of the group (and of its prompt).
    pub group: usize,
    /// Whether the frozen base drew it, and not the policy: then log-probs and entropies are the
    /// base's.
    pub witness: bool,
    /// Tokens, log-probs and entropies as the sampler gave them.
    pub completion: Completion,
    /// Verdict of each `[[reward]]`, in recipe order; the first is the raw verdict.
    pub verdicts: Vec<Verdict>,
    /// Weighted sum of the correct verdicts.
    pub reward: f32,
    /// What is paid for steps at each token, beside `reward`; empty where steps are worth nothing.
    pub step_rewards: Vec<f32>,
    /// For each `[[reward]]` whose steps are worth something: how many are right, of how many.
    pub steps: Vec<Option<(usize, usize)>>,
    /// Log-probs under the KL penalty's reference; empty unless that penalty is in the reward.
    pub reference_logprobs: Vec<f32>,
    /// What the implicit reward model pays for each token; empty without one.
    pub implicit_rewards: Vec<f32>,
    /// Advantage of each token.
    pub advantages: Vec<f32>,
    /// Weight of the anchor to the sampler at each token; empty for none.
    pub anchors: Vec<f32>,
    /// The value model's prediction before each token; empty without one.
    pub values: Vec<f32>,
    /// What those values are trained towards; empty without a value model.
    pub returns: Vec<f32>,
}

impl Sample {
    /// A judged completion that no algorithm has looked at.
    pub fn new(group: usize, completion: Completion, verdicts: Vec<Verdict>, reward: f32) -> Self {
        Sample {
            group,
            witness: false,
            completion,
            verdicts,
            reward,
            step_rewards: Vec::new(),
            steps: Vec::new(),
            reference_logprobs: Vec::new(),
            implicit_rewards: Vec::new(),
            advantages: Vec::new(),
            anchors: Vec::new(),
            values: Vec::new(),
            returns: Vec::new(),
        }
    }

    /// Whether the completion ran into the length limit.
    pub fn truncated(&self) -> bool {
        self.completion.finish == Finish::Length
    }

    /// Whether the raw verdict is correct.
    pub fn correct(&self) -> bool {
        self.verdicts.first().is_some_and(|verdict| verdict.is_correct())
    }

    /// log π of the whole completion under the sampler, in nats.
    pub fn logprob(&self) -> f64 {
        self.completion.logprobs.iter().copied().map(f64::from).sum()
    }
}

/// The judged completions of one step.
#[derive(Clone, Debug)]
pub struct Experience {
    /// Prompt token ids of each group.
    pub prompts: Vec<Vec<u32>>,
    /// Problem id of each group.
    pub problems: Vec<String>,
    /// Completions, group after group, `num_generations` of each.
    pub samples: Vec<Sample>,
    /// The greedy completion of each group, where it is the baseline; empty otherwise.
    pub greedy: Vec<Sample>,
    /// Whether each group is trained on.
    pub kept: Vec<bool>,
    /// Weight of the entropy bonus in this step.
    pub entropy_coef: f64,
    /// Batches that dynamic sampling drew beyond the first.
    pub extra_batches: u64,
    /// What was replayed; the groups of it are the last.
    pub replayed: Replayed,
    /// What the implicit reward model learned of this step, where there is one.
    pub implicit: Option<ImplicitReport>,
}

/// Groups of a step that hold witnesses, completions that the frozen base drew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Problems that were being lost when they were looked at last.
    pub endangered: usize,
    /// Groups of some of these.
    pub groups: usize,
}

impl Experience {
    /// Groups that are all trained on, without greedy completions and entropy bonus.
    pub fn new(prompts: Vec<Vec<u32>>, problems: Vec<String>, samples: Vec<Sample>) -> Self {
        let (greedy, kept) = (Vec::new(), vec![true; problems.len()]);
        let (replayed, implicit) = (Replayed::default(), None);
        Experience {
            prompts,
            problems,
            samples,
            greedy,
            kept,
            entropy_coef: 0.0,
            extra_batches: 0,
            replayed,
            implicit,
        }
    }

    /// The groups that are trained on, in order.
    pub fn kept_groups(&self) -> Vec<usize> {
        (0..self.problems.len()).filter(|&group| self.kept[group]).collect()
    }

    /// Number of groups that the step drew for the problems of its turn: those before the replayed.
    pub fn own_groups(&self) -> usize {
        self.problems.len() - self.replayed.groups
    }

    /// The completions of these groups: what metrics are about.
    pub fn own(&self) -> &[Sample] {
        &self.samples[..self.members(self.own_groups()).start]
    }

    /// Puts the groups that are replayed behind these; filters know nothing of them.
    pub fn replay(&mut self, other: Experience) {
        self.replayed = other.replayed;
        self.append(other);
    }

    /// Puts the groups of `other` behind these.
    pub fn append(&mut self, other: Experience) {
        let groups = self.problems.len();
        self.prompts.extend(other.prompts);
        self.problems.extend(other.problems);
        self.kept.extend(other.kept);
        let moved = |sample: Sample| Sample { group: sample.group + groups, ..sample };
        self.samples.extend(other.samples.into_iter().map(moved));
        self.greedy.extend(other.greedy.into_iter().map(moved));
    }
}

/// How a model reads and ends texts, as `recipe` asks.
///
/// # Errors
/// The recipe asks for a chat template and the model has none; a stop string is refused.
pub fn prompter(recipe: &Recipe, model: &Bundle) -> Result<Prompter, TrainError> {
    let Recipe { model: asked, rollout, .. } = recipe;
    let prompter = Prompter::new(model, asked.chat_template, &asked.system_prompt)?;
    Ok(prompter.stopping_at(&rollout.stop_strings)?)
}

/// The prompter's stop strings as the engine asks for them.
pub(crate) fn stop_text(prompter: &Prompter) -> Option<StopText> {
    let stops = prompter.stop_strings()?.clone();
    Some(StopText(Arc::new(move |tokens| stops.ends(tokens))))
}

/// Renders the prompts of `problems` to token ids.
///
/// # Errors
/// Names the problem whose prompt is longer than the recipe allows.
pub fn encode_prompts(
    problems: &[&Problem],
    prompter: &Prompter,
    recipe: &Recipe,
) -> Result<Vec<Vec<u32>>, TrainError> {
    let limit = recipe.rollout.max_prompt_length;
    let encode = |problem: &&Problem| {
        let ids = prompter.encode(&problem.prompt)?;
        if ids.len() > limit {
            return Err(TrainError::PromptTooLong {
                problem: problem.id.clone(),
                origin: problem.origin.clone(),
                length: ids.len(),
                limit,
            });
        }
        Ok(ids)
    };
    problems.iter().map(encode).collect()
}

/// Hash of the ids of all problems, which are hashes of their content: what a step trains on and
/// what the probe asks are functions of these and of the recipe.
pub fn problems_hash(problems: &Problems) -> String {
    let mut hasher = blake3::Hasher::new();
    for side in [&problems.train, &problems.held_out] {
        hasher.update(&(side.len() as u64).to_le_bytes());
        for problem in side {
            hasher.update(problem.id.as_bytes());
        }
    }
    hasher.finalize().to_hex().to_string()
}

/// What the draws of a step are for: part of their seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draws {
    /// `train`, or what else is drawn for.
    pub purpose: &'static str,
    /// Step of the run.
    pub step: u64,
    /// How many batches the step has drawn before.
    pub batch: u64,
}

/// Draws a group of completions for each problem and judges them; their advantages are not known
/// yet. `on_progress` hears how many completions are done and may stop the work.
pub fn collect(
    engine: &mut Engine,
    prompter: &Prompter,
    problems: &[&Problem],
    recipe: &Recipe,
    draws: Draws,
    on_progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Experience, TrainError> {
    let group = recipe.rollout.num_generations as u64;
    let prompts = encode_prompts(problems, prompter, recipe)?;
    let requests = |first: u64, count: u64| -> Vec<Request<'_>> {
        let pairs = prompts.iter().zip(problems);
        pairs
            .map(|(prompt, problem)| Request { prompt, stream: &problem.id, first, count })
            .collect()
    };
    let judge = |groups: Vec<Vec<Completion>>| -> Result<Vec<Sample>, TrainError> {
        let pairs = problems.iter().zip(groups).enumerate();
        let each = pairs.flat_map(|(index, (problem, completions))| {
            let numbered = (draws.batch * group..).zip(completions);
            numbered.map(move |(number, completion)| (index, problem, number, completion))
        });
        each.map(|(index, problem, number, completion)| {
            let draw = Draw { step: draws.step, number };
            judge(index, problem, completion, draw, prompter, recipe)
        })
        .collect()
    };
    let sampling = Sampling {
        purpose: draws.purpose.into(),
        ..training_sampling(recipe, prompter, draws.step)
    };
    // A problem that comes again in a later batch of the step is drawn anew.
    let drawn = engine.generate(&requests(draws.batch * group, group), &sampling, on_progress)?;
    let samples = judge(drawn)?;
    let greedy = if recipe.algorithm.baseline == Baseline::Greedy {
        let sampling = Sampling { temperature: 0.0, ..sampling };
        judge(engine.generate(&requests(0, 1), &sampling, on_progress)?)?
    } else {
        Vec::new()
    };
    let problems = problems.iter().map(|problem| problem.id.clone()).collect();
    let entropy_coef = recipe.algorithm.entropy_coef;
    Ok(Experience { greedy, entropy_coef, ..Experience::new(prompts, problems, samples) })
}

/// The sampler of training: the full distribution at the recipe's temperature.
pub fn training_sampling(recipe: &Recipe, prompter: &Prompter, step: u64) -> Sampling {
    Sampling {
        temperature: recipe.rollout.temperature,
        top_p: 1.0,
        top_k: 0,
        min_p: 0.0,
        max_tokens: recipe.rollout.max_completion_length,
        stop_tokens: prompter.stop_tokens().clone(),
        stop_text: stop_text(prompter),
        seed: recipe.seed,
        purpose: "train".into(),
        step,
    }
}

/// Which draw of a problem a completion is: what a coin may depend on.
#[derive(Clone, Copy)]
pub(crate) struct Draw {
    /// Step of the run.
    pub(crate) step: u64,
    /// Number of the draw among those of its problem and step.
    pub(crate) number: u64,
}

/// The verdict of one `[[reward]]`.
fn verdict(reward: &Reward, problem: &Problem, text: &str, draw: Draw, seed: u64) -> Verdict {
    if reward.verifier != VerifierKind::Random {
        return problem.verify(reward, text);
    }
    // A problem's id is a hash of its content, in hexadecimal.
    let id = u64::from_str_radix(&problem.id, 16).unwrap_or(0);
    match rng(seed, "reward/random", &[id, draw.step, draw.number]).random::<bool>() {
        true => Verdict::Correct,
        false => Verdict::Wrong,
    }
}

/// A completion with its verdicts and its reward.
pub(crate) fn judge(
    group: usize,
    problem: &Problem,
    completion: Completion,
    draw: Draw,
    prompter: &Prompter,
    recipe: &Recipe,
) -> Result<Sample, TrainError> {
    let text = prompter.decode(&completion.tokens)?;
    let verdicts: Vec<Verdict> =
        recipe.rewards.iter().map(|r| verdict(r, problem, &text, draw, recipe.seed)).collect();
    let reward = recipe
        .rewards
        .iter()
        .zip(&verdicts)
        .filter(|(_, verdict)| verdict.is_correct())
        .map(|(reward, _)| reward.weight)
        .sum::<f64>() as f32;
    let (step_rewards, steps) = pay_steps(problem, &completion, &text, prompter, recipe)?;
    Ok(Sample { step_rewards, steps, ..Sample::new(group, completion, verdicts, reward) })
}

/// How many steps of a completion are right, of how many, for each `[[reward]]` that pays steps.
type StepCounts = Vec<Option<(usize, usize)>>;

/// Pays each step of a completion at the token that ends it.
fn pay_steps(
    problem: &Problem,
    completion: &Completion,
    text: &str,
    prompter: &Prompter,
    recipe: &Recipe,
) -> Result<(Vec<f32>, StepCounts), TrainError> {
    if recipe.rewards.iter().all(|reward| reward.step_weight == 0.0) {
        return Ok((Vec::new(), vec![None; recipe.rewards.len()]));
    }
    let tokens = &completion.tokens;
    let (mut paid, mut counts) = (vec![0.0; tokens.len()], Vec::new());
    for reward in &recipe.rewards {
        if reward.step_weight == 0.0 {
            counts.push(None);
            continue;
        }
        let steps = problem.steps(reward, text);
        let each = reward.step_weight / steps.len().max(1) as f64;
        for step in &steps {
            let token = token_at(tokens, step.end, prompter)?;
            paid[token] += if step.correct { each as f32 } else { -each as f32 };
        }
        let right = steps.iter().filter(|step| step.correct).count();
        counts.push(Some((right, steps.len())));
    }
    Ok((paid, counts))
}

/// The first token whose text, with that of all before it, has `end` bytes.
fn token_at(tokens: &[u32], end: usize, prompter: &Prompter) -> Result<usize, TrainError> {
    // Text grows with every token, so that halves can be searched.
    let (mut low, mut high) = (0, tokens.len().saturating_sub(1));
    while low < high {
        let middle = (low + high) / 2;
        match prompter.decode(&tokens[..=middle])?.len() >= end {
            true => high = middle,
            false => low = middle + 1,
        }
    }
    Ok(low)
}

#[cfg(test)]
mod tests {
    use bourn_recipe::Extract;
    use bourn_task::Reference;

    use super::*;

    #[test]
    fn the_random_verifier_is_a_fair_coin_of_seed_step_and_draw_and_of_nothing_else() {
        let (verifier, extract) = (VerifierKind::Random, Extract::Whole);
        let reward = Reward { verifier, extract, weight: 1.0, step_weight: 0.0 };
        let problem = |prompt: &str| {
            Problem::new(prompt.into(), Reference::Exact("right".into()), "here".into())
        };
        let (one, other) = (problem("a"), problem("b"));
        let toss = |problem: &Problem, text: &str, seed: u64, step: u64| -> Vec<bool> {
            let toss =
                |number| verdict(&reward, problem, text, Draw { step, number }, seed).is_correct();
            (0..4096).map(toss).collect()
        };
        let tosses = toss(&one, "right", 1, 0);
        let heads = tosses.iter().filter(|&&head| head).count();
        // Five standard deviations of 4,096 fair coins are 160.
        assert!(heads.abs_diff(2048) < 160, "{heads}");
        // The text does not matter, everything else does.
        assert_eq!(tosses, toss(&one, "wrong", 1, 0));
        for others in [toss(&one, "right", 2, 0), toss(&one, "right", 1, 1), toss(&other, "", 1, 0)]
        {
            let same = tosses.iter().zip(others).filter(|(a, b)| **a == *b).count();
            assert!(same.abs_diff(2048) < 160, "{same}");
        }
    }
}
