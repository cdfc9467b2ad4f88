//! One stage: what it makes of the weights before it, and what is recorded of it.

use std::borrow::Cow;

use oubliette_evidence::{Concept, Digest, Real, event::Trained};
use oubliette_model::{Weights, attached, families::StableDiffusion, lora::Lora};

use crate::{
    Drawn, Result, Study,
    lot::Lot,
    methods::{Adapt, Stage},
    progress::{Progress, Watch, tell},
    run::Journal,
    training::{self, Job, LowRank, Place, Train},
};

/// Steps between checkpoints.
const EVERY: u64 = 50;

/// What a stage has made.
pub(super) enum Made {
    /// Weights of the model, or beside them.
    Moved(Weights),
    /// An adapter of the weights before the stage, which is the change.
    LowRank(Lora),
    /// Weights as an adapter changes them; the model is not changed yet.
    Adapted(Weights),
}

/// What the stages of one turn share.
pub(super) struct Turn<'a> {
    pub(super) sd: &'a StableDiffusion,
    /// The weights before the turn.
    pub(super) original: &'a Weights,
    pub(super) concepts: &'a [Concept],
    pub(super) seed: u64,
    /// What `original` drew for other runs.
    pub(super) drawn: &'a Drawn,
    pub(super) journal: &'a Journal,
}

impl Turn<'_> {
    /// Does the `number`-th stage of the run. `weights` are those before it, `adapted` what the adapters of the turn change.
    pub(super) fn run(
        &self,
        stage: &mut Stage,
        number: usize,
        weights: &Weights,
        adapted: &[Weights],
        watch: &mut Watch<'_>,
    ) -> Result<(Made, Trained)> {
        let unit = format!("{number}-{}", name(stage));
        let lot = Lot::new(self.seed).child(&unit);
        let study = || Study::new(self.sd, self.original, None, &Default::default(), weights);
        let moved = match stage {
            Stage::Train(stage) => return self.train(stage, unit, lot, weights, watch),
            Stage::Adapt(adapt) => return self.adapt(adapt, unit, lot, weights, watch),
            Stage::Edit(edit) => edit.edit(&study(), self.concepts, weights, lot)?,
            Stage::Fuse(fuse) => fuse.fuse(&study(), self.concepts, weights, adapted)?,
            Stage::Attach(attach) => attach.fresh(&self.sd.weights, lot),
            Stage::Guide(_) => Weights::new(),
        };
        tell(watch, Progress { unit: &unit, done: 1, total: 1, loss: None })?;
        Ok((Made::Moved(moved), recorded(unit, 1, None)?))
    }

    fn train(
        &self,
        stage: &mut Train,
        unit: String,
        lot: Lot,
        weights: &Weights,
        watch: &mut Watch<'_>,
    ) -> Result<(Made, Trained)> {
        let (mut original, mut weights) = (Cow::Borrowed(self.original), Cow::Borrowed(weights));
        if stage.alone {
            let own = attached::own(&original);
            let trained = stage.mask.trainable(&weights)?;
            weights = Cow::Owned(own.overlaid(&weights.only(&trained)));
            original = Cow::Owned(own);
        }
        let adapter = match stage.lora {
            Some(lora) => Some(lora.over(&weights, &stage.mask.trainable(&weights)?, &lot)?),
            None => None,
        };
        let (sd, concepts, adapter) = (self.sd, self.concepts, adapter.as_ref());
        // Without what is attached to it, the original draws other things.
        let drawn = Some(self.drawn).filter(|_| !stage.alone);
        let job = Job { sd, original: &original, concepts, adapter, lot, unit: &unit, drawn };
        let place = self.place(&unit, stage.steps)?;
        let trained = training::train(stage, &job, &weights, &place, watch)?;
        let event = recorded(unit, trained.steps, trained.loss)?;
        let made = match adapter {
            Some(adapter) => Made::LowRank(adapter.with_halves(&trained.weights)),
            None => Made::Moved(trained.weights),
        };
        Ok((made, event))
    }

    /// Where a training keeps its checkpoints: the plan says how long it is, so no run is ever a longer one.
    fn place(&self, unit: &str, steps: u64) -> Result<Place> {
        let place = Place::of_run(&self.journal.workspace()?, unit, steps, EVERY)?;
        Ok(Place { ends: true, ..place })
    }

    fn adapt(
        &self,
        adapt: &mut Adapt,
        unit: String,
        lot: Lot,
        weights: &Weights,
        watch: &mut Watch<'_>,
    ) -> Result<(Made, Trained)> {
        let names = adapt.adapted(weights)?;
        let lora = LowRank { rank: adapt.rank, alpha: 0.0 };
        let adapter = lora.over(weights, &names, &lot)?;
        let (sd, concepts) = (self.sd, self.concepts);
        let job = Job {
            sd,
            original: weights,
            concepts,
            adapter: Some(&adapter),
            lot,
            unit: &unit,
            drawn: None,
        };
        let place = self.place(&unit, adapt.train.steps)?;
        let trained = training::train(&mut adapt.train, &job, weights, &place, watch)?;
        let changed = adapter.merge(&weights.overlaid(&trained.weights)).only(&names);
        let event = recorded(unit, trained.steps, trained.loss)?;
        Ok((Made::Adapted(changed), event))
    }
}

/// What a stage is called in progress and events, after its number.
fn name(stage: &Stage) -> &str {
    match stage {
        Stage::Train(train) => &train.name,
        Stage::Adapt(adapt) => &adapt.train.name,
        Stage::Fuse(_) => "fuse",
        Stage::Edit(_) => "edit",
        Stage::Attach(_) => "attach",
        Stage::Guide(_) => "guide",
    }
}

/// The event of a stage; whoever knows all weights puts their digest in.
pub(super) fn recorded(unit: String, steps: u64, loss: Option<f64>) -> Result<Trained> {
    let loss = loss.map(Real::new).transpose()?;
    Ok(Trained { unit, steps, weights: Digest::of(b""), loss })
}
