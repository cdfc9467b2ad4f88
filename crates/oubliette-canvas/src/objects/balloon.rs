//! A hot-air balloon with its basket.
use super::{Object, Superclass};
use crate::figure::{Figure, Role::*};

/// The entry of the list.
pub(super) const ENTRY: Object =
    Object { name: "balloon", superclass: Superclass::Vehicle, figure };

fn figure() -> Figure {
    Figure::new()
        .strokes(Wood, 1.8, &[(-14.0, 16.0), (-6.0, 34.0)])
        .strokes(Wood, 1.8, &[(14.0, 16.0), (6.0, 34.0)])
        .blob(
            Main,
            &[
                (0.0, -46.0),
                (26.0, -36.0),
                (34.0, -12.0),
                (22.0, 10.0),
                (8.0, 21.0),
                (-8.0, 21.0),
                (-22.0, 10.0),
                (-34.0, -12.0),
                (-26.0, -36.0),
            ],
        )
        .both_sides(Figure::new().blob(
            Light,
            &[
                (-7.0, -45.0),
                (-16.0, -36.0),
                (-22.0, -12.0),
                (-14.0, 10.0),
                (-6.0, 20.0),
                (-10.0, -12.0),
            ],
        ))
        .ellipse(Shade, (0.0, 20.0), (9.0, 3.0))
        .polygon(Wood, &[(-8.0, 33.0), (8.0, 33.0), (6.5, 46.0), (-6.5, 46.0)])
}
