//! How a list names its members: a card, how to build one from a recipe's table, and its defaults.

use std::any::TypeId;

use oubliette_evidence::settings::Named;
use serde::{Serialize, de::DeserializeOwned};

use serde_aux::serde_introspection::serde_introspect;

use crate::{Card, Error, Result};

/// One line of a list. Plain data, so that a list is a `const` in the order in which it is printed.
pub struct Entry<T: ?Sized + 'static> {
    /// The description.
    pub card: Card,
    /// Builds the thing from its settings; unknown settings and values out of range are refused.
    pub build: fn(toml::Table) -> std::result::Result<Box<T>, toml::de::Error>,
    /// The same settings with every default written out, as a plan holds them.
    pub fill: fn(toml::Table) -> std::result::Result<toml::Table, toml::de::Error>,
    /// The names of all settings, with a default or without.
    pub keys: fn() -> &'static [&'static str],
    /// The type of its settings: what a plan describes is found in its list again.
    pub kind: fn() -> TypeId,
}

/// A settings struct that is, or becomes, a `T`.
///
/// Each trait that has a list implements it once for all its implementors.
pub trait Make<T: ?Sized>: Serialize + DeserializeOwned {
    /// The boxed thing.
    fn boxed(self) -> Box<T>;
}

impl<T: ?Sized + 'static> Entry<T> {
    /// The entry of settings struct `S`: its name and refusals come from serde, its text from `card`.
    pub const fn of<S: Make<T> + 'static>(card: Card) -> Self {
        Self {
            card,
            build: build::<T, S>,
            fill: fill::<S>,
            keys: serde_introspect::<S>,
            kind: TypeId::of::<S>,
        }
    }

    /// Every setting with its default value.
    ///
    /// # Errors
    /// Where a thing has no defaults, because it cannot work without being told something.
    pub fn defaults(&self) -> std::result::Result<toml::Table, toml::de::Error> {
        (self.fill)(toml::Table::new())
    }
}

fn build<T: ?Sized, S: Make<T>>(
    table: toml::Table,
) -> std::result::Result<Box<T>, toml::de::Error> {
    S::deserialize(table).map(Make::boxed)
}

fn fill<S: Serialize + DeserializeOwned>(
    table: toml::Table,
) -> std::result::Result<toml::Table, toml::de::Error> {
    let settings = S::deserialize(table)?;
    toml::Table::try_from(&settings).map_err(serde::de::Error::custom)
}

/// A list and what its members are called, for messages.
pub struct List<T: ?Sized + 'static> {
    /// The word for one member: `attack`.
    pub what: &'static str,
    /// The members, sorted by name.
    pub all: &'static [Entry<T>],
}

impl<T: ?Sized + 'static> List<T> {
    /// The member called `name`.
    ///
    /// # Errors
    /// When there is none; the message names them all.
    pub fn find(&self, name: &str) -> Result<&'static Entry<T>> {
        self.all.iter().find(|entry| entry.card.name == name).ok_or_else(|| Error::Unknown {
            what: self.what,
            name: name.to_owned(),
            known: self.names().join(", "),
        })
    }

    /// The name of the member whose settings are of type `kind`.
    pub fn name_of(&self, kind: TypeId) -> Option<&'static str> {
        self.all.iter().find(|entry| (entry.kind)() == kind).map(|entry| entry.card.name)
    }

    /// The names, in order.
    pub fn names(&self) -> Vec<&'static str> {
        self.all.iter().map(|entry| entry.card.name).collect()
    }

    /// The cards, in order.
    pub fn cards(&self) -> Vec<&'static Card> {
        self.all.iter().map(|entry| &entry.card).collect()
    }

    /// Builds the member called `name` from its settings.
    ///
    /// # Errors
    /// An unknown name, an unknown setting, or a value out of range.
    pub fn build(&self, name: &str, settings: toml::Table) -> Result<Box<T>> {
        (self.find(name)?.build)(settings).map_err(|source| self.refusal(name, source))
    }

    /// `settings` with every default of the member called `name` written out.
    ///
    /// # Errors
    /// As [`List::build`].
    pub fn fill(&self, name: &str, settings: toml::Table) -> Result<toml::Table> {
        (self.find(name)?.fill)(settings).map_err(|source| self.refusal(name, source))
    }

    /// Builds what a recipe names: `{ name = "prompt", text = "a sky" }`.
    ///
    /// # Errors
    /// As [`List::build`].
    pub fn named(&self, named: &Named) -> Result<Box<T>> {
        self.build(&named.name, named.settings.clone())
    }

    fn refusal(&self, name: &str, source: toml::de::Error) -> Error {
        Error::Settings { what: self.what, name: name.to_owned(), source: Box::new(source) }
    }
}
