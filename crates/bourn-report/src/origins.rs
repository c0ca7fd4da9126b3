//! Where the correct answers came from: perplexities, witnesses, discoveries, entropies.

use bourn_probe::figures::{EntropyQuantile, Origins, Perplexity};
use bourn_track::format::{confidence as share_of, plural};
use maud::{Markup, Render, html};

use crate::axis::Axis;
use crate::chart::{Chart, ChartSize, PointShape};
use crate::charts::{StepSeries, series};
use crate::read::{ProbedStep, SetRecord};
use crate::section::{figure, fold, grid};
use crate::table::{cell, dash, table};
use crate::text::{Foreign, percents, significant};

/// Bins of a histogram of perplexities, of equal width in the logarithm.
const BINS: usize = 12;

/// The part of the page about where correct answers came from; empty where no probe scored.
pub(crate) fn section(set: &SetRecord) -> Markup {
    let with = set.checkpoints.iter().rev().find_map(|c| Some((c, c.boundary.origins.as_ref()?)));
    let Some((checkpoint, o)) = with else { return Markup::default() };
    let mut figures: Vec<Markup> = classes(&o.perplexity)
        .into_iter()
        .filter_map(|class| histogram(&o.perplexity, class))
        .collect();
    figures.extend(over_training(set));
    figures.extend(forking(o));
    fold(
        "Where the correct answers came from: perplexity, witnesses, discoveries, entropies",
        html! {
            p.note { (summary(checkpoint.step, o)) }
            @if !o.perplexity.is_empty() {
                h4 { "Perplexity" }
                (matrix(&o.perplexity))
            }
            (grid(&figures))
        },
    )
}

fn summary(step: u64, o: &Origins) -> String {
    let (w, d) = (&o.witnesses, &o.discoveries);
    let mut text = format!(
        "At step {step}. {} ({} of the base) hold {}% of the base's draws and {}% of the policy's: \
         a floor under the policy's success rate, found without drawing. The policy's {} hold {}% of \
         the base's draws.",
        plural(w.count, "witness").replace("witnesss", "witnesses"),
        "distinct correct completions",
        percents(w.base_mass.value),
        percents(w.policy_mass.value),
        plural(d.count, "distinct correct completion"),
        percents(d.base_mass.value),
    );
    if let Some(outside) = d.outside {
        text += &format!(
            " Of the correct draws of the policy, {}% [{}, {}] hold a token outside the base's \
             nucleus: the base's sampler could not have drawn them.",
            percents(outside.value),
            percents(outside.ci_low),
            percents(outside.ci_high),
        );
    }
    if let Some(pooled) = &o.pooled {
        text += &format!(
            " Pooling both models' draws serves for {} of the base and {} of the policy.",
            plural(pooled.base_used, "problem"),
            plural(pooled.policy_used, "problem")
        );
    }
    if !o.rarely_solved.is_empty() {
        text += &format!(
            " {} the base solves in more than none and less than 5% of its draws: a guess may \
             have.",
            plural(o.rarely_solved.len() as u64, "problem")
        );
    }
    if let Some(g) = &o.guesses {
        text += &format!(
            " Answers without reasoning are right {}% [{}, {}] of the time; {} at least as often \
             as with it.",
            percents(g.rate.value),
            percents(g.rate.ci_low),
            percents(g.rate.ci_high),
            plural(g.guessable.len() as u64, "problem")
        );
    }
    text
}

/// The classes of completions that were scored, in the order in which they are there.
fn classes(list: &[Perplexity]) -> Vec<(&str, bool)> {
    let mut classes = Vec::new();
    for p in list {
        let class = (p.of.as_str(), p.correct);
        if !classes.contains(&class) {
            classes.push(class);
        }
    }
    classes
}

fn find<'a>(list: &'a [Perplexity], under: &str, class: (&str, bool)) -> Option<&'a Perplexity> {
    list.iter().find(|p| p.under == under && (p.of.as_str(), p.correct) == class)
}

fn name((of, correct): (&str, bool)) -> String {
    let right = if correct { "correct" } else { "wrong" };
    match of {
        "reference" => format!("{right} of the reference"),
        of => format!("{right} of the {of}"),
    }
}

