//! A task's rewards, and those of a problem.

use std::sync::Arc;

use bourn_recipe::Reward;
use bourn_verify::{Case, Judge, JudgeError, Verifier};

/// The rewards of a task, ready to judge each of its problems.
pub struct Rewards(Vec<(Verifier, Reward)>);

/// A judge of a problem, and what it pays.
#[derive(Clone, Debug)]
pub struct Paid {
    /// Who judges.
    pub judge: Arc<dyn Judge>,
    /// What a score of 1 is worth.
    pub weight: f64,
    /// What all steps of a completion together are worth, from this much to minus it; 0 for none.
    pub step_weight: f64,
}

impl Rewards {
    /// Makes them ready; `seed` is the run's.
    ///
    /// # Errors
    /// A verifier that cannot be made ready: a file of its that is not there.
    pub fn open(rewards: &[Reward], seed: u64) -> Result<Rewards, JudgeError> {
        let open = |reward: &Reward| Ok((bourn_verify::open(reward, seed)?, reward.clone()));
        Ok(Rewards(rewards.iter().map(open).collect::<Result<_, JudgeError>>()?))
    }

    /// Those of one problem.
    pub(crate) fn of(&self, case: Case<'_>) -> Vec<Paid> {
        let paid = |(verifier, reward): &(Verifier, Reward)| Paid {
            judge: verifier.judge(case),
            weight: reward.weight,
            step_weight: reward.step_weight,
        };
        self.0.iter().map(paid).collect()
    }
}

/// Equal are rewards that pay the same for the same verdicts.
impl PartialEq for Paid {
    fn eq(&self, other: &Paid) -> bool {
        let paid = |paid: &Paid| (paid.judge.identity(), paid.weight, paid.step_weight);
        paid(self) == paid(other)
    }
}
