use super::*;
use crate::problems::problems;
use crate::sample;

fn set(checkpoints: Vec<ProbedStep>) -> SetRecord {
    let last = &checkpoints.last().unwrap().boundary;
    let problems = problems(last, BTreeMap::new(), BTreeMap::new());
    SetRecord { name: "set".into(), problems, has_base: true, checkpoints }
}

#[test]
fn every_checkpoint_says_what_became_of_the_listed_problems() {
    let small = |step, rich: bool| {
        let mut boundary = if rich { sample::rich() } else { sample::boundary() };
        let sets = &mut boundary.solvable;
        for list in [&mut sets.kept, &mut sets.never_solved_again, &mut sets.neither] {
            list.truncate(2);
        }
        ProbedStep { step, boundary }
    };
    let mut first = small(0, false);
    // One problem was solved by both then, and one was not probed.
    let gone = std::mem::take(&mut first.boundary.solvable.never_solved_again);
    first.boundary.solvable.kept.push(gone[0].clone());
    let set = set(vec![first, small(40, true)]);
    let order: Vec<_> = set.problems.iter().map(|p| p.id.as_str()).collect();
    assert_eq!(order, ["lost-00", "lost-01", "neither-00", "kept-00", "kept-01"]);
    assert_eq!(steps(&set, 9).unwrap(), "0:2-322:::;40:00322:0,0,0,0,5:90,90,5,1,1:0,0,4,2,2");
    assert_eq!(steps(&set, 2).unwrap(), "0:2-:::;40:00:0,0:90,90:0,0");
}

#[test]
fn one_checkpoint_has_nothing_to_move() {
    assert_eq!(steps(&set(vec![ProbedStep { step: 3, boundary: sample::rich() }]), 9), None);
}
