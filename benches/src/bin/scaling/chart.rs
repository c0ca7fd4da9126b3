//! Panels of points on two logarithmic axes, as one SVG file.

use std::fmt::Write;

/// A point, both numbers above 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    /// Along.
    pub x: f64,
    /// Up.
    pub y: f64,
}

/// A chart of one curve and what it cannot go below.
#[derive(Clone, Debug)]
pub(crate) struct Panel {
    /// What goes along.
    pub title: &'static str,
    /// The curve, from left to right.
    pub points: Vec<Point>,
    /// Lower bounds of it with their names.
    pub bounds: Vec<(&'static str, Vec<Point>)>,
}

/// Colour and dashes of each bound.
const BOUNDS: [(&str, &str); 2] = [("#b5541c", "6 3"), ("#5b7f2a", "2 3")];
const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 240.0;
/// Around the plot: left, right, top, bottom.
const MARGIN: [f64; 4] = [64.0, 16.0, 28.0, 44.0];

/// A picture of the panels, two beside each other; `y` is what goes up in each.
pub(crate) fn svg(panels: &[Panel], y: &str) -> String {
    let rows = panels.len().div_ceil(2);
    let (width, height) = (2.0 * WIDTH, rows as f64 * HEIGHT + 24.0);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n\
         <text x=\"12\" y=\"16\" font-size=\"13\">{y}</text>\n"
    );
    // The bounds are the same in every panel: one legend, from the right.
    let names = panels.first().map(|panel| panel.bounds.as_slice()).unwrap_or_default();
    for (place, ((name, _), (colour, dashes))) in names.iter().zip(BOUNDS).enumerate() {
        let x = width - 16.0 - 110.0 * (names.len() - place) as f64;
        out += &format!(
            "<path d=\"M{x:.1} 12H{:.1}\" stroke=\"{colour}\" stroke-dasharray=\"{dashes}\"/>\n\
             <text x=\"{:.1}\" y=\"16\" fill=\"{colour}\">{name}</text>\n",
            x + 24.0,
            x + 30.0
        );
    }
    for (index, panel) in panels.iter().enumerate() {
        let (left, top) = ((index % 2) as f64 * WIDTH, (index / 2) as f64 * HEIGHT + 24.0);
        out += &format!("<g transform=\"translate({left} {top})\">\n{}</g>\n", body(panel));
    }
    out + "</svg>\n"
}

/// The powers of `step` round all values: the axis begins and ends at one.
fn bounds(values: impl Iterator<Item = f64> + Clone, step: f64) -> (i32, i32) {
    let power = |value: f64| value.ln() / step.ln();
    let least = values.clone().map(power).fold(f64::INFINITY, f64::min);
    let most = values.map(power).fold(f64::NEG_INFINITY, f64::max);
    if least > most {
        return (0, 1);
    }
    // A hair of room: ln 1000 / ln 10 is not quite 3.
    let (least, most) = ((least + 1e-9).floor() as i32, (most - 1e-9).ceil() as i32);
    (least, most.max(least + 1))
}

fn body(panel: &Panel) -> String {
    let [left, right, top, bottom] = MARGIN;
    let all = || panel.bounds.iter().flat_map(|(_, points)| points).chain(&panel.points);
    let (xs, ys) = (all().map(|p| p.x), all().map(|p| p.y));
    let (across, up) = (bounds(xs, 2.0), bounds(ys, 10.0));
    let part = |value: f64, step: f64, (least, most): (i32, i32)| {
        (value.ln() / step.ln() - f64::from(least)) / f64::from(most - least)
    };
    let x = |value: f64| left + part(value, 2.0, across) * (WIDTH - left - right);
    let y = |value: f64| HEIGHT - bottom - part(value, 10.0, up) * (HEIGHT - top - bottom);
    let mut out = String::new();
    let mut add = |line: String| {
        let _ = writeln!(out, "{line}");
    };
    // At most about eight labels along.
    let every = ((across.1 - across.0) / 8 + 1) as usize;
    for power in (across.0..=across.1).step_by(every) {
        let (value, y0) = (2_f64.powi(power), HEIGHT - bottom);
        let at = x(value);
        add(format!("<path d=\"M{at:.1} {top:.1}V{y0:.1}\" stroke=\"#e4e4e4\"/>"));
        let label = short(value);
        add(format!(
            "<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>",
            y0 + 14.0
        ));
    }
    for power in up.0..=up.1 {
        let value = 10_f64.powi(power);
        let (at, x1) = (y(value), WIDTH - right);
        add(format!("<path d=\"M{left:.1} {at:.1}H{x1:.1}\" stroke=\"#e4e4e4\"/>"));
        let label = short(value);
        add(format!(
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
            left - 6.0,
            at + 4.0
        ));
    }
    let curve = |points: &[Point]| -> String {
        let at: Vec<String> =
            points.iter().map(|p| format!("{:.1},{:.1}", x(p.x), y(p.y))).collect();
        at.join(" ")
    };
    for ((_, points), (colour, dashes)) in panel.bounds.iter().zip(BOUNDS) {
        add(format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-dasharray=\"{dashes}\"/>",
            curve(points)
        ));
    }
    add(format!(
        "<polyline points=\"{}\" fill=\"none\" stroke=\"#1f6fb2\" stroke-width=\"2\"/>",
        curve(&panel.points)
    ));
    for p in &panel.points {
        add(format!(
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"#1f6fb2\"/>",
            x(p.x),
            y(p.y)
        ));
    }
    let middle = left + (WIDTH - left - right) / 2.0;
    add(format!(
        "<text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
        HEIGHT - 10.0,
        panel.title
    ));
    out
}

/// A number with few characters: 64, 8k, 134M.
fn short(value: f64) -> String {
    let scaled = |unit: f64, name: &str| format!("{:.0}{name}", value / unit);
    match value {
        _ if value >= (1 << 20) as f64 => scaled(1e6, "M"),
        _ if value >= 1024.0 => scaled(1024.0, "k"),
        _ if value >= 1.0 => format!("{value:.0}"),
        _ => format!("{value}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_powers_and_points_lie_inside() {
        assert_eq!(bounds([1000.0, 10.0].into_iter(), 10.0), (1, 3));
        assert_eq!(bounds([1001.0].into_iter(), 10.0), (3, 4));
        assert_eq!(bounds([64.0].into_iter(), 2.0), (6, 7));
        assert_eq!(bounds(std::iter::empty(), 2.0), (0, 1));

        // The ends of both axes are the corners of the plot.
        let points = vec![Point { x: 1.0, y: 1.0 }, Point { x: 256.0, y: 100.0 }];
        let picture = svg(&[Panel { title: "tokens", points, bounds: Vec::new() }], "µs");
        let [left, right, top, bottom] = MARGIN;
        let corners = format!("{left:.1},{:.1} {:.1},{top:.1}", HEIGHT - bottom, WIDTH - right);
        assert!(picture.contains(&format!("points=\"{corners}\"")), "{picture}");
    }

    #[test]
    fn labels_are_short() {
        let check = |value: f64, expect: &str| assert_eq!(short(value), expect);
        check(0.1, "0.1");
        check(64.0, "64");
        check(8192.0, "8k");
        check(134_217_728.0, "134M");
    }
}
