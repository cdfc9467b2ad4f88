//! A tree with a crown of three rounds.
use super::{Object, Superclass};
use crate::figure::{Figure, Role::*};

/// The entry of the list.
pub(super) const ENTRY: Object = Object { name: "tree", superclass: Superclass::Plant, figure };

fn figure() -> Figure {
    Figure::new()
        .polygon(Wood, &[(-6.0, 6.0), (6.0, 6.0), (9.0, 46.0), (-9.0, 46.0)])
        .strokes(Wood, 4.0, &[(1.0, 22.0), (16.0, 8.0)])
        .blob(
            Main,
            &[
                (0.0, -46.0),
                (17.0, -40.0),
                (24.0, -26.0),
                (38.0, -16.0),
                (36.0, 4.0),
                (20.0, 14.0),
                (0.0, 10.0),
                (-20.0, 14.0),
                (-36.0, 4.0),
                (-38.0, -16.0),
                (-24.0, -26.0),
                (-17.0, -40.0),
            ],
        )
        .circle(Light, (-12.0, -24.0), 7.0)
        .circle(Shade, (16.0, -8.0), 8.0)
        .circle(Shade, (-18.0, -2.0), 5.0)
}
