//! One picture before it is drawn: which object, in which style and colour, standing where.
use image::RgbImage;
use rand::Rng;
use tiny_skia::Transform;

use crate::colours::Colour;
use crate::objects::Object;
use crate::sheet::Sheet;
use crate::styles::{Look, Style};

/// Everything that a picture of the canvas is made from.
#[derive(Clone, Copy, Debug)]
pub struct Scene {
    /// What is shown.
    pub object: &'static Object,
    /// How it is painted.
    pub style: &'static Style,
    /// The colour of the object.
    pub colour: &'static Colour,
    /// Where and how large the object stands.
    pub place: Place,
    /// The background's shade, 0 to 1.
    pub backdrop: f32,
    /// How pale (above 0) or deep (below 0) the colour is, −1 to 1.
    pub tone: f32,
    /// Where a style's small accidents come from, 0 to 1.
    pub accident: f32,
}

/// Where an object stands on its page of 100 × 100 units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// How far right of the centre.
    pub x: f32,
    /// How far below the centre.
    pub y: f32,
    /// 1 fills the page.
    pub scale: f32,
    /// Clockwise, in degrees.
    pub turn: f32,
    /// Mirrored left to right.
    pub flip: bool,
}

impl Place {
    /// The middle of the page.
    pub const CENTRE: Place = Place { x: 0.0, y: 0.0, scale: 0.84, turn: 0.0, flip: false };

    /// A place drawn at random: a little off the centre, a little turned, mirrored half the time.
    pub fn draw(rng: &mut impl Rng) -> Self {
        Self {
            x: rng.random_range(-5.0..5.0),
            y: rng.random_range(-5.0..5.0),
            scale: rng.random_range(0.76..0.92),
            turn: rng.random_range(-9.0..9.0),
            flip: rng.random(),
        }
    }

    fn transform(&self) -> Transform {
        let side = if self.flip { -self.scale } else { self.scale };
        Transform::from_translate(self.x, self.y)
            .pre_concat(Transform::from_rotate(self.turn))
            .pre_scale(side, self.scale)
    }
}

impl Scene {
    /// A scene of these three with everything else drawn at random.
    pub fn arrange(
        object: &'static Object,
        style: &'static Style,
        colour: &'static Colour,
        rng: &mut impl Rng,
    ) -> Self {
        Self {
            object,
            style,
            colour,
            place: Place::draw(rng),
            backdrop: rng.random(),
            tone: rng.random_range(-1.0..1.0),
            accident: rng.random(),
        }
    }

    /// The picture, `size` × `size` pixels (a size outside 1 to 4096 is moved to the nearer end).
    pub fn draw(&self, size: u32) -> RgbImage {
        let mut sheet = Sheet::new(size, self.place.transform());
        let look = Look {
            colour: *self.colour,
            backdrop: self.backdrop,
            tone: self.tone,
            accident: self.accident,
        };
        (self.style.paint)(&mut sheet, &(self.object.figure)(), &look);
        sheet.finish()
    }
}
