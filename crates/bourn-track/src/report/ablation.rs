//! The report of a sweep.

use bourn_probe::{Ablation, Estimate};

use super::chart::put;
use super::curves;
use super::html::esc;
use super::page::document;
use super::section::legend;
use super::table::table;
use crate::ablation::{Grid, costs, differences, figures, notes};
use crate::format::{confidence, points};
use crate::{FailedRun, ablation::spread};

const STYLE: &str = include_str!("style.css");
/// Colours there are.
const COLOURS: usize = 8;

/// The report of a sweep, as one HTML document: a section for each set of problems, and what failed.
pub fn render_ablation(name: &str, sets: &[Ablation], failed: &[FailedRun]) -> String {
    let mut page = format!("<h1>{}</h1>\n", esc(name));
    for a in sets {
        page += &set(a);
    }
    if sets.is_empty() {
        page += "<p class=\"note warn\">No run has finished.</p>\n";
    }
    if !failed.is_empty() {
        page += "<h2>Failed runs</h2>\n";
        let row = |run: &FailedRun| {
            vec![esc(&run.variant), run.seed.to_string(), esc(&run.problem), esc(&run.log)]
        };
        let rows: Vec<_> = failed.iter().map(row).collect();
        page += &table("Failed runs", &["variant", "seed", "what went wrong", "log"], &rows);
    }
    document(name, STYLE, &page, "")
}

fn set(a: &Ablation) -> String {
    let mut html = format!("<h2>{}</h2>\n", esc(&a.set));
    for note in notes(a) {
        put(&mut html, format_args!("<p class=\"note\">{}</p>\n", esc(&note)));
    }
    html += "<h3>The boundary of every variant</h3>\n";
    html += &grid("The boundary of every variant", &figures(a, true));
    html += &curve_section(a);
    if let Some(found) = differences(a) {
        let reference = a.reference.map_or("", |index| a.variants[index].name.as_str());
        put(&mut html, format_args!("<h3>Differences from {}</h3>\n", esc(reference)));
        html += &grid("Differences from the reference", &found);
        html += &forest(a);
    }
    html += &pairs(a);
    html += "<h3>Every run</h3>\n";
    html += &runs(a);
    html += "<h3>Cost</h3>\n";
    html += &grid("Cost", &costs(a));
    html += "<h3>What each variant changes</h3>\n";
    let row = |v: &bourn_probe::VariantFigures| {
        let changes: Vec<_> =
            v.changes.iter().map(|(key, value)| esc(&format!("{key} = {value}"))).collect();
        let changes = if changes.is_empty() { "nothing".to_owned() } else { changes.join("<br>") };
        vec![esc(&v.name), changes]
    };
    let rows: Vec<_> = a.variants.iter().map(row).collect();
    html + &table("What each variant changes", &["variant", "keys"], &rows)
}

fn grid(label: &str, grid: &Grid) -> String {
    let head: Vec<String> = grid.head.iter().map(|cell| esc(cell)).collect();
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    let rows: Vec<Vec<String>> =
        grid.rows.iter().map(|row| row.iter().map(|cell| esc(cell)).collect()).collect();
    table(label, &head, &rows)
}

fn class(index: usize) -> String {
    format!("run{}", index % COLOURS)
}

fn curve_section(a: &Ablation) -> String {
    let mut list: Vec<(String, String, &[Estimate])> = Vec::new();
    if let (true, Some(first)) = (a.one_base, a.variants.first()) {
        list.push(("ground".into(), "base".into(), &first.base_curve));
    }
    let bases = list.len();
    for (index, v) in a.variants.iter().enumerate() {
        list.push((class(index), v.name.clone(), &v.policy_curve));
    }
    let keys: Vec<(&str, &str)> =
        list.iter().map(|(class, label, _)| (class.as_str(), label.as_str())).collect();
    format!(
        "<h3>pass@k</h3>\n{}<figure>{}<figcaption>Mean over seeds; bands: {} interval for new \
         problems and seeds.</figcaption></figure>\n",
        legend(&keys),
        curves::variants(&a.curve_k, &list, bases),
        confidence(a.confidence)
    )
}

