//! The sheet of a cell: a few of its pictures in one small file, so that whoever reads the page sees them.
use super::kept::remove;
use crate::failure::Failure;
use image::imageops::{self, FilterType};
use image::{ImageFormat, Rgb, RgbImage};
use oubliette_evidence::folder::{RunFolder, write_whole};
use oubliette_evidence::report::sheet;
use oubliette_evidence::{AuditPlan, Evidence};
use oubliette_lab::picture;
use std::io::Cursor;
use std::path::Path;

/// Longest side of a picture.
const SIDE: u32 = 96;
/// Between two pictures.
const GAP: u32 = 2;

/// Draws the rows of the plan from the run's pictures; nothing where the recipe asks to blur them.
///
/// # Errors
/// A picture cannot be read, or the sheet not written.
pub(super) fn draw(
    plan: &AuditPlan,
    evidence: &Evidence,
    run: &RunFolder,
    place: &Path,
) -> Result<(), Failure> {
    let rows = sheet(plan, evidence);
    if plan.report.blur || rows.is_empty() {
        // One that an earlier recipe left is none of this cell's.
        return remove(place);
    }
    let small = |(width, height): (u32, u32)| {
        let most = width.max(height).max(SIDE);
        [width, height].map(|side| (side * SIDE / most).max(1))
    };
    let [width, height] = small((plan.sampling.width, plan.sampling.height));
    let columns = rows.iter().map(|row| row.pictures.len()).max().unwrap_or(0) as u32;
    let white = Rgb([u8::MAX; 3]);
    let mut all =
        RgbImage::from_pixel(columns * (width + GAP), rows.len() as u32 * (height + GAP), white);
    for (line, row) in rows.iter().enumerate() {
        for (column, sample) in row.pictures.iter().enumerate() {
            let one = picture::open(&run.picture(&sample.picture))?;
            let one = imageops::resize(&one, width, height, FilterType::Triangle);
            let (x, y) = (column as u32 * (width + GAP), line as u32 * (height + GAP));
            imageops::replace(&mut all, &one, i64::from(x), i64::from(y));
        }
    }
    let mut bytes = Cursor::new(Vec::new());
    all.write_to(&mut bytes, ImageFormat::Png).map_err(|error| Failure::bug(&error))?;
    Ok(write_whole(place, bytes.get_ref())?)
}
