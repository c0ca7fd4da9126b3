use std::sync::Arc;

use bourn_recipe::VerifierKind;

use super::*;
use crate::judges::Case;
use crate::{DrawId, Reference};

#[test]
fn the_random_verifier_is_a_fair_coin_of_seed_step_and_draw_and_of_nothing_else() {
    let reference = Arc::new(Reference::Exact("right".into()));
    let toss = |problem: u64, text: &str, seed: u64, step: u64| -> Vec<bool> {
        let verifier = open(&Reward::new(VerifierKind::Random), seed).unwrap();
        let judge = verifier.judge(Case { reference: &reference, prompt: "a", problem });
        let toss = |number| {
            let draw = DrawId { step, number };
            let submission = Submission { draw, ..Submission::of(text) };
            judge.verdict(&submission).unwrap().verdict.is_correct()
        };
        (0..4096).map(toss).collect()
    };
    let tosses = toss(7, "right", 1, 0);
    let heads = tosses.iter().filter(|&&head| head).count();
    // Five standard deviations of 4,096 fair coins are 160.
    assert!(heads.abs_diff(2048) < 160, "{heads}");
    // The text does not matter, everything else does.
    assert_eq!(tosses, toss(7, "wrong", 1, 0));
    for others in [toss(7, "right", 2, 0), toss(7, "right", 1, 1), toss(8, "", 1, 0)] {
        let same = tosses.iter().zip(others).filter(|(a, b)| **a == *b).count();
        assert!(same.abs_diff(2048) < 160, "{same}");
    }
}
