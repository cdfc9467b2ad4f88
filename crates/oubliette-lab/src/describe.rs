//! Parts and stages as a plan writes them down: the part's name with all of its settings.

use serde::Serialize;

use crate::{
    methods::Stage,
    parts::source::Source,
    training::{Train, Weighted},
};

/// Anything with settings can say what it is.
pub trait Describe {
    /// Its name under `part`, and every setting beside it.
    fn describe(&self) -> toml::Table;
}

impl<T: Serialize> Describe for T {
    fn describe(&self) -> toml::Table {
        let path = std::any::type_name::<T>();
        let name = path.rsplit("::").next().unwrap_or(path);
        let settings = toml::Table::try_from(self).unwrap_or_default();
        std::iter::once(("part".to_owned(), name.into())).chain(settings).collect()
    }
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
