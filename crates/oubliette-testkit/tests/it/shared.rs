//! What one audit has seen of a model, another does not make again; its evidence is what it would have been alone.

use std::{cell::Cell, path::Path, rc::Rc};

use image::RgbImage;
use oubliette_evidence::{
    Digest,
    plan::{PlannedSampling, Role},
};
use oubliette_lab::{
    ATTACKS, Result,
    attacks::Attack,
    progress::unwatched,
    run::{Subjects, look},
    subject::{Asked, Bench, Subject},
    tuning::Tuning,
};
use oubliette_testkit::{
    Truth,
    examine::{examiner, unrelated},
};

/// Counts what is painted and trained.
#[derive(Clone, Default)]
struct Counts {
    painted: Rc<Cell<usize>>,
    trained: Rc<Cell<usize>>,
}

struct Counted<T: ?Sized>(Counts, Box<T>);

impl Subjects for Counted<dyn Subjects> {
    fn open(&self, role: Role) -> Result<Box<dyn Subject>> {
        Ok(Box::new(Counted(self.0.clone(), self.1.open(role)?)))
    }
}

impl Subject for Counted<dyn Subject> {
    fn digest(&self) -> Digest {
        self.1.digest()
    }

    fn paint(&self, asked: &[Asked], sampling: &PlannedSampling) -> Result<Vec<RgbImage>> {
        self.0.painted.set(self.0.painted.get() + asked.len());
        self.1.paint(asked, sampling)
    }

    fn tuned(
        &self,
        tuning: &Tuning,
        data: &Path,
        steps: u64,
        seed: u64,
        bench: &mut Bench<'_>,
    ) -> Result<Box<dyn Subject>> {
        self.0.trained.set(self.0.trained.get() + 1);
        Ok(Box::new(Counted(self.0.clone(), self.1.tuned(tuning, data, steps, seed, bench)?)))
    }
}

fn attacks(steps: &[i64]) -> Vec<Rc<dyn Attack>> {
    let mut table = toml::toml! { data = "." };
    table.insert("steps".to_owned(), steps.to_vec().into());
    vec![
        Rc::from(ATTACKS.build("direct", toml::Table::new()).unwrap()),
        Rc::from(ATTACKS.build("finetune", table).unwrap()),
    ]
}

/// The evidence of an audit, and how much was painted and trained for it.
fn audit(steps: &[i64], data: &Path, runs: &Path) -> (Digest, usize, usize) {
    let mut examiner = examiner(Truth::HidesOnDirectPrompts, attacks(steps), data).unwrap();
    let counts = Counts::default();
    let subjects = std::mem::replace(&mut examiner.subjects, Box::new(Nobody));
    examiner.subjects = Box::new(Counted(counts.clone(), subjects));
    let journal = look(&examiner, runs, "known", &mut unwatched()).unwrap();
    let evidence = journal.evidence().digest().unwrap();
    (evidence, counts.painted.get(), counts.trained.get())
}

struct Nobody;

impl Subjects for Nobody {
    fn open(&self, _role: Role) -> Result<Box<dyn Subject>> {
        unreachable!("it is replaced before anything is opened")
    }
}

#[test]
fn a_second_audit_makes_only_what_is_new() {
    let (data, together, alone) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    unrelated(data.path());
    let (_, painted, trained) = audit(&[5], data.path(), together.path());
    assert!(painted > 0 && trained > 0);
    let (shared, more_painted, more_trained) = audit(&[5, 10], data.path(), together.path());
    let (made, all_painted, all_trained) = audit(&[5, 10], data.path(), alone.path());
    assert_eq!(shared, made, "what was remembered is what would have been made");
    assert_eq!(painted + more_painted, all_painted, "nothing is painted twice");
    assert_eq!(trained + more_trained, all_trained, "nothing is trained twice");
}

#[test]
fn the_audit_of_another_concept_scores_again_and_paints_nothing() {
    let (data, runs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    unrelated(data.path());
    let of = |concept: &str, runs: &Path| {
        let direct = attacks(&[5]).into_iter().take(1).collect();
        let mut examiner = examiner(Truth::HidesOnDirectPrompts, direct, data.path()).unwrap();
        examiner.plan.concept.id = concept.to_owned();
        let counts = Counts::default();
        let subjects = std::mem::replace(&mut examiner.subjects, Box::new(Nobody));
        examiner.subjects = Box::new(Counted(counts.clone(), subjects));
        let journal = look(&examiner, runs, "known", &mut unwatched()).unwrap();
        (journal.evidence().digest().unwrap(), counts.painted.get())
    };
    assert!(of("lion", runs.path()).1 > 0);
    let (evidence, painted) = of("leo", runs.path());
    assert_eq!(painted, 0);
    let alone = tempfile::tempdir().unwrap();
    assert_eq!(evidence, of("leo", alone.path()).0);
}

#[test]
fn a_note_whose_picture_is_gone_is_none() {
    let (data, runs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    unrelated(data.path());
    let (first, _, _) = audit(&[5], data.path(), runs.path());
    let run = std::fs::read_dir(runs.path()).unwrap().map(|entry| entry.unwrap().path());
    let run = run.into_iter().find(|path| path.join("plan.json").is_file()).unwrap();
    std::fs::remove_dir_all(run).unwrap();
    let (again, painted_again, _) = audit(&[5], data.path(), runs.path());
    // Fewer than at first: plain colours are the same file again and again.
    assert!(painted_again > 0);
    assert_eq!(first, again);
}
