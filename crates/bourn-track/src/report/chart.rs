//! Charts as inline SVG: axes, lines, bands, bars. Colours are classes, which the page's style
//! gives a value for light and for dark.

use std::fmt::Write;

use super::html::esc;

/// Labels of an axis of draws; more would touch each other on a phone.
const MAX_K_LABELS: usize = 10;
/// About this many labels on other axes.
const LABELS: f64 = 5.0;
/// Values beyond are drawn at the edge: the arithmetic of the axes stays finite.
const EDGE: f64 = 1e9;

/// A range of values with the ones that are labelled.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    ticks: Vec<(f64, String)>,
}

impl Axis {
    /// Shares from 0 to 100%.
    pub(super) fn shares() -> Self {
        let tick = |i: i32| (f64::from(i) / 5.0, format!("{}%", 20 * i));
        Axis { low: 0.0, high: 1.0, ticks: (0..=5).map(tick).collect() }
    }

    /// Differences of shares that hold all of `values`, and 0.
    pub(super) fn differences(values: impl Iterator<Item = f64>) -> Self {
        Self::holding(values.chain([0.0]), 0.05, |value, _| format!("{:.0}%", 100.0 * value))
    }

    /// Numbers that hold all of `values`, and 0.
    pub(super) fn values(values: impl Iterator<Item = f64>) -> Self {
        Self::holding(values.chain([0.0]), 1e-9, |value, decimals| format!("{value:.decimals$}"))
    }

    /// Counts from 0 to at least `most`.
    pub(super) fn counts(most: f64) -> Self {
        Self::holding([0.0, most.max(1.0)].into_iter(), 1.0, |value, _| format!("{value:.0}"))
    }

    /// Steps from 0 to `last`, with no more air than that.
    pub(super) fn steps(last: u64) -> Self {
        let last = (last.max(1) as f64).min(EDGE);
        let mut axis = Self::counts(last);
        axis.cap(last);
        axis
    }

    /// Draws on a log₂ scale, half a step of air on both sides.
    pub(super) fn draws(k: &[u64]) -> Self {
        let place = |k: Option<&u64>| k.map_or(0.0, |&k| log2(k));
        let every = k.len().div_ceil(MAX_K_LABELS).max(1);
        Axis {
            low: place(k.first()) - 0.3,
            high: place(k.last()) + 0.3,
            ticks: k.iter().step_by(every).map(|&k| (log2(k), k.to_string())).collect(),
        }
    }

    /// One place for each name, in order, from 0 on; `most` names at most are written.
    pub(super) fn names(names: &[String], most: usize) -> Self {
        let every = names.len().div_ceil(most.max(1)).max(1);
        let tick = |(index, name): (usize, &String)| (index as f64, name.clone());
        Axis {
            low: -0.5,
            high: names.len().max(1) as f64 - 0.5,
            ticks: names.iter().enumerate().step_by(every).map(tick).collect(),
        }
    }

    /// Ends the axis at `high`, without labels beyond.
    pub(super) fn cap(&mut self, high: f64) {
        if high > self.low {
            self.high = high.min(EDGE);
            self.ticks.retain(|(value, _)| *value <= high);
        }
    }

    /// Round numbers around `values`; `show` is told how many decimals tell labels apart.
    fn holding(
        values: impl Iterator<Item = f64>,
        least_step: f64,
        show: impl Fn(f64, usize) -> String,
    ) -> Self {
        let fold = |(low, high): (f64, f64), value: f64| {
            let value = value.clamp(-EDGE, EDGE);
            (low.min(value), high.max(value))
        };
        let (low, high) = values.filter(|v| v.is_finite()).fold((EDGE, -EDGE), fold);
        let (low, high) = if low > high { (0.0, 0.0) } else { (low, high) };
        let step = round_step((high - low) / LABELS).max(least_step);
        let first = (low / step).floor();
        // An axis of one value still has a width.
        let last = (high / step).ceil().max(first + 1.0);
        let decimals = (-step.log10().floor()).max(0.0) as usize;
        let count = (last - first) as usize;
        let tick = |i: usize| {
            // Adding zero turns -0 into 0.
            let value = (first + i as f64) * step + 0.0;
            (value, show(value, decimals))
        };
        Axis { low: first * step, high: last * step, ticks: (0..=count).map(tick).collect() }
    }

    /// Where a value stands, 0 at the low end and 1 at the high one.
    fn place(&self, value: f64) -> f64 {
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }
}

/// Logarithm to base 2 of a number of draws.
pub(super) fn log2(k: u64) -> f64 {
    (k.max(1) as f64).log2()
}

