//! Replay through the real engine, on random weights and a vocabulary of eleven.

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::AtomicBool;

use bourn_episode::Trajectory;
use bourn_model::prompt::Prompter;
use bourn_probe::StopRule;
use bourn_rollout::{Engine, EngineOptions, Storage};
use bourn_track::Console;

use bourn_recipe::Recipe;

use super::*;
use crate::side::{Engines, Side};
use crate::testing::{self, bundle, problems};

fn recipe() -> Recipe {
    let replay = "[replay]\nshare = 0.34\nthreshold = 0.5\ninterval = 1\nproblems = 4\nn_max = 1024\n\
                  groups = 2\n";
    let mut recipe = testing::recipe_with("", "", replay);
    recipe.rollout.max_completion_length = 3;
    recipe
}

/// The counts of a look: all correct draws at once, or none.
fn look(step: u64, problems: &[Problem], solved: &[bool]) -> Look {
    let rule = StopRule { successes: 8, n_max: 128 };
    let of = |solved: bool| match solved {
        true => Outcomes::stopped(9, 8, rule).unwrap(),
        false => Outcomes::stopped(128, 0, rule).unwrap(),
    };
    let ids = problems.iter().map(|problem| problem.id.to_string());
    Look { step, outcomes: ids.zip(solved.iter().map(|&solved| of(solved))).collect() }
}

#[test]
fn held_out_problems_are_never_watched() {
    let mut recipe = testing::recipe("", "");
    let settings = recipe_settings();
    for seed in 0..5 {
        recipe.probe.seed = seed;
        let problems = bourn_task::load(&recipe).unwrap();
        assert!(!problems.held_out.is_empty());
        // All that there are, too: asking for more takes nothing from elsewhere.
        for count in [16, usize::MAX] {
            let settings = Settings { problems: count, ..settings.clone() };
            let watched = watched(recipe.probe.seed, &settings, &problems);
            let ids: BTreeSet<&str> = watched.iter().map(|problem| problem.id.as_str()).collect();
            assert_eq!(ids.len(), count.min(problems.train.len()), "none is watched twice");
            assert!(
                problems.train.iter().filter(|p| ids.contains(p.id.as_str())).count() == ids.len()
            );
            assert!(problems.held_out.iter().all(|problem| !ids.contains(problem.id.as_str())));
        }
    }
}

fn recipe_settings() -> Settings {
    recipe().replay.unwrap()
}

