//! Round spots in rows.
use super::{Pattern, repeats};
use crate::figure::{Figure, Role};

/// The entry of the list.
pub(super) const ENTRY: Pattern = Pattern {
    name: "dots",
    paint: |sheet, colour, pitch| {
        for x in repeats(pitch) {
            for y in repeats(pitch) {
                let spot = Figure::new().circle(Role::Main, (x, y), pitch * 0.3);
                spot.parts.iter().for_each(|part| sheet.area(&part.path, colour, 1.0));
            }
        }
    },
};
