//! The styles: one file each, one line each in the list.
mod flat;
mod ink;
mod neon;
mod watercolour;

use crate::colours::{Colour, Rgb};
use crate::figure::{Figure, Role};
use crate::sheet::Sheet;

/// A manner of painting a figure.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// The word in a caption.
    pub name: &'static str,
    /// What a picture in this style is called: "ink drawing".
    pub noun: &'static str,
    /// Paints the background and the figure.
    pub paint: fn(&mut Sheet, &Figure, &Look),
}

/// What a style is told beside the figure.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// The colour of the figure's body.
    pub colour: Colour,
    /// The background's shade, 0 to 1.
    pub backdrop: f32,
    /// Lightens (above 0) or darkens (below 0) the body a little, −1 to 1.
    pub tone: f32,
    /// Where the style's own small accidents come from, 0 to 1.
    pub accident: f32,
}

/// Every style, by name.
pub const ALL: &[Style] = &[flat::ENTRY, ink::ENTRY, neon::ENTRY, watercolour::ENTRY];

const INK: Rgb = Rgb::hex(0x2b2a3a);
const WHITE: Rgb = Rgb::hex(0xfdfbf5);

impl Look {
    /// The paint of a role in daylight.
    fn paint(&self, role: Role) -> Rgb {
        let main = self.body();
        match role {
            Role::Main => main,
            Role::Shade => main.mix(Rgb::hex(0x2a1c48), 0.36),
            Role::Light => main.mix(WHITE, 0.58),
            Role::Ink => INK,
            Role::White => WHITE,
            Role::Leaf => Rgb::hex(0x4f9a5b),
            Role::Wood => Rgb::hex(0xb98355),
            Role::Steel => Rgb::hex(0x9aa3ad),
            Role::Glass => Rgb::hex(0xbfe3f2),
        }
    }

    /// The body's colour with this picture's tone.
    fn body(&self) -> Rgb {
        let towards = if self.tone > 0.0 { WHITE } else { INK };
        self.colour.main.mix(towards, 0.10 * self.tone.abs())
    }
}
