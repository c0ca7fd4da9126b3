//! One run: what became of it in words, its charts, its problems, its recipe.

use bourn_track::format::{draws, grouped, plural};
use bourn_track::words::standing;
use maud::{Markup, html};

use crate::page::NamedRun;
use crate::probe_file::{ProbeFile, ProbedModel};
use crate::read::{RunRecord, SetRecord};
use crate::text::{Foreign, shell_word};
use crate::{cost, frames, origins, problem_list, sets, support, temperature, training, words};

/// Bars of the charts of solvable sets.
pub(crate) const BARS: usize = 24;

/// The section of a run; `alone` where the page has no other.
pub(crate) fn run(named: &NamedRun<'_>, runs: usize, alone: bool) -> Markup {
    let NamedRun { class, label, run, .. } = named;
    let shown = html! {
        (facts(run, named.sweep.as_deref()))
        @for fault in &run.faults {
            p.note.warn { "Not as it was written, so that what is shown here may not be what was measured: "
                (Foreign(fault)) }
        }
        @for (index, set) in run.sets.iter().enumerate() { (set_section(run, set, index, runs)) }
        @if run.sets.is_empty() {
            p.note {
                "This run was never probed: there is nothing to say of its boundary. The recipe's "
                code { "probe.interval" } " asks for probes."
            }
        }
        // With a single set they stand among its charts.
        @if run.sets.len() != 1 && run.probe.is_none() {
            h2 { "Training" }
            (grid(&training::training_figures(run)))
        }
        (fold("The resolved recipe", html! { pre.recipe { (Foreign(&run.recipe)) } }))
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
fn facts(run: &RunRecord, sweep: Option<&str>) -> Markup {
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
        rows.push(("time", cost::run_time(run, &cost)));
        if cost.steps > 0 {
            let rate = cost.tokens / cost.seconds.max(f64::MIN_POSITIVE);
            let (tokens, rate) = (grouped(cost.tokens), grouped(rate));
            rows.push(("tokens", format!("{tokens} drawn and trained on, {rate} a second")));
        }
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
            @if let Some(href) = sweep {
                dt { "part of" }
                dd { a href=(href) { "a sweep: its report" } }
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

/// A set of problems; all but the first are folded.
fn set_section(run: &RunRecord, set: &SetRecord, index: usize, runs: usize) -> Markup {
    let shown = html! {
        div.hero {
            (words::words(set))
            (frames::frames(set))
            (words::tiles(set.last()))
        }
        (frames::tables(set))
        @if run.probe.is_none() {
            (training::over_training(run, set))
            (frames::checkpoints(set))
        }
        (sets::section(set))
        (origins::section(set))
        (temperature::section(set))
        (support::section(set))
        (cost::section(run, set))
        (problem_list::list(set, runs))
    };
    let name = html! { h2 { (Foreign(&set.name)) } };
    match (index, run.sets.len()) {
        (_, 1) => html! { section.set { (shown) } },
        (0, _) => html! { section.set { (name) (shown) } },
        _ => html! {
            details.fold.set {
                summary { (name) " " span { (standing(&set.last().boundary.findings())) } }
                (shown)
            }
        },
    }
}

/// A part that is there when it is asked for; `title` says what is inside.
pub(crate) fn fold(title: &str, inside: Markup) -> Markup {
    html! {
        details.fold {
            summary { (Foreign(title)) }
            div { (inside) }
        }
    }
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
