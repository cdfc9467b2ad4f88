//! Translucent washes with dark edges on cream paper.
use tiny_skia::{Path, PathBuilder, Transform};

use super::{Look, Style, WHITE};
use crate::colours::Rgb;
use crate::figure::{Figure, Kind, Part};
use crate::sheet::Sheet;

/// The entry of the list.
pub(super) const ENTRY: Style = Style { name: "watercolour", noun: "watercolour painting", paint };

const WASHES: [Rgb; 3] = [Rgb::hex(0xa9c7d8), Rgb::hex(0xcdbfe0), Rgb::hex(0xe9c9a6)];

fn paint(sheet: &mut Sheet, figure: &Figure, look: &Look) {
    let paper = Rgb::hex(0xf7eedb);
    sheet.ground(paper, paper.mix(Rgb::hex(0xe8dcc0), 0.6));
    let wash = wash(look.backdrop);
    for (grow, alpha) in [(1.0, 0.30), (0.86, 0.22), (0.7, 0.16)] {
        if let Some(blot) = blot(look.accident, grow) {
            sheet.page_area(&blot, wash, alpha);
        }
    }
    for part in &figure.parts {
        draw(sheet, part, look);
    }
}

fn draw(sheet: &mut Sheet, part: &Part, look: &Look) {
    let colour = look.paint(part.role);
    let (thin, thick) = (colour.mix(WHITE, 0.52), colour);
    match part.kind {
        Kind::Area => {
            sheet.shaded_area(&part.path, thin, thick, 0.92);
            sheet.line(&part.path, 1.5, colour.mix(Rgb::hex(0x3a2a4a), 0.25), 0.45);
            if let Some(glaze) = glaze(&part.path) {
                sheet.area(&glaze, WHITE, 0.22);
            }
        }
        Kind::Line(width) => sheet.line(&part.path, width, colour.mix(WHITE, 0.2), 0.85),
    }
}

/// The same shape, smaller and to the upper left: where the paint has run thin.
fn glaze(path: &Path) -> Option<Path> {
    let b = path.bounds();
    let (x, y) = (b.left() + b.width() * 0.36, b.top() + b.height() * 0.34);
    let shrink = Transform::from_translate(x, y).pre_scale(0.56, 0.56).pre_translate(-x, -y);
    path.clone().transform(shrink)
}

fn wash(at: f32) -> Rgb {
    let place = at.clamp(0.0, 0.999) * (WASHES.len() - 1) as f32;
    let i = place as usize;
    WASHES[i].mix(WASHES[i + 1], place.fract())
}

/// A lobed stain around the centre.
fn blot(accident: f32, grow: f32) -> Option<Path> {
    let turn = accident * std::f32::consts::TAU;
    let at = |i: u32| {
        let angle = i as f32 * std::f32::consts::TAU / 40.0;
        let reach = (42.0 + 4.0 * (3.0 * angle + turn).sin()) * grow;
        (reach * angle.cos(), reach * angle.sin())
    };
    let mut path = PathBuilder::new();
    path.move_to(at(0).0, at(0).1);
    for i in 1..40 {
        path.line_to(at(i).0, at(i).1);
    }
    path.close();
    path.finish()
}
