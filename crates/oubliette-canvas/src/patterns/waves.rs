//! Wavy lines.
use super::{Pattern, repeats};
use crate::figure::{Figure, Role};

/// The entry of the list.
pub(super) const ENTRY: Pattern = Pattern {
    name: "waves",
    paint: |sheet, colour, pitch| {
        for y in repeats(pitch) {
            let points: Vec<_> = (-12..=12)
                .map(|i| (i as f32 * 8.0, y + if i % 2 == 0 { 4.0 } else { -4.0 }))
                .collect();
            let wave = Figure::new().curve(Role::Main, pitch * 0.4, &points);
            wave.parts.iter().for_each(|part| sheet.line(&part.path, pitch * 0.4, colour, 1.0));
        }
    },
};
