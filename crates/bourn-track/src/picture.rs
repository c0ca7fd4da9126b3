//! The pass@k picture: what training did to the boundary, at one glance.

use bourn_probe::{Boundary, Curve};
use embedded_graphics::text::Alignment;

use crate::canvas::{Canvas, LARGE, Point, Rgb, SMALL};
use crate::format::{confidence, draws, plural};

const WIDTH: u32 = 900;
const HEIGHT: u32 = 600;
/// Edges of the plot, pixels.
const LEFT: f32 = 64.0;
const RIGHT: f32 = 868.0;
const TOP: f32 = 108.0;
const BOTTOM: f32 = 532.0;
/// More labels than this on the k axis would touch each other.
const MAX_K_LABELS: usize = 16;
/// Letters of the small font that fit between the margins.
const TEXT_COLUMNS: usize = 104;

const INK: Rgb = (30, 30, 30);
const FAINT: Rgb = (222, 222, 222);
const GREY: Rgb = (80, 80, 80);
/// Two colours that every kind of colour vision tells apart (Okabe and Ito's palette).
const BASE: Rgb = (213, 94, 0);
const POLICY: Rgb = (0, 114, 178);

/// An encoded picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// The picture as a PNG file, 8-bit RGB.
    pub png: Vec<u8>,
}

/// Draws pass@k of base and policy over k on a log₂ axis, with their intervals as bands, 900 × 600
/// pixels. Values that are not finite are left out, others are shown between 0 and 100%.
pub fn pass_at_k_picture(boundary: &Boundary) -> Picture {
    let mut canvas = Canvas::new(WIDTH, HEIGHT).expect("the picture's size is a constant, not 0");
    let axis = KAxis::new(&boundary.k);
    header(&mut canvas, boundary);
    grid(&mut canvas, &axis);
    crossover(&mut canvas, &axis, boundary);
    for (curve, colour) in [(&boundary.base, BASE), (&boundary.policy, POLICY)] {
        band(&mut canvas, &axis, curve, colour);
    }
    for (curve, colour, mark) in
        [(&boundary.base, BASE, CurveMark::Square), (&boundary.policy, POLICY, CurveMark::Disc)]
    {
        let points = points(&axis, &curve.pass_at_k);
        canvas.line(&points, colour, 2.5, None);
        points.iter().for_each(|at| mark.draw(&mut canvas, *at, colour));
    }
    encode(&canvas)
}

/// The shape of a curve's points, so that colour is not the only difference.
#[derive(Clone, Copy)]
enum CurveMark {
    Disc,
    Square,
}

impl CurveMark {
    fn draw(self, canvas: &mut Canvas, at: Point, colour: Rgb) {
        match self {
            CurveMark::Disc => canvas.disc(at, 4.5, colour),
            CurveMark::Square => canvas.square(at, 4.0, colour),
        }
    }
}

/// Where each k stands on the horizontal axis.
struct KAxis<'a> {
    k: &'a [u64],
    low: f32,
    high: f32,
}

impl<'a> KAxis<'a> {
    fn new(k: &'a [u64]) -> Self {
        let low = k.first().map_or(0.0, |&k| log2(k));
        Self { k, low, high: k.last().map_or(low, |&k| log2(k)) }
    }

    fn x(&self, k: u64) -> f32 {
        // Half a step of air on both sides; a single k stands in the middle.
        let (low, high) = (self.low - 0.25, self.high + 0.25);
        LEFT + (log2(k) - low) / (high - low) * (RIGHT - LEFT)
    }
}

fn log2(k: u64) -> f32 {
    (k.max(1) as f32).log2()
}

fn y(share: f64) -> f32 {
    BOTTOM - share.clamp(0.0, 1.0) as f32 * (BOTTOM - TOP)
}

/// The finite values of a curve as points of the picture.
fn points(axis: &KAxis<'_>, values: &[f64]) -> Vec<Point> {
    let pairs = axis.k.iter().zip(values).filter(|(_, value)| value.is_finite());
    pairs.map(|(&k, &value)| (axis.x(k), y(value))).collect()
}

