//! What the last probe says: in sentences, and as tiles.

use bourn_probe::{Estimate, Standing};

use super::curves;
use super::html::esc;
use super::read::{Checkpoint, SetRecord};
use super::table::{count, more, percents};
use crate::format::{percent, plural, points};

/// What the last probe says, in sentences.
pub(super) fn words(set: &SetRecord) -> String {
    let Checkpoint { step, boundary: b } = set.last();
    let (k, ends) = (b.k_max(), b.k.len() - 1);
    let at = |curve: &bourn_probe::Curve, index: usize| percent(curve.pass_at_k[index]);
    let mut text = format!(
        "After {} the policy solves a held-out problem at the first try <b>{}%</b> of the time; its \
         frozen base, <b>{}%</b>. Within {k} tries the policy solves <b>{}%</b> of the problems, the \
         base <b>{}%</b>. ",
        plural(*step, "step"),
        at(&b.policy, 0),
        at(&b.base, 0),
        at(&b.policy, ends),
        at(&b.base, ends),
    );
    text += &match b.standing() {
        Standing::Crossover(k) => format!(
            "The curves cross: with few tries the policy is ahead, with <b>{k}</b> the base. "
        ),
        Standing::PolicyAhead => format!("The policy stays ahead up to {k} tries. "),
        Standing::BaseAhead => {
            format!("The base is ahead at some number of tries up to {k}, the policy at none. ")
        }
        Standing::Level => "Neither is ahead. ".to_owned(),
    };
    let (lost, gained) = (b.solvable.lost.len(), b.solvable.gained.len());
    text += &format!(
        "<b>{lost}</b> of {} that the base solved at least once the policy never solved; <b>{gained}</b> \
         it solved that the base never did.",
        plural((b.solvable.kept.len() + lost) as u64, "problem"),
    );
    if let Some(s) = &b.solvability {
        let (expected, null, excess) = (s.expected.lost, s.null.lost, s.excess.lost);
        text += &format!(
            " Of the problems that the base can solve at a rate of {}% or more, <b>{}</b> are expected \
             to be lost; two runs of the base itself would differ by {}. Beyond chance: <b>{}</b> \
             [{}, {}].",
            percents(s.epsilon),
            count(expected.value),
            count(null.value),
            more(excess.value),
            more(excess.ci_low),
            more(excess.ci_high),
        );
    } else if let Some(first) = set.checkpoints.first().filter(|c| c.step == 0 && *step > 0) {
        let sets = &first.boundary.solvable;
        text += &format!(
            " How much of that is chance: at step 0, when both were the same model, two sets of its \
             draws differed by {} lost and {} gained.",
            sets.lost.len(),
            sets.gained.len()
        );
    }
    format!("<p class=\"lead\">{text}</p>\n")
}

pub(super) fn tiles(last: &Checkpoint) -> String {
    let b = &last.boundary;
    let end = b.k.len() - 1;
    let pass = |index: usize| {
        let (base, policy) = (b.base.pass_at_k[index], b.policy.pass_at_k[index]);
        let (low, high) = (b.delta.ci_low[index], b.delta.ci_high[index]);
        let delta = points(b.delta.pass_at_k[index]);
        (
            format!("{} → {}%", percent(base), percent(policy)),
            format!("{delta} points [{}, {}]", points(low), points(high)),
        )
    };
    let mut tiles = vec![(format!("pass@{}", b.k[0]), pass(0))];
    if end > 0 {
        tiles.push((format!("pass@{}", b.k[end]), pass(end)));
    }
    let interval = curves::crossover_interval(b).map(|(low, high)| {
        format!("[{low}, {}]", high.map_or("none".to_owned(), |high| high.to_string()))
    });
    let crossover = match b.crossover_k {
        Some(k) => {
            let note = interval.unwrap_or_else(|| "the base is ahead there".to_owned());
            (format!("k = {k}"), note)
        }
        None => ("none".to_owned(), interval.unwrap_or_else(|| format!("up to k = {}", b.k_max()))),
    };
    tiles.push(("crossover".into(), crossover));
    let sets = &b.solvable;
    tiles.push((
        "lost / gained".into(),
        (
            format!("{} / {}", sets.lost.len(), sets.gained.len()),
            format!("of {}", plural(b.problems as u64, "problem")),
        ),
    ));
    if let Some(s) = &b.solvability {
        let interval = |e: Estimate| format!("[{}, {}]", more(e.ci_low), more(e.ci_high));
        for (name, e) in
            [("lost beyond chance", s.excess.lost), ("gained beyond chance", s.excess.gained)]
        {
            tiles.push((name.into(), (more(e.value), format!("{} problems", interval(e)))));
        }
    }
    if let Some(o) = &b.origins {
        let w = &o.witnesses;
        let (base, policy) = (percents(w.base_mass.value), percents(w.policy_mass.value));
        let note = plural(w.count, "base answer");
        tiles.push(("witness mass".into(), (format!("{base} → {policy}%"), note)));
    }
    tiles.push((
        "Δ_SE".into(),
        (
            format!("{} points", points(b.delta_se)),
            format!("[{}, {}]", points(b.delta_se_ci_low), points(b.delta_se_ci_high)),
        ),
    ));
    if let Some(e) = &b.entropy {
        let figures = format!("{:.3} → {:.3}", e.base, e.policy);
        tiles.push(("entropy".into(), (figures, "nats per token".into())));
    }
    let tile = |(name, (figure, note)): (String, (String, String))| {
        format!(
            "<div class=\"tile\"><span>{}</span><strong>{}</strong><small>{}</small></div>\n",
            esc(&name),
            esc(&figure),
            esc(&note)
        )
    };
    format!("<div class=\"tiles\">\n{}</div>\n", tiles.into_iter().map(tile).collect::<String>())
}