#[test]
fn replayed_groups_hold_the_policys_draws_and_then_the_bases_witnesses() {
    let cache = tempfile::tempdir().unwrap();
    let (recipe, settings) = (recipe(), recipe_settings());
    let (base, policy) = (bundle(1), bundle(2));
    let prompter = Prompter::new(&base, false, "").unwrap();
    let (problems, stop) = (problems(&["1", "2", "3", "4567"]), AtomicBool::new(false));
    let prober = Prober {
        measured: recipe.measured(),
        problems: &problems,
        base: Side::new(&base, &prompter),
        cache_dir: cache.path(),
        console: &Console::with_writer(Box::new(io::sink())),
        stop: &stop,
        standalone: false,
    };
    let options = EngineOptions { batch_size: 16, cache_bytes: 1 << 24, storage: Storage::F32 };
    let mut engine = Engine::new(&policy.config, &policy.weights().unwrap(), &options).unwrap();
    let side = Side::new(&policy, &prompter);
    let mut engines = Engines::shared(&mut engine);
    let store = prober.store().unwrap();
    let mut bench = Bench { engines: &mut engines, policy: &side, step: 1, store };
    let mut replay = WitnessReplay::open(&prober, &mut bench, &settings).unwrap();

    // Witnesses are correct, and their log-probs those of the base's draw, to the last bit.
    let drawn = prober
        .draws(
            &mut bench,
            Role::Base,
            &sampler(&recipe.rollout),
            extent(&recipe.probe, &settings),
            None,
        )
        .unwrap();
    assert_eq!(drawn.made, 0, "the ledger has them");
    let ledger = drawn.ledger;
    let mut count = 0;
    for problem in &problems {
        let draws = ledger.get(problem.id.as_str()).unwrap().draws();
        let correct: Vec<_> = draws.iter().filter(|draw| draw.verdict.is_correct()).collect();
        let witnesses =
            replay.witnesses.get(problem.id.as_str()).map(Vec::as_slice).unwrap_or_default();
        assert_eq!(witnesses.len(), correct.len());
        for (witness, draw) in witnesses.iter().zip(correct) {
            assert!(witness.trajectory.source == Source::Witness && witness.correct());
            assert_eq!(witness.judged.reward, 1.0);
            assert_eq!(witness.trajectory.tokens(), draw.ids);
            assert_eq!(witness.logprob().unwrap(), draw.full_logprob);
            count += 1;
        }
    }
    assert!(count > 3, "{count} witnesses");
    assert!(
        !replay.witnesses.contains_key(problems[3].id.as_str()),
        "random weights never write four"
    );

    // A look's counts are those of the policy, and another look of the same policy has others.
    let first = WitnessReplay::look(&prober, &mut bench, &settings).unwrap();
    bench.step = 2;
    let second = WitnessReplay::look(&prober, &mut bench, &settings).unwrap();
    assert_eq!(first.outcomes.len(), 4);
    assert!((first.step, second.step) == (1, 2) && first.outcomes != second.outcomes);

    // Known to be solvable by the base (all but the last), lost by the policy, and only just.
    let known = [true, true, true, false];
    replay.base = look(0, &problems, &known).outcomes;
    let of = |solved: [bool; 4], step| look(step, &problems, &solved);
    let check = |replay: &mut WitnessReplay, looks: &[Look], expect: &[usize]| {
        replay.judge(looks, &settings);
        assert_eq!(replay.endangered, expect, "{looks:?}");
    };
    check(&mut replay, &[], &[]);
    check(&mut replay, &[of([true; 4], 1)], &[]);
    check(&mut replay, &[of([false, false, true, false], 1)], &[0, 1]);
    // The second was lost before: its risk is high and no longer rises.
    let looks = [of([true, false, true, false], 1), of([false, false, true, false], 2)];
    check(&mut replay, &looks, &[0]);
    check(&mut replay, &[of([false; 4], 1), of([true; 4], 2)], &[]);
    check(&mut replay, &[of([false; 4], 1)], &[0, 1, 2]);

    // Two groups of three completions a step, a third of them a witness.
    let engine = bench.engines.of(Role::Policy, &side).unwrap();
    let mut replayed = BTreeSet::new();
    for step in 1..20 {
        let group =
            replay.draw(&prober, engine, Draws::of(&recipe), &settings, step).unwrap().unwrap();
        assert_eq!(group.replayed, Replayed { endangered: 3, groups: 2 });
        assert_eq!((group.problems.len(), group.samples.len()), (2, 6));
        assert!(group.own().is_empty() && group.kept == [true, true]);
        for (index, sample) in group.samples.iter().enumerate() {
            let Trajectory { group: own, source, .. } = &sample.trajectory;
            assert_eq!((*own, *source == Source::Witness), (index / 3, index % 3 == 2));
            let of_problem = replay.witnesses.get(&group.problems[*own]).unwrap();
            let same = |witness: &Sample| witness.trajectory.tokens() == sample.trajectory.tokens();
            assert!(*source == Source::Policy || of_problem.iter().any(same));
        }
        let again =
            replay.draw(&prober, engine, Draws::of(&recipe), &settings, step).unwrap().unwrap();
        assert_eq!(again.problems, group.problems);
        let completions = |group: &Experience| -> Vec<Trajectory> {
            group.samples.iter().map(|sample| sample.trajectory.clone()).collect()
        };
        assert_eq!(completions(&again), completions(&group));
        replayed.extend(group.problems);
    }
    // Each has its turn, and nothing else does.
    let expect: BTreeSet<String> = problems[..3].iter().map(|p| p.id.to_string()).collect();
    assert_eq!(replayed, expect);
    replay.judge(&[of([true; 4], 1)], &settings);
    assert!(replay.draw(&prober, engine, Draws::of(&recipe), &settings, 1).unwrap().is_none());
}
