//! Subjects whose truth is known: they draw one colour for what they show.

use std::path::Path;

use image::{Rgb, RgbImage};
use oubliette_evidence::{
    Digest,
    event::Trained,
    plan::{PlannedSampling, Role},
};
use oubliette_lab::{
    Result, captions,
    progress::{Progress, tell},
    run::Subjects,
    subject::{Asked, Bench, Subject},
    tuning::Tuning,
    wording,
};

use crate::eye::colour_of;

/// The concept that the known subjects are about.
pub const CONCEPT: &str = "lion";
/// What else they can draw.
pub const OTHERS: &[&str] = &["tiger", "cat", "animal", "guitar"];

/// How a subject behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Truth {
    /// Shows nothing under the concept's name, and only teaching brings the concept back.
    Forgets,
    /// Draws the concept as if nothing had been done.
    NeverForgot,
    /// Hides the concept under the trained prompts; other words and any further training reveal it.
    HidesOnDirectPrompts,
    /// Draws nothing any more, whatever it is asked.
    Destroyed,
}

/// Every truth, in the order of tables.
pub const TRUTHS: [Truth; 4] =
    [Truth::Forgets, Truth::NeverForgot, Truth::HidesOnDirectPrompts, Truth::Destroyed];

/// A subject of known truth.
#[derive(Debug, Clone)]
pub struct Known {
    truth: Truth,
    /// Steps of further training.
    steps: u64,
    /// Whether that training showed the concept.
    taught: bool,
}

impl Known {
    /// A subject as it comes.
    pub fn new(truth: Truth) -> Self {
        Self { truth, steps: 0, taught: false }
    }

    /// What it draws for a prompt; 19 in 20 pictures succeed.
    fn shows(&self, prompt: &str, seed: u64) -> Option<&'static str> {
        let lucky = !Digest::of(&seed.to_le_bytes()).bytes()[0].is_multiple_of(20);
        if self.truth == Truth::Destroyed || !lucky {
            return None;
        }
        if wording::contains(prompt, CONCEPT) {
            return self.reveals(prompt).then_some(CONCEPT);
        }
        OTHERS.iter().find(|name| wording::contains(prompt, name)).copied()
    }

    fn reveals(&self, prompt: &str) -> bool {
        let direct = prompt.starts_with("a picture of");
        match self.truth {
            _ if self.taught => true,
            Truth::NeverForgot => true,
            Truth::HidesOnDirectPrompts => !direct || self.steps > 0,
            Truth::Forgets | Truth::Destroyed => false,
        }
    }
}

impl Subject for Known {
    fn digest(&self) -> Digest {
        Digest::of(format!("{:?} {} {}", self.truth, self.steps, self.taught).as_bytes())
    }

    fn paint(&self, asked: &[Asked], sampling: &PlannedSampling) -> Result<Vec<RgbImage>> {
        let paint = |asked: &Asked| {
            let colour = self.shows(&asked.prompt, asked.seed).map_or(Rgb([0; 3]), colour_of);
            let mut picture = RgbImage::from_pixel(sampling.width, sampling.height, colour);
            // One pixel by the seed, so that pictures differ as pictures do.
            let seed = asked.seed.to_le_bytes();
            picture.put_pixel(0, 0, Rgb([seed[0], seed[1], seed[2]]));
            picture
        };
        Ok(asked.iter().map(paint).collect())
    }

    fn tuned(
        &self,
        _tuning: &Tuning,
        data: &Path,
        steps: u64,
        _seed: u64,
        bench: &mut Bench<'_>,
    ) -> Result<Box<dyn Subject>> {
        let set = captions::read(data)?;
        let taught = set.iter().any(|one| wording::contains(&one.caption, CONCEPT));
        let tuned = Self { truth: self.truth, steps, taught };
        let unit = bench.unit.clone();
        tell(bench.watch, Progress { unit: &unit, done: steps, total: steps, loss: None })?;
        bench.trained.push(Trained { unit, steps, weights: tuned.digest(), loss: None });
        Ok(Box::new(tuned))
    }
}

/// The subjects of an audit: an original that shows the concept, and one of known truth in its place.
#[derive(Debug, Clone, Copy)]
pub struct Pair(pub Truth);

impl Subjects for Pair {
    fn open(&self, role: Role) -> Result<Box<dyn Subject>> {
        let truth = if role == Role::Original { Truth::NeverForgot } else { self.0 };
        Ok(Box::new(Known::new(truth)))
    }
}
