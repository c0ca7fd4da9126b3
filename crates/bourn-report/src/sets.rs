//! Solvable sets as posterior expectations, beside what chance alone would show.

use bourn_probe::figures::{PriorFit, SetSizes, Solvability, SolvableState};
use bourn_probe::{Boundary, Estimate, Findings, SetFinding};
use bourn_track::format::{confidence, counted, percent, plural, signed};
use bourn_track::words::{self, LOST_OR_NEARLY, NEW_OR_NEARLY};
use maud::{Markup, html};

use crate::axis::Axis;
use crate::chart::{Chart, ChartSize, PointShape};
use crate::charts::{StepSeries, series};
use crate::curves;
use crate::frames::set_cell;
use crate::problems::ProblemStatus;
use crate::read::{ProbedStep, SetRecord};
use crate::section::{BARS, figure, fold, grid, legend, spread};
use crate::table::{cell, dash, table};
use crate::text::{p_value, percents, significant};

/// Class and name of what may be known of a problem, in the order of [`states`].
const STATES: [(&str, &str); 3] =
    [("solvable", "solvable"), ("undetermined", "undetermined"), ("undetected", "not detected")];
/// Names under a chart of bars.
const BAR_LABELS: usize = 12;

/// The part of the page that is about solvable sets; empty where no figures have them.
pub(crate) fn section(set: &SetRecord) -> Markup {
    let with: Vec<&ProbedStep> =
        set.checkpoints.iter().filter(|c| c.boundary.solvability.is_some()).collect();
    let Some(last) = with.last() else { return Markup::default() };
    let b = &last.boundary;
    let Some(s) = &b.solvability else { return Markup::default() };
    let keys = ProblemStatus::ALL.map(|status| (status.class(), status.expected_name()));
    html! {
        h3 { "Solvable sets" }
        p.note {
            "A problem counts as " i { "solvable" } " where the success rate is at least ε = "
            (percents(s.epsilon)) "%. Numbers are expected numbers of problems under the posteriors."
        }
        div.beside.even {
            figure {
                (legend(&keys))
                (flow(&spread(&with, BARS)))
                figcaption {
                    "At every checkpoint, from below in the order of the legend. The narrow pale bar "
                    "beside is what two independent runs of the frozen base would show in as many "
                    "draws."
                }
            }
            div { (sizes(b, s)) (tests(b, s)) }
        }
        (fold(
            "Solvable sets, more: less chance over training, what is known of each problem, fit of \
             the priors",
            grid(&figures(set, b, s)),
        ))
    }
}

/// The four expected numbers at every checkpoint beside the null's, as stacked bars.
fn flow(checkpoints: &[&&ProbedStep]) -> Markup {
    let names: Vec<_> = checkpoints.iter().map(|c| c.step.to_string()).collect();
    let most = checkpoints.iter().map(|c| c.boundary.problems).max().unwrap_or(0) as f64;
    let mut y = Axis::counts(most);
    y.cap(most);
    let mut chart = Chart::new(ChartSize::Large, Axis::names(&names, BAR_LABELS), y);
    for (index, checkpoint) in checkpoints.iter().enumerate() {
        let Some(s) = &checkpoint.boundary.solvability else { continue };
        let (x, findings) = (index as f64, checkpoint.boundary.findings());
        for (sizes, class, from, to) in
            [(&s.expected, "", x - 0.42, x + 0.12), (&s.null, " pale", x + 0.16, x + 0.42)]
        {
            let what = if class.is_empty() { "expected" } else { "two runs of the base" };
            let mut below = 0.0;
            for status in ProblemStatus::ALL {
                let value = of(sizes, status).value.max(0.0);
                let title = format!(
                    "step {}, {what}: {} {}",
                    checkpoint.step,
                    status.expected_name(),
                    counted(value)
                );
                // A number in a bar is a finding; one of the null, or that chance may be all of, is none.
                let open = found_of(&findings, status).is_some_and(|found| !found.shown);
                let bare = open || !class.is_empty();
                let label = if bare { String::new() } else { counted(value) };
                let label = label.as_str();
                let class = format!("{}{class}", status.class());
                chart.bar(&class, (from, to), (below, below + value), &title, label);
                below += value;
            }
        }
    }
    let last = checkpoints.last();
    let words = last.and_then(|c| Some((c, c.boundary.solvability.as_ref()?)));
    let words = words.map_or(String::new(), |(ProbedStep { step, boundary }, s)| {
        let findings = boundary.findings();
        let word = |status: ProblemStatus| {
            if let Some(found) = found_of(&findings, status) {
                return format!("{}: {}", status.expected_name(), words::set(found));
            }
            let (here, null) = (of(&s.expected, status).value, of(&s.null, status).value);
            format!("{} {}, by chance {}", status.expected_name(), counted(here), counted(null))
        };
        format!("at step {step}, {}", ProblemStatus::ALL.map(word).join("; "))
    });
    chart.finish(&format!("expected solvable sets beside the null's: {words}"), "step")
}