fn header(canvas: &mut Canvas, boundary: &Boundary) {
    let title = match &boundary.set {
        Some(set) => format!("pass@k on {set}: policy and frozen base"),
        None => "pass@k: policy and frozen base".to_string(),
    };
    canvas.text(&fit(&title, TEXT_COLUMNS * 4 / 5), (24.0, 24.0), LARGE, INK, Alignment::Left);
    let sampler = boundary.sampler.as_ref().map_or(String::new(), |s| format!("; {s}"));
    let subtitle = format!(
        "{}, {} each{sampler}",
        plural(boundary.problems as u64, "problem"),
        draws(boundary.n.base, boundary.n.policy),
    );
    canvas.text(&fit(&subtitle, TEXT_COLUMNS), (24.0, 50.0), SMALL, GREY, Alignment::Left);
    let band = format!("band: {} interval over problems", confidence(boundary.confidence));
    let mut x = 24.0;
    for (name, colour, mark) in
        [("policy", POLICY, CurveMark::Disc), ("base", BASE, CurveMark::Square)]
    {
        canvas.line(&[(x, 78.0), (x + 34.0, 78.0)], colour, 2.5, None);
        mark.draw(canvas, (x + 17.0, 78.0), colour);
        canvas.text(name, (x + 44.0, 78.0), SMALL, INK, Alignment::Left);
        x += 64.0 + 8.0 * name.len() as f32;
    }
    let corners = [(x, 71.0), (x + 34.0, 71.0), (x + 34.0, 85.0), (x, 85.0)];
    canvas.polygon(&corners, GREY, 60);
    canvas.text(&band, (x + 44.0, 78.0), SMALL, INK, Alignment::Left);
}

fn grid(canvas: &mut Canvas, axis: &KAxis<'_>) {
    for percent in (0..=100).step_by(20) {
        let y = y(f64::from(percent) / 100.0);
        canvas.line(&[(LEFT, y), (RIGHT, y)], FAINT, 1.0, None);
        let label = format!("{percent}%");
        canvas.text(&label, (LEFT - 8.0, y), SMALL, INK, Alignment::Right);
    }
    let every = axis.k.len().div_ceil(MAX_K_LABELS).max(1);
    for &k in axis.k.iter().step_by(every) {
        let x = axis.x(k);
        canvas.line(&[(x, TOP), (x, BOTTOM)], FAINT, 1.0, None);
        canvas.line(&[(x, BOTTOM), (x, BOTTOM + 5.0)], INK, 1.0, None);
        canvas.text(&k.to_string(), (x, BOTTOM + 17.0), SMALL, INK, Alignment::Center);
    }
    canvas.line(&[(LEFT, TOP), (LEFT, BOTTOM), (RIGHT, BOTTOM)], INK, 1.0, None);
    let caption = "k: draws per problem (log scale)";
    let middle = ((LEFT + RIGHT) / 2.0, BOTTOM + 42.0);
    canvas.text(caption, middle, SMALL, INK, Alignment::Center);
}

fn crossover(canvas: &mut Canvas, axis: &KAxis<'_>, boundary: &Boundary) {
    let Some(k) = boundary.crossover_k else { return };
    let x = axis.x(k).clamp(LEFT, RIGHT);
    canvas.line(&[(x, TOP), (x, BOTTOM)], GREY, 1.5, Some(5.0));
    let (at, side) = if x > (LEFT + RIGHT) / 2.0 {
        (x - 8.0, Alignment::Right)
    } else {
        (x + 8.0, Alignment::Left)
    };
    canvas.text(&format!("crossover k={k}"), (at, BOTTOM - 14.0), SMALL, GREY, side);
}

fn band(canvas: &mut Canvas, axis: &KAxis<'_>, curve: &Curve, colour: Rgb) {
    let mut outline = points(axis, &curve.ci_low);
    outline.extend(points(axis, &curve.ci_high).into_iter().rev());
    canvas.polygon(&outline, colour, 46);
}

fn fit(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        return text.to_string();
    }
    text.chars().take(columns.saturating_sub(3)).chain("...".chars()).collect()
}

fn encode(canvas: &Canvas) -> Picture {
    let (width, height) = canvas.size();
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(&canvas.rgb()))
        .expect("memory takes every write, and the rows are as wide as the header says");
    Picture { width, height, png }
}

#[cfg(test)]
#[path = "../tests/unit/picture.rs"]
mod tests;
