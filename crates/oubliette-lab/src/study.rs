//! A diffusion model that is being changed, beside the model that it was.

use std::{
    borrow::Cow,
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use burn::tensor::Tensor;
use oubliette_model::{
    Weight, Weights,
    attached::{ATTACHED, Attached, Gates, Strengths, strengths},
    families::StableDiffusion,
    lora::Lora,
    networks::Attended,
};

use crate::{Drawn, Result, parts::source::Batch, progress::Progress};

/// Prompts whose conditions are kept; beyond it the oldest knowledge is dropped, so memory stays bounded.
const REMEMBERED: usize = 4096;

/// What a training stage asks of the model.
pub struct Study<'a> {
    /// Architecture, tokenizer and schedule.
    pub sd: &'a StableDiffusion,
    /// The weights before anything was changed: the teacher.
    pub original: &'a Weights,
    /// An adapter and what it lies over: then a student is the adapter's own weights.
    adapter: Option<(&'a Lora, &'a Weights)>,
    /// Whether the student has a text encoder of its own, so that its conditions must be computed anew.
    own_text: bool,
    contexts: RefCell<BTreeMap<String, Tensor<3>>>,
    /// Whether what is attached is trained, and so whole, whatever the prompt.
    ungated: bool,
    strengths: RefCell<BTreeMap<String, Strengths>>,
    /// What the original drew for other runs.
    pub(crate) drawn: Option<&'a Drawn>,
    /// Who is told how far a long piece of work within a step is.
    told: Option<&'a Tell<'a>>,
}

/// Tells a watcher, who may ask to stop.
pub(crate) type Tell<'a> = dyn Fn(Progress<'_>) -> Result<()> + 'a;

impl<'a> Study<'a> {
    /// A study of `sd` as `original` has it; the student starts at `start`, and `moving` will move.
    pub fn new(
        sd: &'a StableDiffusion,
        original: &'a Weights,
        adapter: Option<(&'a Lora, &'a Weights)>,
        moving: &BTreeSet<String>,
        start: &Weights,
    ) -> Self {
        let text = |name: &str| name.starts_with("text_encoder/");
        let own_text = moving.iter().any(|name| text(name.strip_prefix("lora/").unwrap_or(name)))
            || differs(original, start, text);
        let ungated = moving.iter().any(|name| name.starts_with(ATTACHED));
        let (contexts, strengths) = (RefCell::default(), RefCell::default());
        Self {
            sd,
            original,
            adapter,
            own_text,
            contexts,
            ungated,
            strengths,
            drawn: None,
            told: None,
        }
    }

    /// The same, told of to a watcher.
    pub(crate) fn watched(self, told: &'a Tell<'a>) -> Self {
        Self { told: Some(told), ..self }
    }

    /// Tells how far a long piece of work within a step is.
    ///
    /// # Errors
    /// [`Error::Interrupted`](crate::Error::Interrupted) when whoever watches wants to stop.
    pub(crate) fn tell(&self, progress: Progress<'_>) -> Result<()> {
        self.told.map_or(Ok(()), |told| told(progress))
    }

    /// The same, with what the original drew for other runs.
    pub(crate) fn remembering(self, drawn: Option<&'a Drawn>) -> Self {
        Self { drawn, ..self }
    }

