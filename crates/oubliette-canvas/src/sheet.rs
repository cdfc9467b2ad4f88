//! The sheet that styles paint on: figure units outside, pixels inside.
use image::RgbImage;
use tiny_skia::{
    Color, FillRule, GradientStop, LineCap, LineJoin, LinearGradient, Paint, Path, Pixmap, Point,
    Rect, Shader, SpreadMode, Stroke, Transform,
};

use crate::colours::Rgb;

/// The longest side of a picture in pixels.
const MAX_SIDE: u32 = 4096;

/// A square picture in the making.
pub struct Sheet {
    pixels: Pixmap,
    page: Transform,
    figure: Transform,
}

impl Sheet {
    /// An empty sheet of `size` × `size` pixels (1 to 4096); the page measures 100 × 100 units around its centre, and `place` moves
    /// the figure on it.
    pub fn new(size: u32, place: Transform) -> Self {
        let size = size.clamp(1, MAX_SIDE);
        let half = size as f32 / 2.0;
        let page = Transform::from_row(half / 50.0, 0.0, 0.0, half / 50.0, half, half);
        let pixels = Pixmap::new(size, size).expect("the side is between 1 and 4096");
        Self { pixels, page, figure: page.pre_concat(place) }
    }

    /// Covers the whole page with a colour that runs from the top to the bottom.
    pub fn ground(&mut self, top: Rgb, bottom: Rgb) {
        let Some(rect) = Rect::from_xywh(-50.0, -50.0, 100.0, 100.0) else { return };
        let paint = Paint { shader: vertical(top, bottom, 1.0, -50.0, 50.0), ..Paint::default() };
        self.pixels.fill_rect(rect, &paint, self.page, None);
    }

    /// Fills a shape of the page, untouched by where the figure stands.
    pub fn page_area(&mut self, path: &Path, colour: Rgb, alpha: f32) {
        self.pixels.fill_path(path, &plain(colour, alpha), FillRule::Winding, self.page, None);
    }

    /// Strokes a line of the page.
    pub fn page_line(&mut self, path: &Path, width: f32, colour: Rgb, alpha: f32) {
        let paint = plain(colour, alpha);
        self.pixels.stroke_path(path, &paint, &stroke(width), self.page, None);
    }

    /// Fills a shape of the figure.
    pub fn area(&mut self, path: &Path, colour: Rgb, alpha: f32) {
        self.pixels.fill_path(path, &plain(colour, alpha), FillRule::Winding, self.figure, None);
    }

    /// Fills a shape of the figure from a colour at its top to another at its bottom.
    pub fn shaded_area(&mut self, path: &Path, top: Rgb, bottom: Rgb, alpha: f32) {
        let bounds = path.bounds();
        let shader = vertical(top, bottom, alpha, bounds.top(), bounds.bottom());
        let paint = Paint { shader, anti_alias: true, ..Paint::default() };
        self.pixels.fill_path(path, &paint, FillRule::Winding, self.figure, None);
    }

    /// Strokes a line of the figure.
    pub fn line(&mut self, path: &Path, width: f32, colour: Rgb, alpha: f32) {
        let paint = plain(colour, alpha);
        self.pixels.stroke_path(path, &paint, &stroke(width), self.figure, None);
    }

    /// The finished picture.
    pub fn finish(self) -> RgbImage {
        let (width, height) = (self.pixels.width(), self.pixels.height());
        let opaque = self.pixels.pixels().iter().flat_map(|p| [p.red(), p.green(), p.blue()]);
        let bytes: Vec<u8> = opaque.collect();
        RgbImage::from_raw(width, height, bytes).expect("three bytes were written for every pixel")
    }
}

fn plain(Rgb(r, g, b): Rgb, alpha: f32) -> Paint<'static> {
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color(colour(Rgb(r, g, b), alpha));
    paint
}

fn colour(Rgb(r, g, b): Rgb, alpha: f32) -> Color {
    let part = |x: f32| x.clamp(0.0, 1.0);
    Color::from_rgba(part(r), part(g), part(b), part(alpha)).unwrap_or(Color::BLACK)
}

fn stroke(width: f32) -> Stroke {
    Stroke { width, line_cap: LineCap::Round, line_join: LineJoin::Round, ..Stroke::default() }
}

fn vertical(top: Rgb, bottom: Rgb, alpha: f32, from: f32, to: f32) -> Shader<'static> {
    let stops = vec![
        GradientStop::new(0.0, colour(top, alpha)),
        GradientStop::new(1.0, colour(bottom, alpha)),
    ];
    let (start, end) = (Point::from_xy(0.0, from), Point::from_xy(0.0, to));
    LinearGradient::new(start, end, stops, SpreadMode::Pad, Transform::identity())
        .unwrap_or(Shader::SolidColor(colour(top, alpha)))
}
