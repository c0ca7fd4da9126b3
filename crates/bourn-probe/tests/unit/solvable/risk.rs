use super::*;
use crate::{CompareOptions, StopRule, compare};

fn outcomes(counts: &[(u64, u64)]) -> BTreeMap<String, Outcomes> {
    let rule = StopRule { successes: 8, n_max: 64 };
    let of = |&(n, c): &(u64, u64)| Outcomes::stopped(n, c, rule).unwrap();
    counts.iter().enumerate().map(|(i, counts)| (format!("p{i}"), of(counts))).collect()
}

const BASE: [(u64, u64); 6] = [(20, 8), (64, 5), (64, 2), (64, 0), (40, 8), (64, 1)];
const POLICY: [(u64, u64); 6] = [(9, 8), (64, 0), (64, 0), (64, 0), (30, 8), (64, 3)];

/// One definition of being lost: the solvable sets' own.
#[test]
fn the_risk_is_that_of_the_solvable_sets() {
    let (base, policy) = (outcomes(&BASE), outcomes(&POLICY));
    let options = CompareOptions { resamples: 100, ..CompareOptions::default() };
    let figures = compare(&base, &policy, &options).unwrap().solvability.unwrap();
    let risks = risks(&base, &policy, None);
    assert_eq!(figures.problems.len(), risks.len());
    for problem in &figures.problems {
        assert_eq!(risks[&problem.id], Risk { lost: problem.lost_or_nearly, before: 0.0 });
    }
    assert!(risks["p1"].lost > 0.5 && risks["p4"].lost < 0.05, "{risks:?}");
}

/// Equal counts are equal risks whatever the others did; fewer correct draws are a higher one.
#[test]
fn a_risk_rises_by_a_problems_own_draws_alone() {
    let (base, policy) = (outcomes(&BASE), outcomes(&POLICY));
    let earlier = [(64, 1), (64, 3), (64, 0), (30, 8), (64, 0), (64, 3)];
    let risks = risks(&base, &policy, Some(&outcomes(&earlier)));
    let rose: Vec<bool> = risks.values().map(|risk| risk.lost > risk.before).collect();
    assert_eq!(rose, [false, true, false, true, false, false]);
    for id in ["p2", "p5"] {
        assert_eq!(risks[id].lost, risks[id].before, "{id}");
    }
    // A problem that the earlier look did not have was not known to be at risk.
    let few = BTreeMap::from([("p0".to_owned(), policy["p0"])]);
    assert_eq!(super::risks(&base, &policy, Some(&few))["p1"].before, 0.0);
}

#[test]
fn no_problem_in_common_is_no_risk() {
    let base = outcomes(&BASE);
    assert!(risks(&base, &BTreeMap::new(), None).is_empty());
}