/// What is found of lost or of new problems; `None` of those that both models solve, or neither.
fn found_of(findings: &Findings, status: ProblemStatus) -> Option<SetFinding> {
    match status {
        ProblemStatus::Lost => findings.lost_or_nearly,
        ProblemStatus::Gained => findings.new_or_nearly,
        ProblemStatus::Kept | ProblemStatus::Neither => None,
    }
}

fn of(sizes: &SetSizes, status: ProblemStatus) -> Estimate {
    match status {
        ProblemStatus::Kept => sizes.kept,
        ProblemStatus::Gained => sizes.new_or_nearly,
        ProblemStatus::Lost => sizes.lost_or_nearly,
        ProblemStatus::Neither => sizes.neither,
    }
}

fn sizes(b: &Boundary, s: &Solvability) -> Markup {
    let findings = b.findings();
    let row = |status: ProblemStatus| {
        let found = found_of(&findings, status);
        // Chance may be all of it: then no number of it is a finding.
        let open = found.filter(|found| !found.shown);
        vec![
            // A space that does not break: the swatch stays with its name.
            html! { i.swatch.(status.class()) {} "\u{a0}" (status.expected_name()) },
            open.map_or_else(|| cell(of(&s.expected, status), counted), set_cell),
            cell(of(&s.null, status), counted),
            open.map_or_else(|| cell(of(&s.excess, status), signed), |_| dash()),
            html! {
                (status.ids(&b.solvable).len())
                @if status.name() != status.class() { " " small { (status.name()) } }
            },
        ]
    };
    let head = ["", "expected", "by chance", "less chance", "in these draws"];
    table("solvable sets at the last checkpoint", &head, &ProblemStatus::ALL.map(row))
}

/// What the tests of the null say.
fn tests(b: &Boundary, s: &Solvability) -> Markup {
    html! {
        p.note {
            "Were policy and base the same model, as many problems lost or nearly would be seen with "
            (p_value(s.p_lost)) ", as many new or nearly with " (p_value(s.p_gained)) "."
            @if let Some(paired) = &b.paired {
                @let m = &paired.mcnemar;
                " Exact McNemar test of " (m.never_solved_again) " never solved again against " (m.newly_solved) " newly solved: "
                (p_value(m.p_value)) "."
            }
        }
    }
}

fn figures(set: &SetRecord, b: &Boundary, s: &Solvability) -> Vec<Markup> {
    let kinds = [
        StepSeries {
            class: "lost",
            shape: PointShape::Square,
            name: LOST_OR_NEARLY,
            figure: |b| Some(b.solvability.as_ref()?.excess.lost_or_nearly),
        },
        StepSeries {
            class: "gained",
            shape: PointShape::Disc,
            name: NEW_OR_NEARLY,
            figure: |b| Some(b.solvability.as_ref()?.excess.new_or_nearly),
        },
    ];
    let axis = |values: &[f64]| Axis::values(values.iter().copied());
    let excess = series(
        &set.checkpoints,
        axis,
        &kinds,
        signed,
        "problems lost or nearly, and new or nearly, less chance",
    );

    let level = confidence(s.level);
    let pair = [("base", "frozen base"), ("policy", "policy")];
    let fit_keys = |side| vec![(side, "unbiased"), ("hollow", "the fit")];
    vec![
        figure(
            "Lost or new, less chance",
            &[("lost", "lost or nearly, squares"), ("gained", "new or nearly, discs")],
            excess,
            &format!("Expected problems less the null's. At the last checkpoint, {}.", found(b)),
        ),
        figure(
            "What is known of each problem",
            &STATES,
            states_chart(&set.checkpoints),
            &format!(
                "From below: solvable, undetermined, not detected, at {level} posterior probability. \
                 Not detected does not say that it cannot be solved.",
            ),
        ),
        figure(
            "Does the prior fit?",
            &pair,
            pit(s),
            &format!(
                "Where the outcomes stand in what the fitted prior expects, in tenths: level if it \
                 fits. Base {}, policy {}.",
                p_value(s.base.p_value),
                p_value(s.policy.p_value)
            ),
        ),
        figure(
            "The base's curve and its fit",
            &fit_keys("base"),
            curves::fitted(b, "base", &b.base, &s.base.pass_at_k),
            &prior_words(&s.base),
        ),
        figure(
            "The policy's curve and its fit",
            &fit_keys("policy"),
            curves::fitted(b, "policy", &b.policy, &s.policy.pass_at_k),
            &prior_words(&s.policy),
        ),
    ]
}

