//! Lines of coloured ink on white paper, with hatching where the figure is dark.
use tiny_skia::{Path, PathBuilder};

use super::{INK, Look, Style, WHITE};
use crate::colours::Rgb;
use crate::figure::{Figure, Kind, Part, Role};
use crate::sheet::Sheet;

/// The entry of the list.
pub(super) const ENTRY: Style = Style { name: "ink", noun: "ink drawing", paint };

const PEN: f32 = 3.5;

fn paint(sheet: &mut Sheet, figure: &Figure, look: &Look) {
    let paper = WHITE.mix(Rgb::hex(0xe4e0d8), look.backdrop * 0.7);
    sheet.ground(paper, paper);
    let pen = look.body().mix(INK, 0.26);
    if let Some(floor) = floor() {
        sheet.page_line(&floor, 1.6, pen, 0.45);
    }
    for part in &figure.parts {
        draw(sheet, part, pen, paper);
    }
}

fn draw(sheet: &mut Sheet, part: &Part, pen: Rgb, paper: Rgb) {
    match part.kind {
        Kind::Area => {
            sheet.area(&part.path, fill(part.role, pen, paper), 1.0);
            sheet.line(&part.path, PEN, pen, 1.0);
        }
        // A broad stroke is a tube with two edges; a thin one is a single line.
        Kind::Line(width) if width > 4.8 => {
            sheet.line(&part.path, width + PEN, pen, 1.0);
            sheet.line(&part.path, width - PEN, fill(part.role, pen, paper), 1.0);
        }
        Kind::Line(_) => sheet.line(&part.path, 2.7, pen, 1.0),
    }
}

fn fill(role: Role, pen: Rgb, paper: Rgb) -> Rgb {
    match role {
        Role::Ink => pen,
        Role::Shade => paper.mix(pen, 0.45),
        _ => paper,
    }
}

/// A stroke under the figure.
fn floor() -> Option<Path> {
    let mut path = PathBuilder::new();
    path.move_to(-40.0, 47.0);
    path.quad_to(0.0, 44.0, 40.0, 47.0);
    path.finish()
}
