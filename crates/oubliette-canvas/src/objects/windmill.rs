//! A windmill with four sails.
use super::{Object, Superclass};
use crate::figure::{Figure, Role::*};

/// The entry of the list.
pub(super) const ENTRY: Object =
    Object { name: "windmill", superclass: Superclass::Building, figure };

fn figure() -> Figure {
    Figure::new()
        .polygon(Main, &[(-12.0, -12.0), (12.0, -12.0), (20.0, 45.0), (-20.0, 45.0)])
        .blob(Shade, &[(-13.0, -11.0), (0.0, -25.0), (13.0, -11.0), (0.0, -9.0)])
        .rectangle(Wood, (-6.0, 28.0), (12.0, 17.0))
        .circle(Glass, (0.0, 12.0), 5.0)
        .polygon(Light, &[(2.0, -15.0), (24.0, -43.0), (32.0, -36.0), (4.0, -12.0)])
        .polygon(Light, &[(4.0, -8.0), (34.0, 18.0), (26.0, 25.0), (1.0, -5.0)])
        .polygon(Light, &[(-2.0, -5.0), (-26.0, 25.0), (-34.0, 18.0), (-4.0, -8.0)])
        .polygon(Light, &[(-4.0, -12.0), (-32.0, -36.0), (-24.0, -43.0), (-1.0, -15.0)])
        .circle(Ink, (0.0, -10.0), 4.5)
}
