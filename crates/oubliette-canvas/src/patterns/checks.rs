//! A chequered board.
use super::{Pattern, repeats};
use crate::figure::{Figure, Role};

/// The entry of the list.
pub(super) const ENTRY: Pattern =
    Pattern {
        name: "checks",
        paint: |sheet, colour, pitch| {
            let half = pitch / 2.0;
            for x in repeats(pitch) {
                for y in repeats(pitch) {
                    let squares = Figure::new()
                        .rectangle(Role::Main, (x, y), (half, half))
                        .rectangle(Role::Main, (x + half, y + half), (half, half));
                    squares.parts.iter().for_each(|part| sheet.area(&part.path, colour, 1.0));
                }
            }
        },
    };
