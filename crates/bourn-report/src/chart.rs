//! Charts as inline SVG: axes, lines, bands, bars. Colours are classes, which the page's style
//! gives a value for light and for dark.

use maud::{Markup, Render, html};

use crate::axis::Axis;
use crate::text::Foreign;

/// How large a chart is, in its own units: small ones stand side by side.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ChartSize {
    Large,
    Small,
    Tiny,
}

/// Width in which a label of one word stands at any size of text.
const ROOM_FOR_LABEL: f64 = 130.0;

/// Space around the plot, for the labels of the axes.
#[derive(Clone, Copy)]
struct Margins {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl ChartSize {
    fn class(self) -> &'static str {
        match self {
            ChartSize::Large => "large",
            ChartSize::Small => "small",
            ChartSize::Tiny => "tiny",
        }
    }

    fn width_height(self) -> (f64, f64) {
        match self {
            ChartSize::Large => (660.0, 400.0),
            ChartSize::Small => (430.0, 270.0),
            ChartSize::Tiny => (240.0, 170.0),
        }
    }

    fn margins(self) -> Margins {
        match self {
            ChartSize::Large | ChartSize::Small => {
                Margins { left: 62.0, right: 16.0, top: 14.0, bottom: 56.0 }
            }
            ChartSize::Tiny => Margins { left: 50.0, right: 22.0, top: 8.0, bottom: 28.0 },
        }
    }
}

