//! One training stage: sources, objectives, combiner, mask and wrappers turned into steps that can be taken up again.

mod divergence;
mod extra;
mod optimiser;
mod oracle;
mod state;

pub use optimiser::Optimiser;

use std::{
    fs,
    path::{Path, PathBuf},
};

use oubliette_evidence::Concept;
use oubliette_model::{Weights, families::StableDiffusion, lora::Lora};

use crate::{
    Error, Result, Study,
    lot::Lot,
    parts::{
        Gradients, Sides, Stateful, Term,
        anchor::{Anchor, Nothing},
        combiner::{Combiner, Sum},
        mask::{self, Mask},
        objective::{Objective, Scene},
        source::{Source, Trajectory},
        wrapper::{Oracle, Wrapper},
    },
    progress::{Progress, Watch, tell},
};
use oracle::Losses;
use state::State;

/// A loss and how much it counts.
pub struct Weighted {
    /// The loss.
    pub objective: Box<dyn Objective>,
    /// Its weight.
    pub weight: f64,
}

impl Weighted {
    /// A loss that counts once.
    pub fn one(objective: impl Objective + 'static) -> Self {
        Self { objective: Box::new(objective), weight: 1.0 }
    }
}

/// A training stage: a choice of parts, and how long.
pub struct Train {
    /// What the stage is called in progress and events.
    pub name: String,
    /// What the forget losses look at (and the retain losses, where they have no source of their own).
    pub source: Box<dyn Source>,
    /// What the retain losses look at.
    pub retain_source: Option<Box<dyn Source>>,
    /// What the concept becomes.
    pub anchor: Box<dyn Anchor>,
    /// Losses that push the concept out.
    pub forget: Vec<Weighted>,
    /// Losses that hold everything else.
    pub retain: Vec<Weighted>,
    /// How their gradients become one.
    pub combiner: Box<dyn Combiner>,
    /// Which weights may move.
    pub mask: Box<dyn Mask>,
    /// What is done to resist return, innermost first.
    pub wrappers: Vec<Box<dyn Wrapper>>,
    /// How a gradient becomes a step.
    pub optimiser: Optimiser,
    /// Steps.
    pub steps: u64,
}

impl Train {
    /// A stage with no loss yet, on the whole denoiser.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            source: Box::new(Trajectory::default()),
            retain_source: None,
            anchor: Box::new(Nothing {}),
            forget: Vec::new(),
            retain: Vec::new(),
            combiner: Box::new(Sum {}),
            mask: Box::new(mask::None {}),
            wrappers: Vec::new(),
            optimiser: Optimiser::default(),
            steps: 0,
        }
    }

    /// All parts with state, by the name that a checkpoint keeps it under.
    fn stateful(&mut self) -> Vec<(&'static str, &mut dyn Stateful)> {
        let mut all: Vec<(&'static str, &mut dyn Stateful)> = vec![
            ("source", &mut *self.source),
            ("anchor", &mut *self.anchor),
            ("combiner", &mut *self.combiner),
            ("mask", &mut *self.mask),
        ];
        if let Some(source) = &mut self.retain_source {
            all.push(("retain_source", &mut **source));
        }
        all
    }
}

/// What a stage starts from.
pub struct Job<'a> {
    /// Architecture, tokenizer, schedule.
    pub sd: &'a StableDiffusion,
    /// The teacher: the weights before anything was changed.
    pub original: &'a Weights,
    /// The concepts that are to be forgotten; none in a benign update.
    pub concepts: &'a [Concept],
    /// An adapter that is trained in place of the model's own weights.
    pub adapter: Option<&'a Lora>,
    /// All randomness of the stage.
    pub lot: Lot,
    /// What the stage is called in progress.
    pub unit: &'a str,
}

/// Where a stage can be taken up, and how often it makes that possible.
pub struct Place {
    /// Which training this is; checkpoints of another one are refused.
    pub run: String,
    /// The checkpoint file that is written.
    pub checkpoint: PathBuf,
    /// A checkpoint of a shorter run of the same training, used while there is no own one.
    pub shorter: Option<PathBuf>,
    /// Steps between checkpoints.
    pub every: u64,
}

