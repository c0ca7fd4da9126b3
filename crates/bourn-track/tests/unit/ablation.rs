use super::*;
use crate::ablation_sample::sample;

#[test]
fn the_terminal_shows_figures_differences_and_costs() {
    insta::assert_snapshot!(ablation_table(&sample()));
}

#[test]
fn markdown_and_csv_keep_their_columns() {
    let failed = FailedRun {
        variant: "PPO".into(),
        seed: 3,
        problem: "the loss is NaN".into(),
        log: "logs/x".into(),
    };
    let text = ablation_markdown(&[sample()], &[failed]);
    assert!(text.contains("| PPO, \"own\" \\| <b> | 20.0 [10.0, 30.0]"), "{text}");
    assert!(text.contains("- failed: PPO, seed 3: the loss is NaN"), "{text}");
    let bars = |line: &str| line.replace("\\|", "").matches('|').count();
    let table: Vec<_> = text.lines().take(5).collect();
    assert!(table.iter().all(|line| bars(line) == bars(table[0])), "{table:#?}");

    for csv in [ablation_csv(&[sample()]), ablation_runs_csv(&[sample()])] {
        let columns = |line: &str| {
            let (mut quoted, mut count) = (false, 1);
            for c in line.chars() {
                match c {
                    '"' => quoted = !quoted,
                    ',' if !quoted => count += 1,
                    _ => {}
                }
            }
            count
        };
        let counts: Vec<usize> = csv.lines().map(columns).collect();
        assert!(counts.iter().all(|&count| count == counts[0]), "{counts:?}\n{csv}");
        assert!(csv.contains("\"PPO, \"\"own\"\" | <b>\""), "{csv}");
    }
}

#[test]
fn one_seed_is_said_and_missing_references_leave_no_table() {
    let mut a = sample();
    a.variants[0].runs.truncate(1);
    a.reference = None;
    assert!(ablation_differences(&a).is_none());
    assert!(ablation_notes(&a).iter().any(|note| note.contains("1 to 2 seeds")));
    let note = ablation_figures(&a).note.unwrap();
    assert!(note.contains("says nothing about training again"), "{note}");
}

/// Student's quantiles by closed forms: 12.706 of one degree of freedom, 4.303 of two.
#[test]
fn fewer_than_three_seeds_are_said_beside_their_intervals() {
    let mut a = sample();
    let note = ablation_figures(&a).note.unwrap();
    assert!(
        note.contains("reaches 12.7 standard errors") && note.contains("would be 4.3"),
        "{note}"
    );
    assert_eq!(ablation_differences(&a).unwrap().note.as_ref(), Some(&note));
    assert!(ablation_costs(&a).note.is_none());
    assert!(ablation_markdown(&[a.clone()], &[]).matches(note.as_str()).count() == 2);
    for v in &mut a.variants {
        let third = v.runs[0].clone();
        v.runs.push(third);
    }
    assert!(ablation_figures(&a).note.is_none() && !ablation_table(&a).contains("standard errors"));
}
