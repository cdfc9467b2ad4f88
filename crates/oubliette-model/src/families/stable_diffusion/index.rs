//! `model_index.json`: which pipeline a folder is, and the class of each of its parts.

use std::path::PathBuf;

use serde_json::{Map, Value};

use super::{TEXT, UNET, VAE};
use crate::error::{Error, Result};
use crate::store::{Folder, MAX_CONFIG_BYTES, read_object};

const NAME: &str = "model_index.json";
const REMEDY: &str = "use a Stable Diffusion 1.x or 2.x model";
/// What the names of pipelines begin with; variations (image to image, for example) share their components.
const KIN: &str = "StableDiffusion";
/// Other architectures whose pipelines' names begin alike.
const OTHERS: [&str; 2] = ["StableDiffusionXL", "StableDiffusion3"];
/// The components that are read, and their classes.
const COMPONENTS: [(&str, &str); 4] = [
    (UNET, "UNet2DConditionModel"),
    (VAE, "AutoencoderKL"),
    (TEXT, "CLIPTextModel"),
    ("tokenizer", "CLIPTokenizer"),
];

/// The index of a model that can be read.
pub(super) struct Index {
    path: PathBuf,
    map: Map<String, Value>,
}

impl Index {
    /// Reads it and checks that it names a pipeline and the components that are read here.
    pub(super) fn read(folder: &Folder) -> Result<Self> {
        if !folder.has(NAME) {
            let remedy = "name the folder that holds `model_index.json`";
            return Err(Error::file(folder.root(), "is not a diffusers model folder", remedy));
        }
        let path = folder.path(NAME)?;
        let map = read_object(&path, MAX_CONFIG_BYTES)?;
        let index = Self { path, map };
        index.check_pipeline()?;
        index.check_components()?;
        Ok(index)
    }

    /// The class of the scheduler, where the index names one: it counts, whatever the scheduler's own file says.
    pub(super) fn scheduler(&self) -> Option<&str> {
        self.class_of("scheduler")
    }

    fn check_pipeline(&self) -> Result<()> {
        let Some(name) = self.map.get("_class_name").and_then(Value::as_str) else {
            return Ok(());
        };
        if name.starts_with(KIN) && !OTHERS.iter().any(|other| name.starts_with(other)) {
            return Ok(());
        }
        Err(Error::config(&self.path, "_class_name", format!("is {name:.60}"), REMEDY))
    }

    fn check_components(&self) -> Result<()> {
        for (key, class) in COMPONENTS {
            let named = self.class_of(key);
            // Both tokenizer classes read the same files.
            let same = |named: &str| named == class || named.strip_suffix("Fast") == Some(class);
            if !named.is_some_and(same) {
                let why = format!("is {:.60}, not {class}", named.unwrap_or("missing"));
                return Err(Error::config(&self.path, key, why, REMEDY));
            }
        }
        Ok(())
    }

    /// The second of the two names that stand for a part: a library, and a class of it.
    fn class_of(&self, key: &str) -> Option<&str> {
        self.map.get(key)?.as_array()?.get(1)?.as_str()
    }
}
