use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use bourn_model::transformer::{Transformer, read_values};
use bourn_recipe::Recipe;
use bourn_seed::rng;
use burn::tensor::Device;
use rand::Rng;

use super::*;
use crate::credit;
use crate::experience::{Experience, Sample, ValueEstimates};
use crate::learner::{Descent, UpdateError};
use crate::settings::{Batching, Credit, PolicyLoss};
use crate::testing::{model, recipe, recipe_with, sample};
use crate::update::{PolicyObjective, plan};

/// To the other, and from it.
type Pipes = (Sender<Vec<f64>>, Receiver<Vec<f64>>);

/// One of two processes that talk over a pair of pipes.
#[derive(Debug)]
struct OfTwo {
    rank: usize,
    pipes: Mutex<Pipes>,
}

impl OfTwo {
    fn pair() -> [OfTwo; 2] {
        let (to_second, from_first) = channel();
        let (to_first, from_second) = channel();
        let of = |rank, pipes| OfTwo { rank, pipes: Mutex::new(pipes) };
        [of(0, (to_second, from_second)), of(1, (to_first, from_first))]
    }

    /// What both have, in the order of ranks.
    fn exchange(&self, own: Vec<f64>) -> Result<[Vec<f64>; 2], TrainError> {
        let lost = || TrainError::World { problem: "the other is gone".into() };
        let pipes = self.pipes.lock().unwrap();
        pipes.0.send(own.clone()).map_err(|_| lost())?;
        let other = pipes.1.recv().map_err(|_| lost())?;
        Ok(if self.rank == 0 { [own, other] } else { [other, own] })
    }
}

impl World for OfTwo {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        2
    }

    fn sum(&self, values: &mut [f64]) -> Result<(), TrainError> {
        let [first, second] = self.exchange(values.to_vec())?;
        values.iter_mut().zip(first.iter().zip(second)).for_each(|(sum, (a, b))| *sum = a + b);
        Ok(())
    }

    fn gather(&self, own: &[f32]) -> Result<Vec<Vec<f32>>, TrainError> {
        let both = self.exchange(own.iter().copied().map(f64::from).collect())?;
        Ok(both.map(|part| part.into_iter().map(|value| value as f32).collect()).to_vec())
    }

    fn agree(&self, own: Accord) -> Result<Accord, TrainError> {
        let words = [Accord::GoOn, Accord::Stop, Accord::Failed];
        let both = self.exchange(vec![own as u8 as f64])?;
        let gravest = both.concat().into_iter().fold(0.0, f64::max);
        Ok(words[gravest as usize])
    }
}

/// What two processes make of the same question, each of its own part.
fn both<T: Send>(ask: impl Fn(&OfTwo) -> T + Sync) -> [T; 2] {
    let [first, second] = OfTwo::pair();
    std::thread::scope(|scope| {
        let other = scope.spawn(|| ask(&second));
        [ask(&first), other.join().unwrap()]
    })
}

/// Four groups of three completions of different lengths; the first of each, and in the last group
/// nobody, is correct.
fn experience() -> Experience {
    let mut rng = rng(5, "test/world", &[]);
    let mut one = |group: usize, member: usize| {
        let length = 2 + (group + 2 * member) % 4;
        let tokens: Vec<u32> = (0..length).map(|_| rng.random_range(0..11)).collect();
        let mut sample = sample(group, &[1, 2, 3], &tokens, member == 0 && group < 3);
        let mut some = |range| (0..length).map(|_| rng.random_range(range..0.0)).collect();
        sample.trajectory.logprobs = Some(some(-3.0));
        let entropies: Vec<f32> = some(-2.0);
        sample.trajectory.entropies = Some(entropies.into_iter().map(|h| -h).collect());
        sample
    };
    let samples: Vec<Sample> = (0..4)
        .flat_map(|group| [0, 1, 2].map(|member| (group, member)))
        .map(|(g, m)| one(g, m))
        .collect();
    let before = samples.iter().map(|s| vec![0.25; s.count()]).collect();
    let problems = (0..4).map(|group| format!("problem-{group}")).collect();
    let values = Some(ValueEstimates { before, targets: Vec::new() });
    Experience { values, ..Experience::new(problems, samples) }
}

/// The groups of one process.
fn part(whole: &Experience, world: &dyn World) -> Experience {
    let range = world.share(whole.problems.len());
    let members = range.clone().flat_map(|group| whole.members(group));
    let samples = members.clone().map(|index| {
        let mut sample = whole.samples[index].clone();
        sample.trajectory.group -= range.start;
        sample
    });
    let values = whole.values.as_ref().map(|values| ValueEstimates {
        before: members.clone().map(|index| values.before[index].clone()).collect(),
        targets: Vec::new(),
    });
    let samples = samples.collect();
    Experience { values, ..Experience::new(whole.problems[range].to_vec(), samples) }
}

