use super::*;
use crate::sample;

#[test]
fn states_are_counted() {
    let of = [
        SolvableState::Solvable,
        SolvableState::NotDetected,
        SolvableState::Solvable,
        SolvableState::Undetermined,
    ];
    assert_eq!(states(of.into_iter()), [2, 1, 1]);
}

#[test]
fn the_section_is_there_where_the_figures_are() {
    let set = |boundary| SetRecord {
        name: "set".into(),
        checkpoints: vec![ProbedStep { step: 3, boundary }],
        problems: vec![],
        has_base: true,
    };
    assert_eq!(section(&set(sample::boundary())).into_string(), "");
    let html = section(&set(sample::rich())).into_string();
    for part in [
        "ε = 1.16%",
        "step 3, two runs of the base: lost or nearly 1.5",
        "<td>32.5 <small>[31.0, 34.0]</small></td>",
        "<td>+31.0 <small>[+29.0, +33.0]</small></td><td>35 <small>never solved again</small></td>",
        "p &lt; 0.001, as many new or nearly with p = 0.800",
        "base: 95 solvable, 0 undetermined, 1 not detected",
        "30.0% of the problems at rate 0, the others Beta(0.400, 1.10)",
    ] {
        assert!(html.contains(part), "{part}");
    }
}
