//! A round fish with a fan for a tail.
use super::{Object, Superclass};
use crate::figure::{Figure, Role::*};

/// The entry of the list.
pub(super) const ENTRY: Object = Object { name: "fish", superclass: Superclass::Animal, figure };

fn figure() -> Figure {
    Figure::new()
        .blob(
            Shade,
            &[(18.0, 0.0), (34.0, -20.0), (46.0, -24.0), (41.0, 0.0), (46.0, 24.0), (34.0, 20.0)],
        )
        .blob(Shade, &[(-16.0, -18.0), (-2.0, -36.0), (14.0, -32.0), (12.0, -14.0)])
        .blob(Shade, &[(-6.0, 18.0), (-2.0, 33.0), (10.0, 33.0), (8.0, 15.0)])
        .blob(
            Main,
            &[
                (-45.0, 2.0),
                (-30.0, -17.0),
                (-8.0, -24.0),
                (14.0, -14.0),
                (28.0, 0.0),
                (14.0, 14.0),
                (-8.0, 24.0),
                (-30.0, 19.0),
            ],
        )
        .curve(Light, 5.0, &[(-14.0, -20.0), (-8.0, 0.0), (-14.0, 20.0)])
        .curve(Light, 4.0, &[(3.0, -16.0), (8.0, 0.0), (3.0, 16.0)])
        .circle(White, (-28.0, -4.0), 6.5)
        .circle(Ink, (-29.0, -4.0), 3.6)
        .curve(Ink, 2.0, &[(-42.0, 7.0), (-37.0, 9.0), (-32.0, 7.0)])
}
