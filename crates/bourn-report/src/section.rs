//! One run: what became of it in words, its charts, its problems, its recipe.

use bourn_track::format::{confidence, draws, grouped, plural};
use maud::{Markup, html};

use crate::page::NamedRun;
use crate::probe_file::{ProbeFile, ProbedModel};
use crate::read::{RunRecord, SetRecord};
use crate::text::{Foreign, duration, shell_word};
use crate::{charts, cost, frames, origins, problem_list, sets, support, temperature, words};

/// Bars of the charts of solvable sets.
pub(crate) const BARS: usize = 24;

/// The section of a run; `alone` where the page has no other.
pub(crate) fn run(named: &NamedRun<'_>, runs: usize, alone: bool) -> Markup {
    let NamedRun { class, label, run } = named;
    let shown = html! {
        (facts(run))
        @for set in &run.sets { (set_section(run, set, runs)) }
        @if run.sets.is_empty() {
            p.note {
                "This run was never probed: there is nothing to say of its boundary. The recipe's "
                code { "probe.interval" } " asks for probes."
            }
        }
        // With a single set they stand among its charts.
        @if run.sets.len() != 1 && run.probe.is_none() {
            h2 { "Training" }
            (grid(&training_figures(run)))
        }
        details.recipe {
            summary { "The resolved recipe" }
            pre { (Foreign(&run.recipe)) }
        }
    };
    html! {
        @if alone {
            h1 { (Foreign(label)) }
            (shown)
        } @else {
            details.run id=(class) {
                summary { h2 { span.swatch.(class) {} " " (Foreign(label)) } }
                (shown)
            }
        }
    }
}

/// The run's name plate: steps, seed, cost, how to run it again.
fn facts(run: &RunRecord) -> Markup {
    let mut rows = match &run.probe {
        Some(probe) => models(probe),
        None => {
            let steps = match run.steps >= run.max_steps {
                true => plural(run.steps, "step"),
                false => format!("{} of {}", run.steps, plural(run.max_steps, "step")),
            };
            vec![("trained", format!("{steps}, seed {}", run.seed))]
        }
    };
    if let Some(cost) = run.cost {
        let rate = cost.tokens / cost.seconds.max(f64::MIN_POSITIVE);
        rows.push((
            "cost",
            format!(
                "{} tokens drawn and trained on in {} ({} tokens/s; probes not counted)",
                grouped(cost.tokens),
                duration(cost.seconds),
                grouped(rate)
            ),
        ));
    }
    for set in &run.sets {
        let b = &set.last().boundary;
        let base = if b.n.base == b.n.policy { " of each model" } else { "" };
        let probes = plural(set.checkpoints.len() as u64, "probe");
        let sampler = b.sampler.as_deref().unwrap_or("sampler not recorded");
        rows.push((
            "probed",
            format!(
                "{}: {probes} of {}, {} each{base}; {sampler}",
                set.name,
                plural(b.problems as u64, "problem"),
                draws(b.n.base, b.n.policy),
            ),
        ));
    }
    html! {
        dl.facts {
            @for (name, value) in &rows {
                dt { (name) }
                dd { (Foreign(value)) }
            }
            dt { "again" }
            dd { code { (Foreign(again(run))) } }
        }
    }
}

/// The two models of a probe without a run.
fn models(probe: &ProbeFile) -> Vec<(&'static str, String)> {
    let model = |ProbedModel { source, weights }: &ProbedModel| {
        let short: String = weights.chars().take(12).collect();
        format!("{source} (weights {short})")
    };
    let after = match probe.step {
        0 => String::new(),
        step => format!(", after {}", plural(step, "step")),
    };
    vec![("base", model(&probe.base)), ("policy", model(&probe.policy) + &after)]
}

/// The command that does it again.
fn again(run: &RunRecord) -> String {
    let recipe = shell_word(&format!("{}/recipe.toml", run.path));
    match &run.probe {
        Some(ProbeFile { base, policy, .. }) => format!(
            "bourn probe --base {} --policy {} --task {recipe}",
            shell_word(&base.source),
            shell_word(&policy.source)
        ),
        None => {
            let stopped = match run.steps < run.max_steps {
                true => format!(" --max-steps {}", run.steps),
                false => String::new(),
            };
            format!("bourn train {recipe} --run-dir again{stopped}")
        }
    }
}