/// What is shown at a checkpoint.
fn found(b: &Boundary) -> String {
    let findings = b.findings();
    let word = |name, found: Option<SetFinding>| {
        found.map(|found| format!("{name}: {}", words::set(found)))
    };
    let found = [
        word(LOST_OR_NEARLY, findings.lost_or_nearly),
        word(NEW_OR_NEARLY, findings.new_or_nearly),
    ];
    found.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn prior_words(fit: &PriorFit) -> String {
    format!(
        "Prior: {}% of the problems at rate 0, the others Beta({}, {}). Problems without a correct \
         draw: {}% expected, {}% seen.",
        percent(fit.zero),
        significant(fit.alpha),
        significant(fit.beta),
        percent(fit.unsolved_expected),
        percent(fit.unsolved_observed),
    )
}

/// The base's states, and the policy's at every checkpoint, as stacked bars.
fn states_chart(checkpoints: &[ProbedStep]) -> Markup {
    let with: Vec<_> = (checkpoints.iter())
        .filter_map(|c| Some((c.step, c.boundary.solvability.as_ref()?)))
        .collect();
    let chosen = spread(&with, BARS - 1);
    let mut bars: Vec<(String, [usize; 3])> = Vec::new();
    if let Some((_, s)) = chosen.last() {
        bars.push(("base".into(), states(s.problems.iter().map(|p| p.base))));
    }
    bars.extend(
        chosen
            .iter()
            .map(|(step, s)| (step.to_string(), states(s.problems.iter().map(|p| p.policy)))),
    );
    let most = bars.iter().map(|(_, counts)| counts.iter().sum::<usize>()).max().unwrap_or(0);
    let names: Vec<_> = bars.iter().map(|(name, _)| name.clone()).collect();
    let mut y = Axis::counts(most as f64);
    y.cap(most as f64);
    let mut chart = Chart::new(ChartSize::Small, Axis::names(&names, 8), y);
    for (index, (name, counts)) in bars.iter().enumerate() {
        let (x, mut below) = (index as f64, 0);
        for ((class, state), count) in STATES.into_iter().zip(counts) {
            let y = (below as f64, (below + count) as f64);
            let who = if index == 0 { name.clone() } else { format!("policy, step {name}") };
            let title = format!("{who}: {}", plural(*count as u64, "problem") + " " + state);
            chart.bar(class, (x - 0.38, x + 0.38), y, &title, &count.to_string());
            below += count;
        }
    }
    let words = |(name, counts): &(String, [usize; 3])| {
        format!(
            "{name}: {} solvable, {} undetermined, {} not detected",
            counts[0], counts[1], counts[2]
        )
    };
    let ends: Vec<_> = [bars.first(), bars.last()].into_iter().flatten().map(words).collect();
    let label = format!(
        "states of the problems, of the base and of the policy by step: {}",
        ends.join("; ")
    );
    chart.finish(&label, "base, then the policy by step")
}

/// Solvable, undetermined, not detected.
fn states(states: impl Iterator<Item = SolvableState>) -> [usize; 3] {
    states.fold([0; 3], |mut counts, state| {
        counts[match state {
            SolvableState::Solvable => 0,
            SolvableState::Undetermined => 1,
            SolvableState::NotDetected => 2,
        }] += 1;
        counts
    })
}

/// The probability integral transform of both fits, in problems.
fn pit(s: &Solvability) -> Markup {
    let bins = s.base.pit.len().max(s.policy.pit.len());
    let most = s.base.pit.iter().chain(&s.policy.pit).copied().fold(0.0, f64::max);
    let names: Vec<_> = (1..=bins).map(|bin| bin.to_string()).collect();
    let mut chart = Chart::new(ChartSize::Small, Axis::names(&names, 10), Axis::counts(most));
    for (side, pit, from, to) in
        [("base", &s.base.pit, -0.4, -0.02), ("policy", &s.policy.pit, 0.02, 0.4)]
    {
        for (bin, &value) in pit.iter().enumerate() {
            let (x, title) = (bin as f64, format!("{side}, tenth {}: {}", bin + 1, counted(value)));
            chart.bar(side, (x + from, x + to), (0.0, value.max(0.0)), &title, "");
        }
    }
    let total: f64 = s.base.pit.iter().sum();
    chart.level(total / s.base.pit.len().max(1) as f64);
    let range = |pit: &[f64]| {
        let low = pit.iter().copied().fold(f64::INFINITY, f64::min);
        format!(
            "{} to {} problems in a tenth",
            counted(low),
            counted(pit.iter().copied().fold(0.0, f64::max))
        )
    };
    let label = format!(
        "probability integral transform: base {}, policy {}",
        range(&s.base.pit),
        range(&s.policy.pit)
    );
    chart.finish(&label, "tenth of the distribution")
}

#[cfg(test)]
#[path = "../tests/unit/sets.rs"]
mod tests;
