//! pass@k at every checkpoint: under a slider, beside each other, and as a table.

use bourn_probe::Boundary;

use super::chart::put;
use super::curves;
use super::read::{Checkpoint, SetRecord};
use super::section::{legend, spread};
use super::table::{cell, count, more, optional, percents, table};
use crate::format::{confidence, percent, points};

/// Checkpoints that the page shows by themselves; of more, this many at equal distances.
const FRAMES: usize = 40;
/// Small charts beside each other.
const SMALL: usize = 12;

/// pass@k at every checkpoint, of which the last is shown until the slider moves.
pub(super) fn frames(set: &SetRecord) -> String {
    let chosen = spread(&set.checkpoints, FRAMES);
    let last = chosen.len() - 1;
    let mut html = String::from("<div class=\"frames\">\n");
    html += &legend(&[("base", "frozen base, dashed, squares"), ("policy", "policy, discs")]);
    if last > 0 {
        put(
            &mut html,
            format_args!(
                "<label class=\"js slider\">checkpoint <input type=\"range\" min=\"0\" max=\"{last}\" \
                 value=\"{last}\"> <output>step {}</output></label>\n",
                chosen[last].step
            ),
        );
    }
    for (index, checkpoint) in chosen.iter().enumerate() {
        let hidden = if index == last { "" } else { " hidden" };
        let (step, b) = (checkpoint.step, &checkpoint.boundary);
        put(
            &mut html,
            format_args!(
                "<div class=\"frame\" data-step=\"{step}\"{hidden}>\n<figure>{}<figcaption>After step \
                 {step}. {}</figcaption></figure>\n{}</div>\n",
                curves::pass_at_k(b),
                caption(b),
                figures_table(b),
            ),
        );
    }
    if chosen.len() < set.checkpoints.len() {
        let all = set.checkpoints.len();
        put(
            &mut html,
            format_args!("<p class=\"note\">{FRAMES} of {all} checkpoints are shown.</p>\n"),
        );
    }
    html + "</div>\n"
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
fn figures_table(b: &Boundary) -> String {
    let anytime = |index: usize| {
        let wide = b.paired.as_ref()?.delta_anytime.get(index)?;
        Some(format!(
            " <small class=\"any\">any time <span>[{}, {}]</span></small>",
            points(wide.low),
            points(wide.high)
        ))
    };
    let row = |(index, row): (usize, bourn_probe::Row)| {
        let delta = cell(row.delta, points) + &anytime(index).unwrap_or_default();
        vec![row.k.to_string(), cell(row.base, percent), cell(row.policy, percent), delta]
    };
    let mut rows: Vec<_> = b.rows().into_iter().enumerate().map(row).collect();
    if let Some(beyond) = &b.extrapolation {
        for ((k, &base), &policy) in beyond.k.iter().zip(&beyond.base).zip(&beyond.policy) {
            let k = format!("<i>{k}</i> <small>extrapolated</small>");
            rows.push(vec![k, cell(base, percent), cell(policy, percent), "–".into()]);
        }
    }
    let head = ["k", "base %", "policy %", "difference, points"];
    table("pass@k at every k, with intervals", &head, &rows)
}

/// The checkpoints beside each other, small, and what there is to say of each in a row: all of it
/// is there without JavaScript, and on paper.
pub(super) fn checkpoints(set: &SetRecord) -> String {
    let mut html = String::new();
    if set.checkpoints.len() > 1 {
        html += "<div class=\"multiples\">\n";
        for checkpoint in spread(&set.checkpoints, SMALL) {
            let chart = curves::small(&checkpoint.boundary);
            put(
                &mut html,
                format_args!("<figure><h5>step {}</h5>{chart}</figure>\n", checkpoint.step),
            );
        }
        html += "</div>\n";
    }
    let chosen = spread(&set.checkpoints, FRAMES);
    let rows: Vec<_> = chosen.iter().map(|checkpoint| row(checkpoint)).collect();
    let b = &set.last().boundary;
    let head = [
        "step".to_owned(),
        format!("pass@{} %", b.k[0]),
        format!("pass@{} %", b.k_max()),
        "difference there, points".to_owned(),
        "crossover k".to_owned(),
        "kept".to_owned(),
        "gained".to_owned(),
        "lost".to_owned(),
        "neither".to_owned(),
        "lost beyond chance".to_owned(),
        "entropy".to_owned(),
        "witness mass %".to_owned(),
    ];
    let head: Vec<_> = head.iter().map(String::as_str).collect();
    html += &table("the figures of every checkpoint", &head, &rows);
    html += "<p class=\"note\">Arrows: base → policy. Kept to neither are expected numbers of problems \
             where the run has posteriors, else counts of problems solved at least once. Beyond \
             chance: less what two runs of the base would show.</p>\n";
    html
}

fn row(checkpoint: &Checkpoint) -> Vec<String> {
    let b = &checkpoint.boundary;
    let end = b.k.len() - 1;
    let pair = |index: usize| {
        format!("{} → {}", percent(b.base.pass_at_k[index]), percent(b.policy.pass_at_k[index]))
    };
    let counts = &b.solvable;
    let sets = match &b.solvability {
        Some(s) => {
            let e = &s.expected;
            [e.kept, e.gained, e.lost, e.neither].map(|e| cell(e, count))
        }
        None => [&counts.kept, &counts.gained, &counts.lost, &counts.neither]
            .map(|ids| ids.len().to_string()),
    };
    let mut cells = vec![
        checkpoint.step.to_string(),
        pair(0),
        pair(end),
        optional(b.delta.at(end), points),
        curves::crossover_in_words(b),
    ];
    cells.extend(sets);
    cells.push(optional(b.solvability.as_ref().map(|s| s.excess.lost), more));
    cells.push(b.entropy.map_or("–".into(), |e| format!("{:.3} → {:.3}", e.base, e.policy)));
    cells.push(b.origins.as_ref().map_or("–".into(), |o| {
        let w = &o.witnesses;
        format!("{} → {}", percents(w.base_mass.value), percents(w.policy_mass.value))
    }));
    cells
}
