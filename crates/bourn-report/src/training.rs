//! The charts over training of one set of problems.

use bourn_track::format::confidence;
use bourn_track::words::{NEVER_SOLVED_AGAIN, NEWLY_SOLVED};
use maud::{Markup, html};

use crate::charts;
use crate::read::{RunRecord, SetRecord};
use crate::section::{BARS, figure, fold, grid, spread};

/// The charts over training that are looked at first, then the others, folded.
pub(crate) fn over_training(run: &RunRecord, set: &SetRecord) -> Markup {
    let b = &set.last().boundary;
    let (first, k_max) = (b.k[0], b.k_max());
    let mut open = vec![pass_at(set, first, "What every trainer reports.")];
    let mut folded = Vec::new();
    if k_max > first {
        open.push(pass_at(set, k_max, "The base's line is flat: it is drawn once."));
        open.push(change(set, k_max));
        folded.push(change(set, first));
    } else {
        open.push(change(set, first));
    }
    let gone = format!("{NEVER_SOLVED_AGAIN}: base only");
    let new = format!("{NEWLY_SOLVED}: policy only");
    let statuses =
        [("kept", "kept: both"), ("gained", &new), ("lost", &gone), ("neither", "neither")];
    open.push(figure(
        "Problems solved at least once",
        &statuses,
        charts::flow(&spread(&set.checkpoints, BARS)),
        "By whom, in all of a problem's draws, from below in the order of the legend. At step 0 the \
         base is compared with itself.",
    ));
    if b.entropy.is_some() {
        open.push(figure(
            "Token entropy",
            &[("base", "frozen base"), ("policy", "policy"), ("faint", "training draws")],
            charts::entropy(set, &run.entropy),
            "Nats per token, whole vocabulary. Near 0, all draws of a problem become the same.",
        ));
    }
    if run.sets.len() == 1 {
        open.extend(training_figures(run));
    }
    folded.push(figure(
        "Δ_SE",
        &[],
        charts::delta_se(&[("policy", "Δ_SE", &set.checkpoints)]),
        &format!(
            "Base pass@{k_max} less policy pass@{first}: what one try of the policy leaves unused."
        ),
    ));
    let mut inside =
        if k_max > first { format!("Δpass@{first}, Δ_SE") } else { "Δ_SE".to_owned() };
    if set.has_base {
        inside += ", accuracy of the problems";
        folded.push(figure(
            "Accuracy of the problems",
            &[("base", "frozen base"), ("policy", "policy")],
            charts::accuracies(&set.problems),
            "Number of problems by their share of correct draws, at the last checkpoint.",
        ));
    }
    html! {
        h3 { "Over training" }
        (grid(&open))
        (fold(&format!("More over training: {inside}"), grid(&folded)))
    }
}

fn pass_at(set: &SetRecord, k: u64, caption: &str) -> Markup {
    let keys = [("base", "frozen base"), ("policy", "policy")];
    figure(&format!("pass@{k}"), &keys, charts::ends(set, k), caption)
}

fn change(set: &SetRecord, k: u64) -> Markup {
    let b = &set.last().boundary;
    let anytime = match &b.paired {
        None => String::new(),
        Some(p) => format!(
            " Light: the interval that holds at every look at once, and decides; this is look {}.",
            p.look
        ),
    };
    figure(
        &format!("Δpass@{k}"),
        &[],
        charts::delta(set, k),
        &format!(
            "Policy less base, paired by problem, with its {} interval. One that holds 0 shows no \
             difference.{anytime}",
            confidence(b.confidence)
        ),
    )
}

/// What training itself measured.
pub(crate) fn training_figures(run: &RunRecord) -> Vec<Markup> {
    let curve = |title: &str, points: &[(u64, f64)], caption: &str| {
        (!points.is_empty()).then(|| {
            let chart = charts::curves(&[("policy".into(), points)], title);
            figure(title, &[], chart, caption)
        })
    };
    let reward = curve("Training reward", &run.reward, "Mean of each step, and its running mean.");
    let entropy = (run.sets.is_empty())
        .then(|| curve("Token entropy", &run.entropy, "Of the training draws, nats per token."))
        .flatten();
    reward.into_iter().chain(entropy).collect()
}
