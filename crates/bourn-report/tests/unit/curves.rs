use super::*;
use crate::sample;

#[test]
fn crossovers_are_worded_with_their_interval() {
    let mut b = sample::rich();
    assert_eq!(crossover_in_words(&b), "16 [8, 32]");
    b.paired.as_mut().unwrap().crossover.high = None;
    assert_eq!(crossover_in_words(&b), "16 [8, none]");
    b.crossover_k = None;
    assert_eq!(crossover_in_words(&b), "none [8, none]");
    b.paired.as_mut().unwrap().crossover.low = None;
    assert_eq!(crossover_in_words(&b), "none");
    assert_eq!(crossover_in_words(&sample::boundary()), "16");
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
        "crossover k: 16 [8, 32]",
        "at k = 1, base 9.2% [6.2, 12.2], policy 25.7% [18.7, 32.7]",
    ] {
        assert!(rich.contains(part), "{part}");
    }
    let plain = pass_at_k(&sample::boundary()).into_string();
    for part in ["extrapolated", "outer", "beyond", "class=\"span\""] {
        assert!(!plain.contains(part), "{part}");
    }
}
