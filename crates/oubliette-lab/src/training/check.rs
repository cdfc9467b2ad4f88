//! Mixes of parts that cannot work, refused before anything is loaded.

use super::{Train, Weighted};
use crate::{Error, Result, parts::source::Source};

impl Train {
    /// Refuses a mix that could not take a step.
    ///
    /// # Errors
    /// Which part lacks what, and what would give it.
    pub fn check(&self) -> Result<()> {
        let kept = self.retain_source.as_deref().unwrap_or(&*self.source);
        pictured("forget", &self.forget, &*self.source)?;
        pictured("retain", &self.retain, kept)?;
        if let Some(relearn) = &self.relearn {
            pictured("relearn", &relearn.losses, &*relearn.source)?;
        }
        if let Some(survey) = self.mask.survey()
            && survey.loss.needs_pictures()
            && !self.source.is_pictured()
        {
            return Err(lacks(
                "the mask looks at a loss on noised pictures before training",
                "the source draws none",
                "give `source = { name = \"prompts\", prompts = [...] }` or the source `pictures`",
            ));
        }
        if self.combiner.needs_both_sides() && (self.forget.is_empty() || self.retain.is_empty()) {
            return Err(lacks(
                "the combiner weighs what forgets against what retains",
                "one of them is missing",
                "add `retain` losses (and a `retain_source`), or use the combiner `sum`",
            ));
        }
        let asks = self.wrappers.iter().any(|one| one.needs_relearning());
        if self.relearn.is_none() && (asks || self.combiner.needs_relearning()) {
            return Err(lacks(
                "a wrapper or the combiner looks at what would bring the concept back",
                "nothing says on what",
                "add `relearn_source` and `relearn`, for example `prompts` and `noise_mse`",
            ));
        }
        if let Some(until) = &self.until
            && !((0.0..1.0).contains(&until.decay) && until.below.is_finite())
        {
            return Err(lacks(
                &format!("the loss is to fall below {}", until.below),
                &format!("its mean keeps {} from step to step", until.decay),
                "choose a finite number, and a decay of 0 or more and below 1",
            ));
        }
        if self.forget.is_empty() && self.retain.is_empty() {
            return Err(lacks("a training descends losses", "it has none", "add `forget`"));
        }
        Ok(())
    }
}

fn pictured(side: &str, losses: &[Weighted], source: &dyn Source) -> Result<()> {
    if source.is_pictured() || !losses.iter().any(|loss| loss.objective.needs_pictures()) {
        return Ok(());
    }
    Err(lacks(
        &format!("a `{side}` loss compares with what noised pictures should be predicted as"),
        "its source draws none",
        "use the source `pictures` or `prompts` for that side",
    ))
}

fn lacks(needs: &str, lacks: &str, remedy: &str) -> Error {
    Error::Input {
        file: "the recipe, table `[method.parts]`".to_owned(),
        thing: format!("{needs}, and {lacks}"),
        remedy: remedy.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        parts::{
            combiner::Restricted,
            mask::Dynamic,
            objective::{Distill, GuidanceReversal, NoiseMse},
            source::Prompts,
            wrapper::Meta,
        },
        training::Relearn,
    };

    /// ESD's shape: what it looks at are no noised pictures.
    fn reversal() -> Train {
        let forget = vec![Weighted::one(GuidanceReversal::default())];
        Train { forget, ..Train::named("test") }
    }

    fn pictures() -> Box<dyn Source> {
        Box::new(Prompts::new(vec!["a cat".to_owned()], 1, 1))
    }

    #[test]
    fn what_fits_is_taken() {
        reversal().check().unwrap();
        let relearn = Relearn { source: pictures(), losses: vec![Weighted::one(NoiseMse {})] };
        let whole = Train {
            source: pictures(),
            retain: vec![Weighted::one(Distill::default())],
            combiner: Box::new(Restricted::default()),
            mask: Box::new(Dynamic::default()),
            relearn: Some(relearn),
            wrappers: vec![Box::new(Meta::default())],
            ..reversal()
        };
        whole.check().unwrap();
    }

    #[test]
    fn what_cannot_work_is_refused_with_what_is_missing() {
        let noise = || vec![Weighted::one(NoiseMse {})];
        for (train, says) in [
            (Train { retain: noise(), ..reversal() }, "`retain` loss"),
            (Train { forget: noise(), ..reversal() }, "`forget` loss"),
            (Train { mask: Box::new(Dynamic::default()), ..reversal() }, "the mask looks"),
            (Train { combiner: Box::new(Restricted::default()), ..reversal() }, "combiner weighs"),
            (
                Train { wrappers: vec![Box::new(Meta::default())], ..reversal() },
                "bring the concept back",
            ),
            (Train { forget: Vec::new(), ..reversal() }, "has none"),
        ] {
            let refused = train.check().unwrap_err().to_string();
            assert!(refused.contains(says), "{refused}");
        }
    }
}
