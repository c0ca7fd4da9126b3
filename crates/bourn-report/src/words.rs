//! What the last probe says: in sentences, and as tiles.

use bourn_probe::{Boundary, Curve, Estimate, Standing};
use bourn_track::format::{counted, percent, plural, points, signed};
use maud::{Markup, html};

use crate::curves;
use crate::read::{ProbedStep, SetRecord};
use crate::text::percents;

/// What the last probe says, in sentences.
pub(crate) fn words(set: &SetRecord) -> Markup {
    let ProbedStep { step, boundary: b } = set.last();
    let (k, ends) = (b.k_max(), b.k.len() - 1);
    let at = |curve: &Curve, index: usize| html! { b { (percent(curve.pass_at_k[index])) "%" } };
    let (lost, gained) = (b.solvable.never_solved_again.len(), b.solvable.newly_solved.len());
    let solved = plural((b.solvable.kept.len() + lost) as u64, "problem");
    html! {
        p.lead {
            "After " (plural(*step, "step")) " the policy solves a held-out problem at the first try "
            (at(&b.policy, 0)) " of the time; its frozen base, " (at(&b.base, 0)) ". Within " (k)
            " tries the policy solves " (at(&b.policy, ends)) " of the problems, the base "
            (at(&b.base, ends)) ". " (standing(b)) " " b { (lost) } " of " (solved)
            " that the base solved at least once the policy never solved; " b { (gained) }
            " it solved that the base never did."
            (chance(set))
        }
    }
}

/// Who is ahead at how many tries.
fn standing(b: &Boundary) -> Markup {
    let k_max = b.k_max();
    match b.standing() {
        Standing::Crossover(k) => html! {
            "The curves cross: with few tries the policy is ahead, with " b { (k) } " the base."
        },
        Standing::PolicyAhead => html! { "The policy stays ahead up to " (k_max) " tries." },
        Standing::BaseAhead => html! {
            "The base is ahead at some number of tries up to " (k_max) ", the policy at none."
        },
        Standing::Level => html! { "Neither is ahead." },
    }
}

/// How much of what was lost and gained is chance, as far as the run knows.
fn chance(set: &SetRecord) -> Markup {
    let ProbedStep { step, boundary: b } = set.last();
    let start = set.checkpoints.first().filter(|c| c.step == 0 && *step > 0);
    match (&b.solvability, start) {
        (Some(s), _) => {
            let (expected, null, excess) =
                (s.expected.lost_or_nearly, s.null.lost_or_nearly, s.excess.lost_or_nearly);
            html! {
                " Of the problems that the base can solve at a rate of " (percents(s.epsilon))
                "% or more, " b { (counted(expected.value)) } " are expected to be lost; two runs of "
                "the base itself would differ by " (counted(null.value)) ". Beyond chance: "
                b { (signed(excess.value)) } " [" (signed(excess.ci_low)) ", "
                (signed(excess.ci_high)) "]."
            }
        }
        (None, Some(first)) => {
            let sets = &first.boundary.solvable;
            html! {
                " How much of that is chance: at step 0, when both were the same model, two sets of "
                "its draws differed by " (sets.never_solved_again.len()) " lost and " (sets.newly_solved.len())
                " gained."
            }
        }
        (None, None) => Markup::default(),
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
    let end = b.k.len() - 1;
    let pass = |index: usize| {
        let (base, policy) = (b.base.pass_at_k[index], b.policy.pass_at_k[index]);
        let (low, high) = (b.delta.ci_low[index], b.delta.ci_high[index]);
        let delta = points(b.delta.pass_at_k[index]);
        (
            format!("pass@{}", b.k[index]),
            format!("{} → {}%", percent(base), percent(policy)),
            format!("{delta} points [{}, {}]", points(low), points(high)),
        )
    };
    let mut tiles = vec![pass(0)];
    if end > 0 {
        tiles.push(pass(end));
    }
    let interval = curves::crossover_interval(b).map(|(low, high)| {
        format!("[{low}, {}]", high.map_or("none".to_owned(), |high| high.to_string()))
    });
    let (figure, otherwise) = match b.crossover_k {
        Some(k) => (format!("k = {k}"), "the base is ahead there".to_owned()),
        None => ("none".to_owned(), format!("up to k = {}", b.k_max())),
    };
    tiles.push(("crossover".into(), figure, interval.unwrap_or(otherwise)));
    let sets = &b.solvable;
    tiles.push((
        "lost / gained".into(),
        format!("{} / {}", sets.never_solved_again.len(), sets.newly_solved.len()),
        format!("of {}", plural(b.problems as u64, "problem")),
    ));
    if let Some(s) = &b.solvability {
        let interval = |e: Estimate| format!("[{}, {}]", signed(e.ci_low), signed(e.ci_high));
        for (name, e) in [
            ("lost beyond chance", s.excess.lost_or_nearly),
            ("gained beyond chance", s.excess.new_or_nearly),
        ] {
            tiles.push((name.into(), signed(e.value), format!("{} problems", interval(e))));
        }
    }
    if let Some(o) = &b.origins {
        let w = &o.witnesses;
        let (base, policy) = (percents(w.base_mass.value), percents(w.policy_mass.value));
        let note = plural(w.count, "base answer");
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
