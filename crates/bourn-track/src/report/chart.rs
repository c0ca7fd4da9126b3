//! Charts as inline SVG: axes, lines, bands, bars. Colours are classes, which the page's style
//! gives a value for light and for dark.

use std::fmt::Write;

use super::axis::Axis;
use super::html::esc;

/// How large a chart is, in its own units: small ones stand side by side.
#[derive(Clone, Copy, Debug)]
pub(super) enum Size {
    Large,
    Small,
    Tiny,
}

/// Space around the plot, for the labels of the axes.
#[derive(Clone, Copy)]
struct Margins {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Size {
    fn class(self) -> &'static str {
        match self {
            Size::Large => "large",
            Size::Small => "small",
            Size::Tiny => "tiny",
        }
    }

    fn width_height(self) -> (f64, f64) {
        match self {
            Size::Large => (660.0, 400.0),
            Size::Small => (430.0, 270.0),
            Size::Tiny => (240.0, 170.0),
        }
    }

    fn margins(self) -> Margins {
        match self {
            Size::Large | Size::Small => {
                Margins { left: 62.0, right: 16.0, top: 14.0, bottom: 56.0 }
            }
            Size::Tiny => Margins { left: 50.0, right: 8.0, top: 8.0, bottom: 28.0 },
        }
    }
}

/// The shape of a curve's points, so that colour is not the only difference.
#[derive(Clone, Copy)]
pub(super) enum Mark {
    Disc,
    Square,
    Diamond,
}

/// Where the plot ends, in the chart's units.
struct Edges {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

/// A chart that is being drawn: what comes later lies over what came before.
pub(super) struct Chart {
    size: Size,
    x: Axis,
    y: Axis,
    marks: String,
}

impl Chart {
    /// Empty axes.
    pub(super) fn new(size: Size, x: Axis, y: Axis) -> Self {
        let mut chart = Chart { size, x, y, marks: String::new() };
        let Edges { left, right, top, bottom } = chart.edges();
        let mut grid = String::new();
        for (value, label) in &chart.y.ticks {
            let (_, y) = chart.at(0.0, *value);
            let zero = if *value == 0.0 { " class=\"zero\"" } else { "" };
            put(&mut grid, format_args!("<path{zero} d=\"M{left} {y:.1}H{right}\"/>"));
            let (x, label) = (left - 8.0, esc(label));
            put(
                &mut grid,
                format_args!(
                    "<text x=\"{x}\" y=\"{y:.1}\" dy=\".35em\" class=\"end\">{label}</text>"
                ),
            );
        }
        for (value, label) in &chart.x.ticks {
            let (x, _) = chart.at(*value, 0.0);
            let (tick, y, label) = (bottom + 5.0, bottom + 8.0, esc(label));
            put(&mut grid, format_args!("<path class=\"zero\" d=\"M{x:.1} {bottom}V{tick}\"/>"));
            put(
                &mut grid,
                format_args!(
                    "<text x=\"{x:.1}\" y=\"{y}\" dy=\".9em\" class=\"mid\">{label}</text>"
                ),
            );
        }
        put(&mut grid, format_args!("<path class=\"zero\" d=\"M{left} {top}V{bottom}H{right}\"/>"));
        chart.marks = format!("<g class=\"grid\">{grid}</g>");
        chart
    }

    fn edges(&self) -> Edges {
        let ((width, height), margins) = (self.size.width_height(), self.size.margins());
        Edges {
            left: margins.left,
            right: width - margins.right,
            top: margins.top,
            bottom: height - margins.bottom,
        }
    }

    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let Edges { left, right, top, bottom } = self.edges();
        (left + self.x.place(x) * (right - left), top + (1.0 - self.y.place(y)) * (bottom - top))
    }

