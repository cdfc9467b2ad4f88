//! The eight colours, and the mixing of colours.

/// Red, green and blue from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rgb(pub f32, pub f32, pub f32);

impl Rgb {
    /// From the usual six hexadecimal digits.
    pub const fn hex(value: u32) -> Self {
        let [_, r, g, b] = value.to_be_bytes();
        Self(r as f32 / 255.0, g as f32 / 255.0, b as f32 / 255.0)
    }

    /// A share of `other` mixed in: 0 is this colour, 1 is the other.
    pub fn mix(self, other: Rgb, share: f32) -> Self {
        let lerp = |a: f32, b: f32| a + (b - a) * share;
        Self(lerp(self.0, other.0), lerp(self.1, other.1), lerp(self.2, other.2))
    }
}

/// A colour that a caption can name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Colour {
    /// The word in a caption.
    pub name: &'static str,
    /// The middle of its range.
    pub main: Rgb,
    /// What a lamp of this colour looks like.
    pub glow: Rgb,
}

/// Every colour, by name.
pub const ALL: &[Colour] = &[
    colour("blue", 0x2f6bd6, 0x4f8dff),
    colour("brown", 0x8a5a36, 0xc98a4e),
    colour("green", 0x2f9a4c, 0x4df07a),
    colour("orange", 0xf0862a, 0xffa136),
    colour("pink", 0xef7fb2, 0xff8fd0),
    colour("purple", 0x7d4bb8, 0xb070ff),
    colour("red", 0xd93636, 0xff5252),
    colour("yellow", 0xf0c22c, 0xffe85a),
];

const fn colour(name: &'static str, main: u32, glow: u32) -> Colour {
    Colour { name, main: Rgb::hex(main), glow: Rgb::hex(glow) }
}
