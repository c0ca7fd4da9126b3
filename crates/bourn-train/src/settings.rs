//! What each part of a step is told of a recipe: what it reads, and nothing else.

use bourn_recipe::{Algorithm, Baseline, Critic, ImplicitReward, Recipe, Replay, Rollout, Trunk};

/// What credit is assigned by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Credit<'r> {
    /// Baseline, scale, shaping, and what is held back.
    pub algorithm: &'r Algorithm,
    /// The value model, where there is one.
    pub critic: Option<&'r Critic>,
    /// λ of its targets, whatever the model's own settings say.
    pub lambda_value: f64,
    /// The implicit reward model, where there is one.
    pub implicit: Option<&'r ImplicitReward>,
    /// Groups that a step is to have.
    pub groups: usize,
    /// Longest completion, in tokens.
    pub longest: usize,
    /// Seed of the run.
    pub seed: u64,
}

impl<'r> Credit<'r> {
    /// As a recipe asks.
    pub(crate) fn of(recipe: &'r Recipe) -> Credit<'r> {
        let critic = recipe.critic.as_ref();
        Credit {
            algorithm: &recipe.algorithm,
            critic,
            lambda_value: critic.map_or(1.0, |critic| critic.lambda_value),
            implicit: recipe.implicit_reward.as_ref(),
            groups: recipe.rollout.prompts_per_step,
            longest: recipe.rollout.max_completion_length,
            seed: recipe.seed,
        }
    }

    /// With targets that are what the completions were worth, whatever the values say.
    pub(crate) fn monte_carlo(self) -> Credit<'r> {
        Credit { lambda_value: 1.0, ..self }
    }
}

/// How a step's groups become updates.
#[derive(Clone, Copy, Debug)]
pub struct Batching {
    /// Passes over the step.
    pub num_iterations: usize,
    /// Updates of each.
    pub minibatches: usize,
    /// How many trajectories a forward and backward takes.
    pub cut: Cut,
    /// Seed of the run.
    pub seed: u64,
}

/// How the trajectories of an update are cut into micro batches; it changes no loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Most trajectories of one.
    pub size: usize,
    /// Whether a group is never cut, and one that is larger than `size` stands alone: for a loss of
    /// pairs or lists.
    pub whole_groups: bool,
}

impl Cut {
    /// So many trajectories, whatever their groups.
    pub fn of(size: usize) -> Cut {
        Cut { size, whole_groups: false }
    }
}

impl Batching {
    /// As a recipe asks.
    pub fn of(recipe: &Recipe) -> Batching {
        Batching {
            num_iterations: recipe.train.num_iterations,
            minibatches: recipe.train.minibatches,
            cut: Cut::of(recipe.train.micro_batch_size),
            seed: recipe.seed,
        }
    }

    /// One pass alone.
    pub fn once(self) -> Batching {
        Batching { num_iterations: 1, ..self }
    }
}

/// How trajectories are scored.
#[derive(Clone, Copy, Debug)]
pub struct Scoring {
    /// Softmax temperature of sampler, loss and entropy.
    pub temperature: f64,
    /// What a forward takes.
    pub cut: Cut,
}

impl Scoring {
    /// As a recipe asks.
    pub fn of(recipe: &Recipe) -> Scoring {
        let temperature = recipe.rollout.temperature;
        Scoring { temperature, cut: Cut::of(recipe.train.micro_batch_size) }
    }
}

/// What the policy's loss is made with.
#[derive(Clone, Copy, Debug)]
pub struct PolicyLoss<'r> {
    /// Surrogate, ratio, clip and KL estimator.
    pub algorithm: &'r Algorithm,
    /// Most that the importance weight of a witness may be.
    pub witness_weight: f64,
    /// Longest completion, in tokens.
    pub longest: usize,
    /// A value model whose trunk is the policy's, which learns with it.
    pub shared: Option<&'r Critic>,
    /// Temperature and micro batches.
    pub scoring: Scoring,
}

impl<'r> PolicyLoss<'r> {
    /// As a recipe asks.
    pub fn of(recipe: &'r Recipe) -> PolicyLoss<'r> {
        // Without replay there is no witness that it could weigh.
        let weight = |replay: &Replay| replay.max_weight;
        PolicyLoss {
            algorithm: &recipe.algorithm,
            witness_weight: recipe.replay.as_ref().map_or(1.0, weight),
            longest: recipe.rollout.max_completion_length,
            shared: recipe.critic.as_ref().filter(|critic| critic.trunk == Trunk::Shared),
            scoring: Scoring::of(recipe),
        }
    }
}

/// How a step's completions are drawn.
#[derive(Clone, Copy, Debug)]
pub struct Draws<'r> {
    /// Lengths, temperature.
    pub rollout: &'r Rollout,
    /// Whether each problem's greedy completion is drawn too.
    pub greedy: bool,
    /// Whether entropies are read, so that an engine has to give them.
    pub entropies: bool,
    /// Weight of the entropy bonus, where no target steers it.
    pub entropy_coef: f64,
    /// Seed of the run.
    pub seed: u64,
}

impl<'r> Draws<'r> {
    /// As a recipe asks.
    pub fn of(recipe: &'r Recipe) -> Draws<'r> {
        let algorithm = &recipe.algorithm;
        Draws {
            rollout: &recipe.rollout,
            greedy: algorithm.baseline == Baseline::Greedy,
            entropies: algorithm.entropy_target > 0.0 || algorithm.top_entropy_share < 1.0,
            entropy_coef: algorithm.entropy_coef,
            seed: recipe.seed,
        }
    }
}