const ALGORITHMS: [&str; 8] = [
    "name = \"grpo\"\nloss_type = \"grpo\"",
    "name = \"grpo\"\nscale_rewards = \"batch\"\nloss_type = \"sequence\"",
    "name = \"dapo\"\noverlong_share = 0",
    "name = \"reinforce_pp\"",
    "name = \"ppo\"",
    "name = \"top_entropy\"\noverlong_share = 0",
    "name = \"kl_cov\"\ncovariance_share = 0.2",
    "name = \"clip_cov\"\ncovariance_share = 0.2\ncovariance_low = -1.0\ncovariance_high = 1.0",
];

fn assigned(mut experience: Experience, recipe: &Recipe, world: &dyn World) -> Experience {
    let settings = Credit::of(recipe);
    credit::filter(&mut experience, &settings, world).unwrap();
    credit::assign(&mut experience, &settings, 3, world).unwrap();
    experience
}

/// Baselines, scales, whitening and what is held back are of all processes' step, to the bit.
#[test]
fn two_processes_give_the_credit_of_one() {
    for algorithm in ALGORITHMS {
        let recipe = recipe_with(algorithm, "", "");
        let whole = assigned(experience(), &recipe, &Alone);
        let parts = both(|world| assigned(part(&experience(), world), &recipe, world));
        let credits = |experience: &Experience| -> Vec<_> {
            experience
                .samples
                .iter()
                .map(|s| (s.signals.rl.clone(), s.signals.anchor.clone()))
                .collect()
        };
        let kept = parts.each_ref().map(|part| part.kept.clone()).concat();
        assert_eq!(kept, whole.kept, "{algorithm}");
        assert_eq!(parts.each_ref().map(credits).concat(), credits(&whole), "{algorithm}");
        assert!(credits(&whole).iter().any(|(rl, _)| rl.iter().any(|&a| a != 0.0)), "{algorithm}");
    }
}

/// Of further batches the groups are kept that one process would have kept.
#[test]
fn two_processes_keep_the_groups_of_one() {
    let mut recipe = recipe("dynamic_sampling = 3", "");
    recipe.rollout.prompts_per_step = 2;
    // Two batches of two groups; all but the last teach, of which the first two are enough.
    let of = |groups: &[usize], world: &dyn World| {
        let whole = experience();
        let samples = groups.iter().enumerate().flat_map(|(place, &group)| {
            let members = whole.samples[whole.members(group)].to_vec();
            members.into_iter().map(move |mut sample| {
                sample.trajectory.group = place;
                sample
            })
        });
        let problems = groups.iter().map(|group| format!("problem-{group}")).collect();
        let mut own = Experience::new(problems, samples.collect());
        own.extra_batches = 1;
        credit::filter(&mut own, &Credit::of(&recipe), world).unwrap();
        own.kept
    };
    assert_eq!(of(&[0, 1, 2, 3], &Alone), [true, true, false, false]);
    assert_eq!(of(&[3, 1, 2, 0], &Alone), [false, true, true, false]);
    let shares = [[0, 2], [1, 3]];
    assert_eq!(both(|world| of(&shares[world.rank()], world)), [[true, false], [true, false]]);
    let shares = [[3, 2], [1, 0]];
    assert_eq!(both(|world| of(&shares[world.rank()], world)), [[false, true], [true, false]]);
}

/// The gradient of an update is the same bits for both, and that of one process but for rounding.
#[test]
fn two_processes_take_the_gradient_of_one() {
    let policy = model(1, &Device::flex().autodiff());
    let read =
        |policy: &Transformer, experience: &Experience, recipe: &Recipe, world: &dyn World| {
            let descent = Descent::new(&recipe.optimizer, 1);
            let mut objective =
                PolicyObjective::new(None, experience, PolicyLoss::of(recipe)).unwrap();
            let plan = plan(experience, &Batching::of(recipe), 0, world).unwrap();
            assert_eq!(plan.len(), 1);
            let (loss, gradients) =
                descent.gradient(policy, &plan[0], &mut objective, world).expect("finite");
            let read = gradients.tensors().values().flat_map(|g| read_values(g).unwrap());
            (loss, read.collect::<Vec<f32>>())
        };
    for algorithm in ALGORITHMS.into_iter().filter(|own| !own.contains("ppo")) {
        let recipe = recipe_with(algorithm, "micro_batch_size = 5", "");
        let whole = assigned(experience(), &recipe, &Alone);
        let (loss, gradient) = read(&policy, &whole, &recipe, &Alone);
        let [first, second] = both(|world| {
            let own = assigned(part(&experience(), world), &recipe, world);
            read(&policy, &own, &recipe, world)
        });
        assert_eq!(first, second, "{algorithm}");
        let far = first.1.iter().zip(&gradient).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        let most = gradient.iter().fold(0.0f32, |most, g| most.max(g.abs()));
        // Sums of f32 in another order.
        assert!((first.0 - loss).abs() < 1e-5 && far < 1e-5 * most.max(1.0), "{algorithm}: {far}");
        assert!(most > 1e-3, "{algorithm}");
    }
}

