//! Tables of figures.

use bourn_probe::Estimate;
use maud::{Markup, Render, html};

/// A table that scrolls by itself where the page is narrow. The first cell of a row is its heading;
/// `label` says what is in it to those who do not see it.
pub(crate) fn table(label: &str, head: &[impl Render], rows: &[Vec<Markup>]) -> Markup {
    html! {
        div.tabled {
            div.scroll tabindex="0" role="region" aria-label=(label) {
                table.figures {
                    thead { tr { @for name in head { th scope="col" { (name) } } } }
                    tbody {
                        @for row in rows {
                            tr {
                                @if let Some((heading, cells)) = row.split_first() {
                                    th scope="row" { (heading) }
                                    @for cell in cells { td { (cell) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Cells of text.
pub(crate) fn cells<T: Render>(texts: impl IntoIterator<Item = T>) -> Vec<Markup> {
    texts.into_iter().map(|text| text.render()).collect()
}

/// A figure with its interval under it, each number as `show` words it.
pub(crate) fn cell(e: Estimate, show: impl Fn(f64) -> String) -> Markup {
    html! { (show(e.value)) " " small { "[" (show(e.ci_low)) ", " (show(e.ci_high)) "]" } }
}

/// As [`cell`], a dash where there is no figure.
pub(crate) fn optional(e: Option<Estimate>, show: impl Fn(f64) -> String) -> Markup {
    e.map_or_else(dash, |e| cell(e, show))
}

/// What stands where there is no figure.
pub(crate) fn dash() -> Markup {
    "–".render()
}

#[cfg(test)]
#[path = "../tests/unit/table.rs"]
mod tests;