fn set_section(run: &RunRecord, set: &SetRecord, runs: usize) -> Markup {
    html! {
        section.set {
            @if run.sets.len() > 1 { h2 { (Foreign(&set.name)) } }
            (words::words(set))
            (words::tiles(set.last()))
            h3 { "pass@k" }
            (frames::frames(set))
            @if run.probe.is_none() {
                h3 { "Every checkpoint" }
                (frames::checkpoints(set))
                h3 { "Over training" }
                (over_training(run, set))
            }
            (sets::section(set))
            (origins::section(set))
            (temperature::section(set))
            (support::section(set))
            (cost::section(run, set))
            (problem_list::list(set, runs))
        }
    }
}

fn over_training(run: &RunRecord, set: &SetRecord) -> Markup {
    let (b, pair) = (&set.last().boundary, [("base", "frozen base"), ("policy", "policy")]);
    let (first, k_max) = (b.k[0], b.k_max());
    let mut figures = vec![figure(
        &format!("pass@{first}"),
        &pair,
        charts::ends(set, first),
        "What every trainer reports.",
    )];
    if k_max > first {
        figures.push(figure(
            &format!("pass@{k_max}"),
            &pair,
            charts::ends(set, k_max),
            "What it may have cost: the base's line is flat, for it is drawn once.",
        ));
    }
    for k in [first, k_max].into_iter().take(if k_max > first { 2 } else { 1 }) {
        let anytime = match &b.paired {
            None => String::new(),
            Some(p) => format!(
                " Light: the interval that holds at every look at once; this is look {}.",
                p.look
            ),
        };
        figures.push(figure(
            &format!("Δpass@{k}"),
            &[],
            charts::delta(set, k),
            &format!(
                "Policy less base, paired by problem, with its {} interval.{anytime}",
                confidence(b.confidence)
            ),
        ));
    }
    let statuses = [
        ("kept", "kept: both"),
        ("gained", "gained: policy only"),
        ("lost", "lost: base only"),
        ("neither", "neither"),
    ];
    figures.push(figure(
        "Problems solved at least once",
        &statuses,
        charts::flow(&spread(&set.checkpoints, BARS)),
        "By whom, in all of a problem's draws; from below: kept, gained, lost, neither. Step 0 \
         compares the base with itself.",
    ));
    figures.push(figure(
        "Δ_SE",
        &[],
        charts::delta_se(&[("policy", "Δ_SE", &set.checkpoints)]),
        &format!(
            "Base pass@{k_max} less policy pass@{first}: what one try of the policy leaves unused."
        ),
    ));
    if b.entropy.is_some() {
        figures.push(figure(
            "Token entropy",
            &[("base", "frozen base"), ("policy", "policy"), ("faint", "training draws")],
            charts::entropy(set, &run.entropy),
            "Nats per token, whole vocabulary. Near 0, all draws of a problem become the same.",
        ));
    }
    if set.has_base {
        figures.push(figure(
            "Accuracy of the problems",
            &pair,
            charts::accuracies(&set.problems),
            "Number of problems by their share of correct draws, at the last checkpoint.",
        ));
    }
    if run.sets.len() == 1 {
        figures.extend(training_figures(run));
    }
    grid(&figures)
}

fn training_figures(run: &RunRecord) -> Vec<Markup> {
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

/// A titled chart; `keys` are those of its legend, if it has one.
pub(crate) fn figure(title: &str, keys: &[(&str, &str)], chart: Markup, caption: &str) -> Markup {
    html! {
        figure {
            h4 { (Foreign(title)) }
            @if !keys.is_empty() { (legend(keys)) }
            (chart)
            figcaption { (Foreign(caption)) }
        }
    }
}

/// Charts side by side where there is room.
pub(crate) fn grid(figures: &[Markup]) -> Markup {
    html! { div.grid { @for figure in figures { (figure) } } }
}

/// Classes with what they stand for.
pub(crate) fn legend(keys: &[(&str, &str)]) -> Markup {
    html! {
        p.legend {
            @for (class, name) in keys { span { i.swatch.(class) {} " " (Foreign(name)) } }
        }
    }
}

/// At most `most` of a list at equal distances, first and last among them.
pub(crate) fn spread<T>(list: &[T], most: usize) -> Vec<&T> {
    if list.len() <= most {
        return list.iter().collect();
    }
    let last = list.len() - 1;
    (0..most).map(|i| &list[i * last / (most - 1)]).collect()
}

#[cfg(test)]
#[path = "../tests/unit/section.rs"]
mod tests;