/// Differences from the reference as bars on one scale, a block for each k.
fn forest(a: &Ablation) -> String {
    let with = || a.differences.iter().filter(|d| Some(d.from) == a.reference);
    let ends = with().flat_map(|d| [d.difference.ci_low.abs(), d.difference.ci_high.abs()]);
    let most = ends.fold(0.01, f64::max);
    let (left, width, row) = (220.0, 420.0, 24.0);
    let x = |value: f64| left + width * (0.5 + 0.5 * value / most);
    let mut html = String::new();
    for &k in &a.k {
        let rows: Vec<_> = with().filter(|d| d.k == k).collect();
        let height = row * rows.len() as f64 + 34.0;
        let words: Vec<_> = rows
            .iter()
            .map(|d| format!("{} {}", a.variants[d.of].name, worded(d.difference)))
            .collect();
        let label = esc(&format!("Differences of pass@{k}: {}", words.join("; ")));
        put(
            &mut html,
            format_args!(
                "<figure><svg class=\"chart large\" viewBox=\"0 0 660 {height}\" role=\"img\" \
                 aria-label=\"{label}\"><g class=\"grid\"><path class=\"zero\" d=\"M{x0:.1} 4V{end}\"/>",
                x0 = x(0.0),
                end = height - 26.0
            ),
        );
        for value in [-most, 0.0, most] {
            put(
                &mut html,
                format_args!(
                    "<text x=\"{:.1}\" y=\"{}\" class=\"mid\">{}</text>",
                    x(value).clamp(left + 12.0, left + width - 16.0),
                    height - 8.0,
                    points(value)
                ),
            );
        }
        html += "</g>";
        for (index, d) in rows.iter().enumerate() {
            let (y, e, class) = (16.0 + row * index as f64, d.difference, class(d.of));
            let name = &a.variants[d.of].name;
            put(
                &mut html,
                format_args!(
                    "<g class=\"grid\"><text x=\"{}\" y=\"{y}\" dy=\".35em\" class=\"end\">{}</text></g>\
                     <path class=\"whisker {class}\" d=\"M{:.1} {y}H{:.1}\"/>\
                     <circle class=\"dot {class}\" cx=\"{:.1}\" cy=\"{y}\" r=\"4.5\"><title>{}</title>\
                     </circle>",
                    left - 10.0,
                    esc(&super::html::one_line(name, 30)),
                    x(e.ci_low),
                    x(e.ci_high),
                    x(e.value),
                    esc(&format!("{name}: {}", worded(e)))
                ),
            );
        }
        put(
            &mut html,
            format_args!(
                "</svg><figcaption>pass@{k} less the reference's, points; {} interval, paired by \
                 problem and seed.</figcaption></figure>\n",
                confidence(a.confidence)
            ),
        );
    }
    html
}

fn worded(e: Estimate) -> String {
    format!("{} [{}, {}]", points(e.value), points(e.ci_low), points(e.ci_high))
}

/// Row less column, every pair, a table for each k.
fn pairs(a: &Ablation) -> String {
    if a.variants.len() < 3 {
        return String::new();
    }
    let mut html = String::from("<h3>Every pair</h3>\n");
    for &k in &a.k {
        let names: Vec<String> = a.variants.iter().map(|v| esc(&v.name)).collect();
        let corner = format!("pass@{k}: row less column, points");
        let mut head = vec![corner.as_str()];
        head.extend(names.iter().map(String::as_str));
        let cell = |row: usize, column: usize| {
            let find = |from: usize, of: usize| {
                let same = |d: &&bourn_probe::Difference| (d.from, d.of, d.k) == (from, of, k);
                a.differences.iter().find(same).map(|d| d.difference)
            };
            let negated =
                |e: Estimate| Estimate { value: -e.value, ci_low: -e.ci_high, ci_high: -e.ci_low };
            let found = find(column, row).or_else(|| find(row, column).map(negated));
            match found {
                Some(e) => super::table::cell(e, points),
                None => "–".to_owned(),
            }
        };
        let row = |row: usize| {
            let cells = (0..names.len()).map(|column| cell(row, column));
            std::iter::once(names[row].clone()).chain(cells).collect()
        };
        let rows: Vec<Vec<String>> = (0..names.len()).map(row).collect();
        html += &table(&corner, &head, &rows);
    }
    html + "<p class=\"note\">Intervals of pairs are each their own: of many, some miss by chance.</p>\n"
}

fn runs(a: &Ablation) -> String {
    let mut head = vec!["variant".to_owned(), "seed".to_owned()];
    head.extend(a.k.iter().map(|k| format!("pass@{k} %")));
    head.extend(["lost [chance]", "gained [chance]", "entropy"].map(String::from));
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    let mut rows = Vec::new();
    for v in &a.variants {
        for run in &v.runs {
            let sets = |side: Option<[f64; 3]>| match side {
                Some([found, null, _]) => format!("{found:.1} [{null:.1}]"),
                None => "–".to_owned(),
            };
            let mut row = vec![esc(&v.name), run.seed.to_string()];
            row.extend(run.policy.iter().map(|&share| crate::format::percent(share)));
            row.extend([sets(run.lost), sets(run.gained)]);
            row.push(run.entropy.map_or("–".into(), |e| format!("{e:.3}")));
            rows.push(row);
        }
        if let Some(entropy) = v.entropy.filter(|_| v.runs.len() > 1) {
            let mut row = vec![format!("{}, mean", esc(&v.name)), "–".to_owned()];
            row.extend(v.policy.iter().map(|e| crate::format::percent(e.value)));
            row.extend([v.lost, v.gained].map(|n| esc(&crate::ablation::against(n))));
            row.push(spread(entropy, |e| format!("{e:.3}")));
            rows.push(row);
        }
    }
    table("Every run", &head, &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_every_part_and_lets_nothing_out() {
        let a = crate::ablation::tests::sample();
        let failed = FailedRun {
            variant: "<i>".into(),
            seed: 3,
            problem: "the loss is NaN".into(),
            log: "logs/x".into(),
        };
        let page = render_ablation("a <sweep>", &[a.clone(), a], &[failed]);
        for part in [
            "<h1>a &lt;sweep&gt;</h1>",
            "PPO, &quot;own&quot; | &lt;b&gt;",
            "-5.0 [-9.0, -1.0]",
            "Failed runs",
            "&lt;i&gt;",
            "the loss is NaN",
            "GRPO, mean",
            "algorithm.name = x",
        ] {
            assert!(page.contains(part), "{part}");
        }
        assert!(!page.contains("<b>") && !page.contains("<i>") && !page.contains("NaN,"));
        assert!(render_ablation("s", &[], &[]).contains("No run has finished"));
    }
}
