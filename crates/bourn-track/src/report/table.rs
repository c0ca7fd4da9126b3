//! Tables of figures.

use bourn_probe::Estimate;

use super::chart::put;
use super::html::esc;

/// A table that scrolls by itself where the page is narrow. Cells and heads are markup, the first
/// cell of a row is its heading; `label` says what is in it to those who do not see it.
pub(super) fn table(label: &str, head: &[&str], rows: &[Vec<String>]) -> String {
    let label = esc(label);
    let mut html = format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{label}\">\
         <table class=\"figures\"><thead><tr>"
    );
    for name in head {
        put(&mut html, format_args!("<th scope=\"col\">{name}</th>"));
    }
    html += "</tr></thead><tbody>\n";
    for row in rows {
        html += "<tr>";
        for (index, cell) in row.iter().enumerate() {
            match index {
                0 => put(&mut html, format_args!("<th scope=\"row\">{cell}</th>")),
                _ => put(&mut html, format_args!("<td>{cell}</td>")),
            }
        }
        html += "</tr>\n";
    }
    html + "</tbody></table></div>\n"
}

/// A figure with its interval under it, each number as `show` words it.
pub(super) fn cell(e: Estimate, show: impl Fn(f64) -> String) -> String {
    let interval = format!("[{}, {}]", show(e.ci_low), show(e.ci_high));
    format!("{} <small>{interval}</small>", show(e.value))
}

/// As [`cell`], a dash where there is no figure.
pub(super) fn optional(e: Option<Estimate>, show: impl Fn(f64) -> String) -> String {
    e.map_or_else(|| "–".to_owned(), |e| cell(e, show))
}

/// A number of problems that is no whole one: one decimal.
pub(super) fn count(value: f64) -> String {
    // Adding zero turns -0 into 0.
    format!("{:.1}", (value * 10.0).round() / 10.0 + 0.0)
}

/// A difference of such numbers, with its sign.
pub(super) fn more(value: f64) -> String {
    let text = count(value);
    if text.starts_with('-') || text == "0.0" { text } else { format!("+{text}") }
}

/// Three significant digits; what is below 0.0001 or above a million as a power of ten.
pub(super) fn significant(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        return "0".into();
    }
    if !(1e-4..1e6).contains(&size) {
        return format!("{value:.1e}");
    }
    let decimals = (2.0 - size.log10().floor()).clamp(0.0, 7.0) as usize;
    format!("{value:.decimals$}")
}

/// A setting as people write it: at most three decimals, and no zeros at the end.
pub(super) fn trimmed(value: f64) -> String {
    format!("{}", (value * 1000.0).round() / 1000.0)
}

/// A small share in percent: three significant digits.
pub(super) fn percents(share: f64) -> String {
    significant(100.0 * share)
}

/// A p-value: three decimals, or that it is smaller.
pub(super) fn p_value(p: f64) -> String {
    if p < 0.001 { "p &lt; 0.001".into() } else { format!("p = {p:.3}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wording() {
        let check = |got: String, expect: &str| assert_eq!(got, expect);
        check(count(-0.04), "0.0");
        check(more(31.04), "+31.0");
        check(more(-2.0), "-2.0");
        check(significant(1.2345), "1.23");
        check(significant(123.4), "123");
        check(significant(0.01234), "0.0123");
        check(significant(0.0), "0");
        check(significant(3.2e-9), "3.2e-9");
        check(significant(f64::INFINITY), "inf");
        check(trimmed(0.6), "0.6");
        check(trimmed(1.23456), "1.235");
        check(p_value(0.0004), "p &lt; 0.001");
        check(p_value(0.0414), "p = 0.041");
        let e = Estimate { value: 1.0, ci_low: 0.5, ci_high: 2.0 };
        check(cell(e, count), "1.0 <small>[0.5, 2.0]</small>");
        check(optional(None, count), "–");
    }

    #[test]
    fn the_first_cell_heads_its_row() {
        let html = table("a <b>", &["x", "y"], &[vec!["1".into(), "2".into()]]);
        assert!(html.contains("aria-label=\"a &lt;b&gt;\""), "{html}");
        assert!(html.contains("<tr><th scope=\"row\">1</th><td>2</td></tr>"), "{html}");
    }
}
