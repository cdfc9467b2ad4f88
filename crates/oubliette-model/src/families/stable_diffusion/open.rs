//! Opens a model's files and checks them against each other, before any weight is read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::{DIFFUSERS_STEM, LoadOptions, TEXT, TRANSFORMERS_STEM, UNET, VAE};
use crate::attached::{self, Attached};
use crate::error::{Error, Result};
use crate::networks::{ClipText, ClipTextConfig, UNet, UNetConfig, Vae, VaeConfig};
use crate::sample::{GUIDANCE_FILE, Guidance, read_guidance};
use crate::schedule::ScheduleConfig;
use crate::store::{
    Autoencoder, Clip, Component, Config, Folder, LdmText, LdmUnet, LdmVae, MAX_CONFIG_BYTES,
    Naming, Plain, Shards, check_single_file, pickle, read_capped, read_object,
};
use crate::tokenizer::ClipTokenizer;

/// What a model was loaded from; saving copies what it does not change.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// A folder.
    Folder(Folder),
    /// One file with all weights, and the folder that gave the rest.
    SingleFile {
        /// The checkpoint.
        file: PathBuf,
        /// Configurations, tokenizer and schedule.
        base: Folder,
    },
}

impl Source {
    /// The folder that everything but weights comes from.
    pub(super) fn folder(&self) -> &Folder {
        match self {
            Self::Folder(folder) | Self::SingleFile { base: folder, .. } => folder,
        }
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Folder(folder) => folder.root(),
            Self::SingleFile { file, .. } => file,
        }
    }
}

pub(super) struct Opened {
    pub(super) unet: UNet,
    pub(super) vae: Vae,
    pub(super) text: ClipText,
    pub(super) tokenizer: ClipTokenizer,
    pub(super) schedule: ScheduleConfig,
    pub(super) guidance: Option<Guidance>,
    pub(super) attached: Option<Attached>,
    pub(super) source: Source,
    pub(super) components: [Component; 3],
}

/// The networks as a folder's configurations describe them.
struct Networks {
    unet: UNet,
    vae: Vae,
    text: ClipText,
}

pub(super) fn open(path: &Path, options: &LoadOptions) -> Result<Opened> {
    let single = path.is_file();
    let folder = if single { base_folder(path, options)? } else { Folder::open(path)? };
    check_index(&folder)?;
    let networks = read_networks(&folder)?;
    check_widths(&folder, &networks)?;
    let (tokenizer, schedule) = read_rest(&folder, &networks.text)?;
    let guidance = read_guidance(&folder)?;
    if let Some(guidance) = &guidance {
        guidance.check_length(&folder.root().join(GUIDANCE_FILE), &tokenizer)?;
    }
    let attached = attached::read(&folder)?;
    let components = if single {
        components_of_file(path, &networks)?
    } else {
        components_of_folder(&folder, &networks, options.variant.as_deref())?
    };
    let source = if single {
        Source::SingleFile { file: path.to_owned(), base: folder }
    } else {
        Source::Folder(folder)
    };
    let Networks { unet, vae, text } = networks;
    Ok(Opened { unet, vae, text, tokenizer, schedule, guidance, attached, source, components })
}

/// The folder that completes a checkpoint in one file.
fn base_folder(file: &Path, options: &LoadOptions) -> Result<Folder> {
    if file.extension().is_none_or(|extension| extension != "safetensors") {
        return Err(pickle(file));
    }
    match &options.base {
        Some(base) => Folder::open(base),
        None => {
            let why = "holds weights only, no configurations, tokenizer or schedule";
            let remedy = "name the folder of a model of the same kind as its base";
            Err(Error::file(file, why, remedy))
        }
    }
}

/// `model_index.json` must name the components that are read here.
fn check_index(folder: &Folder) -> Result<()> {
    if !folder.has("model_index.json") {
        let remedy = "name the folder that holds `model_index.json`";
        return Err(Error::file(folder.root(), "is not a diffusers model folder", remedy));
    }
    let path = folder.path("model_index.json")?;
    let map = read_object(&path, MAX_CONFIG_BYTES)?;
    let remedy = "use a Stable Diffusion 1.x or 2.x model";
    // Variations of the pipeline (image to image, for example) share their components.
    let pipeline = map.get("_class_name").and_then(Value::as_str);
    if let Some(other) = pipeline.filter(|name| !name.starts_with("StableDiffusion")) {
        return Err(Error::config(&path, "_class_name", format!("is {other}"), remedy));
    }
    let wanted = [
        (UNET, "UNet2DConditionModel"),
        (VAE, "AutoencoderKL"),
        (TEXT, "CLIPTextModel"),
        ("tokenizer", "CLIPTokenizer"),
    ];
    for (key, class) in wanted {
        let named = class_of(&map, key);
        // Both tokenizer classes read the same files.
        if named.is_some_and(|named| named == class || named.strip_suffix("Fast") == Some(class)) {
            continue;
        }
        let why = format!("is {}, not {class}", named.unwrap_or("missing"));
        return Err(Error::config(&path, key, why, remedy));
    }
    Ok(())
}

