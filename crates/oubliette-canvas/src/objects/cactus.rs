//! A cactus with two arms in a pot.
use super::{Object, Superclass};
use crate::figure::{Figure, Role::*};

/// The entry of the list.
pub(super) const ENTRY: Object = Object { name: "cactus", superclass: Superclass::Plant, figure };

fn figure() -> Figure {
    Figure::new()
        .curve(Main, 11.0, &[(0.0, 8.0), (20.0, 6.0), (26.0, -4.0), (26.0, -18.0)])
        .curve(Main, 11.0, &[(0.0, -2.0), (-20.0, -4.0), (-26.0, -14.0), (-26.0, -28.0)])
        .blob(
            Main,
            &[
                (0.0, -46.0),
                (11.0, -38.0),
                (13.0, -10.0),
                (12.0, 24.0),
                (-12.0, 24.0),
                (-13.0, -10.0),
                (-11.0, -38.0),
            ],
        )
        .strokes(Shade, 2.2, &[(-4.5, -34.0), (-4.5, 18.0)])
        .strokes(Shade, 2.2, &[(4.5, -34.0), (4.5, 18.0)])
        .polygon(Wood, &[(-20.0, 24.0), (20.0, 24.0), (15.0, 46.0), (-15.0, 46.0)])
        .rectangle(Wood, (-23.0, 19.0), (46.0, 8.0))
}
