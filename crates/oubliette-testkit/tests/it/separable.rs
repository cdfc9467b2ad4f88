//! A whole run of SepME against `goldens/separable.py`, from its first step to its early stop.

use oubliette_evidence::Concept;
use oubliette_lab::{
    Result, Study,
    lot::Lot,
    methods::{METHODS, Stage},
    parts::{
        Stateful,
        source::{Batch, Source},
    },
    progress::unwatched,
    training::{Job, Place, Train, train},
};
use oubliette_model::Weights;
use serde::Serialize;

use crate::{
    student::Bench,
    updates::{Steps, is_near},
};

/// The reference's rows, in every step.
#[derive(Serialize)]
struct Given {
    #[serde(skip)]
    batch: Batch,
}

impl Stateful for Given {}

impl Source for Given {
    fn rows(&self) -> usize {
        self.batch.prompts.len()
    }

    fn batch(
        &mut self,
        _study: &Study<'_>,
        _concepts: &[Concept],
        _student: &Weights,
        _step: u64,
        _lot: &Lot,
    ) -> Result<Batch> {
        Ok(self.batch.clone())
    }
}

/// The method's one stage with the reference's settings and rows.
fn stage(bench: &Bench, steps: &Steps, concept: &Concept) -> Train {
    let mut settings = steps.table(&["beta", "below", "decay"]);
    settings.insert("learning_rate".to_owned(), steps.said["rate"].as_f64().unwrap().into());
    settings.insert("tokens".to_owned(), "last-subject".into());
    for key in ["after", "steps"] {
        settings.insert(key.to_owned(), steps.said[key].as_i64().unwrap().into());
    }
    let method = METHODS.build("sepme", settings).unwrap();
    let Some(Stage::Train(mut stage)) = method.stages(std::slice::from_ref(concept)).unwrap().pop()
    else {
        panic!("it trains")
    };
    stage.source = Box::new(Given { batch: bench.batch() });
    *stage
}

#[test]
fn sepme_moves_and_stops_as_the_reference_does() {
    for model in ["tiny-sd1", "tiny-sd2"] {
        let (bench, steps) = (Bench::of(model), Steps::of(model, "separable"));
        let concepts = [bench.concept()];
        let mut stage = stage(&bench, &steps, &concepts[0]);
        let original = &bench.sd.weights;
        let (lot, unit) = (Lot::new(1), "sepme");
        let job = Job {
            sd: &bench.sd,
            original,
            concepts: &concepts,
            adapter: None,
            lot,
            unit,
            drawn: None,
        };
        let folder = tempfile::tempdir().unwrap();
        let place = Place::of_run(folder.path(), unit, stage.steps, 1).unwrap();
        let trained = train(&mut stage, &job, original, &place, &mut unwatched()).unwrap();
        assert_eq!(trained.steps, steps.said["ends"].as_u64().unwrap(), "{model}");
        let change = trained.weights.plus(original, -1.0);
        let few = steps.read("change").names().map(str::to_owned).collect();
        is_near(&change.only(&few), &steps, "change", 1e-3);
    }
}
