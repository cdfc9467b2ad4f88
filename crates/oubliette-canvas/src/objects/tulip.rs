//! A tulip with two long leaves.
use super::{Object, Superclass};
use crate::figure::{Figure, Role::*};

/// The entry of the list.
pub(super) const ENTRY: Object = Object { name: "tulip", superclass: Superclass::Plant, figure };

fn figure() -> Figure {
    Figure::new()
        .curve(Leaf, 4.6, &[(0.0, -8.0), (1.0, 18.0), (0.0, 46.0)])
        .both_sides(
            Figure::new().blob(
                Leaf,
                &[(0.0, 45.0), (-13.0, 34.0), (-23.0, 6.0), (-11.0, 14.0), (-2.0, 32.0)],
            ),
        )
        .blob(Shade, &[(0.0, -46.0), (11.0, -28.0), (0.0, -6.0), (-11.0, -28.0)])
        .both_sides(Figure::new().blob(
            Main,
            &[
                (-20.0, -44.0),
                (-9.0, -32.0),
                (1.0, -18.0),
                (2.0, -3.0),
                (-12.0, -5.0),
                (-22.0, -20.0),
            ],
        ))
        .blob(Light, &[(0.0, -29.0), (7.0, -16.0), (0.0, -4.0), (-7.0, -16.0)])
}