/// Under each model, of each class: a table in which what surprises more is darker.
fn matrix(list: &[Perplexity]) -> Markup {
    let most = list.iter().map(|p| p.pooled.value).filter(|v| v.is_finite()).fold(1.0, f64::max);
    let heat = |value: f64| {
        // Six shades over the logarithm; the number is what counts.
        let share = value.max(1.0).ln() / most.max(1.0 + 1e-9).ln();
        (6.0 * share.clamp(0.0, 1.0)).round() as usize
    };
    let entry = |under: &str, class: (&str, bool)| match find(list, under, class) {
        None => dash(),
        Some(p) => html! {
            span.heat.{ "heat" (heat(p.pooled.value)) } { (cell(p.pooled, significant)) }
        },
    };
    let row = |class: (&str, bool)| {
        let count = ["base", "policy"].into_iter().find_map(|under| find(list, under, class));
        vec![
            Foreign(name(class)).render(),
            entry("base", class),
            entry("policy", class),
            count.map_or_else(dash, |p| p.completions.render()),
        ]
    };
    let rows: Vec<_> = classes(list).into_iter().map(row).collect();
    let head = ["completions", "under the base", "under the policy", "scored"];
    table("perplexity under each model of each class of completions", &head, &rows)
}

/// Perplexities of the problems under both models, of one class.
fn histogram(list: &[Perplexity], class: (&str, bool)) -> Option<Markup> {
    let (base, policy) = (find(list, "base", class), find(list, "policy", class));
    let values = |p: Option<&Perplexity>| -> Vec<f64> {
        p.map_or(Vec::new(), |p| p.problems.iter().map(|(_, value)| *value).collect())
    };
    let (base, policy) = (values(base), values(policy));
    if base.is_empty() && policy.is_empty() {
        return None;
    }
    let axis = Axis::factors(base.iter().chain(&policy).copied().fold(1.0, f64::max));
    let width = axis.high / BINS as f64;
    let count = |values: &[f64]| {
        let mut bins = [0u32; BINS];
        for value in values {
            let place = value.max(1.0).log2() / width;
            // A cast saturates; what is not finite stands in the last bin.
            bins[(place as usize).min(BINS - 1)] += 1;
        }
        bins
    };
    let (in_base, in_policy) = (count(&base), count(&policy));
    let most = in_base.iter().chain(&in_policy).max().copied().unwrap_or(0);
    let mut chart = Chart::new(ChartSize::Small, axis, Axis::counts(f64::from(most)));
    for (side, bins, from, to) in
        [("base", &in_base, 0.06, 0.49), ("policy", &in_policy, 0.51, 0.94)]
    {
        for (bin, &count) in bins.iter().enumerate() {
            if count == 0 {
                continue;
            }
            let at = |share: f64| (bin as f64 + share) * width;
            let [low, high] = [0.0, 1.0].map(|end| significant(at(end).exp2()));
            let problems = plural(u64::from(count), "problem");
            let title = format!("under the {side}, {low} to {high}: {problems}");
            chart.bar(side, (at(from), at(to)), (0.0, f64::from(count)), &title, "");
        }
    }
    let name = name(class);
    let median = |values: &[f64]| {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).map_or("–".into(), |v| significant(*v))
    };
    let label = format!(
        "problems by perplexity, {name}: median {} under the base, {} under the policy",
        median(&base),
        median(&policy)
    );
    Some(figure(
        &format!("Perplexity by problem: {name}"),
        &[("base", "under the base"), ("policy", "under the policy")],
        chart.finish(&label, "perplexity of a problem's completions"),
        "Number of problems. Far right under the base: it would hardly have said this.",
    ))
}

fn over_training(set: &SetRecord) -> Vec<Markup> {
    let pair = [("base", "frozen base, squares"), ("policy", "policy, discs")];
    let of = |class, shape, name, figure| StepSeries { class, shape, name, figure };
    let shares = |values: &[f64]| Axis::differences(values.iter().copied());
    let values = |values: &[f64]| Axis::values(values.iter().copied());
    let percent = |share: f64| format!("{}%", percents(share));
    let nats = |value: f64| format!("{value:.3} nats");
    let cut = |c: &ProbedStep| {
        c.boundary.origins.as_ref().is_some_and(|o| o.discoveries.outside.is_some())
    };
    let mut figures = vec![
        figure(
            "Witness mass",
            &pair,
            series(
                &set.checkpoints,
                shares,
                &[
                    of("base", PointShape::Square, "base", |b| {
                        Some(b.origins.as_ref()?.witnesses.base_mass)
                    }),
                    of("policy", PointShape::Disc, "policy", |b| {
                        Some(b.origins.as_ref()?.witnesses.policy_mass)
                    }),
                ],
                percent,
                "probability of the base's distinct correct completions",
            ),
            "How much of each model's draws the base's distinct correct completions are. Falling \
             while pass@1 rises: other answers took their place.",
        ),
        figure(
            "Answer entropy",
            &pair,
            series(
                &set.checkpoints,
                values,
                &[
                    of("base", PointShape::Square, "base", |b| {
                        Some(b.origins.as_ref()?.base_answer_entropy)
                    }),
                    of("policy", PointShape::Disc, "policy", |b| {
                        Some(b.origins.as_ref()?.policy_answer_entropy)
                    }),
                ],
                nats,
                "entropy over distinct final answers",
            ),
            "Over the distinct final answers of a problem, nats, mean over problems. Near 0, every \
             draw ends in the same answer.",
        ),
    ];
    // A sampler that cuts nothing away has no outside.
    if set.checkpoints.iter().any(cut) {
        figures.push(figure(
            "Outside the base's nucleus",
            &[],
            series(
                &set.checkpoints,
                shares,
                &[of("policy", PointShape::Disc, "outside", |b| {
                    b.origins.as_ref()?.discoveries.outside
                })],
                percent,
                "correct policy draws that the base's sampler could not have drawn",
            ),
            "Share of the policy's correct draws with a token that the base's sampler cuts away.",
        ));
    }
    figures
}

