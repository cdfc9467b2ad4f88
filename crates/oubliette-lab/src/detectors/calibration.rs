//! A detector's error, counted on pictures whose captions say whether they show the concept.

use oubliette_evidence::{Concept, plan::Calibration};

use super::Eye;
use crate::{
    Error, Result,
    captions::{self, Captioned},
    wording,
};

/// Looks at every picture of a captioned set: those whose caption names the concept should be hits, the
/// others should not.
///
/// # Errors
/// When either kind of picture is missing, or a picture cannot be read.
pub fn calibrate(eye: &dyn Eye, concept: &Concept, set: &[Captioned]) -> Result<Calibration> {
    let shows =
        |one: &Captioned| concept.names.iter().any(|name| wording::contains(&one.caption, name));
    let mut count =
        Calibration { without: 0, false_hits: 0, with: 0, misses: 0, data: captions::digest(set)? };
    for chunk in set.chunks(super::TOGETHER) {
        let pictures = chunk.iter().map(captions::open).collect::<Result<Vec<_>>>()?;
        let scores = eye.look(&pictures, &vec![None; pictures.len()])?;
        for (one, score) in chunk.iter().zip(scores) {
            if shows(one) {
                count.with += 1;
                count.misses += u32::from(!score.hit);
            } else {
                count.without += 1;
                count.false_hits += u32::from(score.hit);
            }
        }
    }
    if count.with == 0 || count.without == 0 {
        return Err(Error::Input {
            file: format!("the calibration pictures of concept `{}`", concept.id),
            thing: format!("{} captions name the concept and {} do not", count.with, count.without),
            remedy: "give captioned pictures of both kinds".to_owned(),
        });
    }
    Ok(count)
}
