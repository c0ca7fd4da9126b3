use super::*;

#[test]
fn own_tokens_are_those_between_what_others_wrote() {
    let mut row = Trajectory::of_completion(
        &Inputs::from(vec![1, 2]),
        &[3, 4],
        Some(vec![-1.0, -2.0]),
        None,
        Finish::Stop,
    );
    assert_eq!((row.start(), row.count(), row.check()), (2, 2, Ok(())));
    // An answer, and a second completion.
    row.inputs.extend(&[9, 9, 5]);
    row.own.extend([false, false, true]);
    row.logprobs.as_mut().unwrap().push(-3.0);
    assert_eq!(row.check(), Ok(()));
    assert_eq!((row.tokens(), row.start()), (vec![3, 4, 5], 2));
    assert_eq!(row.places().collect::<Vec<_>>(), [2, 3, 6]);
    assert_eq!(row.logprob(), Some(-6.0));
}

#[test]
fn lists_that_do_not_fit_are_named() {
    let prompt = Inputs::from(vec![1]);
    let row = Trajectory::of_completion(&prompt, &[2], Some(vec![]), None, Finish::Stop);
    let error = row.check().unwrap_err().to_string();
    assert_eq!(error, "a trajectory of 1 own tokens has 0 log-probs");
    let none = Inputs::default();
    let row = Trajectory::of_completion(&none, &[2], None, None, Finish::Stop);
    assert_eq!(row.check(), Err(TrajectoryError::NoPrompt));
}

#[test]
fn weights_of_zero_say_nothing() {
    let mut signals = Signals::silent(2);
    assert!(!signals.speaks());
    signals.ce = Weight::Each(vec![0.0, 0.0]);
    assert!(!signals.speaks());
    signals.ce = Weight::Each(vec![0.0, 0.5]);
    assert!(signals.speaks());
    assert_eq!(signals.ce.over(2.0, 2).collect::<Vec<_>>(), [0.0, 0.25]);
    assert_eq!(Weight::Same(0.1).over(3.0, 2).collect::<Vec<_>>(), [(0.1 / 3.0) as f32; 2]);
}