    /// An interval along x: (x, low, high). Of a single x it is a bar.
    pub(super) fn band(&mut self, class: &str, points: &[(f64, f64, f64)]) {
        if let &[(x, low, high)] = points {
            let ((x, y0), (_, y1)) = (self.at(x, low), self.at(x, high));
            let path =
                format_args!("<path class=\"whisker {class}\" d=\"M{x:.1} {y0:.1}V{y1:.1}\"/>");
            return put(&mut self.marks, path);
        }
        let lows = points.iter().map(|&(x, low, _)| self.at(x, low));
        let highs = points.iter().rev().map(|&(x, _, high)| self.at(x, high));
        let outline = path(lows.chain(highs));
        put(&mut self.marks, format_args!("<path class=\"band {class}\" d=\"{outline}Z\"/>"));
    }

    /// Intervals of single points, as upright strokes: (x, low, high).
    pub(super) fn whiskers(&mut self, class: &str, points: &[(f64, f64, f64)]) {
        for &point in points {
            self.band(class, &[point]);
        }
    }

    /// A line through the points.
    pub(super) fn line(&mut self, class: &str, points: &[(f64, f64)]) {
        let line = path(points.iter().map(|&(x, y)| self.at(x, y)));
        put(&mut self.marks, format_args!("<path class=\"line {class}\" d=\"{line}\"/>"));
    }

    /// Marks at the points, each with what it says when it is pointed at.
    pub(super) fn dots(&mut self, class: &str, mark: Mark, points: &[(f64, f64, String)]) {
        for (x, y, title) in points {
            let ((x, y), title) = (self.at(*x, *y), esc(title));
            let shape = match mark {
                Mark::Disc => {
                    format!("<circle class=\"dot {class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\">")
                }
                Mark::Diamond => {
                    let (left, right, low, high) = (x - 5.0, x + 5.0, y + 5.0, y - 5.0);
                    format!(
                        "<path class=\"dot {class}\" d=\"M{left:.1} {y:.1}L{x:.1} {high:.1}L{right:.1} \
                         {y:.1}L{x:.1} {low:.1}Z\">"
                    )
                }
                Mark::Square => {
                    let (x, y) = (x - 3.5, y - 3.5);
                    format!(
                        "<rect class=\"dot {class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"7\" height=\"7\">"
                    )
                }
            };
            let end = &shape[1..shape.find(' ').unwrap_or(1)];
            put(&mut self.marks, format_args!("{shape}<title>{title}</title></{end}>"));
        }
    }

    /// A bar from (x0, y0) to (x1, y1) with what it says when it is pointed at, and in it `label`
    /// if it is high enough.
    pub(super) fn bar(
        &mut self,
        class: &str,
        (x0, x1): (f64, f64),
        (y0, y1): (f64, f64),
        title: &str,
        label: &str,
    ) {
        let ((x0, y0), (x1, y1)) = (self.at(x0, y0), self.at(x1, y1));
        let (width, height) = ((x1 - x0).abs(), (y1 - y0).abs());
        let (x, y, title) = (x0.min(x1), y0.min(y1), esc(title));
        put(
            &mut self.marks,
            format_args!(
                "<rect class=\"bar {class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
                 height=\"{height:.1}\"><title>{title}</title></rect>"
            ),
        );
        if height >= 16.0 && width >= 22.0 && !label.is_empty() {
            let (x, y, label) = (x + width / 2.0, y + height / 2.0, esc(label));
            put(
                &mut self.marks,
                format_args!(
                    "<text class=\"mid on-{class}\" x=\"{x:.1}\" y=\"{y:.1}\" dy=\".35em\">{label}</text>"
                ),
            );
        }
    }

    /// A dashed upright line with a label at its foot.
    pub(super) fn rule(&mut self, x: f64, label: &str) {
        let Edges { left, right, top, bottom } = self.edges();
        let (x, _) = self.at(x, 0.0);
        let (at, class) =
            if x > (left + right) / 2.0 { (x - 7.0, "end") } else { (x + 7.0, "start") };
        let (y, label) = (bottom - 12.0, esc(label));
        put(&mut self.marks, format_args!("<path class=\"rule\" d=\"M{x:.1} {top}V{bottom}\"/>"));
        put(
            &mut self.marks,
            format_args!("<text class=\"note {class}\" x=\"{at:.1}\" y=\"{y}\">{label}</text>"),
        );
    }

