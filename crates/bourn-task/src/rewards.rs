//! A task's rewards and environment, and those of a problem.

use std::sync::Arc;

use bourn_env::{Environment, SingleTurn};
use bourn_recipe::{Reward, Task};
use bourn_verify::{Case, Judge, JudgeError, Verifier};

use crate::environments::environment;

/// What judges a task's problems, ready for each of them, and what answers their completions.
pub struct Rewards {
    judges: Vec<(Verifier, Reward)>,
    pub(crate) environment: Arc<dyn Environment>,
}

/// A judge of a problem, and what it pays.
#[derive(Clone, Debug)]
pub struct Paid {
    /// Who judges.
    pub judge: Arc<dyn Judge>,
    /// What a score of 1 is worth.
    pub weight: f64,
    /// What all steps of a completion together are worth, from this much to minus it; 0 for none.
    pub step_weight: f64,
    /// Whether it is only held against the first judge, and pays nothing.
    pub second_opinion: bool,
}

impl Rewards {
    /// Makes them ready; `seed` is the run's.
    ///
    /// # Errors
    /// A verifier that cannot be made ready: a file of its that is not there.
    pub fn open(rewards: &[Reward], seed: u64) -> Result<Rewards, JudgeError> {
        let open = |reward: &Reward| Ok((bourn_verify::open(reward, seed)?, reward.clone()));
        let judges = rewards.iter().map(open).collect::<Result<_, JudgeError>>()?;
        Ok(Rewards { judges, environment: Arc::new(SingleTurn) })
    }

    /// Those of a task, in its environment.
    ///
    /// # Errors
    /// As [`Rewards::open`].
    pub(crate) fn of_task(task: &Task, seed: u64) -> Result<Rewards, JudgeError> {
        let rewards = Rewards::open(&task.rewards, seed)?;
        Ok(Rewards { environment: environment(&task.environment), ..rewards })
    }

    /// Those of one problem.
    pub(crate) fn of(&self, case: Case<'_>) -> Vec<Paid> {
        let paid = |(verifier, reward): &(Verifier, Reward)| Paid {
            judge: verifier.judge(case),
            weight: reward.weight,
            step_weight: reward.step_weight,
            second_opinion: reward.second_opinion,
        };
        self.judges.iter().map(paid).collect()
    }
}

/// Equal are rewards that pay the same for the same verdicts.
impl PartialEq for Paid {
    fn eq(&self, other: &Paid) -> bool {
        let paid = |paid: &Paid| {
            (paid.judge.identity(), paid.weight, paid.step_weight, paid.second_opinion)
        };
        paid(self) == paid(other)
    }
}
