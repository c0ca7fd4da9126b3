//! What a run and its probes cost.

use bourn_probe::{Boundary, Spent};
use bourn_track::format::{duration, grouped, percent};
use maud::{Markup, Render, html};

use crate::read::{RunRecord, SetRecord, TrainingCost};
use crate::section::fold;
use crate::table::{dash, table};

/// Where a run's time went, on one clock: `4m02s: base 58s, training 1m40s, probes 1m24s`. What took
/// none is left out; the whole is the sum of the rounded parts.
pub fn time_words(cost: &TrainingCost) -> String {
    let parts = [("base", cost.base), ("training", cost.seconds), ("probes", cost.probes)];
    let parts = parts.map(|(name, seconds)| (name, seconds.max(0.0).round()));
    let took = parts.into_iter().filter(|(_, seconds)| *seconds > 0.0);
    let named: Vec<_> =
        took.map(|(name, seconds)| format!("{name} {}", duration(seconds))).collect();
    match &named[..] {
        [] => duration(0.0),
        [only] => only.clone(),
        several => {
            let whole = parts.iter().map(|(_, part)| part).sum();
            format!("{}: {}", duration(whole), several.join(", "))
        }
    }
}

/// As [`time_words`]; a run of a version that did not time its probes says so.
pub(crate) fn run_time(run: &RunRecord, cost: &TrainingCost) -> String {
    let untimed = cost.probes == 0.0 && !run.sets.is_empty();
    time_words(cost) + if untimed { "; probes were not timed" } else { "" }
}

/// Draws spent and saved by each model, and the tokens of training.
pub(crate) fn section(run: &RunRecord, set: &SetRecord) -> Markup {
    let row = |name: &str, spent: Option<Spent>| {
        let numbers = match spent {
            None => [dash(), dash(), dash()],
            Some(Spent { spent, full, saved }) => {
                let share = if full > 0 { saved as f64 / full as f64 } else { 0.0 };
                let saved = grouped(saved as f64);
                [
                    grouped(spent as f64).render(),
                    grouped(full as f64).render(),
                    html! { (saved) " " small { (percent(share)) "%" } },
                ]
            }
        };
        std::iter::once(name.render()).chain(numbers).collect()
    };
    let probes = set.checkpoints.len();
    let mut policy = set.checkpoints.iter().map(|c| spent(&c.boundary).map(|[_, policy]| policy));
    let all: Option<Spent> = policy.try_fold(Spent::default(), |sum, next| {
        let next = next?;
        Some(Spent {
            spent: sum.spent.saturating_add(next.spent),
            full: sum.full.saturating_add(next.full),
            saved: sum.saved.saturating_add(next.saved),
        })
    });
    let last = spent(&set.last().boundary);
    let rows = [
        row("base, once", last.map(|[base, _]| base)),
        row("policy, last probe", last.map(|[_, policy]| policy)),
        row(&format!("policy, {probes} probes"), all),
    ];
    let head = ["draws", "made", "without early stopping", "saved"];
    let mut notes = Vec::new();
    let temperatures = set.checkpoints.iter().filter_map(|c| c.boundary.temperatures.as_ref());
    let more: u64 = temperatures
        .flat_map(|t| t.matched.iter().chain(&t.grid))
        .fold(0, |sum, point| sum.saturating_add(point.draws));
    if more > 0 {
        notes.push(format!("{} more draws at other temperatures.", grouped(more as f64)));
    }
    let scored = set.checkpoints.iter().filter_map(|c| c.boundary.origins.as_ref());
    let scored = scored.fold(0u64, |sum, o| sum.saturating_add(o.tokens_scored));
    if scored > 0 {
        notes.push(format!("{} tokens scored by teacher forcing.", grouped(scored as f64)));
    }
    if let Some(cost) = run.cost {
        notes.push(format!("Time: {}.", run_time(run, &cost)));
        if cost.steps > 0 {
            notes.push(format!("Training drew {} tokens.", grouped(cost.tokens)));
        }
    }
    notes.push("A base that other runs probed before cost nothing here.".to_owned());
    fold(
        "Cost: draws made and saved, time",
        html! {
            (table("draws made and saved", &head, &rows))
            p.note { (notes.join(" ")) }
        },
    )
}

/// Draws of base and policy; where every n was fixed, the problems times it.
fn spent(b: &Boundary) -> Option<[Spent; 2]> {
    if let Some(draws) = b.draws {
        return Some([draws.base, draws.policy]);
    }
    let fixed = |[low, high]: [u64; 2]| {
        let spent = low.saturating_mul(b.problems as u64);
        (low == high).then_some(Spent { spent, full: spent, saved: 0 })
    };
    Some([fixed(b.n.base)?, fixed(b.n.policy)?])
}

#[cfg(test)]
#[path = "../tests/unit/cost.rs"]
mod tests;
