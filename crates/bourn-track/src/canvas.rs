//! A small drawing surface: anti-aliased shapes by `tiny-skia`, bitmap letters by
//! `embedded-graphics`. No fonts of the system are needed.

use embedded_graphics::Pixel;
use embedded_graphics::draw_target::DrawTarget;
use embedded_graphics::geometry::{OriginDimensions, Point as GridPoint, Size};
use embedded_graphics::mono_font::{MonoFont, MonoTextStyle};
use embedded_graphics::pixelcolor::{Rgb888, RgbColor};
use embedded_graphics::text::{Alignment, Baseline, Text, TextStyleBuilder};
use embedded_graphics::{Drawable, mono_font::iso_8859_1};
use tiny_skia::{
    Color, FillRule, Paint, PathBuilder, Pixmap, PremultipliedColorU8, Rect, Stroke, StrokeDash,
    Transform,
};

/// Red, green, blue.
pub(crate) type Rgb = (u8, u8, u8);
/// Pixels right of and below the upper left corner.
pub(crate) type Point = (f32, f32);

/// The letters of titles.
pub(crate) const LARGE: &MonoFont<'_> = &iso_8859_1::FONT_10X20;
/// The letters of everything else.
pub(crate) const SMALL: &MonoFont<'_> = &iso_8859_1::FONT_8X13;

/// A white, opaque picture being drawn.
pub(crate) struct Canvas {
    pixels: Pixmap,
}

impl Canvas {
    /// `None` if a side is zero or the picture is too large to address.
    pub(crate) fn new(width: u32, height: u32) -> Option<Self> {
        let mut pixels = Pixmap::new(width, height)?;
        pixels.fill(Color::WHITE);
        Some(Self { pixels })
    }

    /// Width and height in pixels.
    pub(crate) fn size(&self) -> (u32, u32) {
        (self.pixels.width(), self.pixels.height())
    }

    /// The pixels' red, green and blue, row by row.
    pub(crate) fn rgb(&self) -> Vec<u8> {
        // Everything is opaque, so premultiplied colour is colour.
        self.pixels.pixels().iter().flat_map(|p| [p.red(), p.green(), p.blue()]).collect()
    }

    /// A line through the points; `dash` gives the lengths of strokes and of gaps.
    pub(crate) fn line(&mut self, points: &[Point], colour: Rgb, width: f32, dash: Option<f32>) {
        let Some(path) = path(points, false) else { return };
        let dash = dash.and_then(|length| StrokeDash::new(vec![length, length], 0.0));
        let stroke = Stroke { width, dash, ..Stroke::default() };
        self.pixels.stroke_path(&path, &paint(colour, 255), &stroke, Transform::identity(), None);
    }

    /// A filled shape, see-through where `alpha` is under 255.
    pub(crate) fn polygon(&mut self, points: &[Point], colour: Rgb, alpha: u8) {
        let Some(path) = path(points, true) else { return };
        let paint = paint(colour, alpha);
        self.pixels.fill_path(&path, &paint, FillRule::Winding, Transform::identity(), None);
    }

    /// A filled circle.
    pub(crate) fn disc(&mut self, (x, y): Point, radius: f32, colour: Rgb) {
        let Some(path) = PathBuilder::from_circle(x, y, radius) else { return };
        let paint = paint(colour, 255);
        self.pixels.fill_path(&path, &paint, FillRule::Winding, Transform::identity(), None);
    }

    /// A filled square around a point.
    pub(crate) fn square(&mut self, (x, y): Point, half: f32, colour: Rgb) {
        let Some(rect) = Rect::from_ltrb(x - half, y - half, x + half, y + half) else { return };
        self.pixels.fill_rect(rect, &paint(colour, 255), Transform::identity(), None);
    }

    /// One line of text with its middle at the height of `at`.
    pub(crate) fn text(
        &mut self,
        text: &str,
        (x, y): Point,
        font: &MonoFont<'_>,
        colour: Rgb,
        alignment: Alignment,
    ) {
        let colour = Rgb888::new(colour.0, colour.1, colour.2);
        let style = TextStyleBuilder::new().alignment(alignment).baseline(Baseline::Middle).build();
        let at = GridPoint::new(x.round() as i32, y.round() as i32);
        let character = MonoTextStyle::new(font, colour);
        // The error type has no values.
        let Ok(_) = Text::with_text_style(text, at, character, style).draw(self);
    }
}

fn paint(colour: Rgb, alpha: u8) -> Paint<'static> {
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color_rgba8(colour.0, colour.1, colour.2, alpha);
    paint
}

fn path(points: &[Point], close: bool) -> Option<tiny_skia::Path> {
    let (first, rest) = points.split_first()?;
    let mut path = PathBuilder::new();
    path.move_to(first.0, first.1);
    rest.iter().for_each(|p| path.line_to(p.0, p.1));
    if close {
        path.close();
    }
    path.finish()
}

impl OriginDimensions for Canvas {
    fn size(&self) -> Size {
        Size::new(self.pixels.width(), self.pixels.height())
    }
}

impl DrawTarget for Canvas {
    type Color = Rgb888;
    type Error = std::convert::Infallible;

    fn draw_iter<I>(&mut self, letters: I) -> Result<(), Self::Error>
    where
        I: IntoIterator<Item = Pixel<Self::Color>>,
    {
        let (width, height) = (self.pixels.width(), self.pixels.height());
        for Pixel(at, colour) in letters {
            let (Ok(x), Ok(y)) = (u32::try_from(at.x), u32::try_from(at.y)) else { continue };
            let colour = PremultipliedColorU8::from_rgba(colour.r(), colour.g(), colour.b(), 255);
            if let Some(colour) = colour.filter(|_| x < width && y < height) {
                self.pixels.pixels_mut()[y as usize * width as usize + x as usize] = colour;
            }
        }
        Ok(())
    }
}
