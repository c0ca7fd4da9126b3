use super::*;
use crate::sample;

#[test]
fn scalars() {
    let boundary = sample::boundary();
    let scalars = boundary_scalars("cd", &boundary);
    let check = |tag: &str, expect: f64| assert_eq!(scalars[tag], expect, "{tag}");
    check("boundary/cd/base/pass@1", 0.092);
    check("boundary/cd/policy/pass@256", 0.625);
    check("boundary/cd/policy/pass@256/ci_low", 0.625 - 0.07);
    check("boundary/cd/delta/pass@8", 0.0);
    check("boundary/cd/delta_se", 0.9896 - 0.257);
    check("boundary/cd/delta_se/ci_low", 0.6501);
    check("boundary/cd/delta_se/ci_high", 0.8149);
    check("boundary/cd/base/entropy", 0.512);
    check("boundary/cd/policy/entropy/ci_high", 0.2);
    check("boundary/cd/crossover_k", 16.0);
    check("boundary/cd/solvable/kept", 60.0);
    check("boundary/cd/solvable/gained", 0.0);
    check("boundary/cd/solvable/lost", 35.0);
    check("boundary/cd/solvable/neither", 1.0);
    check("boundary/cd/problems", 96.0);
    check("boundary/cd/base/n", 256.0);
    check("boundary/cd/policy/n", 256.0);
    // Nine k of three sides, Δ_SE and two entropies with two ends each, and eight counts.
    assert_eq!(scalars.len(), (9 * 3 + 1 + 2) * 3 + 8);
}

#[test]
fn absent_figures_have_no_tag() {
    let mut boundary = sample::boundary();
    (boundary.crossover_k, boundary.entropy) = (None, None);
    let scalars = boundary_scalars("cd", &boundary);
    assert_eq!(scalars.len(), (9 * 3 + 1) * 3 + 7);
    assert!(!scalars.contains_key("boundary/cd/crossover_k"));
}

#[test]
fn no_problems_is_an_error_not_an_empty_histogram() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = EventWriter::create(dir.path(), None).unwrap();
    let error = write_boundary(&mut writer, 4, "cd", &sample::boundary(), &[], &[0.5]);
    assert_eq!(
        error.unwrap_err().to_string(),
        "histogram `boundary/cd/base/accuracy` at step 4: there are no values"
    );
}
