use bourn_track::format::counted;

use super::*;

#[test]
fn a_figure_has_its_interval_under_it() {
    let e = Estimate { value: 1.0, ci_low: 0.5, ci_high: 2.0 };
    assert_eq!(cell(e, counted).into_string(), "1.0 <small>[0.5, 2.0]</small>");
    assert_eq!(optional(None, counted).into_string(), "–");
}

#[test]
fn the_first_cell_heads_its_row() {
    let html = table("a <b>", &["x", "y"], &[cells(["1", "<2>"])]).into_string();
    assert!(html.contains("aria-label=\"a &lt;b&gt;\""), "{html}");
    assert!(html.contains("<tr><th scope=\"row\">1</th><td>&lt;2&gt;</td></tr>"), "{html}");
}