/// The shape of a curve's points, so that colour is not the only difference.
#[derive(Clone, Copy)]
pub(crate) enum PointShape {
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

/// A length in the chart's units, to the tenth.
#[derive(Clone, Copy)]
pub(crate) struct Tenth(pub(crate) f64);

impl Render for Tenth {
    fn render_to(&self, page: &mut String) {
        format_args!("{:.1}", self.0).render_to(page);
    }
}

/// A chart that is being drawn: what comes later lies over what came before.
pub(crate) struct Chart {
    size: ChartSize,
    x: Axis,
    y: Axis,
    marks: Vec<Markup>,
}

impl Chart {
    /// Empty axes.
    pub(crate) fn new(size: ChartSize, x: Axis, y: Axis) -> Self {
        let mut chart = Chart { size, x, y, marks: Vec::new() };
        let Edges { left, right, top, bottom } = chart.edges();
        let grid = html! {
            g.grid {
                @for (value, label) in &chart.y.ticks {
                    @let (_, y) = chart.at(0.0, *value);
                    path class=[(*value == 0.0).then_some("zero")]
                        d=(format_args!("M{left} {y:.1}H{right}")) {}
                    text.end x=(left - 8.0) y=(Tenth(y)) dy=".35em" { (Foreign(label)) }
                }
                @for (value, label) in &chart.x.ticks {
                    @let (x, _) = chart.at(*value, 0.0);
                    path.zero d=(format_args!("M{x:.1} {bottom}V{}", bottom + 5.0)) {}
                    text.mid x=(Tenth(x)) y=(bottom + 8.0) dy=".9em" { (Foreign(label)) }
                }
                path.zero d=(format_args!("M{left} {top}V{bottom}H{right}")) {}
            }
        };
        chart.marks.push(grid);
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
    pub(crate) fn band(&mut self, class: &str, points: &[(f64, f64, f64)]) {
        if points.is_empty() {
            return;
        }
        let mark = if let &[(x, low, high)] = points {
            let ((x, y0), (_, y1)) = (self.at(x, low), self.at(x, high));
            html! { path.whisker.(class) d=(format_args!("M{x:.1} {y0:.1}V{y1:.1}")) {} }
        } else {
            let lows = points.iter().map(|&(x, low, _)| self.at(x, low));
            let highs = points.iter().rev().map(|&(x, _, high)| self.at(x, high));
            html! { path.band.(class) d={ (through(lows.chain(highs))) "Z" } {} }
        };
        self.marks.push(mark);
    }

    /// Intervals of single points, as upright strokes: (x, low, high).
    pub(crate) fn whiskers(&mut self, class: &str, points: &[(f64, f64, f64)]) {
        for &point in points {
            self.band(class, &[point]);
        }
    }

    /// A line through the points.
    pub(crate) fn line(&mut self, class: &str, points: &[(f64, f64)]) {
        let line = through(points.iter().map(|&(x, y)| self.at(x, y)));
        self.marks.push(html! { path.line.(class) d=(line) {} });
    }

    /// Marks at the points, each with what it says when it is pointed at.
    pub(crate) fn dots(&mut self, class: &str, shape: PointShape, points: &[(f64, f64, String)]) {
        for (x, y, title) in points {
            let (x, y) = self.at(*x, *y);
            let title = html! { title { (Foreign(title)) } };
            self.marks.push(match shape {
                PointShape::Disc => html! {
                    circle.dot.(class) cx=(Tenth(x)) cy=(Tenth(y)) r="4" { (title) }
                },
                PointShape::Diamond => {
                    let corners = [(x - 5.0, y), (x, y - 5.0), (x + 5.0, y), (x, y + 5.0)];
                    html! { path.dot.(class) d={ (through(corners)) "Z" } { (title) } }
                }
                PointShape::Square => html! {
                    rect.dot.(class) x=(Tenth(x - 3.5)) y=(Tenth(y - 3.5)) width="7" height="7" {
                        (title)
                    }
                },
            });
        }
    }

    /// A bar from (x0, y0) to (x1, y1) with what it says when it is pointed at, and in it `label`
    /// if it is high enough.
    pub(crate) fn bar(
        &mut self,
        class: &str,
        (x0, x1): (f64, f64),
        (y0, y1): (f64, f64),
        title: &str,
        label: &str,
    ) {
        let ((x0, y0), (x1, y1)) = (self.at(x0, y0), self.at(x1, y1));
        let (width, height) = ((x1 - x0).abs(), (y1 - y0).abs());
        let (x, y) = (x0.min(x1), y0.min(y1));
        self.marks.push(html! {
            rect.bar.(class) x=(Tenth(x)) y=(Tenth(y)) width=(Tenth(width)) height=(Tenth(height)) {
                title { (Foreign(title)) }
            }
            @if height >= 16.0 && width >= 22.0 && !label.is_empty() {
                text.mid.{ "on-" (class) } x=(Tenth(x + width / 2.0)) y=(Tenth(y + height / 2.0))
                    dy=".35em" { (Foreign(label)) }
            }
        });
    }

    /// A dashed upright line with a label at its foot.
    pub(crate) fn rule(&mut self, x: f64, label: &str) {
        let Edges { left, right, top, bottom } = self.edges();
        let (x, _) = self.at(x, 0.0);
        let (at, anchor) =
            if x > (left + right) / 2.0 { (x - 7.0, "end") } else { (x + 7.0, "start") };
        self.marks.push(html! {
            path.rule d=(format_args!("M{x:.1} {top}V{bottom}")) {}
            text.note.(anchor) x=(Tenth(at)) y=(bottom - 12.0) { (Foreign(label)) }
        });
    }

    /// A thick stroke on the x axis from `low` to `high`: where on it something may lie. Without an
    /// upper end it runs out of the chart, with an arrow's head.
    pub(crate) fn span(&mut self, low: f64, high: Option<f64>, title: &str) {
        let Edges { right, bottom, .. } = self.edges();
        let from = self.at(low, 0.0).0;
        let (above, below) = (bottom - 5.0, bottom + 5.0);
        let (to, end) = match high.map(|high| self.at(high, 0.0).0) {
            Some(to) => (to, format!("M{to:.1} {above:.1}v10")),
            None => {
                let head = [(right - 6.0, above), (right, bottom), (right - 6.0, below)];
                (right, through(head))
            }
        };
        let stroke = format!("M{from:.1} {above:.1}v10M{from:.1} {bottom}H{to:.1}{end}");
        self.marks.push(html! { path.span d=(stroke) { title { (Foreign(title)) } } });
    }

    /// Shades everything right of `x`, with a label at its top.
    pub(crate) fn beyond(&mut self, x: f64, label: &str) {
        let Edges { right, top, bottom, .. } = self.edges();
        let (x, _) = self.at(x, 0.0);
        let (width, height, middle) = (right - x, bottom - top, (x + right) / 2.0);
        // Where there is no room beside each other, the letters climb.
        let upright = (width < ROOM_FOR_LABEL)
            .then(|| format!("rotate(-90 {middle:.1} {:.1})", bottom - 90.0));
        let foot = bottom - if upright.is_some() { 90.0 } else { 30.0 };
        self.marks.push(html! {
            rect.region x=(Tenth(x)) y=(top) width=(Tenth(width)) height=(Tenth(height)) {}
            path.rule d=(format_args!("M{x:.1} {top}V{bottom}")) {}
            text.mid.note x=(Tenth(middle)) y=(Tenth(foot)) dy=[upright.as_ref().map(|_| ".35em")]
                transform=[&upright] { (Foreign(label)) }
        });
    }

    /// A level line across the chart.
    pub(crate) fn level(&mut self, y: f64) {
        let Edges { left, right, .. } = self.edges();
        let (_, y) = self.at(0.0, y);
        self.marks.push(html! { path.rule d=(format_args!("M{left} {y:.1}H{right}")) {} });
    }

    /// The chart; `label` says what it shows to those who do not see it. Tiny charts have no room
    /// for the caption of the axis.
    pub(crate) fn finish(self, label: &str, x_caption: &str) -> Markup {
        let (width, height) = self.size.width_height();
        let Edges { left, right, .. } = self.edges();
        html! {
            svg.(self.size.class()) viewBox=(format_args!("0 0 {width} {height}"))
                role="img" aria-label=(Foreign(label)) {
                @for mark in &self.marks { (mark) }
                @if !matches!(self.size, ChartSize::Tiny) {
                    text.mid.caption x=((left + right) / 2.0) y=(height - 6.0) { (x_caption) }
                }
            }
        }
    }
}

/// A path's data: a line from point to point.
fn through(points: impl IntoIterator<Item = (f64, f64)>) -> String {
    let step = |(index, (x, y)): (usize, (f64, f64))| {
        let command = if index == 0 { 'M' } else { 'L' };
        format!("{command}{x:.1} {y:.1}")
    };
    points.into_iter().enumerate().map(step).collect()
}

#[cfg(test)]
#[path = "../tests/unit/chart.rs"]
mod tests;
