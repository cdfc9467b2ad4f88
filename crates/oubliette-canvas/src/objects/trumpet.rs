//! A trumpet with three valves.
use super::{Object, Superclass};
use crate::figure::{Figure, Role::*};

/// The entry of the list.
pub(super) const ENTRY: Object =
    Object { name: "trumpet", superclass: Superclass::Instrument, figure };

fn figure() -> Figure {
    Figure::new()
        .curve(
            Shade,
            5.0,
            &[(-14.0, -2.0), (-24.0, 6.0), (-14.0, 15.0), (14.0, 15.0), (22.0, 6.0), (14.0, -3.0)],
        )
        .strokes(Main, 6.0, &[(44.0, -4.0), (-22.0, -4.0)])
        .blob(
            Main,
            &[
                (-46.0, -24.0),
                (-38.0, -12.0),
                (-18.0, -7.5),
                (-18.0, -0.5),
                (-38.0, 4.0),
                (-46.0, 16.0),
                (-43.0, -4.0),
            ],
        )
        .strokes(Shade, 6.5, &[(-8.0, -13.0), (-8.0, 20.0)])
        .strokes(Shade, 6.5, &[(2.0, -13.0), (2.0, 20.0)])
        .strokes(Shade, 6.5, &[(12.0, -13.0), (12.0, 20.0)])
        .circle(Light, (-8.0, -16.0), 4.2)
        .circle(Light, (2.0, -16.0), 4.2)
        .circle(Light, (12.0, -16.0), 4.2)
        .ellipse(Light, (44.0, -4.0), (3.0, 5.0))
}
