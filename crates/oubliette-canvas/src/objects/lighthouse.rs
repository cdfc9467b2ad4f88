//! A striped lighthouse on a rock.
use super::{Object, Superclass};
use crate::figure::{Figure, Role::*};

/// The entry of the list.
pub(super) const ENTRY: Object =
    Object { name: "lighthouse", superclass: Superclass::Building, figure };

fn figure() -> Figure {
    Figure::new()
        .blob(
            Steel,
            &[(-32.0, 46.0), (-24.0, 36.0), (-6.0, 34.0), (14.0, 34.0), (28.0, 38.0), (33.0, 46.0)],
        )
        .polygon(White, &[(-10.0, -22.0), (10.0, -22.0), (16.0, 38.0), (-16.0, 38.0)])
        .polygon(Main, &[(-10.5, -18.0), (10.5, -18.0), (12.0, -4.0), (-12.0, -4.0)])
        .polygon(Main, &[(-13.4, 10.0), (13.4, 10.0), (14.8, 24.0), (-14.8, 24.0)])
        .rectangle(Shade, (-15.0, -25.0), (30.0, 5.0))
        .rectangle(Glass, (-8.0, -36.0), (16.0, 11.0))
        .polygon(Main, &[(0.0, -47.0), (12.0, -35.0), (-12.0, -35.0)])
}
