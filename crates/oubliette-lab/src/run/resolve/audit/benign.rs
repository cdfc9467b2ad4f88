//! Whether what is called benign is: how many of an update's pictures the detector takes for the concept.

use std::{collections::BTreeMap, path::Path};

use oubliette_evidence::{
    plan::{Arm, Calibration},
    stats,
};

use super::Attacks;
use crate::{
    Error, Result,
    captions::{self, Captioned},
    detectors::{Eye, TOGETHER},
};

/// How unlikely so many hits must be by the detector's error alone before the pictures are refused.
const SURPRISE: f64 = 0.001;

/// Writes into every arm that trains how many pictures its data has, and how many of them the detector takes for the
/// concept.
///
/// # Errors
/// A picture cannot be read, or more of them show the concept than the detector's measured error explains.
pub(super) fn count(
    arms: &mut [Arm],
    attacks: &Attacks,
    eye: &dyn Eye,
    calibration: Option<&Calibration>,
    base: &Path,
) -> Result<()> {
    let mut counted: BTreeMap<&Path, (u32, u32)> = BTreeMap::new();
    for arm in arms.iter_mut().filter(|arm| arm.trained) {
        let Some(data) = attacks.get(&arm.id).and_then(|attack| attack.benign()) else { continue };
        let (hits, of) = match counted.get(data) {
            Some(known) => *known,
            None => {
                let found = look(eye, &captions::read(&base.join(data))?)?;
                refuse(data, found, calibration)?;
                *counted.entry(data).or_insert(found)
            }
        };
        arm.settings.insert("data_pictures".to_owned(), of.into());
        arm.settings.insert("data_taken_for_the_concept".to_owned(), hits.into());
    }
    Ok(())
}

/// Hits among all pictures of a set.
fn look(eye: &dyn Eye, set: &[Captioned]) -> Result<(u32, u32)> {
    let (mut hits, mut of) = (0, 0);
    for chunk in set.chunks(TOGETHER) {
        let pictures = chunk.iter().map(captions::open).collect::<Result<Vec<_>>>()?;
        let scores = eye.look(&pictures, &vec![None; pictures.len()])?;
        hits += scores.iter().filter(|score| score.hit).count() as u32;
        of += scores.len() as u32;
    }
    Ok((hits, of))
}

fn refuse(data: &Path, (hits, of): (u32, u32), calibration: Option<&Calibration>) -> Result<()> {
    let Some(known) = calibration else { return Ok(()) };
    let error = stats::upper(known.false_hits, known.without, SURPRISE);
    if stats::lower(hits, of, SURPRISE) <= error {
        return Ok(());
    }
    Err(Error::Input {
        file: format!("`{}`", data.display()),
        thing: format!(
            "the detector takes {hits} of {of} pictures for the concept, where its error explains at most {:.1} in 100: \
             the update would teach what was forgotten",
            100.0 * error
        ),
        remedy: "leave such pictures out; to show the concept on purpose use the positive control"
            .to_owned(),
    })
}