    /// All weights of a student.
    fn whole<'w>(&self, student: &'w Weights) -> Cow<'w, Weights> {
        match self.adapter {
            Some((adapter, base)) if !std::ptr::eq(student, self.original) => {
                Cow::Owned(adapter.apply(&base.overlaid(student)))
            }
            _ => Cow::Borrowed(student),
        }
    }

    /// What a weight of the student was before anything was changed; an adapter's own weights were nothing.
    pub fn was(&self, name: &str) -> Option<&Weight> {
        self.original.get(name)
    }

    /// The conditions of `prompts` by the text encoder of `weights`, (batch, tokens, width).
    ///
    /// # Errors
    /// When a prompt cannot be tokenised.
    pub fn context(&self, weights: &Weights, prompts: &[String]) -> Result<Tensor<3>> {
        if self.own_text && !std::ptr::eq(weights, self.original) {
            return Ok(self.sd.encode_prompts(&self.whole(weights), prompts)?);
        }
        let mut known = self.contexts.borrow_mut();
        if known.len() > REMEMBERED {
            known.clear();
        }
        let mut rows = Vec::with_capacity(prompts.len());
        for prompt in prompts {
            if !known.contains_key(prompt) {
                let row = self.sd.encode_prompts(self.original, std::slice::from_ref(prompt))?;
                known.insert(prompt.clone(), row);
            }
            rows.extend(known.get(prompt).cloned());
        }
        Ok(Tensor::cat(rows, 0))
    }

    /// The conditions of `prompts` with `shift` (batch, tokens, width) added to their tokens' vectors.
    ///
    /// # Errors
    /// When a prompt cannot be tokenised.
    pub fn shifted_context(
        &self,
        weights: &Weights,
        prompts: &[String],
        shift: Tensor<3>,
    ) -> Result<Tensor<3>> {
        match self.own_text && !std::ptr::eq(weights, self.original) {
            true => Ok(self.sd.encode_shifted(&self.whole(weights), prompts, shift)?),
            false => Ok(self.sd.encode_shifted(self.original, prompts, shift)?),
        }
    }

    /// How strong what is attached is for the rows of a batch, `times` over; nothing where it is whole, or nothing is attached.
    fn gates(&self, batch: &Batch, times: usize) -> Option<Gates> {
        if self.ungated || !matches!(self.sd.attached(), Some(Attached::GatedAdapters { .. })) {
            return None;
        }
        let mut known = self.strengths.borrow_mut();
        if batch.prompts.iter().any(|prompt| !known.contains_key(prompt)) {
            let prompts = batch.prompts.iter().cloned().collect();
            // The batch's contexts were made of these very prompts, so they can be read.
            known.extend(strengths(self.sd, self.original, &prompts).ok()?);
        }
        let rows: Vec<&Strengths> =
            batch.prompts.iter().filter_map(|prompt| known.get(prompt)).collect();
        Gates::of_rows(&rows.repeat(times), self.sd)
    }

    /// The model's raw output on a batch under `context`, shaped like its latents.
    pub fn predict(&self, weights: &Weights, batch: &Batch, context: Tensor<3>) -> Tensor<4> {
        let (latents, times) = (batch.latents.clone(), batch.timesteps.clone());
        let gates = self.gates(batch, 1);
        self.sd.predict_gated(&self.whole(weights), latents, times, context, gates.as_ref())
    }

    /// The same, and what pixels look at in the prompt meanwhile, one after another through the network.
    pub fn predict_watched(
        &self,
        weights: &Weights,
        batch: &Batch,
        context: Tensor<3>,
    ) -> (Tensor<4>, Vec<Attended>) {
        let (latents, times) = (batch.latents.clone(), batch.timesteps.clone());
        let gates = self.gates(batch, 1);
        self.sd.predict_watched(&self.whole(weights), latents, times, context, gates.as_ref())
    }

    /// The same latents under several conditions, in one forward.
    pub fn predict_many<const N: usize>(
        &self,
        weights: &Weights,
        batch: &Batch,
        contexts: [Tensor<3>; N],
    ) -> [Tensor<4>; N] {
        let rows = batch.prompts.len();
        let (latents, timesteps) = (batch.latents.clone(), batch.timesteps.clone());
        let context = Tensor::cat(contexts.to_vec(), 0);
        let (student, gates) = (self.whole(weights), self.gates(batch, N));
        let out = self.sd.predict_gated(&student, latents, timesteps, context, gates.as_ref());
        std::array::from_fn(|part| out.clone().narrow(0, part * rows, rows))
    }
}

/// Whether any weight with such a name is another tensor in `b` than in `a`.
fn differs(a: &Weights, b: &Weights, chosen: impl Fn(&str) -> bool) -> bool {
    b.iter().filter(|(name, _)| chosen(name)).any(|(name, weight)| {
        a.get(name).is_none_or(|other| other.to_f32_vec() != weight.to_f32_vec())
    })
}
