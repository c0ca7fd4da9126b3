use super::*;
use crate::sample;

fn page(boundary: Boundary) -> String {
    let set = SetRecord {
        name: "set".into(),
        checkpoints: vec![ProbedStep { step: 160, boundary }],
        problems: vec![],
        has_base: true,
    };
    words(&set).into_string()
        + &tiles(set.last()).into_string()
        + &crate::frames::frames(&set).into_string()
        + &crate::frames::tables(&set).into_string()
        + &crate::frames::checkpoints(&set).into_string()
        + &crate::sets::section(&set).into_string()
}

/// The sample with the interval of the change at the first and at the last k set by hand, and what
/// chance makes of lost and new problems.
fn with(first: (f64, f64), last: (f64, f64), p: (f64, f64)) -> Boundary {
    let mut b = sample::rich();
    let end = b.k.len() - 1;
    b.paired.as_mut().unwrap().look = 1;
    for index in 1..end {
        (b.delta.ci_low[index], b.delta.ci_high[index]) = (-0.1, 0.1);
    }
    (b.delta.ci_low[0], b.delta.ci_high[0]) = first;
    (b.delta.ci_low[end], b.delta.ci_high[end]) = last;
    let solvability = b.solvability.as_mut().unwrap();
    (solvability.p_lost, solvability.p_gained) = p;
    b
}

const HOLDS: (f64, f64) = (0.0, 0.2);
const ABOVE: (f64, f64) = (1e-9, 0.2);
const BELOW: (f64, f64) = (-0.2, -1e-9);

#[test]
fn a_word_needs_its_interval() {
    for first in [HOLDS, ABOVE, BELOW] {
        for last in [HOLDS, ABOVE, BELOW] {
            let html = page(with(first, last, (0.3, 0.3)));
            let (better, worse) = ([first, last].contains(&ABOVE), [first, last].contains(&BELOW));
            let crosses = (first, last) == (ABOVE, BELOW);
            let has = |part: &str| html.contains(part);
            // "Better at 1 try", ": better" in a tile, a cell of a table.
            assert_eq!(has("etter at"), better, "{first:?} {last:?}");
            assert_eq!(has("<td>better</td>"), better, "{first:?} {last:?}");
            assert_eq!(has("orse at"), worse, "{first:?} {last:?}");
            assert_eq!(has("<td>worse</td>"), worse, "{first:?} {last:?}");
            assert_eq!(has("between 1 and 256"), crosses, "{first:?} {last:?}");
            assert_eq!(has("<strong>none shown</strong><small>up to 256 tries"), !crosses);
            // The rule and the stroke on the axis are claims too.
            assert_eq!(has("class=\"span\""), crosses, "{first:?} {last:?}");
            assert_eq!(has("cross between 1 and 256 tries</text>"), crosses, "{first:?} {last:?}");
            assert_eq!(has("No difference shown."), !better && !worse);
            for claim in ["ahead", "beyond chance", "crossover", "P(lost)", ">gained", ">lost<"] {
                assert!(!has(claim), "{claim}");
            }
        }
    }
}

#[test]
fn an_expected_number_is_a_finding_only_where_chance_is_ruled_out() {
    for (p, shown) in [((0.05, 0.051), (true, false)), ((0.051, 0.05), (false, true))] {
        let html = page(with(ABOVE, BELOW, p));
        // The tile and the table of the last checkpoint.
        let finds = |name: &str, value: &str| {
            assert!(html.contains(&format!("<span>{name}</span><strong>")), "{name}");
            html.contains(&format!("<span>{name}</span><strong>{value}</strong>"))
        };
        assert_eq!((finds(LOST_OR_NEARLY, "32.5"), finds(NEW_OR_NEARLY, "0.5")), shown);
        assert_eq!(finds(LOST_OR_NEARLY, NONE_SHOWN), !shown.0);
        assert_eq!(html.contains("<td>32.5 <small>[31.0, 34.0]</small>"), shown.0);
        assert_eq!(html.contains("dy=\".35em\">32.5</text>"), shown.0, "the number in its bar");
        assert_eq!(html.contains("<td>0.5 <small>[-1.0, 2.0]</small>"), shown.1);
        assert!(html.contains("none shown <small>p = 0.051</small>"));
        assert!(html.contains("lost or nearly: ") && html.contains("new or nearly: "));
    }
}

#[test]
fn of_one_model_the_page_says_so() {
    let mut b = with(ABOVE, BELOW, (0.001, 0.001));
    b.policy_is_base = true;
    let html = page(b);
    for part in ["Policy and base are the same model here", "one model", "<td>one model</td>"] {
        assert!(html.contains(part), "{part}");
    }
    for part in ["better at", "<td>better</td>", "class=\"span\"", "<strong>32.5"] {
        assert!(!html.contains(part), "{part}");
    }
}