/// Quantiles of token entropy of both models.
fn forking(o: &Origins) -> Option<Markup> {
    let list = &o.token_entropy;
    if list.is_empty() {
        return None;
    }
    let names: Vec<_> = list.iter().map(|e| share_of(e.q)).collect();
    let values = list.iter().flat_map(|e| [e.base, e.policy]);
    let mut chart = Chart::new(ChartSize::Small, Axis::names(&names, 8), Axis::values(values));
    for (side, shape) in [("base", PointShape::Square), ("policy", PointShape::Disc)] {
        let value = |e: &EntropyQuantile| match side {
            "base" => e.base,
            _ => e.policy,
        };
        let points: Vec<_> =
            list.iter().enumerate().map(|(index, e)| (index as f64, value(e))).collect();
        chart.line(side, &points);
        let dot = |(&(x, y), name): (&(f64, f64), &String)| {
            (x, y, format!("{side}, {name} of tokens at or below {y:.3} nats"))
        };
        let dots: Vec<_> = points.iter().zip(&names).map(dot).collect();
        chart.dots(side, shape, &dots);
    }
    let words = list
        .iter()
        .zip(&names)
        .map(|(e, name)| format!("{name} base {:.3}, policy {:.3}", e.base, e.policy));
    let label = format!("quantiles of token entropy: {}", words.collect::<Vec<_>>().join("; "));
    Some(figure(
        "Forking tokens",
        &[("base", "frozen base, squares"), ("policy", "policy, discs")],
        chart.finish(&label, "share of tokens at or below"),
        "Quantiles of token entropy, nats. From 80% on stand the tokens at which an answer may still \
         go either way.",
    ))
}

/// The figures of one problem in words: witnesses, the policy's correct completions, pooling.
pub(crate) fn of_problem(o: &Origins, id: &str) -> Vec<String> {
    let mut words = Vec::new();
    if let Some(w) = find_id(&o.witnesses.problems, id, |w| &w.id) {
        words.push(format!(
            "{}: {}% of the base's draws, {}% of the policy's",
            plural(w.count, "witness").replace("witnesss", "witnesses"),
            percents(w.base),
            percents(w.policy)
        ));
    }
    if let Some(d) = find_id(&o.discoveries.problems, id, |d| &d.id) {
        let first = d.first_outside.map_or(String::new(), |place| {
            format!(", first at token {} (median)", place.saturating_add(1))
        });
        let outside = match o.discoveries.outside {
            Some(_) => {
                format!(", {}% with a token outside its nucleus{first}", percents(d.outside))
            }
            None => String::new(),
        };
        words.push(format!(
            "the policy's {}: {}% of the base's draws{outside}",
            plural(d.count, "distinct correct completion"),
            percents(d.base),
        ));
    }
    let pooled = o.pooled.as_ref().and_then(|p| find_id(&p.problems, id, |p| &p.id));
    if let Some(p) = pooled {
        let of = |side, rate, ess, used| {
            let unused = if used { "" } else { ", too few to use" };
            format!("{side} {}% from {} effective draws{unused}", percents(rate), significant(ess))
        };
        let base = of("base", p.base, p.base_ess, p.base_used);
        words.push(format!(
            "pooled: {base}; {}",
            of("policy", p.policy, p.policy_ess, p.policy_used)
        ));
    }
    words
}

/// The entry of a list that is in id order.
pub(crate) fn find_id<'a, T>(list: &'a [T], id: &str, of: impl Fn(&T) -> &String) -> Option<&'a T> {
    let index = list.binary_search_by(|entry| of(entry).as_str().cmp(id)).ok()?;
    list.get(index)
}
