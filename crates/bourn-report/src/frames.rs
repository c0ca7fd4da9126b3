//! pass@k at every checkpoint: under a slider, beside each other, and as tables.

use bourn_probe::{Boundary, BoundaryRow, Change, Estimate, SetFinding};
use bourn_track::format::{NONE_SHOWN, confidence, counted, percent, plural, points};
use bourn_track::words::{
    LOST_OR_NEARLY, NEVER_SOLVED_AGAIN, NEW_OR_NEARLY, NEWLY_SOLVED, crossing, standing, word,
};
use maud::{Markup, Render, html};

use crate::beyond::Beyond;
use crate::curves;
use crate::read::{ProbedStep, SetRecord};
use crate::section::{fold, legend, spread};
use crate::table::{cell, dash, optional, table};
use crate::text::{p_value, percents};

/// Checkpoints that the page shows by themselves; of more, this many at equal distances.
const FRAMES: usize = 40;
/// Small charts beside each other.
const SMALL: usize = 12;

/// The checkpoints that the slider goes through.
pub(crate) fn chosen(set: &SetRecord) -> Vec<&ProbedStep> {
    spread(&set.checkpoints, FRAMES)
}

/// pass@k at every checkpoint, of which the last is shown until the slider moves.
pub(crate) fn frames(set: &SetRecord) -> Markup {
    let chosen = chosen(set);
    let (last, all) = (chosen.len() - 1, set.checkpoints.len());
    html! {
        div.frames {
            (legend(&[("base", "frozen base, dashed, squares"), ("policy", "policy, discs")]))
            @if last > 0 {
                label.js.slider {
                    "checkpoint " input type="range" min="0" max=(last) value=(last); " "
                    output { "step " (chosen[last].step) }
                }
            }
            @for (index, ProbedStep { step, boundary }) in chosen.iter().copied().enumerate() {
                figure.frame data-frame=(index) data-step=(step) hidden[index != last] {
                    (curves::pass_at_k(boundary))
                    figcaption {
                        "pass@k after step " (step) ". "
                        // What the last one shows stands above the figures of the page.
                        @if index != last { b { (standing(&boundary.findings())) } " " }
                        (caption(boundary))
                    }
                }
            }
            @if chosen.len() < all {
                p.note { (FRAMES) " of " (all) " checkpoints are shown." }
            }
        }
    }
}

/// The figures of the same checkpoints k by k; the slider moves them too.
pub(crate) fn tables(set: &SetRecord) -> Markup {
    let chosen = chosen(set);
    html! {
        @for (index, ProbedStep { step, boundary }) in chosen.iter().copied().enumerate() {
            div.frame.flat data-frame=(index) hidden[index + 1 != chosen.len()] {
                p.note { "Step " (step) ", k by k." (looks(boundary)) }
                (figures_table(boundary))
            }
        }
    }
}

fn looks(b: &Boundary) -> String {
    match b.paired.as_ref().filter(|paired| paired.look > 1) {
        None => String::new(),
        Some(paired) => format!(
            " This is look {} at the same problems: the interval that holds at every look decides.",
            paired.look
        ),
    }
}

fn caption(b: &Boundary) -> String {
    let level = confidence(b.confidence);
    let mut text = match &b.paired {
        None => format!("Bands: {level} interval over problems, for one k at a time."),
        Some(_) => format!(
            "Dark bands: {level} interval over problems, for one k at a time. Light bands: the whole \
             curve is inside with {level} confidence."
        ),
    };
    if b.findings().crossing().is_some() {
        text += " Dashed, upright: the first k at which the base's curve is above.";
    }
    if let Some((low, high)) = curves::crossover_interval(b) {
        text += &match high {
            Some(high) => {
                format!(" The stroke on the axis: over resamples, from k = {low} to {high}.")
            }
            None => format!(
                " The stroke on the axis: over resamples, from k = {low} on, or none up to {}.",
                b.k_max()
            ),
        };
    }
    let beyond = Beyond::of(b);
    if beyond.draws().any(|k| k > b.k_max()) {
        text += " Right of the upright line nothing was drawn:";
        text += match (beyond.base.is_empty() && beyond.policy.is_empty(), beyond.good_toulmin) {
            (true, _) => " the diamonds are Good–Toulmin's.",
            (false, None) => " the dotted curves are the fitted prior's.",
            (false, Some(_)) => {
                " the dotted curves are the fitted prior's, the diamonds Good–Toulmin's."
            }
        };
    }
    text
}

