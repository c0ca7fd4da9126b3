//! Charts in which figures that belong together share their axes: TensorBoard's custom scalars.

use bourn_probe::Boundary;
use tensorboard_proto::layout::{
    Category, Chart, Layout, MarginChartContent, MarginChartContent_Series, MultilineChartContent,
};

use crate::error::TrackError;
use crate::tags;
use crate::tensorboard::EventWriter;

/// Writes the layout of the custom-scalars tab for these sets of problems: base and policy share a
/// chart at every k, each with its interval; so do the other figures of which there are two. To be
/// written once by a process, before or with the first figures; charts are those of the parts that
/// `sets` have.
///
/// # Errors
/// Names the event file that could not be written.
pub fn write_layout(
    writer: &mut EventWriter,
    step: u64,
    sets: &[(&str, &Boundary)],
) -> Result<(), TrackError> {
    let mut layout = Layout::new();
    for (set, boundary) in sets {
        for category in categories(set, boundary) {
            layout.mut_category().push(category);
        }
    }
    writer.layout(step, &layout)?;
    writer.flush()
}

fn categories(set: &str, b: &Boundary) -> Vec<Category> {
    let pair = |name: &str| [format!("base/{name}"), format!("policy/{name}")];
    let curves = b
        .k
        .iter()
        .map(|k| margin(set, &format!("pass@{k}: base and policy"), &pair(&format!("pass@{k}"))));
    let mut list = vec![category(set, "pass@k", false, curves.collect())];

    let mut deltas = Vec::new();
    for k in &b.k {
        let delta = format!("delta/pass@{k}");
        let mut series = vec![(delta.clone(), delta.clone())];
        if b.paired.is_some() {
            // The wider interval around the same line.
            series.push((delta, format!("delta_anytime/pass@{k}")));
        }
        deltas.push(margins(set, &format!("Δpass@{k}: policy less base"), &series));
    }
    deltas.push(margin(set, "Δ_SE", &["delta_se".into()]));
    deltas.push(lines(set, "crossover k", "crossover_k(/ci_low|/ci_high)?"));
    list.push(category(set, "difference", true, deltas));

    let four = "(kept|newly_solved|never_solved_again|neither)";
    let mut sets = vec![lines(set, "seen in the draws", &format!("solvable/{four}"))];
    if b.solvability.is_some() {
        let excess = [
            "solvable/excess/lost_or_nearly".to_owned(),
            "solvable/excess/new_or_nearly".to_owned(),
        ];
        sets.insert(0, margin(set, "lost or nearly, new or nearly: beyond chance", &excess));
        let pair = [
            "solvable/expected/lost_or_nearly".to_owned(),
            "solvable/null/lost_or_nearly".to_owned(),
        ];
        sets.insert(1, margin(set, "lost or nearly, and by chance", &pair));
        sets.push(lines(set, "expected", &format!("solvable/expected/{four}")));
        let states = "policy/states/(solvable|undetermined|not_detected)";
        sets.push(lines(set, "what is known of the policy", states));
    }
    if let Some(s) = &b.support {
        // A figure that would divide by 0 has no scalar.
        let named = [("srr", s.srr), ("ndr", s.ndr), ("sds", s.sds), ("nscr", s.nscr)];
        let there = named.iter().filter(|(_, value)| value.is_some());
        let support: Vec<_> = there.map(|(name, _)| format!("support/{name}")).collect();
        if !support.is_empty() {
            sets.push(margin(set, "support figures", &support));
        }
    }
    list.push(category(set, "solvable sets", false, sets));

    let mut origins = Vec::new();
    if b.entropy.is_some() {
        origins.push(margin(set, "token entropy", &pair("entropy")));
    }
    if let Some(o) = &b.origins {
        origins.push(margin(set, "answer entropy", &pair("answer_entropy")));
        let masses = ["witness_mass/base".to_owned(), "witness_mass/policy".to_owned()];
        origins.push(margin(set, "witness mass", &masses));
        origins.push(margin(set, "outside the base's nucleus", &["outside_nucleus".into()]));
        for (title, correct) in [("perplexity of correct", true), ("perplexity of wrong", false)] {
            let of = o.perplexity.iter().filter(|p| p.correct == correct);
            let figures: Vec<_> = of.map(|p| tags::perplexity(&p.under, &p.of, correct)).collect();
            if !figures.is_empty() {
                origins.push(margin(set, title, &figures));
            }
        }
        origins.push(lines(set, "quantiles of token entropy", "(base|policy)/entropy/q[0-9.]+"));
    }
    if !origins.is_empty() {
        list.push(category(set, "where answers come from", false, origins));
    }
    list
}

fn category(set: &str, title: &str, closed: bool, charts: Vec<Chart>) -> Category {
    let mut category = Category::new();
    category.set_title(format!("{set}: {title}"));
    category.set_closed(closed);
    category.set_chart(charts.into());
    category
}

/// A chart of figures with their own intervals.
fn margin(set: &str, title: &str, figures: &[String]) -> Chart {
    let series: Vec<_> = figures.iter().map(|figure| (figure.clone(), figure.clone())).collect();
    margins(set, title, &series)
}

/// A chart of figures, each with the interval that stands under another's name.
fn margins(set: &str, title: &str, figures: &[(String, String)]) -> Chart {
    let mut content = MarginChartContent::new();
    for (figure, ends) in figures {
        let ends = tags::boundary(set, ends);
        let mut series = MarginChartContent_Series::new();
        series.set_value(tags::boundary(set, figure));
        series.set_lower(tags::ci_low(&ends));
        series.set_upper(tags::ci_high(&ends));
        content.mut_series().push(series);
    }
    let mut chart = Chart::new();
    chart.set_title(title.to_owned());
    chart.set_margin(content);
    chart
}

/// A chart of every tag of the set that the expression matches as a whole.
fn lines(set: &str, title: &str, expression: &str) -> Chart {
    let mut content = MultilineChartContent::new();
    let set = tags::boundary(&escaped(set), expression);
    content.mut_tag().push(format!("^{set}$"));
    let mut chart = Chart::new();
    chart.set_title(title.to_owned());
    chart.set_multiline(content);
    chart
}

/// A name as an expression that matches it alone.
fn escaped(name: &str) -> String {
    let escape = |c: char| match c.is_ascii_punctuation() && !"-_/".contains(c) {
        true => format!("\\{c}"),
        false => c.to_string(),
    };
    name.chars().map(escape).collect()
}

#[cfg(test)]
#[path = "../tests/unit/layout.rs"]
mod tests;
