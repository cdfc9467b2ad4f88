//! A sitting cat with its tail in the air.
use super::{Object, Superclass};
use crate::figure::{Figure, Role::*};

/// The entry of the list.
pub(super) const ENTRY: Object = Object { name: "cat", superclass: Superclass::Animal, figure };

fn figure() -> Figure {
    Figure::new()
        .curve(Main, 8.0, &[(12.0, 38.0), (32.0, 38.0), (38.0, 22.0), (30.0, 8.0), (36.0, -6.0)])
        .blob(
            Main,
            &[
                (0.0, -6.0),
                (15.0, 6.0),
                (20.0, 26.0),
                (18.0, 43.0),
                (0.0, 45.0),
                (-18.0, 43.0),
                (-20.0, 26.0),
                (-15.0, 6.0),
            ],
        )
        .ellipse(Light, (0.0, 27.0), (9.0, 13.0))
        .both_sides(
            Figure::new()
                .polygon(Main, &[(-25.0, -45.0), (-5.0, -34.0), (-24.0, -18.0)])
                .polygon(Shade, &[(-21.5, -38.0), (-12.0, -32.0), (-21.0, -24.0)])
                .ellipse(Shade, (-9.0, 42.0), (7.0, 4.0)),
        )
        .ellipse(Main, (0.0, -17.0), (25.0, 19.0))
        .both_sides(
            Figure::new()
                .ellipse(Ink, (-10.0, -18.0), (3.4, 4.6))
                .strokes(Ink, 1.6, &[(-14.0, -8.0), (-31.0, -11.0)])
                .strokes(Ink, 1.6, &[(-14.0, -5.0), (-30.0, -2.0)])
                .curve(Ink, 1.8, &[(0.0, -7.0), (-3.0, -4.0), (-7.0, -5.0)]),
        )
        .polygon(Ink, &[(-3.5, -11.5), (3.5, -11.5), (0.0, -7.0)])
}
