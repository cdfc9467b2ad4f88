//! Straight bands.
use super::{Pattern, repeats};
use crate::figure::{Figure, Role};

/// The entry of the list.
pub(super) const ENTRY: Pattern = Pattern {
    name: "stripes",
    paint: |sheet, colour, pitch| {
        for x in repeats(pitch) {
            let band = Figure::new().rectangle(Role::Main, (x, -95.0), (pitch / 2.0, 190.0));
            band.parts.iter().for_each(|part| sheet.area(&part.path, colour, 1.0));
        }
    },
};
