//! Parts and stages as a plan writes them down: the part's name with all of its settings.

use std::any::{TypeId, type_name};

use serde::Serialize;

use crate::{
    METHODS,
    methods::Stage,
    parts::{
        anchor::ANCHORS,
        combiner::COMBINERS,
        mask::MASKS,
        objective::OBJECTIVES,
        source::{SOURCES, Source},
        wrapper::WRAPPERS,
    },
    training::{Train, Weighted},
};

/// Anything with settings can say what it is.
pub trait Describe {
    /// Its name under `part`, and every setting beside it.
    fn describe(&self) -> toml::Table;
}

impl<T: Serialize + 'static> Describe for T {
    fn describe(&self) -> toml::Table {
        let settings = toml::Table::try_from(self).unwrap_or_default();
        std::iter::once(("part".to_owned(), name_of::<T>().into())).chain(settings).collect()
    }
}

/// The name on its card. What has none (the optimiser, a stage that is not its method's own settings) is called as its type is.
fn name_of<T: 'static>() -> &'static str {
    let kind = TypeId::of::<T>();
    let listed = METHODS
        .name_of(kind)
        .or_else(|| ANCHORS.name_of(kind))
        .or_else(|| COMBINERS.name_of(kind))
        .or_else(|| MASKS.name_of(kind))
        .or_else(|| OBJECTIVES.name_of(kind))
        .or_else(|| SOURCES.name_of(kind))
        .or_else(|| WRAPPERS.name_of(kind));
    let path = type_name::<T>();
    listed.unwrap_or_else(|| path.rsplit("::").next().unwrap_or(path))
}

/// One stage with all of its parts.
pub fn stage(stage: &Stage) -> toml::Table {
    match stage {
        Stage::Edit(edit) => edit.describe(),
        Stage::Attach(attach) => attach.describe(),
        Stage::Guide(guidance) => guidance.describe(),
        Stage::Train(train) => training(train),
        Stage::Adapt(adapt) => {
            let mut table = training(&adapt.train);
            table.insert("part".to_owned(), "Adapt".into());
            table.insert("adapts".to_owned(), adapt.weights.clone().into());
            table.insert("rank".to_owned(), i64::try_from(adapt.rank).unwrap_or(i64::MAX).into());
            table
        }
        Stage::Fuse(fuse) => fuse.describe(),
    }
}

fn training(train: &Train) -> toml::Table {
    let mut table = toml::Table::new();
    let mut put = |key: &str, value: toml::Value| table.insert(key.to_owned(), value);
    put("part", "Train".into());
    put("stage", train.name.clone().into());
    for (key, source) in train.sources() {
        put(key, without_place(source).into());
    }
    put("anchor", train.anchor.describe().into());
    put("forget", losses(&train.forget));
    put("retain", losses(&train.retain));
    if let Some(relearn) = &train.relearn {
        put("relearn", losses(&relearn.losses));
    }
    if let Some(average) = train.average {
        put("average", average.into());
    }
    put("combiner", train.combiner.describe().into());
    put("mask", train.mask.describe().into());
    if let Some(lora) = &train.lora {
        put("lora", toml::Value::try_from(lora).expect("two numbers"));
    }
    let wrappers = train.wrappers.iter().map(|wrapper| toml::Value::from(wrapper.describe()));
    put("wrappers", toml::Value::Array(wrappers.collect()));
    put("optimiser", train.optimiser.describe().into());
    if train.alone {
        put("alone", true.into());
    }
    if let Some(until) = &train.until {
        put("until", toml::Value::try_from(until).expect("three numbers"));
    }
    put("steps", i64::try_from(train.steps).unwrap_or(i64::MAX).into());
    table
}

/// Where pictures lie is no part of a plan: two people with the same pictures have the same one.
fn without_place(source: &dyn Source) -> toml::Table {
    let mut table = source.describe();
    if source.folder().is_some() {
        table.remove("folder");
    }
    table
}

fn losses(losses: &[Weighted]) -> toml::Value {
    let one = |loss: &Weighted| {
        let mut table = loss.objective.describe();
        table.insert("weight".to_owned(), loss.weight.into());
        toml::Value::from(table)
    };
    toml::Value::Array(losses.iter().map(one).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::{combiner::Sum, mask::NullSpace, wrapper};

    #[test]
    fn a_part_is_called_by_its_card_and_not_by_its_type() {
        let called = |part: &dyn Describe| part.describe()["part"].as_str().map(str::to_owned);
        assert_eq!(called(&Sum {}).as_deref(), Some("sum"));
        assert_eq!(called(&wrapper::None {}).as_deref(), Some("none"));
        assert_eq!(name_of::<NullSpace>(), "null_space");
        assert_eq!(name_of::<crate::training::Optimiser>(), "Optimiser");
    }
}
