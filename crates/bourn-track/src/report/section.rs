//! One run: what became of it in words, its charts, its problems, its recipe.

use super::chart::put;
use super::html::{duration, esc, grouped, shell_word};
use super::page::Named;
use super::probe_file::{ProbeFile, ProbedModel};
use super::read::{RunRecord, SetRecord};
use super::{charts, cost, frames, origins, problem_list, sets, support, temperature, words};
use crate::format::{confidence, draws, plural};

/// Bars of the charts of solvable sets.
pub(super) const BARS: usize = 24;

/// The section of a run; `alone` where the page has no other.
pub(super) fn run(named: &Named<'_>, runs: usize, alone: bool) -> String {
    let run = named.run;
    let mut html = String::new();
    let label = esc(&named.label);
    if alone {
        put(&mut html, format_args!("<h1>{label}</h1>\n"));
    } else {
        put(
            &mut html,
            format_args!(
                "<details class=\"run\" id=\"{0}\">\n<summary><h2><span class=\"swatch {0}\"></span> \
                 {label}</h2></summary>\n",
                named.class
            ),
        );
    }
    put(&mut html, format_args!("{}", facts(run)));
    for set in &run.sets {
        put(&mut html, format_args!("{}", set_section(run, set, runs)));
    }
    if run.sets.is_empty() {
        html += "<p class=\"note\">This run was never probed: there is nothing to say of its \
                 boundary. The recipe's <code>probe.interval</code> asks for probes.</p>\n";
    }
    // With a single set they stand among its charts.
    if run.sets.len() != 1 && run.probe.is_none() {
        put(&mut html, format_args!("<h2>Training</h2>\n{}", grid(&training_figures(run))));
    }
    put(
        &mut html,
        format_args!(
            "<details class=\"recipe\"><summary>The resolved recipe</summary><pre>{}</pre></details>\n",
            esc(&run.recipe)
        ),
    );
    if !alone {
        html += "</details>\n";
    }
    html
}

/// The run's name plate: steps, seed, cost, how to run it again.
fn facts(run: &RunRecord) -> String {
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
    let again = again(run);
    let row = |(name, value): (&str, String)| format!("<dt>{name}</dt><dd>{}</dd>", esc(&value));
    let rows: String = rows.into_iter().map(row).collect();
    format!("<dl class=\"facts\">{rows}<dt>again</dt><dd><code>{}</code></dd></dl>\n", esc(&again))
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

fn set_section(run: &RunRecord, set: &SetRecord, runs: usize) -> String {
    let last = set.last();
    let mut html = String::from("<section class=\"set\">\n");
    if run.sets.len() > 1 {
        put(&mut html, format_args!("<h2>{}</h2>\n", esc(&set.name)));
    }
    put(&mut html, format_args!("{}{}", words::words(set), words::tiles(last)));
    put(&mut html, format_args!("<h3>pass@k</h3>\n{}", frames::frames(set)));
    if run.probe.is_none() {
        put(&mut html, format_args!("<h3>Every checkpoint</h3>\n{}", frames::checkpoints(set)));
        put(&mut html, format_args!("<h3>Over training</h3>\n{}", over_training(run, set)));
    }
    html += &sets::section(set);
    html += &origins::section(set);
    html += &temperature::section(set);
    html += &support::section(set);
    html += &cost::section(run, set);
    html += &problem_list::list(set, runs);
    html += "</section>\n";
    html
}

fn over_training(run: &RunRecord, set: &SetRecord) -> String {
    let (b, pair) = (&set.last().boundary, [("base", "frozen base"), ("policy", "policy")]);
    let (first, k_max) = (b.k[0], b.k_max());
    let mut figures = vec![figure(
        &format!("pass@{first}"),
        &legend(&pair),
        &charts::ends(set, first),
        "What every trainer reports.",
    )];
    if k_max > first {
        figures.push(figure(
            &format!("pass@{k_max}"),
            &legend(&pair),
            &charts::ends(set, k_max),
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
            "",
            &charts::delta(set, k),
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
        &legend(&statuses),
        &charts::flow(&spread(&set.checkpoints, BARS)),
        "By whom, in all of a problem's draws; from below: kept, gained, lost, neither. Step 0 \
         compares the base with itself.",
    ));
    figures.push(figure(
        "Δ_SE",
        "",
        &charts::delta_se(&[("policy", "Δ_SE", &set.checkpoints)]),
        &format!(
            "Base pass@{k_max} less policy pass@{first}: what one try of the policy leaves unused."
        ),
    ));
    if b.entropy.is_some() {
        let keys = [("base", "frozen base"), ("policy", "policy"), ("faint", "training draws")];
        figures.push(figure(
            "Token entropy",
            &legend(&keys),
            &charts::entropy(set, &run.entropy),
            "Nats per token, whole vocabulary. Near 0, all draws of a problem become the same.",
        ));
    }
    if set.has_base {
        figures.push(figure(
            "Accuracy of the problems",
            &legend(&pair),
            &charts::accuracies(&set.problems),
            "Number of problems by their share of correct draws, at the last checkpoint.",
        ));
    }
    if run.sets.len() == 1 {
        figures.extend(training_figures(run));
    }
    grid(&figures)
}

fn training_figures(run: &RunRecord) -> Vec<String> {
    let curve = |title: &str, points: &[(u64, f64)], caption: &str| {
        (!points.is_empty()).then(|| {
            let chart = charts::curves(&[("policy".into(), points)], title);
            figure(title, "", &chart, caption)
        })
    };
    let reward = curve("Training reward", &run.reward, "Mean of each step, and its running mean.");
    let entropy = (run.sets.is_empty())
        .then(|| curve("Token entropy", &run.entropy, "Of the training draws, nats per token."))
        .flatten();
    reward.into_iter().chain(entropy).collect()
}

/// A titled chart.
pub(super) fn figure(title: &str, legend: &str, chart: &str, caption: &str) -> String {
    let (title, caption) = (esc(title), esc(caption));
    format!("<figure><h4>{title}</h4>{legend}{chart}<figcaption>{caption}</figcaption></figure>\n")
}

/// Charts side by side where there is room.
pub(super) fn grid(figures: &[String]) -> String {
    format!("<div class=\"grid\">\n{}</div>\n", figures.concat())
}

/// Classes with what they stand for.
pub(super) fn legend<S: AsRef<str>>(keys: &[(&str, S)]) -> String {
    let key = |(class, name): &(&str, S)| {
        let name = esc(name.as_ref());
        format!("<span><i class=\"swatch {class}\"></i> {name}</span>\n")
    };
    format!("<p class=\"legend\">{}</p>\n", keys.iter().map(key).collect::<String>())
}

/// At most `most` of a list at equal distances, first and last among them.
pub(super) fn spread<T>(list: &[T], most: usize) -> Vec<&T> {
    if list.len() <= most {
        return list.iter().collect();
    }
    let last = list.len() - 1;
    (0..most).map(|i| &list[i * last / (most - 1)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreading_keeps_both_ends() {
        let check = |n: usize, most, expect: &[usize]| {
            let list: Vec<usize> = (0..n).collect();
            assert_eq!(spread(&list, most).into_iter().copied().collect::<Vec<_>>(), expect);
        };
        check(3, 3, &[0, 1, 2]);
        check(5, 3, &[0, 2, 4]);
        check(100, 4, &[0, 33, 66, 99]);
        check(1, 2, &[0]);
    }
}
