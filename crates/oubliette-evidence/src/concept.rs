//! What must be forgotten, and what is claimed about it: one file of the register.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::claim::Claim;
use crate::document::Document;
use crate::harmless::short;
use crate::prompt::{MAX_PROMPT, MAX_ROWS, Prompt};

mod detector;
pub(crate) mod names;

pub use detector::DetectorSpec;

/// One concept file (`concepts/lion.toml`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Concept {
    /// Always 1.
    pub schema: u32,
    /// Short name: lower-case letters, digits and hyphens.
    pub id: String,
    /// What kind of thing it is.
    pub kind: Kind,
    /// Every name it goes by; at least one.
    pub names: Vec<String>,
    /// What it is a kind of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superclass: Option<String>,
    /// Neighbours that must survive.
    #[serde(default)]
    pub keep: Vec<String>,
    /// Who asked, on what basis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Templates with `{name}`, or a CSV file beside this one.
    pub prompts: Prompts,
    /// How one output is decided on; the first decides, the others are second opinions.
    pub detector: Vec<DetectorSpec>,
    /// What is claimed.
    pub claim: Claim,
}

/// What kind of thing a concept is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A thing that can be seen.
    Object,
    /// A manner of drawing.
    Style,
    /// Somebody.
    Person,
    /// A work that was learned by heart.
    MemorisedWork,
    /// Something known.
    Fact,
    /// Something that can be done.
    Capability,
}

/// Where a concept's prompts come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Prompts {
    /// Templates; `{name}` stands for each of the concept's names.
    Templates(Vec<String>),
    /// A CSV file with a `prompt` column, and optionally seeds and guidance.
    Csv(PathBuf),
}

impl Concept {
    /// Reads and checks a concept file.
    pub fn read(file: &Path) -> Result<Self> {
        Self::parse(&Document::read(file)?)
    }

    /// Reads and checks a concept from a document.
    pub fn parse(document: &Document) -> Result<Self> {
        let concept: Self = document.parse()?;
        concept.check().map_err(|(key, thing, remedy)| document.error(key, thing, remedy))?;
        Ok(concept)
    }

    /// The concept's prompts; a CSV is looked for beside `file`, the concept's own file.
    pub fn prompts(&self, file: &Path) -> Result<Vec<Prompt>> {
        match &self.prompts {
            Prompts::Csv(csv) => {
                Prompt::read_csv(&file.parent().unwrap_or(Path::new("")).join(csv))
            }
            Prompts::Templates(templates) => {
                Ok(templates.iter().flat_map(|template| self.fill(template)).collect())
            }
        }
    }

    fn fill(&self, template: &str) -> Vec<Prompt> {
        match template.contains("{name}") {
            true => self.names.iter().map(|n| Prompt::new(template.replace("{name}", n))).collect(),
            false => vec![Prompt::new(template)],
        }
    }

    /// Checks what no single key shows; gives key, thing and remedy.
    pub(crate) fn check(&self) -> Result<(), (&'static str, String, &'static str)> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.id.is_empty() || self.id.len() > 64 || !self.id.chars().all(plain) {
            let thing = format!("`{}` is not a concept id", short(&self.id));
            return Err(("id", thing, "use up to 64 lower-case letters, digits and hyphens"));
        }
        if self.names.is_empty() || self.names.iter().any(|name| name.trim().is_empty()) {
            return Err((
                "names",
                "a name is missing".into(),
                "give at least one name, none empty",
            ));
        }
        if self.detector.is_empty() {
            return Err(("detector", "no detector".into(), "add a `[[detector]]` table"));
        }
        for detector in &self.detector {
            crate::settings::settings(&detector.settings)
                .map_err(|e| ("detector", e.to_string(), "correct this table"))?;
        }
        if let Prompts::Templates(templates) = &self.prompts {
            check_templates(templates)?;
            self.check_filled(templates)?;
            self.check_asked(templates)?;
        }
        self.check_names()?;
        self.claim.check()
    }

    /// A short file may stand for more prompts, and longer ones, than any memory holds.
    fn check_filled(
        &self,
        templates: &[String],
    ) -> Result<(), (&'static str, String, &'static str)> {
        let most = self.names.len().max(self.keep.len());
        if most.saturating_mul(templates.len()) > MAX_ROWS {
            let thing = format!("more than {MAX_ROWS} prompts of names and templates");
            return Err(("prompts", thing, "give fewer of them"));
        }
        let longest = self.names.iter().chain(&self.keep).map(String::len).max();
        let filled = |template: &String| {
            let names = template.matches("{name}").count();
            template.len().saturating_add(names.saturating_mul(longest.unwrap_or_default()))
        };
        match templates.iter().any(|template| filled(template) > MAX_PROMPT) {
            true => {
                let thing = format!("a prompt of more than {MAX_PROMPT} bytes");
                Err(("prompts", thing, "shorten the template, or the names"))
            }
            false => Ok(()),
        }
    }
}

fn check_templates(templates: &[String]) -> Result<(), (&'static str, String, &'static str)> {
    if templates.is_empty() {
        return Err(("prompts", "no prompt".into(), "give at least one template"));
    }
    match templates.iter().find(|t| t.replace("{name}", "").contains(['{', '}'])) {
        Some(bad) => Err((
            "prompts",
            format!("unknown placeholder in `{}`", short(bad)),
            "only `{name}` is filled in",
        )),
        None => Ok(()),
    }
}