/// k by k, in percent with intervals, and what each shows.
fn figures_table(b: &Boundary) -> Markup {
    let findings = b.findings();
    let level = confidence(b.confidence);
    let change = match findings.anytime {
        true => format!("change in points [{level}], and at every look"),
        false => format!("change in points [{level}]"),
    };
    let head = ["k", "base %", "policy %", &change, "shown"];
    let row = |(row, change): (&BoundaryRow, &Change)| {
        let [low, high] = [change.delta.ci_low, change.delta.ci_high].map(points);
        let difference = html! {
            (cell(row.delta, points))
            @if findings.anytime {
                " " small.any { "at every look " span { "[" (low) ", " (high) "]" } }
            }
        };
        let shown = match findings.policy_is_base {
            true => "one model",
            false => word(change.shown),
        };
        vec![
            row.k.render(),
            cell(row.base, percent),
            cell(row.policy, percent),
            difference,
            shown.render(),
        ]
    };
    let (rows, beyond) = (b.rows(), Beyond::of(b));
    let mut rows: Vec<_> = rows.iter().zip(&findings.changes).map(row).collect();
    let side = |list: &[Estimate], index: usize| optional(list.get(index).copied(), percent);
    for (index, k) in beyond.k.iter().enumerate() {
        if beyond.base.is_empty() && beyond.policy.is_empty() {
            break;
        }
        let k = html! { i { (k) } " " small { "extrapolated" } };
        rows.push(vec![k, side(beyond.base, index), side(beyond.policy, index), dash(), dash()]);
    }
    table("pass@k at every k, with intervals", &head, &rows)
}

/// The checkpoints beside each other, small, and what there is to say of each in a row: all of it
/// is there without JavaScript, and on paper.
pub(crate) fn checkpoints(set: &SetRecord) -> Markup {
    let chosen = chosen(set);
    let rows: Vec<_> = chosen.iter().map(|checkpoint| row(checkpoint)).collect();
    let b = &set.last().boundary;
    let head = [
        "step",
        &format!("pass@{} %", b.k[0]),
        &format!("pass@{} %", b.k_max()),
        "change there, points",
        "shown there",
        "the curves cross",
        NEVER_SOLVED_AGAIN,
        NEWLY_SOLVED,
        LOST_OR_NEARLY,
        NEW_OR_NEARLY,
        "entropy",
        "witness mass %",
    ];
    let title = match chosen.len() {
        1 => "The figures of the checkpoint".to_owned(),
        count => format!(
            "Each of {}: a small chart, and its figures",
            plural(count as u64, "checkpoint")
        ),
    };
    fold(
        &title,
        html! {
            @if set.checkpoints.len() > 1 {
                div.multiples {
                    @for ProbedStep { step, boundary } in spread(&set.checkpoints, SMALL) {
                        figure {
                            h5 { "step " (step) }
                            (curves::small(boundary))
                        }
                    }
                }
            }
            div.wrap { (table("the figures of every checkpoint", &head, &rows)) }
            p.note {
                "Arrows: base → policy. Counts of these draws: " (NEVER_SOLVED_AGAIN) ", "
                (NEWLY_SOLVED) ". Expected numbers of problems, with what two runs of the base would "
                "show, where that is ruled out (p at most 0.05): " (LOST_OR_NEARLY) ", "
                (NEW_OR_NEARLY) "."
            }
        },
    )
}

fn row(checkpoint: &ProbedStep) -> Vec<Markup> {
    let (b, findings) = (&checkpoint.boundary, checkpoint.boundary.findings());
    let end = b.k.len() - 1;
    let pair = |index: usize| {
        let [base, policy] = [&b.base, &b.policy].map(|curve| percent(curve.pass_at_k[index]));
        format!("{base} → {policy}").render()
    };
    let change = findings.changes.last();
    let mut cells = vec![
        checkpoint.step.render(),
        pair(0),
        pair(end),
        optional(change.map(|change| change.delta), points),
        match (change, findings.policy_is_base) {
            (Some(change), false) => word(change.shown).render(),
            (None, _) => dash(),
            (_, true) => "one model".render(),
        },
        crossing(&findings).render(),
    ];
    cells.extend(set_cells(b));
    let entropy = b.entropy.map(|e| format!("{:.3} → {:.3}", e.base, e.policy));
    let mass = b.origins.as_ref().map(|o| {
        let w = &o.witnesses;
        format!("{} → {}", percents(w.base_mass.value), percents(w.policy_mass.value))
    });
    cells.extend([entropy, mass].map(|text| text.map_or_else(dash, |text| text.render())));
    cells
}

/// Never solved again, newly solved, lost or nearly, new or nearly.
pub(crate) fn set_cells(b: &Boundary) -> [Markup; 4] {
    let (counts, findings) = (&b.solvable, b.findings());
    let [gone, new] =
        [&counts.never_solved_again, &counts.newly_solved].map(|ids| ids.len().render());
    let found = [findings.lost_or_nearly, findings.new_or_nearly];
    let [lost, gained] = found.map(|found| found.map_or_else(dash, set_cell));
    [gone, new, lost, gained]
}

/// The expected number where chance is ruled out, else that nothing is shown.
pub(crate) fn set_cell(found: SetFinding) -> Markup {
    match found.shown {
        true => html! {
            (cell(found.expected, counted)) " " small { "by chance " (counted(found.null)) }
        },
        false => html! { (NONE_SHOWN) " " small { (p_value(found.p)) } },
    }
}
