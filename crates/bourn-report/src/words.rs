//! What the last probe says: in sentences, and as tiles. Every sentence that says how policy and base
//! compare is `bourn_track::words`'.

use bourn_probe::{Boundary, Curve, Estimate, Findings, SetFinding};
use bourn_track::format::{NONE_SHOWN, counted, percent, plural, points};
use bourn_track::words::{
    LOST_OR_NEARLY, NEVER_SOLVED_AGAIN, NEW_OR_NEARLY, NEWLY_SOLVED, crossing, sets, standing,
    tries, word,
};
use maud::{Markup, html};

use crate::read::{ProbedStep, SetRecord};
use crate::text::{p_value, percents};

/// What the last probe says, in sentences.
pub(crate) fn words(set: &SetRecord) -> Markup {
    let ProbedStep { step, boundary: b } = set.last();
    let (k, ends, findings) = (b.k_max(), b.k.len() - 1, b.findings());
    let at = |curve: &Curve, index: usize| html! { b { (percent(curve.pass_at_k[index])) "%" } };
    html! {
        div.lead {
            p {
                "After " (plural(*step, "step")) " the policy solves a held-out problem at the first "
                "try " (at(&b.policy, 0)) " of the time, its frozen base " (at(&b.base, 0)) "."
                @if ends > 0 {
                    " Within " (tries(k)) " the policy solves " (at(&b.policy, ends))
                    " of the problems, the base " (at(&b.base, ends)) "."
                }
            }
            p { b { (standing(&findings)) } }
            p { (sets(b, &findings)) (chance(set)) }
        }
    }
}

/// How much of what was solved no more is chance, as far as a run without posteriors knows: what
/// two sets of draws of one model showed.
fn chance(set: &SetRecord) -> Markup {
    let ProbedStep { step, boundary: b } = set.last();
    let start = set.checkpoints.first().filter(|c| c.step == 0 && *step > 0);
    let Some(first) = start.filter(|_| b.solvability.is_none()) else { return Markup::default() };
    let sets = &first.boundary.solvable;
    html! {
        " How much of that is chance: at step 0, when both were the same model, two sets of its draws "
        "differed by " (sets.never_solved_again.len()) " " (NEVER_SOLVED_AGAIN) " and "
        (sets.newly_solved.len()) " " (NEWLY_SOLVED) "."
    }
}

/// The figures of a probe that are looked for first.
pub(crate) fn tiles(last: &ProbedStep) -> Markup {
    let tile = |(name, figure, note): &(String, String, String)| {
        html! { div.tile { span { (name) } strong { (figure) } small { (note) } } }
    };
    html! { div.tiles { @for of in &figures(&last.boundary) { (tile(of)) } } }
}

/// Name, figure and note of every tile.
fn figures(b: &Boundary) -> Vec<(String, String, String)> {
    let findings = b.findings();
    let ends = [findings.changes.first(), findings.changes.get(1..).and_then(<[_]>::last)];
    let mut tiles: Vec<_> = ends
        .into_iter()
        .flatten()
        .map(|change| {
            let [value, low, high] =
                [change.delta.value, change.delta.ci_low, change.delta.ci_high].map(points);
            let shown = if b.policy_is_base { "one model" } else { word(change.shown) };
            (
                format!("pass@{}", change.k),
                format!("{} → {}%", percent(change.base), percent(change.policy)),
                format!("{value} points [{low}, {high}]: {shown}"),
            )
        })
        .collect();
    tiles.push((
        "the curves cross".into(),
        crossing(&findings),
        match findings.crossing() {
            Some(_) => "shown better, then worse".to_owned(),
            None => format!("up to {}", tries(b.k_max())),
        },
    ));
    let sets = &b.solvable;
    tiles.push((
        format!("{NEVER_SOLVED_AGAIN} / {NEWLY_SOLVED}"),
        format!("{} / {}", sets.never_solved_again.len(), sets.newly_solved.len()),
        format!("of {}", plural(b.problems as u64, "problem")),
    ));
    for (name, found) in
        [(LOST_OR_NEARLY, findings.lost_or_nearly), (NEW_OR_NEARLY, findings.new_or_nearly)]
    {
        tiles.extend(found.map(|found| {
            let (figure, note) = set_tile(&findings, found);
            (name.to_owned(), figure, note)
        }));
    }
    if let Some(o) = &b.origins {
        let w = &o.witnesses;
        let (base, policy) = (percents(w.base_mass.value), percents(w.policy_mass.value));
        let note = format!("of {}", plural(w.count, "base answer"));
        tiles.push(("witness mass".into(), format!("{base} → {policy}%"), note));
    }
    tiles.push((
        "Δ_SE".into(),
        format!("{} points", points(b.delta_se)),
        format!("[{}, {}]", points(b.delta_se_ci_low), points(b.delta_se_ci_high)),
    ));
    if let Some(e) = &b.entropy {
        let figures = format!("{:.3} → {:.3}", e.base, e.policy);
        tiles.push(("entropy".into(), figures, "nats per token".into()));
    }
    tiles
}

/// Figure and note: the expected number only where chance is ruled out.
fn set_tile(findings: &Findings, found: SetFinding) -> (String, String) {
    let Estimate { value, ci_low, ci_high } = found.expected;
    match found.shown {
        true => (
            counted(value),
            format!(
                "[{}, {}], by chance {}",
                counted(ci_low),
                counted(ci_high),
                counted(found.null)
            ),
        ),
        false if findings.policy_is_base => (NONE_SHOWN.into(), "one model".into()),
        false => (NONE_SHOWN.into(), p_value(found.p)),
    }
}

#[cfg(test)]
#[path = "../tests/unit/words.rs"]
mod tests;
