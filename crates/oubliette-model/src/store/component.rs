//! One network's folder: its `config.json` and where each of its weights lies.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::{DType, Device};
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::networks::Shapes;
use crate::store::folder::Folder;
use crate::store::header::Stored;
use crate::store::json::{MAX_CONFIG_BYTES, read_object};
use crate::store::layout::{Layout, Naming, Place};
use crate::store::shards::Shards;
use crate::weights::Weights;

/// `config.json` of a network's folder.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it is.
    pub path: PathBuf,
    /// What it says.
    pub map: Map<String, Value>,
}

impl Config {
    /// Reads `config.json` and checks that it describes a model of class `class`, where it says so.
    ///
    /// # Errors
    /// It is missing, malformed, or describes something else.
    pub fn read(folder: &Folder, class: &str) -> Result<Self> {
        let path = folder.path("config.json")?;
        let map = read_object(&path, MAX_CONFIG_BYTES)?;
        let listed = map.get("architectures").and_then(Value::as_array);
        let named = map.get("_class_name").or_else(|| listed.and_then(|list| list.first()));
        match named.and_then(Value::as_str) {
            Some(other) if other != class => {
                let key = if listed.is_some() { "architectures" } else { "_class_name" };
                let why = format!("is `{other:.60}`");
                Err(Error::config(&path, key, why, format!("a model of class {class} is needed")))
            }
            _ => Ok(Self { path, map }),
        }
    }
}

/// A network's weights on disk, not yet in memory.
#[derive(Clone, Debug)]
pub struct Component {
    /// The name before the slash of the weights' qualified names.
    pub prefix: String,
    pub(crate) shards: Arc<Shards>,
    pub(crate) layout: Layout,
}

impl Component {
    /// Finds every weight of a network and checks that it fits; reads none.
    ///
    /// # Errors
    /// A weight is missing, unknown or of another shape, or a file is not well-formed.
    pub fn find(
        prefix: &str,
        shards: Arc<Shards>,
        shapes: Shapes,
        naming: &dyn Naming,
    ) -> Result<Self> {
        let layout = Layout::find(&shards, shapes, naming)?;
        Ok(Self { prefix: prefix.to_owned(), shards, layout })
    }

    /// Reads all weights, tensor by tensor, so that never more than one is there twice.
    ///
    /// # Errors
    /// A file cannot be read, or a weight is not finite.
    pub fn load(&self, weights: &mut Weights, device: &Device, dtype: DType) -> Result<()> {
        for name in self.layout.places().keys() {
            let weight = self.layout.read(&self.shards, name, device, dtype)?;
            weights.insert(self.qualified(name), weight);
        }
        Ok(())
    }

    /// How each of its tensors is stored.
    pub(crate) fn stored(&self) -> impl Iterator<Item = Stored> {
        let entry = |place: &Place| Some(self.shards.entry(&place.name)?.stored);
        self.layout.places().values().filter_map(entry)
    }

    /// How the tensor is stored that holds the weight of that qualified name.
    pub(crate) fn stored_as(&self, qualified: &str) -> Option<Stored> {
        let name = qualified.strip_prefix(&self.prefix)?.strip_prefix('/')?;
        let place = self.layout.places().get(name)?;
        Some(self.shards.entry(&place.name)?.stored)
    }

    /// The name of a weight in the whole model.
    pub(crate) fn qualified(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }

    /// Whether a file of the source is one of this component's weight files or their index.
    pub(crate) fn owns(&self, path: &Path) -> bool {
        self.shards.index() == Some(path) || self.shards.paths().any(|shard| shard == path)
    }
}
