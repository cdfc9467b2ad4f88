//! Opens a model's files and checks them against each other, before any weight is read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::index::Index;
use super::{DIFFUSERS_STEM, LoadOptions, TEXT, TRANSFORMERS_STEM, UNET, VAE, fit};
use crate::attached::{self, Attached};
use crate::error::{Error, Result};
use crate::networks::{ClipText, ClipTextConfig, UNet, UNetConfig, Vae, VaeConfig};
use crate::sample::{GUIDANCE_FILE, Guidance, read_guidance};
use crate::schedule::ScheduleConfig;
use crate::store::{
    Autoencoder, Clip, Component, Config, Folder, LdmText, LdmUnet, LdmVae, Naming, Plain, Shards,
    check_single_file, pickle,
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
    let index = Index::read(&folder)?;
    let networks = read_networks(&folder)?;
    fit::check(&folder, &networks.unet, &networks.vae, &networks.text)?;
    let tokenizer = read_tokenizer(&folder, &networks.text)?;
    let schedule = read_schedule(&folder, &index)?;
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

fn read_tokenizer(folder: &Folder, text: &ClipText) -> Result<ClipTokenizer> {
    let folder = folder.folder("tokenizer")?;
    check_links(&folder)?;
    let config = text.config();
    let tokenizer = ClipTokenizer::load(folder.root(), config.max_tokens)?;
    check_vocabulary(folder.root(), &tokenizer, config.vocab_size)?;
    Ok(tokenizer)
}

fn read_schedule(folder: &Folder, index: &Index) -> Result<ScheduleConfig> {
    let config = ScheduleConfig::read(&folder.folder("scheduler")?)?;
    Ok(config.of_class(index.scheduler()).for_stable_diffusion())
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
