//! pass@k at every checkpoint: under a slider, beside each other, and as a table.

use bourn_probe::{Boundary, BoundaryRow, Estimate};
use bourn_track::format::{confidence, counted, percent, points, signed};
use maud::{Markup, Render, html};

use crate::curves;
use crate::read::{ProbedStep, SetRecord};
use crate::section::{legend, spread};
use crate::table::{cell, dash, optional, table};
use crate::text::percents;

/// Checkpoints that the page shows by themselves; of more, this many at equal distances.
const FRAMES: usize = 40;
/// Small charts beside each other.
const SMALL: usize = 12;

/// pass@k at every checkpoint, of which the last is shown until the slider moves.
pub(crate) fn frames(set: &SetRecord) -> Markup {
    let chosen = spread(&set.checkpoints, FRAMES);
    let last = chosen.len() - 1;
    let all = set.checkpoints.len();
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
                div.frame data-step=(step) hidden[index != last] {
                    figure {
                        (curves::pass_at_k(boundary))
                        figcaption { "After step " (step) ". " (caption(boundary)) }
                    }
                    (figures_table(boundary))
                }
            }
            @if chosen.len() < all {
                p.note { (FRAMES) " of " (all) " checkpoints are shown." }
            }
        }
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
    if let Some((low, high)) = curves::crossover_interval(b) {
        text += &match high {
            Some(high) => {
                format!(" The stroke on the axis: crossover between k = {low} and {high}.")
            }
            None => format!(
                " The stroke on the axis: crossover at k = {low} or later, or none up to {}.",
                b.k_max()
            ),
        };
    }
    if let Some(e) = &b.extrapolation {
        text += " Right of the upright line nothing was drawn: the dotted curves are the fitted prior's";
        text += if e.good_toulmin.is_some() { ", the diamonds Good–Toulmin's." } else { "." };
    }
    text
}

/// k by k, in percent with intervals.
fn figures_table(b: &Boundary) -> Markup {
    let anytime = |index: usize| {
        let wide = b.paired.as_ref()?.delta_anytime.get(index)?;
        Some(html! {
            " " small.any { "any time " span { "[" (points(wide.low)) ", " (points(wide.high)) "]" } }
        })
    };
    let row = |(index, row): (usize, BoundaryRow)| {
        let delta = html! { (cell(row.delta, points)) (anytime(index).unwrap_or_default()) };
        vec![row.k.render(), cell(row.base, percent), cell(row.policy, percent), delta]
    };
    let mut rows: Vec<_> = b.rows().into_iter().enumerate().map(row).collect();
    if let Some(beyond) = &b.extrapolation {
        let side = |list: &[Estimate], index: usize| {
            list.get(index).map_or_else(dash, |&e| cell(e, percent))
        };
        for (index, k) in beyond.k.iter().enumerate() {
            if beyond.base.is_empty() && beyond.policy.is_empty() {
                break;
            }
            let k = html! { i { (k) } " " small { "extrapolated" } };
            let (base, policy) = (side(&beyond.base, index), side(&beyond.policy, index));
            rows.push(vec![k, base, policy, dash()]);
        }
    }
    let head = ["k", "base %", "policy %", "difference, points"];
    table("pass@k at every k, with intervals", &head, &rows)
}

/// The checkpoints beside each other, small, and what there is to say of each in a row: all of it
/// is there without JavaScript, and on paper.
pub(crate) fn checkpoints(set: &SetRecord) -> Markup {
    let chosen = spread(&set.checkpoints, FRAMES);
    let rows: Vec<_> = chosen.iter().map(|checkpoint| row(checkpoint)).collect();
    let b = &set.last().boundary;
    let head = [
        "step",
        &format!("pass@{} %", b.k[0]),
        &format!("pass@{} %", b.k_max()),
        "difference there, points",
        "crossover k",
        "kept",
        "gained",
        "lost",
        "neither",
        "lost beyond chance",
        "entropy",
        "witness mass %",
    ];
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
        (table("the figures of every checkpoint", &head, &rows))
        p.note {
            "Arrows: base → policy. Kept to neither are expected numbers of problems where the run "
            "has posteriors, else counts of problems solved at least once. Beyond chance: less what "
            "two runs of the base would show."
        }
    }
}

fn row(checkpoint: &ProbedStep) -> Vec<Markup> {
    let b = &checkpoint.boundary;
    let end = b.k.len() - 1;
    let pair = |index: usize| {
        let [base, policy] = [&b.base, &b.policy].map(|curve| percent(curve.pass_at_k[index]));
        format!("{base} → {policy}").render()
    };
    let counts = &b.solvable;
    let sets = match &b.solvability {
        Some(s) => {
            let e = &s.expected;
            [e.kept, e.new_or_nearly, e.lost_or_nearly, e.neither].map(|e| cell(e, counted))
        }
        None => [&counts.kept, &counts.newly_solved, &counts.never_solved_again, &counts.neither]
            .map(|ids| ids.len().render()),
    };
    let mut cells = vec![
        checkpoint.step.render(),
        pair(0),
        pair(end),
        optional(b.delta.at(end), points),
        curves::crossover_in_words(b).render(),
    ];
    cells.extend(sets);
    cells.push(optional(b.solvability.as_ref().map(|s| s.excess.lost_or_nearly), signed));
    let entropy = b.entropy.map(|e| format!("{:.3} → {:.3}", e.base, e.policy));
    let mass = b.origins.as_ref().map(|o| {
        let w = &o.witnesses;
        format!("{} → {}", percents(w.base_mass.value), percents(w.policy_mass.value))
    });
    cells.extend([entropy, mass].map(|text| text.map_or_else(dash, |text| text.render())));
    cells
}
