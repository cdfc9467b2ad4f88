//! A user's own mix: parts that a recipe puts in place of the method's.

use std::path::Path;

use serde::Deserialize;

use super::{
    anchor::ANCHORS, combiner::COMBINERS, mask::MASKS, objective::OBJECTIVES, source::SOURCES,
    wrapper::WRAPPERS,
};
use crate::{
    Error, Result,
    methods::Stage,
    training::{LowRank, Relearn, Train, Weighted},
};
use oubliette_evidence::settings::Named;

/// The table `[method.parts]` of a recipe; what is absent stays as the method has it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mix {
    anchor: Option<Named>,
    combiner: Option<Named>,
    mask: Option<Named>,
    source: Option<Named>,
    forget: Option<Vec<Named>>,
    retain_source: Option<Named>,
    retain: Option<Vec<Named>>,
    relearn_source: Option<Named>,
    relearn: Option<Vec<Named>>,
    wrapper: Option<Vec<Named>>,
    lora: Option<LowRank>,
}

impl Mix {
    /// Takes the table out of the method's settings.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn take(settings: &mut toml::Table) -> Result<Option<Self>> {
        let Some(table) = settings.remove("parts") else { return Ok(None) };
        let mix = table.try_into().map_err(|source: toml::de::Error| Error::Settings {
            what: "table",
            name: "parts".to_owned(),
            source: Box::new(source),
        })?;
        Ok(Some(mix))
    }

    /// Puts the parts into every training stage.
    ///
    /// # Errors
    /// When a part is unknown, or the method has no stage that could take it.
    pub fn apply(&self, stages: &mut [Stage], base: &Path) -> Result<()> {
        if self.lora.is_some() && stages.iter().any(Stage::is_beside_the_weights) {
            return Err(Error::in_method(
                "`lora` is given, and the method leaves the model's own layers as they are",
                "leave `lora` out, or take a method that trains layers",
            ));
        }
        let (mut taken, mut anchored) = (false, false);
        for stage in stages {
            if let Stage::Train(train) = stage {
                self.put(train, base)?;
                taken = true;
                anchored |= train.looks_at_anchor();
            }
        }
        if !taken {
            let thing = "the method trains none of the model's own weights, so it takes no parts";
            return Err(refuse(thing));
        }
        if self.anchor.is_some() && !anchored {
            let thing = "an `anchor` is given, and no loss looks at it (`anchor_match` does, and `guidance_reversal` from the anchor)";
            return Err(refuse(thing));
        }
        Ok(())
    }

    /// What somebody who wants the concept back would train on: source and losses come together.
    fn relearn(&self, base: &Path) -> Result<Option<Relearn>> {
        match (&self.relearn_source, &self.relearn) {
            (None, None) => Ok(None),
            (Some(source), Some(losses)) => {
                let losses = losses.iter().map(weighted).collect::<Result<_>>()?;
                Ok(Some(Relearn { source: SOURCES.named(&beside(source, base))?, losses }))
            }
            _ => Err(refuse("one of `relearn_source` and `relearn` without the other")),
        }
    }

    fn put(&self, train: &mut Train, base: &Path) -> Result<()> {
        if let Some(anchor) = &self.anchor {
            train.anchor = ANCHORS.named(anchor)?;
        }
        if let Some(combiner) = &self.combiner {
            train.combiner = COMBINERS.named(combiner)?;
        }
        if let Some(mask) = &self.mask {
            train.mask = MASKS.named(mask)?;
        }
        if let Some(source) = &self.source {
            train.source = SOURCES.named(&beside(source, base))?;
        }
        if let Some(source) = &self.retain_source {
            train.retain_source = Some(SOURCES.named(&beside(source, base))?);
        }
        for (asked, losses) in
            [(&self.forget, &mut train.forget), (&self.retain, &mut train.retain)]
        {
            if let Some(asked) = asked {
                *losses = asked.iter().map(weighted).collect::<Result<_>>()?;
            }
        }
        if let Some(relearn) = self.relearn(base)? {
            train.relearn = Some(relearn);
        }
        if let Some(wrappers) = &self.wrapper {
            train.wrappers =
                wrappers.iter().map(|one| WRAPPERS.named(one)).collect::<Result<_>>()?;
        }
        train.lora = self.lora;
        match (&train.retain_source, train.retain.is_empty()) {
            (Some(_), true) => {
                Err(refuse("a `retain_source` is given, and no `retain` that would look at it"))
            }
            _ => Ok(()),
        }
    }
}

fn weighted(named: &Named) -> Result<Weighted> {
    let mut named = named.clone();
    let weight = match named.settings.remove("weight") {
        None => 1.0,
        Some(weight) => weight
            .as_float()
            .or(weight.as_integer().map(|weight| weight as f64))
            .filter(|weight| weight.is_finite())
            .ok_or_else(|| refuse("a `weight` that is no finite number"))?,
    };
    Ok(Weighted { objective: OBJECTIVES.named(&named)?, weight })
}

/// Folders in a recipe are relative to the recipe.
fn beside(named: &Named, base: &Path) -> Named {
    let mut named = named.clone();
    if let Some(toml::Value::String(folder)) = named.settings.get_mut("folder") {
        *folder = base.join(&*folder).to_string_lossy().into_owned();
    }
    named
}

fn refuse(thing: &str) -> Error {
    Error::Input {
        file: "the recipe, table `[method.parts]`".to_owned(),
        thing: thing.to_owned(),
        remedy: "see `oubliette list parts`".to_owned(),
    }
}