    /// A thick stroke on the x axis from `low` to `high`: where on it something may lie. Without an
    /// upper end it runs out of the chart, with an arrow's head.
    pub(super) fn span(&mut self, low: f64, high: Option<f64>, title: &str) {
        let Edges { right, bottom, .. } = self.edges();
        let (from, title) = (self.at(low, 0.0).0, esc(title));
        let (to, head) = match high {
            Some(high) => (self.at(high, 0.0).0, String::new()),
            None => (
                right,
                format!(
                    "M{0:.1} {1:.1}L{right:.1} {bottom:.1}L{0:.1} {2:.1}",
                    right - 6.0,
                    bottom - 5.0,
                    bottom + 5.0
                ),
            ),
        };
        let ends = if high.is_some() { format!("M{to:.1} {:.1}v10", bottom - 5.0) } else { head };
        put(
            &mut self.marks,
            format_args!(
                "<path class=\"span\" d=\"M{from:.1} {:.1}v10M{from:.1} {bottom}H{to:.1}{ends}\">\
                 <title>{title}</title></path>",
                bottom - 5.0
            ),
        );
    }

    /// Shades everything right of `x`, with a label at its top.
    pub(super) fn beyond(&mut self, x: f64, label: &str) {
        let Edges { right, top, bottom, .. } = self.edges();
        let ((x, _), label) = (self.at(x, 0.0), esc(label));
        let (width, height, middle) = (right - x, bottom - top, (x + right) / 2.0);
        put(
            &mut self.marks,
            format_args!(
                "<rect class=\"region\" x=\"{x:.1}\" y=\"{top}\" width=\"{width:.1}\" \
                 height=\"{height:.1}\"/><path class=\"rule\" d=\"M{x:.1} {top}V{bottom}\"/>\
                 <text class=\"mid note\" x=\"{middle:.1}\" y=\"{:.1}\">{label}</text>",
                bottom - 30.0
            ),
        );
    }

    /// A level line across the chart.
    pub(super) fn level(&mut self, y: f64) {
        let Edges { left, right, .. } = self.edges();
        let (_, y) = self.at(0.0, y);
        put(&mut self.marks, format_args!("<path class=\"rule\" d=\"M{left} {y:.1}H{right}\"/>"));
    }

    /// The chart; `label` says what it shows to those who do not see it. Tiny charts have no room
    /// for the caption of the axis.
    pub(super) fn finish(self, label: &str, x_caption: &str) -> String {
        let (width, height) = self.size.width_height();
        let Edges { left, right, .. } = self.edges();
        let (x, y, class) = ((left + right) / 2.0, height - 6.0, self.size.class());
        let caption = match self.size {
            Size::Tiny => String::new(),
            _ => {
                format!("<text class=\"mid caption\" x=\"{x}\" y=\"{y}\">{}</text>", esc(x_caption))
            }
        };
        format!(
            "<svg class=\"{class}\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
             aria-label=\"{}\">{}{caption}</svg>\n",
            esc(label),
            self.marks,
        )
    }
}

fn path(points: impl Iterator<Item = (f64, f64)>) -> String {
    let mut path = String::new();
    for (index, (x, y)) in points.enumerate() {
        let command = if index == 0 { 'M' } else { 'L' };
        put(&mut path, format_args!("{command}{x:.1} {y:.1}"));
    }
    path
}

/// Appends to a string.
pub(super) fn put(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("a string takes every write");
}

#[cfg(test)]
mod tests {
    use super::super::axis::log2;
    use super::*;

    #[test]
    fn values_stand_where_the_axis_says() {
        let chart = Chart::new(Size::Small, Axis::draws(&[1, 2, 4]), Axis::shares());
        // To the tenth, as the page has them.
        let check = |x, y, expect: &str| {
            let (x, y) = chart.at(x, y);
            assert_eq!(format!("{x:.1} {y:.1}"), expect);
        };
        // 430 × 270 with margins 62, 16, 14, 56: the plot is 352 × 200, from 62, 14 on.
        check(log2(2), 0.5, "238.0 114.0");
        // Air of 0.3 in a width of 2.6: 62 + 352 × 3/26.
        check(log2(1), 0.0, "102.6 214.0");
        check(99.0, 2.0, "414.0 14.0");
    }
}
