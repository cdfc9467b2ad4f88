//! A small car seen from its side.
use super::{Object, Superclass};
use crate::figure::{Figure, Role::*};

/// The entry of the list.
pub(super) const ENTRY: Object = Object { name: "car", superclass: Superclass::Vehicle, figure };

fn figure() -> Figure {
    Figure::new()
        .blob(
            Main,
            &[
                (-26.0, 2.0),
                (-18.0, -19.0),
                (-8.0, -24.0),
                (10.0, -24.0),
                (20.0, -18.0),
                (30.0, 2.0),
            ],
        )
        .polygon(Glass, &[(-20.0, -2.0), (-14.0, -17.0), (-1.5, -18.0), (-1.5, -2.0)])
        .polygon(Glass, &[(3.0, -2.0), (3.0, -18.0), (14.0, -16.5), (23.0, -2.0)])
        .blob(
            Main,
            &[
                (-46.0, 12.0),
                (-43.0, 2.0),
                (-26.0, -2.0),
                (26.0, -2.0),
                (42.0, 2.0),
                (46.0, 12.0),
                (43.0, 20.0),
                (0.0, 21.0),
                (-43.0, 20.0),
            ],
        )
        .strokes(Shade, 2.4, &[(1.0, -1.0), (1.0, 18.0)])
        .strokes(Shade, 2.4, &[(6.0, 4.0), (12.0, 4.0)])
        .circle(White, (-41.0, 8.0), 3.6)
        .circle(Ink, (-24.0, 20.0), 10.5)
        .circle(Ink, (25.0, 20.0), 10.5)
        .circle(Steel, (-24.0, 20.0), 4.4)
        .circle(Steel, (25.0, 20.0), 4.4)
}
