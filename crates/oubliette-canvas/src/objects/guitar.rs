//! An acoustic guitar, upright.
use super::{Object, Superclass};
use crate::figure::{Figure, Role::*};

/// The entry of the list.
pub(super) const ENTRY: Object =
    Object { name: "guitar", superclass: Superclass::Instrument, figure };

fn figure() -> Figure {
    Figure::new()
        .blob(
            Main,
            &[
                (0.0, -10.0),
                (20.0, -3.0),
                (17.0, 11.0),
                (29.0, 27.0),
                (20.0, 43.0),
                (0.0, 46.0),
                (-20.0, 43.0),
                (-29.0, 27.0),
                (-17.0, 11.0),
                (-20.0, -3.0),
            ],
        )
        .polygon(Wood, &[(-3.6, 12.0), (3.6, 12.0), (3.6, -34.0), (-3.6, -34.0)])
        .polygon(Shade, &[(-6.0, -33.0), (6.0, -33.0), (7.5, -47.0), (-7.5, -47.0)])
        .circle(Ink, (0.0, 15.0), 7.5)
        .rectangle(Wood, (-11.0, 31.0), (22.0, 5.0))
        .strokes(Light, 1.4, &[(-1.4, -34.0), (-1.4, 32.0)])
        .strokes(Light, 1.4, &[(1.6, -34.0), (1.6, 32.0)])
}