impl Place {
    /// The place of the run `name` of `steps` steps among the runs in `folder`.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn of_run(folder: &Path, name: &str, steps: u64, every: u64) -> Result<Self> {
        let mut shorter: Option<(u64, PathBuf)> = None;
        for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
            let path = entry.map_err(Error::io("read", folder))?.path();
            let file = path.file_name().and_then(|file| file.to_str()).unwrap_or_default();
            let stem = file.strip_suffix(".safetensors").unwrap_or_default();
            let of_run = stem.strip_prefix(name).and_then(|rest| rest.strip_prefix('-'));
            let Some(done) = of_run.and_then(|steps| steps.parse().ok()) else { continue };
            if done < steps && shorter.as_ref().is_none_or(|(best, _)| *best < done) {
                shorter = Some((done, path));
            }
        }
        let checkpoint = folder.join(format!("{name}-{steps}.safetensors"));
        let run = name.to_owned();
        Ok(Self { run, checkpoint, shorter: shorter.map(|(_, path)| path), every })
    }
}

/// How a stage ended.
pub struct Trained {
    /// The weights that moved (with an adapter: the adapter's own).
    pub weights: Weights,
    /// The mean loss of the last steps, as many as lie between two checkpoints.
    pub loss: Option<f64>,
}

/// Runs the stage to its last step, from its checkpoint where there is one.
///
/// # Errors
/// [`Error::Diverged`](crate::Error::Diverged) before anything of that step is kept; interruption; a full disk.
pub fn train(
    stage: &mut Train,
    job: &Job<'_>,
    start: &Weights,
    place: &Place,
    watch: &mut Watch<'_>,
) -> Result<Trained> {
    let mut state = State::begin(stage, job, start)?;
    state.resume(stage, place)?;
    let study = Study::new(job.sd, job.original, job.adapter, &state.names, start);
    let lots = [job.lot.child("source"), job.lot.child("retain_source")];
    while state.step < stage.steps {
        let loss = step(stage, &study, job.concepts, &mut state, &lots)?;
        state.seen(loss, stage.optimiser.learning_rate)?;
        let last = state.step == stage.steps;
        if last || state.step.is_multiple_of(place.every.max(1)) {
            state.save(stage, place)?;
        }
        tell(
            watch,
            Progress { unit: job.unit, done: state.step, total: stage.steps, loss: Some(loss) },
        )?;
    }
    Ok(Trained { loss: state.recent(place.every), weights: state.weights.only(&state.names) })
}

/// One step: a batch, gradients of both sides, one gradient of them, one masked update.
fn step(
    stage: &mut Train,
    study: &Study<'_>,
    concepts: &[Concept],
    state: &mut State,
    lots: &[Lot; 2],
) -> Result<f64> {
    let weights = state.weights.clone();
    let batch = stage.source.batch(study, concepts, &weights, state.step, &lots[0])?;
    let other = match &mut stage.retain_source {
        Some(source) => Some(source.batch(study, concepts, &weights, state.step, &lots[1])?),
        None => None,
    };
    let scene = |batch| Scene { study, concepts, anchor: &*stage.anchor, batch };
    let losses = Losses {
        forget_scene: scene(&batch),
        retain_scene: scene(other.as_ref().unwrap_or(&batch)),
        forget: &stage.forget,
        retain: &stage.retain,
        trainable: &state.names,
    };
    let mut oracle: Box<dyn Oracle + '_> = Box::new(losses);
    for wrapper in &stage.wrappers {
        oracle = wrapper.wrap(oracle);
    }
    let forget = oracle.gradients(&weights, Term::Forget)?;
    let retain = oracle.gradients(&weights, Term::Retain)?;
    drop(oracle);
    let loss = [&forget, &retain].into_iter().flatten().map(|side| side.loss).sum();
    let side = |gradients: Option<Gradients>| gradients.map(|gradients| gradients.by_name);
    let sides = Sides { forget: side(forget), retain: side(retain), memory: Vec::new() };
    let gradient = stage.combiner.combine(sides)?;
    stage.mask.observe(state.step, &gradient)?;
    state.update(stage, gradient)?;
    Ok(loss)
}