/// A process whose numbers are none says so, and the other does not wait for its part.
#[test]
fn a_process_that_fails_ends_the_update_of_both() {
    let recipe = recipe_with(ALGORITHMS[0], "micro_batch_size = 5", "");
    let ended = both(|world| {
        let mut policy = model(1, &Device::flex().autodiff());
        if world.rank() == 1 {
            let norm = policy.parameters()["model.norm.weight"].clone().inner() * f32::NAN;
            policy.set_parameter("model.norm.weight", norm).unwrap();
        }
        let own = assigned(part(&experience(), world), &recipe, world);
        let settings = PolicyLoss::of(&recipe);
        let mut objective = PolicyObjective::new(None, &own, settings).unwrap();
        let groups: Vec<usize> = (0..own.problems.len()).collect();
        let mut descent = Descent::new(&recipe.optimizer, 1);
        let fitted = descent.fit(&mut policy, &[groups], &mut objective, world);
        assert_eq!(descent.updates(), 0);
        match fitted.err() {
            Some(UpdateError::NonFinite(fault)) => fault.what.to_owned(),
            Some(UpdateError::Train(error)) => error.to_string(),
            None => panic!("no number was none"),
        }
    });
    assert_eq!(ended, [TrainError::Elsewhere.to_string(), "a log-prob".to_owned()]);
}

/// A process without anything to update takes part all the same.
#[test]
fn a_process_with_nothing_to_do_waits_for_the_other() {
    let recipe = recipe("", "minibatches = 2");
    let plans = both(|world| {
        let mut own = part(&experience(), world);
        own.kept.fill(world.rank() == 0);
        plan(&own, &Batching::of(&recipe), 0, world).unwrap()
    });
    assert_eq!(plans.each_ref().map(Vec::len), [2, 2]);
    assert!(plans[1].iter().all(Vec::is_empty) && plans[0].iter().all(|own| own.len() == 1));
}

#[test]
fn the_gravest_word_is_everybodys() {
    let told = |own: [Accord; 2]| {
        both(|world| {
            let interrupted = TrainError::Rollout(RolloutError::Interrupted);
            let done = match own[world.rank()] {
                Accord::GoOn => Ok(world.rank()),
                Accord::Stop => Err(interrupted),
                Accord::Failed => Err(TrainError::NoVerdict),
            };
            together(world, done).map_err(|error| error.to_string())
        })
    };
    assert_eq!(told([Accord::GoOn, Accord::GoOn]), [Ok(0), Ok(1)]);
    let stopped = TrainError::Rollout(RolloutError::Interrupted).to_string();
    assert_eq!(told([Accord::GoOn, Accord::Stop]), [Err(stopped.clone()), Err(stopped)]);
    let (elsewhere, own) = (TrainError::Elsewhere.to_string(), TrainError::NoVerdict.to_string());
    assert_eq!(told([Accord::Failed, Accord::GoOn]), [Err(own), Err(elsewhere)]);
}

#[test]
fn shares_are_the_whole_in_the_order_of_ranks() {
    #[derive(Debug)]
    struct Of(usize, usize);
    impl World for Of {
        fn rank(&self) -> usize {
            self.0
        }
        fn size(&self) -> usize {
            self.1
        }
        fn sum(&self, _: &mut [f64]) -> Result<(), TrainError> {
            Ok(())
        }
        fn gather(&self, own: &[f32]) -> Result<Vec<Vec<f32>>, TrainError> {
            Ok(vec![own.to_vec()])
        }
        fn agree(&self, own: Accord) -> Result<Accord, TrainError> {
            Ok(own)
        }
    }
    for (all, size) in [(0, 3), (2, 3), (7, 3), (32, 1), (32, 5)] {
        let ranges: Vec<_> = (0..size).map(|rank| Of(rank, size).share(all)).collect();
        let whole: Vec<usize> = ranges.iter().cloned().flatten().collect();
        assert_eq!(whole, (0..all).collect::<Vec<_>>());
        let lengths = || ranges.iter().map(ExactSizeIterator::len);
        assert!(lengths().max().unwrap() - lengths().min().unwrap() <= 1);
    }
}
