//! A rabbit's face between two long ears.
use super::{Object, Superclass};
use crate::figure::{Figure, Role::*};

/// The entry of the list.
pub(super) const ENTRY: Object = Object { name: "rabbit", superclass: Superclass::Animal, figure };

fn figure() -> Figure {
    Figure::new()
        .both_sides(
            Figure::new()
                .blob(
                    Main,
                    &[
                        (-8.0, -2.0),
                        (-19.0, -20.0),
                        (-20.0, -42.0),
                        (-12.0, -47.0),
                        (-4.0, -36.0),
                        (-2.0, -10.0),
                    ],
                )
                .blob(
                    Light,
                    &[
                        (-9.0, -8.0),
                        (-15.0, -24.0),
                        (-15.0, -38.0),
                        (-11.0, -41.0),
                        (-7.5, -30.0),
                        (-6.5, -14.0),
                    ],
                ),
        )
        .ellipse(Main, (0.0, 17.0), (28.0, 26.0))
        .ellipse(Light, (0.0, 29.0), (13.0, 10.0))
        .both_sides(
            Figure::new()
                .ellipse(Ink, (-12.0, 11.0), (4.0, 5.2))
                .circle(White, (-10.8, 9.2), 1.6)
                .curve(Ink, 1.8, &[(0.0, 26.0), (-3.0, 30.0), (-8.0, 29.0)]),
        )
        .ellipse(Ink, (0.0, 22.5), (4.0, 3.0))
        .polygon(White, &[(-3.5, 30.5), (3.5, 30.5), (3.5, 37.0), (-3.5, 37.0)])
}
