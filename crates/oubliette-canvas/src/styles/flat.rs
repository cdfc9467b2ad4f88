//! Plain areas without outlines on a pastel ground.
use tiny_skia::PathBuilder;

use super::{Look, Style};
use crate::colours::Rgb;
use crate::figure::{Figure, Kind};
use crate::sheet::Sheet;

/// The entry of the list.
pub(super) const ENTRY: Style = Style { name: "flat", noun: "flat picture", paint };

const GROUNDS: [Rgb; 4] =
    [Rgb::hex(0xcfe6f5), Rgb::hex(0xd9efd6), Rgb::hex(0xfbe9c6), Rgb::hex(0xf6d9d5)];

fn paint(sheet: &mut Sheet, figure: &Figure, look: &Look) {
    let ground = ground(look.backdrop);
    sheet.ground(ground, ground);
    if let Some(disc) = PathBuilder::from_circle(0.0, 0.0, 43.0) {
        sheet.page_area(&disc, super::WHITE, 0.55);
    }
    for part in &figure.parts {
        let colour = look.paint(part.role);
        match part.kind {
            Kind::Area => sheet.area(&part.path, colour, 1.0),
            Kind::Line(width) => sheet.line(&part.path, width, colour, 1.0),
        }
    }
}

/// A tint between its neighbours on the list.
fn ground(at: f32) -> Rgb {
    let place = at.clamp(0.0, 0.999) * (GROUNDS.len() - 1) as f32;
    let i = place as usize;
    GROUNDS[i].mix(GROUNDS[i + 1], place.fract())
}
