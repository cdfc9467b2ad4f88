//! A snail under its spiral.
use super::{Object, Superclass};
use crate::figure::{Figure, Role::*};

/// The entry of the list.
pub(super) const ENTRY: Object = Object { name: "snail", superclass: Superclass::Animal, figure };

fn figure() -> Figure {
    Figure::new()
        .strokes(Light, 3.4, &[(-30.0, 8.0), (-36.0, -12.0)])
        .strokes(Light, 3.4, &[(-26.0, 8.0), (-22.0, -12.0)])
        .circle(Ink, (-36.5, -13.0), 3.2)
        .circle(Ink, (-21.5, -13.0), 3.2)
        .blob(
            Light,
            &[
                (-40.0, 12.0),
                (-30.0, 3.0),
                (-20.0, 10.0),
                (-14.0, 24.0),
                (20.0, 26.0),
                (46.0, 36.0),
                (0.0, 38.0),
                (-26.0, 36.0),
                (-37.0, 24.0),
            ],
        )
        .circle(Main, (12.0, -3.0), 29.0)
        .curve(
            Shade,
            5.0,
            &[
                (36.0, 8.0),
                (12.0, 18.0),
                (-8.0, -2.0),
                (10.0, -21.0),
                (27.0, -6.0),
                (14.0, 7.0),
                (3.0, -3.0),
                (12.0, -8.0),
            ],
        )
        .curve(Ink, 1.8, &[(-37.0, 20.0), (-33.0, 24.0), (-28.0, 22.0)])
}
