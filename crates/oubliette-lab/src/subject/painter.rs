//! A diffusers folder as a subject: painted by sampling, tuned by training, seen by content.

use std::{path::Path, rc::Rc};

use image::RgbImage;
use oubliette_evidence::{Digest, event::Trained, plan::PlannedSampling};
use oubliette_model::{Weights, attached, families::StableDiffusion, lora::Lora, sample::Request};

use super::{Asked, Bench, Denoising, Subject};
use crate::{
    Error, Result, Study, captions,
    lot::Lot,
    parts::{
        anchor::Nothing,
        objective::{NoiseMse, Objective, Scene},
        source::{Pictures, Source},
    },
    run::Context,
    training::{Job, LowRank, Place, train},
    tuning::{Kind, Tuning},
};

/// What further training made of a model.
pub struct Tuned {
    /// The weights that it changed, with their new values.
    pub changed: Weights,
    /// The model with them, by content.
    pub digest: Digest,
    /// The adapter by itself, where one was trained.
    pub adapter: Option<Lora>,
}

/// Steps between checkpoints of a training run.
const EVERY: u64 = 50;
/// Noised pictures that the denoising loss is a mean of.
const NOISED: u64 = 64;

/// A loaded model, with the weights it has now.
pub struct Painter {
    sd: Rc<StableDiffusion>,
    /// All weights, of which those that training moved differ from the folder's.
    weights: Weights,
    digest: Digest,
    batch: usize,
}

impl Painter {
    /// Loads a model folder.
    ///
    /// # Errors
    /// When it is no model folder that this program reads.
    pub fn load(folder: &Path, context: &Context, batch: usize) -> Result<Self> {
        let sd = StableDiffusion::load(folder, &context.options()?)?;
        let weights = sd.weights.clone();
        let batch = batch.min(context.pictures);
        Ok(Self { sd: Rc::new(sd), weights, digest: Digest::of_folder(folder)?, batch })
    }

    /// The model itself.
    pub fn model(&self) -> &StableDiffusion {
        &self.sd
    }
}

impl Subject for Painter {
    fn digest(&self) -> Digest {
        self.digest
    }

    fn paint(&self, asked: &[Asked], sampling: &PlannedSampling) -> Result<Vec<RgbImage>> {
        let request = |asked: &Asked| Request {
            prompt: asked.prompt.clone(),
            guidance: asked.guidance.unwrap_or(sampling.guidance.get()) as f32,
            steps: sampling.steps as usize,
            seed: asked.seed,
            size: Some((sampling.height as usize, sampling.width as usize)),
            ..Request::default()
        };
        let requests: Vec<_> = asked.iter().map(request).collect();
        let sampler = oubliette_model::schedule::find(&sampling.sampler)?;
        let mut keep_on = |_| std::ops::ControlFlow::Continue(());
        Ok(self.sd.generate(&self.weights, &requests, sampler, self.batch, &mut keep_on)?)
    }

    fn tuned(
        &self,
        tuning: &Tuning,
        data: &Path,
        steps: u64,
        seed: u64,
        bench: &mut Bench<'_>,
    ) -> Result<Box<dyn Subject>> {
        let Tuned { changed, digest, .. } = self.train(tuning, data, steps, seed, bench)?;
        let weights = self.weights.overlaid(&changed);
        Ok(Box::new(Self { sd: Rc::clone(&self.sd), weights, digest, batch: self.batch }))
    }

    fn denoising(&self, pictures: &Path, seed: u64) -> Result<Option<Denoising>> {
        let study = Study::new(&self.sd, &self.weights, None, &Default::default(), &self.weights);
        let mut source = Pictures::new(pictures, 8);
        let lot = Lot::new(seed).child("denoising");
        let (mut captioned, mut empty, batches) = (0.0, 0.0, NOISED / 8);
        for step in 0..batches {
            let mut batch = source.batch(&study, &[], &self.weights, step, &lot)?;
            captioned += loss(&study, &batch, &self.weights)?;
            batch.prompts = vec![String::new(); batch.prompts.len()];
            empty += loss(&study, &batch, &self.weights)?;
        }
        let mean = |sum: f64| sum / batches as f64;
        let (captioned, empty, count) = (mean(captioned), mean(empty), NOISED as u32);
        Ok(Some(Denoising { captioned, empty, count }))
    }
}

impl Painter {
    /// Trains the model further: its own weights, not what is attached, which is put on again afterwards.
    ///
    /// # Errors
    /// As [`Subject::tuned`].
    pub fn train(
        &self,
        tuning: &Tuning,
        data: &Path,
        steps: u64,
        seed: u64,
        bench: &mut Bench<'_>,
    ) -> Result<Tuned> {
        let lot = Lot::new(seed);
        let key = self.key(tuning, data, seed)?;
        let own = attached::own(&self.weights);
        let adapter = fresh_adapter(tuning, &own, &lot)?;
        let mut stage = tuning.stage(data, steps);
        let job = Job {
            sd: &self.sd,
            original: &own,
            concepts: &[],
            adapter: adapter.as_ref(),
            lot,
            unit: &bench.unit,
            drawn: None,
        };
        let place = Place::of_run(bench.folder, &key.short(), steps, EVERY)?;
        let trained = train(&mut stage, &job, &own, &place, bench.watch)?;
        let adapter = adapter.map(|adapter| adapter.with_halves(&trained.weights));
        let changed = match &adapter {
            Some(adapter) => adapter.changed(&self.weights),
            None => trained.weights,
        };
        let digest = digest_of(&changed, self.digest)?;
        let loss = trained.loss.map(oubliette_evidence::Real::new).transpose()?;
        bench.trained.push(Trained { unit: bench.unit.clone(), steps, weights: digest, loss });
        Ok(Tuned { changed, digest, adapter })
    }

    /// Names a training run by everything that its weights follow from, except for how long it is.
    fn key(&self, tuning: &Tuning, data: &Path, seed: u64) -> Result<Digest> {
        let set = captions::digest(&captions::read(data)?)?;
        let settings = toml::to_string(tuning).map_err(|error| Error::Input {
            file: "the recipe".to_owned(),
            thing: format!("the training's settings cannot be written down: {error}"),
            remedy: "write finite numbers".to_owned(),
        })?;
        Ok(Digest::of(format!("{} {set} {seed}\n{settings}", self.digest).as_bytes()))
    }
}

/// The adapter that a training starts with, where it trains one.
fn fresh_adapter(tuning: &Tuning, base: &Weights, lot: &Lot) -> Result<Option<Lora>> {
    if tuning.kind == Kind::Full {
        return Ok(None);
    }
    let lora = LowRank { rank: tuning.rank, alpha: tuning.alpha };
    Ok(Some(lora.over(base, &tuning.select().names(base)?, lot)?))
}

/// The digest of a model that training made: of what it came from, and of every weight that differs.
pub(crate) fn digest_of(changed: &Weights, from: Digest) -> Result<Digest> {
    let mut parts = std::collections::BTreeMap::from([("from".to_owned(), from)]);
    for (name, weight) in changed {
        let bytes: Vec<u8> =
            weight.to_f32_vec().iter().flat_map(|value| value.to_le_bytes()).collect();
        parts.insert(name.clone(), Digest::of(&bytes));
    }
    Ok(Digest::of_value(&parts)?)
}

fn loss(study: &Study<'_>, batch: &crate::parts::source::Batch, weights: &Weights) -> Result<f64> {
    let scene = Scene { study, concepts: &[], anchor: &Nothing {}, batch };
    let value: f32 = NoiseMse {}.loss(&scene, weights)?.into_scalar();
    Ok(f64::from(value))
}
