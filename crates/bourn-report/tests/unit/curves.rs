use super::*;
use crate::sample;

#[test]
fn the_interval_of_a_crossing_needs_the_crossing() {
    let mut b = sample::rich();
    assert_eq!(crossover_interval(&b), Some((8, Some(32))));
    b.paired.as_mut().unwrap().crossover.high = None;
    assert_eq!(crossover_interval(&b), Some((8, None)));
    b.paired.as_mut().unwrap().crossover.low = None;
    assert_eq!(crossover_interval(&b), None);
    assert_eq!(crossover_interval(&sample::boundary()), None);
    // At every look the interval of the first k holds 0: no crossing is shown.
    let mut b = sample::rich();
    for ends in &mut b.paired.as_mut().unwrap().delta_anytime {
        ends.low = ends.low.min(0.0);
    }
    assert_eq!(crossover_interval(&b), None);
    assert!(!pass_at_k(&b).into_string().contains("class=\"span\""));
}

#[test]
fn a_chart_has_what_the_figures_have_and_says_it_in_words() {
    let rich = pass_at_k(&sample::rich()).into_string();
    for part in [
        "extrapolated</text>",
        "base, extrapolated, pass@1024: 99.4% [98.2, 100.6]",
        "policy, Good–Toulmin, pass@512: 64.5% [52.5, 76.5]",
        "class=\"band policy outer\"",
        "class=\"line policy beyond\"",
        "the curves cross: between 2 and 32 tries",
        "at k = 1, base 9.2% [6.2, 12.2], policy 25.7% [18.7, 32.7]",
    ] {
        assert!(rich.contains(part), "{part}");
    }
    let plain = pass_at_k(&sample::boundary()).into_string();
    for part in ["extrapolated", "outer", "beyond", "class=\"span\""] {
        assert!(!plain.contains(part), "{part}");
    }
}
