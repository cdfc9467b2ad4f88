//! What stages put beside the weights, known before any of them runs: a guide, and what is attached to the denoiser.

use oubliette_model::{
    attached::{ATTACHED_FILE, Attached},
    families::StableDiffusion,
    sample::GUIDANCE_FILE,
};

use crate::{Error, Result, methods::Stage};

/// What a folder will carry that its original did not.
pub(super) struct Beside {
    guided: bool,
    attached: Option<Attached>,
}

impl Beside {
    /// What the stages make; has the model sampled by their policy.
    ///
    /// # Errors
    /// When the model has something that cannot stand beside it.
    pub(super) fn of(sd: &mut StableDiffusion, stages: &[&Stage]) -> Result<Self> {
        Ok(Self { guided: guide(sd, stages)?, attached: attachments(sd, stages)? })
    }

    /// Says so to the model that will be saved, and gives the file that suppresses the concept, where there is one.
    pub(super) fn put(self, sd: &mut StableDiffusion) -> Option<&'static str> {
        let file = match &self.attached {
            Some(_) => Some(ATTACHED_FILE),
            None => self.guided.then_some(GUIDANCE_FILE),
        };
        if let Some(attached) = self.attached {
            sd.attach(attached);
        }
        file
    }
}

/// Has the model sampled by the policy of the stages, one at most; says whether there is one.
fn guide(sd: &mut StableDiffusion, stages: &[&Stage]) -> Result<bool> {
    let mut guided = false;
    for stage in stages {
        let Stage::Guide(guidance) = stage else { continue };
        if let Some(old) = sd.guidance() {
            let file = if guided {
                "the recipe".to_owned()
            } else {
                format!("`{}`", sd.folder().join(GUIDANCE_FILE).display())
            };
            return Err(Error::Input {
                file,
                thing: format!(
                    "leads away from `{}` already, and a model has one guide",
                    old.text()
                ),
                remedy:
                    "start from the model without it, and name everything in the method's `text`"
                        .to_owned(),
            });
        }
        sd.set_guidance(guidance.clone())?;
        guided = true;
    }
    Ok(guided)
}

/// What is attached to the denoiser after all stages; nothing where none attaches anything.
fn attachments(sd: &StableDiffusion, stages: &[&Stage]) -> Result<Option<Attached>> {
    let mut now = sd.attached().cloned();
    let mut any = false;
    for stage in stages {
        let Stage::Attach(attach) = stage else { continue };
        let after = attach.onto(now.as_ref()).ok_or_else(|| Error::Input {
            file: format!("`{}`", sd.folder().display()),
            thing: "something is attached to its denoiser already that this cannot stand beside"
                .to_owned(),
            remedy: "start from the model without it, or forget all concepts together".to_owned(),
        })?;
        (now, any) = (Some(after), true);
    }
    Ok(now.filter(|_| any))
}
