//! Circles around one centre.
use tiny_skia::PathBuilder;

use super::{Pattern, repeats};

/// The entry of the list.
pub(super) const ENTRY: Pattern = Pattern {
    name: "rings",
    paint: |sheet, colour, pitch| {
        for radius in repeats(pitch).filter(|radius| *radius > 0.0) {
            if let Some(ring) = PathBuilder::from_circle(0.0, 0.0, radius) {
                sheet.line(&ring, pitch * 0.45, colour, 1.0);
            }
        }
    },
};
