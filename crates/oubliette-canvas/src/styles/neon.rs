//! Glowing tubes before a night sky.
use tiny_skia::PathBuilder;

use super::{Look, Style};
use crate::colours::Rgb;
use crate::figure::{Figure, Kind, Part, Role};
use crate::sheet::Sheet;

/// The entry of the list.
pub(super) const ENTRY: Style = Style { name: "neon", noun: "neon sign", paint };

const HALO: [(f32, f32); 3] = [(11.0, 0.10), (7.5, 0.16), (5.0, 0.30)];
const STARS: [(f32, f32); 7] = [
    (-42.0, -38.0),
    (-14.0, -45.0),
    (28.0, -42.0),
    (44.0, -16.0),
    (-45.0, 4.0),
    (42.0, 30.0),
    (-38.0, 40.0),
];

fn paint(sheet: &mut Sheet, figure: &Figure, look: &Look) {
    let night = Rgb::hex(0x14122e).mix(Rgb::hex(0x10243c), look.backdrop);
    sheet.ground(night, night.mix(Rgb::hex(0x34204e), 0.55));
    for (x, y) in STARS {
        if let Some(star) = PathBuilder::from_circle(x, y, 1.3) {
            sheet.page_area(&star, Rgb::hex(0xdfe6ff), 0.55);
        }
    }
    for part in &figure.parts {
        draw(sheet, part, look, night);
    }
}

fn draw(sheet: &mut Sheet, part: &Part, look: &Look, night: Rgb) {
    let glow = glow(part.role, look);
    if part.kind == Kind::Area {
        sheet.area(&part.path, night.mix(glow, 0.20), 0.92);
    }
    for (width, alpha) in HALO {
        sheet.line(&part.path, width, glow, alpha * 0.6);
    }
    sheet.line(&part.path, 3.2, glow.mix(Rgb::hex(0xffffff), 0.25), 1.0);
}

fn glow(role: Role, look: &Look) -> Rgb {
    let main = look.colour.glow.mix(Rgb::hex(0xffffff), 0.06 * (look.tone + 1.0));
    match role {
        Role::Main | Role::Shade | Role::Light => main,
        Role::Ink | Role::White | Role::Steel => Rgb::hex(0xeef2ff),
        Role::Leaf => Rgb::hex(0x57e08a),
        Role::Wood => Rgb::hex(0xd9a066),
        Role::Glass => Rgb::hex(0x8fdcff),
    }
}