fn class_of<'a>(map: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    map.get(key)?.as_array()?.get(1)?.as_str()
}

fn read_networks(folder: &Folder) -> Result<Networks> {
    let unet = Config::read(&folder.folder(UNET)?, "UNet2DConditionModel")?;
    let vae = Config::read(&folder.folder(VAE)?, "AutoencoderKL")?;
    let text = Config::read(&folder.folder(TEXT)?, "CLIPTextModel")?;
    Ok(Networks {
        unet: UNet::new(UNetConfig::from_json(&unet.path, &unet.map)?),
        vae: Vae::new(VaeConfig::from_json(&vae.path, &vae.map)?),
        text: ClipText::new(ClipTextConfig::from_json(&text.path, &text.map)?),
    })
}

/// The denoiser must look at tokens as wide as the text encoder makes them.
fn check_widths(folder: &Folder, networks: &Networks) -> Result<()> {
    let width = networks.text.config().width;
    let wanted = &networks.unet.config().cross_attention_dim;
    if wanted.iter().all(|&wanted| wanted == width) {
        return Ok(());
    }
    let path = folder.root().join(UNET).join("config.json");
    let why = format!("is {wanted:?}, the text encoder's width {width}");
    let remedy = "put components together that belong together";
    Err(Error::config(&path, "cross_attention_dim", why, remedy))
}

fn read_rest(folder: &Folder, text: &ClipText) -> Result<(ClipTokenizer, ScheduleConfig)> {
    let tokenizer = folder.folder("tokenizer")?;
    check_links(&tokenizer)?;
    let config = text.config();
    let tokens = ClipTokenizer::load(tokenizer.root(), config.max_tokens)?;
    check_vocabulary(tokenizer.root(), &tokens, config.vocab_size)?;
    let path = folder.folder("scheduler")?.path("scheduler_config.json")?;
    let schedule = ScheduleConfig::parse(&read_capped(&path, MAX_CONFIG_BYTES)?, &path)?;
    Ok((tokens, schedule.for_stable_diffusion()))
}

/// Every id must have a row in the text encoder's table.
pub(in crate::families) fn check_vocabulary(
    folder: &Path,
    tokenizer: &ClipTokenizer,
    rows: usize,
) -> Result<()> {
    let ids = tokenizer.vocabulary();
    if ids <= rows {
        return Ok(());
    }
    let why = format!("the tokenizer has ids up to {}, the text encoder {rows} rows", ids - 1);
    Err(Error::file(folder, why, "put components together that belong together"))
}

/// Refuses links that lead out of a folder which other code reads by path.
pub(in crate::families) fn check_links(folder: &Folder) -> Result<()> {
    for name in folder.names()? {
        folder.path(&name)?;
    }
    Ok(())
}

fn components_of_folder(
    folder: &Folder,
    networks: &Networks,
    variant: Option<&str>,
) -> Result<[Component; 3]> {
    let find = |name: &str, stem: &str, shapes, naming: &dyn Naming| {
        let shards = Shards::open(&folder.folder(name)?, stem, variant)?;
        Component::find(name, Arc::new(shards), shapes, naming)
    };
    Ok([
        find(UNET, DIFFUSERS_STEM, networks.unet.shapes(), &Plain)?,
        find(VAE, DIFFUSERS_STEM, networks.vae.shapes(), &Autoencoder)?,
        find(TEXT, TRANSFORMERS_STEM, networks.text.shapes(), &Clip)?,
    ])
}

fn components_of_file(file: &Path, networks: &Networks) -> Result<[Component; 3]> {
    let shards = Arc::new(Shards::single(file)?);
    check_single_file(&shards)?;
    let find = |name, shapes, naming: &dyn Naming| {
        Component::find(name, Arc::clone(&shards), shapes, naming)
    };
    let layers = networks.text.config().layers();
    Ok([
        find(UNET, networks.unet.shapes(), &LdmUnet::new(networks.unet.config()))?,
        find(VAE, networks.vae.shapes(), &LdmVae::new(networks.vae.config()))?,
        find(TEXT, networks.text.shapes(), &LdmText { layers })?,
    ])
}
