//! Mixes of parts that cannot work, refused before anything is loaded.

use super::{Train, Weighted};
use crate::{Error, Result, parts::source::Source};

impl Train {
    /// Refuses a mix that could not take a step.
    ///
    /// # Errors
    /// Which part lacks what, and what would give it.
    pub fn check(&self) -> Result<()> {
        self.optimiser.check().map_err(|(_, thing, remedy)| Error::in_method(&thing, remedy))?;
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
        self.check_numbers()?;
        self.combiner.check()?;
        self.losses().try_for_each(|loss| loss.objective.check())?;
        self.mask.check()?;
        self.lora.map_or(Ok(()), |lora| lora.check(self))?;
        self.wrappers.iter().try_for_each(|wrapper| wrapper.check())?;
        self.sources().try_for_each(|(_, source)| source.check())
    }

    /// Refuses numbers with which no weight would move, or none where it should.
    fn check_numbers(&self) -> Result<()> {
        if self.steps == 0 {
            return Err(Error::in_method("`steps` is 0", "train one step at least"));
        }
        if self.steps > MOST_STEPS {
            let thing = format!("`steps` is {}", self.steps);
            return Err(Error::in_method(&thing, "train ten million steps at most"));
        }
        if let Some(decay) = self.average.filter(|decay| !(0.0..1.0).contains(decay)) {
            let thing = format!("the average's `decay` is {decay}");
            return Err(Error::in_method(&thing, "choose 0 or more and below 1"));
        }
        let weight = |loss: &Weighted| Some(loss.weight).filter(|weight| !is_amount(*weight));
        let sides = [("forget", &self.forget), ("retain", &self.retain)];
        for (side, losses) in sides {
            if let Some(weight) = losses.iter().find_map(weight) {
                let thing = format!("a `{side}` loss weighs {weight}");
                return Err(Error::in_method(&thing, "give it a weight of 0 or more"));
            }
        }
        Ok(())
    }
}

/// More steps than any training takes; what each of them looks at is known before the first.
const MOST_STEPS: u64 = 10_000_000;

/// Whether a number can say how much of something there is.
fn is_amount(value: f64) -> bool {
    value.is_finite() && value >= 0.0
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
            combiner::{Bilevel, Restricted},
            mask::Dynamic,
            objective::{Distill, GuidanceReversal, NoiseMse},
            source::{Prompts, Trajectory},
            wrapper::Meta,
        },
        training::{Optimiser, Relearn},
    };

    /// ESD's shape: what it looks at are no noised pictures.
    fn reversal() -> Train {
        let forget = vec![Weighted::one(GuidanceReversal::default())];
        Train { forget, steps: 1, ..Train::named("test") }
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
            (
                Train {
                    optimiser: Optimiser { learning_rate: 0.0, ..Optimiser::default() },
                    ..reversal()
                },
                "`learning_rate` is 0",
            ),
            (
                Train {
                    optimiser: Optimiser { betas: (0.9, 1.0), ..Optimiser::default() },
                    ..reversal()
                },
                "`betas`",
            ),
        ] {
            let refused = train.check().unwrap_err().to_string();
            assert!(refused.contains(says), "{refused}");
        }
    }

    #[test]
    fn numbers_that_move_nothing_or_lead_nowhere_are_refused() {
        let optimiser = |learning_rate| Optimiser { learning_rate, ..Optimiser::default() };
        let drawn = |change: fn(&mut Prompts)| {
            let mut source = Prompts::new(vec!["a cat".to_owned()], 1, 1);
            change(&mut source);
            Train { source: Box::new(source), ..reversal() }
        };
        let sampled = |change: fn(&mut Trajectory)| {
            let mut source = Trajectory::default();
            change(&mut source);
            Train { source: Box::new(source), ..reversal() }
        };
        let weighing = |weight| {
            let forget = vec![Weighted { weight, ..Weighted::one(GuidanceReversal::default()) }];
            Train { forget, ..reversal() }
        };
        let bilevel = Train {
            source: pictures(),
            retain: vec![Weighted::one(Distill::default())],
            combiner: Box::new(Bilevel { lambda: -1.0, eta: None }),
            ..reversal()
        };
        for (train, says) in [
            (Train { steps: 0, ..reversal() }, "`steps` is 0"),
            (Train { optimiser: optimiser(0.0), ..reversal() }, "`learning_rate` is 0"),
            (Train { optimiser: optimiser(-1e-5), ..reversal() }, "`learning_rate` is -1e-5"),
            (Train { optimiser: optimiser(f64::NAN), ..reversal() }, "`learning_rate` is NaN"),
            (Train { average: Some(1.0), ..reversal() }, "`decay` is 1"),
            (weighing(-0.5), "weighs -0.5"),
            (weighing(f64::INFINITY), "weighs inf"),
            (bilevel, "`lambda` is -1"),
            (drawn(|source| source.repeats = 0), "no picture would be drawn"),
            (drawn(|source| source.batch = 0), "`batch` is 0"),
            (drawn(|source| source.steps = 0), "in 0 steps"),
            (drawn(|source| source.guidance = 1e30), "leads nowhere"),
            (sampled(|source| source.pairs = 0), "`pairs` is 0"),
            (sampled(|source| source.batch = 0), "`batch` is 0"),
            (sampled(|source| source.steps = 5000), "in 5000 steps"),
            (sampled(|source| source.guidance = f64::NAN), "leads nowhere"),
        ] {
            let refused = train.check().unwrap_err().to_string();
            assert!(refused.contains(says) && refused.contains("; "), "{says}: {refused}");
        }
    }
}
