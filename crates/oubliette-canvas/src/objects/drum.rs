//! A drum with its two sticks.
use super::{Object, Superclass};
use crate::figure::{Figure, Role::*};

/// The entry of the list.
pub(super) const ENTRY: Object =
    Object { name: "drum", superclass: Superclass::Instrument, figure };

fn figure() -> Figure {
    Figure::new()
        .blob(
            Main,
            &[
                (-34.0, -10.0),
                (-34.0, 24.0),
                (-28.0, 34.0),
                (0.0, 40.0),
                (28.0, 34.0),
                (34.0, 24.0),
                (34.0, -10.0),
                (0.0, -4.0),
            ],
        )
        .strokes(
            Light,
            3.0,
            &[
                (-33.0, 2.0),
                (-20.0, 34.0),
                (-8.0, 4.0),
                (4.0, 38.0),
                (14.0, 4.0),
                (24.0, 34.0),
                (33.0, 2.0),
            ],
        )
        .ellipse(Shade, (0.0, -9.0), (36.0, 13.0))
        .ellipse(White, (0.0, -11.0), (31.0, 9.5))
        .strokes(Wood, 4.0, &[(-6.0, -12.0), (-38.0, -40.0)])
        .strokes(Wood, 4.0, &[(8.0, -13.0), (36.0, -43.0)])
        .circle(Wood, (-5.0, -11.0), 4.4)
        .circle(Wood, (7.0, -12.0), 4.4)
}