/// The next of 1, 2, 5, 10, 20, 50, … (and of their tenths) from `least` on.
fn round_step(least: f64) -> f64 {
    // Also a NaN or a zero: any step will do.
    if least.is_nan() || least <= 1e-9 {
        return 1e-9;
    }
    let power = 10f64.powf(least.log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * power >= least);
    factor.unwrap_or(10.0) * power
}

/// How large a chart is, in its own units: small ones stand side by side.
#[derive(Clone, Copy, Debug)]
pub(super) enum Size {
    Large,
    Small,
}

impl Size {
    fn class(self) -> &'static str {
        match self {
            Size::Large => "large",
            Size::Small => "small",
        }
    }

    fn width_height(self) -> (f64, f64) {
        match self {
            Size::Large => (660.0, 400.0),
            Size::Small => (430.0, 270.0),
        }
    }
}

/// Space for the labels of the axes.
const LEFT: f64 = 62.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 56.0;

/// The shape of a curve's points, so that colour is not the only difference.
#[derive(Clone, Copy)]
pub(super) enum Mark {
    Disc,
    Square,
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
        let (width, height) = size.width_height();
        let (right, bottom) = (width - RIGHT, height - BOTTOM);
        let mut grid = String::new();
        for (value, label) in &chart.y.ticks {
            let (_, y) = chart.at(0.0, *value);
            let zero = if *value == 0.0 { " class=\"zero\"" } else { "" };
            put(&mut grid, format_args!("<path{zero} d=\"M{LEFT} {y:.1}H{right}\"/>"));
            let (x, label) = (LEFT - 8.0, esc(label));
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
        put(&mut grid, format_args!("<path class=\"zero\" d=\"M{LEFT} {TOP}V{bottom}H{right}\"/>"));
        chart.marks = format!("<g class=\"grid\">{grid}</g>");
        chart
    }

    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let (width, height) = self.size.width_height();
        (
            LEFT + self.x.place(x) * (width - LEFT - RIGHT),
            TOP + (1.0 - self.y.place(y)) * (height - TOP - BOTTOM),
        )
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
        let (width, height) = self.size.width_height();
        let ((x, _), bottom) = (self.at(x, 0.0), height - BOTTOM);
        let (at, class) = if x > width / 2.0 { (x - 7.0, "end") } else { (x + 7.0, "start") };
        let (y, label) = (bottom - 12.0, esc(label));
        put(&mut self.marks, format_args!("<path class=\"rule\" d=\"M{x:.1} {TOP}V{bottom}\"/>"));
        put(
            &mut self.marks,
            format_args!("<text class=\"note {class}\" x=\"{at:.1}\" y=\"{y}\">{label}</text>"),
        );
    }

    /// The chart; `label` says what it shows to those who do not see it.
    pub(super) fn finish(self, label: &str, x_caption: &str) -> String {
        let (width, height) = self.size.width_height();
        let (x, y, class) = ((LEFT + width - RIGHT) / 2.0, height - 6.0, self.size.class());
        format!(
            "<svg class=\"{class}\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
             aria-label=\"{}\">{}<text class=\"mid caption\" x=\"{x}\" y=\"{y}\">{}</text></svg>\n",
            esc(label),
            self.marks,
            esc(x_caption),
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
    use super::*;

    #[test]
    fn axes_have_round_labels() {
        let check = |axis: Axis, expect: &[&str]| {
            let labels: Vec<_> = axis.ticks.iter().map(|(_, label)| label.as_str()).collect();
            assert_eq!(labels, expect);
            assert!(axis.low < axis.high && axis.low.is_finite() && axis.high.is_finite());
        };
        let values = |values: &[f64]| Axis::values(values.iter().copied());
        check(values(&[0.65, 0.14]), &["0.0", "0.2", "0.4", "0.6", "0.8"]);
        check(values(&[0.013]), &["0.000", "0.005", "0.010", "0.015"]);
        check(values(&[f64::NAN, f64::INFINITY, 3.0]), &["0", "1", "2", "3"]);
        check(
            Axis::differences([0.63, -0.1].into_iter()),
            &["-20%", "0%", "20%", "40%", "60%", "80%"],
        );
        check(Axis::differences([0.0].into_iter()), &["0%", "5%"]);
        check(Axis::counts(96.0), &["0", "20", "40", "60", "80", "100"]);
        check(Axis::counts(3.0), &["0", "1", "2", "3"]);
        check(Axis::steps(240), &["0", "50", "100", "150", "200"]);
        check(Axis::steps(0), &["0", "1"]);
        check(Axis::draws(&[1, 2, 4]), &["1", "2", "4"]);
        check(Axis::names(&[], 9), &[]);
        // Nothing that a file may hold makes an axis without end.
        for value in [1e300, -1e300, f64::MIN_POSITIVE, 1e-300] {
            assert!(values(&[value]).ticks.len() < 12, "{value}");
        }
    }

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
