//! A house with a gable, a chimney and a door.
use super::{Object, Superclass};
use crate::figure::{Figure, Role::*};

/// The entry of the list.
pub(super) const ENTRY: Object = Object { name: "house", superclass: Superclass::Building, figure };

fn figure() -> Figure {
    Figure::new()
        .rectangle(Shade, (15.0, -38.0), (10.0, 24.0))
        .rectangle(Light, (-31.0, -6.0), (62.0, 48.0))
        .polygon(Main, &[(0.0, -42.0), (43.0, -2.0), (-43.0, -2.0)])
        .circle(Glass, (0.0, -16.0), 6.0)
        .rectangle(Wood, (-9.0, 14.0), (17.0, 28.0))
        .rectangle(Glass, (-26.0, 7.0), (12.0, 13.0))
        .rectangle(Glass, (14.0, 7.0), (12.0, 13.0))
        .circle(Ink, (4.0, 29.0), 1.8)
}
