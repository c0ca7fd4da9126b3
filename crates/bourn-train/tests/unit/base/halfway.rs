use bourn_recipe::Optimizer;
use burn::tensor::Device;

use super::*;
use crate::learner::Descent;
use crate::likelihood::{LabelledText, Likelihood};
use crate::testing;
use crate::world::Alone;

const STEPS: u64 = 6;

fn learner() -> Learner {
    let settings = Optimizer { lr: 1e-2, warmup_steps: 2, ..Optimizer::default() };
    let model = testing::model(3, &Device::flex().autodiff());
    Learner::new(model, Descent::new(&settings, STEPS))
}

/// The step's own text: what is learned depends on which step it is.
fn fit(learner: &mut Learner, steps: std::ops::Range<u64>) {
    for step in steps {
        let text = LabelledText { prompt: vec![1, 2], completion: vec![3, 4 + step as u32 % 5] };
        let mut objective = Likelihood { demonstrations: &[text], micro_batch_size: 1, stop: None };
        assert!(learner.fit(&[vec![0]], &mut objective, &Alone).is_ok());
    }
}

/// Weights, moments and place in the schedule come back to the bit: the other half ends where a whole
/// would have.
#[test]
fn what_is_kept_goes_on_as_if_it_never_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let base = dir.path().join("0123");
    let mut whole = learner();
    fit(&mut whole, 0..STEPS);

    let mut first = learner();
    fit(&mut first, 0..3);
    let kept =
        Halfway { step: 3, losses: "{}\n".repeat(3), smoothed: Some(0.1 + 0.2), seconds: 1.5 };
    kept.keep(&base, &first).unwrap();

    let mut second = learner();
    assert_eq!(Halfway::take_up(&base, &mut second).unwrap(), kept);
    fit(&mut second, 3..STEPS);
    assert_eq!(second.model.to_weights().unwrap(), whole.model.to_weights().unwrap());
    assert_eq!(second.descent.moments().unwrap(), whole.descent.moments().unwrap());

    Halfway::forget(&base).unwrap();
    assert_eq!(Halfway::take_up(&base, &mut learner()).unwrap(), Halfway::default());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn what_is_torn_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let base = dir.path().join("0123");
    Halfway::default().keep(&base, &learner()).unwrap();
    std::fs::write(path(&base).join(MOMENTS), "torn").unwrap();
    let error = Halfway::take_up(&base, &mut learner()).unwrap_err().to_string();
    assert!(error.contains(MOMENTS) && error.contains("0123.unfinished"), "{error}");
}
