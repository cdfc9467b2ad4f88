//! Everything that has a card, gathered from the lists; knows the lists, and no name in them.
use oubliette_lab::parts::{anchor, combiner, mask, objective, source, wrapper};
use oubliette_lab::{ATTACKS, Card, DETECTORS, List, METHODS, METRICS};
use serde::Serialize;

/// One member of one list.
#[derive(Serialize)]
pub(crate) struct Listed {
    /// What `oubliette list` calls the lists together: `parts`.
    pub(crate) group: &'static str,
    /// The word for a member of its list: `anchor`.
    pub(crate) kind: &'static str,
    #[serde(flatten)]
    pub(crate) card: &'static Card,
    /// The names of all its settings.
    pub(crate) settings: &'static [&'static str],
    /// Its settings with their defaults; absent where it must be told something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) defaults: Option<toml::Table>,
}

/// The groups, in the order in which they are printed.
pub(crate) const GROUPS: [&str; 5] = ["methods", "attacks", "detectors", "metrics", "parts"];

/// Every member of every list.
pub(crate) fn all() -> Vec<Listed> {
    let mut found = Vec::new();
    gather(&mut found, "methods", &METHODS);
    gather(&mut found, "attacks", &ATTACKS);
    gather(&mut found, "detectors", &DETECTORS);
    gather(&mut found, "metrics", &METRICS);
    gather(&mut found, "parts", &anchor::ANCHORS);
    gather(&mut found, "parts", &objective::OBJECTIVES);
    gather(&mut found, "parts", &combiner::COMBINERS);
    gather(&mut found, "parts", &mask::MASKS);
    gather(&mut found, "parts", &wrapper::WRAPPERS);
    gather(&mut found, "parts", &source::SOURCES);
    found
}

fn gather<T: ?Sized>(found: &mut Vec<Listed>, group: &'static str, list: &List<T>) {
    found.extend(list.all.iter().map(|entry| Listed {
        group,
        kind: list.what,
        card: &entry.card,
        settings: (entry.keys)(),
        defaults: entry.defaults().ok(),
    }));
}
