//! A boat with two sails.
use super::{Object, Superclass};
use crate::figure::{Figure, Role::*};

/// The entry of the list.
pub(super) const ENTRY: Object =
    Object { name: "sailboat", superclass: Superclass::Vehicle, figure };

fn figure() -> Figure {
    Figure::new()
        .strokes(Wood, 3.4, &[(-1.0, 24.0), (-1.0, -45.0)])
        .polygon(Main, &[(3.0, -42.0), (36.0, 14.0), (3.0, 14.0)])
        .polygon(Light, &[(-5.0, -34.0), (-5.0, 14.0), (-32.0, 14.0)])
        .polygon(Shade, &[(3.0, -2.0), (26.5, -2.0), (31.5, 6.0), (3.0, 6.0)])
        .blob(
            Wood,
            &[
                (-44.0, 20.0),
                (-20.0, 21.0),
                (20.0, 21.0),
                (44.0, 20.0),
                (30.0, 38.0),
                (0.0, 41.0),
                (-30.0, 38.0),
            ],
        )
}
