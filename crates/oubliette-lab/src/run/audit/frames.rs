//! Pictures that are asked for together: remembered where they were made before, painted and looked at where not.

use std::collections::BTreeMap;

use image::RgbImage;
use oubliette_evidence::{
    Digest, Event, Real,
    event::{Sampled, Score},
    plan::Cell,
};

use super::studio::Studio;
use crate::{Error, Result, picture, progress::Watch, run::Journal, subject::Asked};

/// One picture that an arm asks for.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    /// Which draw of the cell.
    pub(super) index: u32,
    /// Place of the prompt in the arm's list.
    pub(super) prompt: u32,
    /// What the subject is asked for.
    pub(super) asked: Asked,
    /// The label that detectors look for; absent: the concept.
    pub(super) sought: Option<String>,
}

/// What was seen on a picture.
struct Looked {
    picture: Digest,
    scores: BTreeMap<String, Score>,
    alignment: Option<Real>,
}

impl Studio<'_> {
    /// One unit: a batch of pictures with all that is said of them, in order.
    ///
    /// # Errors
    /// When the subject cannot be made or asked, or the disk is full.
    pub(super) fn look(
        &mut self,
        journal: &mut Journal,
        cell: &Cell,
        frames: &[Frame],
        watch: &mut Watch<'_>,
    ) -> Result<Vec<Event>> {
        let model = self.identity(journal, cell, watch)?;
        let mut looked = BTreeMap::new();
        for frame in frames {
            if let Some(found) = self.remembered(journal, model, frame)? {
                looked.insert(frame.index, found);
            }
        }
        let new: Vec<&Frame> =
            frames.iter().filter(|frame| !looked.contains_key(&frame.index)).collect();
        if !new.is_empty() {
            looked.extend(self.painted(journal, cell, model, &new, watch)?);
        }
        let event = |frame: &Frame| {
            let Looked { picture, scores, alignment } = looked.remove(&frame.index)?;
            let (index, prompt, seed) = (frame.index, frame.prompt, frame.asked.seed);
            let cell = cell.clone();
            Some(Event::Sampled(Sampled { cell, index, prompt, seed, picture, scores, alignment }))
        };
        Ok(frames.iter().filter_map(event).collect())
    }

    fn remembered(
        &self,
        journal: &Journal,
        model: Option<Digest>,
        frame: &Frame,
    ) -> Result<Option<Looked>> {
        let Some(model) = model else { return Ok(None) };
        let sought = frame.sought.as_deref();
        let Some((seen, bytes)) = self.known.picture(model, &frame.asked, sought) else {
            return Ok(None);
        };
        let picture = journal.keep_bytes(&bytes)?;
        Ok(Some(Looked { picture, scores: seen.scores, alignment: seen.alignment }))
    }

    fn painted(
        &mut self,
        journal: &mut Journal,
        cell: &Cell,
        model: Option<Digest>,
        frames: &[&Frame],
        watch: &mut Watch<'_>,
    ) -> Result<BTreeMap<u32, Looked>> {
        let asked: Vec<Asked> = frames.iter().map(|frame| frame.asked.clone()).collect();
        let maker = self.maker(cell)?;
        let pictures = self.pictures(journal, cell, maker, &asked, watch)?;
        let looked = self.judged(journal, frames, &asked, &pictures)?;
        if let Some(maker) = maker {
            for (asked, looked) in asked.iter().zip(&looked) {
                self.known.note_drawn(maker, asked, looked.picture);
            }
        }
        if let Some(model) = model {
            for (frame, looked) in frames.iter().zip(&looked) {
                let request = (&frame.asked, frame.sought.as_deref());
                let Looked { picture, scores, alignment } = looked;
                self.known.note_picture(model, request, *picture, scores, *alignment);
            }
        }
        Ok(frames.iter().map(|frame| frame.index).zip(looked).collect())
    }

    /// The pictures: those that an audit of another concept made, and new ones of the subject.
    pub(super) fn pictures(
        &mut self,
        journal: &mut Journal,
        cell: &Cell,
        maker: Option<Digest>,
        asked: &[Asked],
        watch: &mut Watch<'_>,
    ) -> Result<Vec<RgbImage>> {
        let drawn = |asked: &Asked| picture::read(&self.known.drawn(maker?, asked)?).ok();
        let drawn: Vec<Option<RgbImage>> = asked.iter().map(drawn).collect();
        let missing = asked.iter().zip(&drawn).filter(|(_, drawn)| drawn.is_none());
        let missing: Vec<Asked> = missing.map(|(asked, _)| asked.clone()).collect();
        let mut new = Vec::new();
        if !missing.is_empty() {
            let sampling = &self.examiner.plan.sampling;
            new = self.subject(journal, cell, watch)?.paint(&missing, sampling)?;
        }
        if new.len() != missing.len() {
            let (path, came) = (journal.folder().to_owned(), new.len());
            let thing = format!("{} pictures were asked for and {came} came", missing.len());
            return Err(Error::Changed { path, thing });
        }
        let mut new = new.into_iter();
        Ok(drawn.into_iter().filter_map(|drawn| drawn.or_else(|| new.next())).collect())
    }

    /// Keeps pictures and has every detector look at them.
    fn judged(
        &self,
        journal: &Journal,
        frames: &[&Frame],
        asked: &[Asked],
        pictures: &[RgbImage],
    ) -> Result<Vec<Looked>> {
        let sought: Vec<_> = frames.iter().map(|frame| frame.sought.as_deref()).collect();
        let scores = self.scores(pictures, &sought)?;
        let alignment = self.alignment(pictures, asked)?;
        let looked = |(row, picture): (usize, &RgbImage)| {
            Ok(Looked {
                picture: journal.keep(picture)?,
                scores: scores.iter().map(|(name, of)| (name.clone(), of[row])).collect(),
                alignment: alignment.as_ref().map(|of| of[row]),
            })
        };
        pictures.iter().enumerate().map(looked).collect()
    }
}
