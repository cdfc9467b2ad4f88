//! Where things lie on this machine: what a run needs and a plan must not contain.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use burn::tensor::Device;
use oubliette_evidence::plan::Role;
use oubliette_model::{
    device::{DeviceKind, Precision},
    families::LoadOptions,
};

use crate::{
    Error, Result,
    subject::{Painter, Subject},
};

/// The version of the library that computes; a test keeps it to what is built in.
const BURN: &str = "0.22.1";

/// What the caller decides about this machine.
#[derive(Debug, Clone)]
pub struct Context {
    /// The folder that run folders are made in.
    pub runs: PathBuf,
    /// Where to compute.
    pub device: DeviceKind,
    /// In which number format.
    pub precision: Precision,
    /// Whether training computes blocks again in the backward: less memory, more time, other roundings.
    pub recompute: bool,
    /// The most pictures that are painted together; none of them depends on it.
    pub pictures: usize,
}

impl Context {
    /// The open device.
    ///
    /// # Errors
    /// When it was not compiled in.
    pub fn open(&self) -> Result<Device> {
        Ok(self.device.open()?)
    }

    /// How models are loaded.
    ///
    /// # Errors
    /// As [`Context::open`].
    pub fn options(&self) -> Result<LoadOptions> {
        let (dtype, recompute) = (self.precision, self.recompute);
        Ok(LoadOptions { dtype, recompute, ..LoadOptions::on(self.open()?) })
    }

    /// What the bytes of a run may depend on: device kind, instruction set, number format, kernels, and whether blocks are computed again.
    pub fn describe(&self) -> String {
        let (arch, kernels) = (std::env::consts::ARCH, oubliette_kernels::describe());
        let again = if self.recompute { " recompute" } else { "" };
        format!("{} {arch} {} burn {BURN} {kernels}{again}", self.device, self.precision)
    }
}

/// Gives the subjects of a plan by role.
pub trait Subjects {
    /// The subject with that role, as it came.
    ///
    /// # Errors
    /// When its folder cannot be loaded.
    fn open(&self, role: Role) -> Result<Box<dyn Subject>>;
}

/// Model folders by role.
#[derive(Debug, Clone)]
pub struct Places {
    /// The folders.
    pub folders: BTreeMap<Role, PathBuf>,
    /// How to load them.
    pub context: Context,
    /// Pictures made together.
    pub batch: usize,
}

impl Places {
    /// The folder of a role.
    ///
    /// # Errors
    /// When the recipe names none.
    pub fn folder(&self, role: Role) -> Result<&Path> {
        self.folders.get(&role).map(PathBuf::as_path).ok_or_else(|| Error::Input {
            file: "the recipe".to_owned(),
            thing: format!("it names no folder for the {role} model"),
            remedy: "add it below `[subjects]`".to_owned(),
        })
    }
}

impl Subjects for Places {
    fn open(&self, role: Role) -> Result<Box<dyn Subject>> {
        Ok(Box::new(Painter::load(self.folder(role)?, &self.context, self.batch)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_device_names_the_burn_that_is_built_in() {
        let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.lock");
        let lock: toml::Table = std::fs::read_to_string(lock).unwrap().parse().unwrap();
        let packages = lock["package"].as_array().unwrap().iter();
        let burn = packages.filter(|package| package["name"].as_str() == Some("burn"));
        let versions: Vec<&str> = burn.filter_map(|package| package["version"].as_str()).collect();
        assert_eq!(versions, [BURN]);
    }
}
