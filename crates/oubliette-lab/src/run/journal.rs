//! A run folder: locked while it is worked in, its events on disk before anything relies on them.

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::{Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use image::RgbImage;
use oubliette_evidence::{
    Digest, Event, Plan,
    event::{Started, Trained},
    evidence::{Evidence, read_log},
    folder::{RunFolder, write_whole},
};

use crate::{Error, Result, picture};

/// The open run folder of one plan.
pub struct Journal {
    folder: PathBuf,
    events: File,
    /// Length of the whole events; whatever follows was never an event.
    intact: u64,
    evidence: Evidence,
    /// Held until the journal is dropped; the system frees it when the process dies.
    _lock: File,
}

impl Journal {
    /// Opens, or begins, the run of `plan` in `runs/<plan-digest>`, and takes up what is there.
    ///
    /// # Errors
    /// [`Error::Held`] when another process has it; when the folder holds another plan, or events that
    /// are not this plan's.
    pub fn open(runs: &Path, plan: &Plan, device: &str) -> Result<Self> {
        let digest = plan.digest()?;
        let folder = runs.join(digest.short());
        fs::create_dir_all(folder.join("samples")).map_err(Error::io("create", &folder))?;
        let lock = lock(&folder)?;
        settle_plan(&folder.join("plan.json"), &plan.to_text()?)?;
        let path = folder.join("events.jsonl");
        let log = read_log(&path).map_err(Error::damaged)?;
        let mut events = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(Error::io("open", &path))?;
        events.set_len(log.intact).map_err(Error::io("write", &path))?;
        events.seek(SeekFrom::End(0)).map_err(Error::io("write", &path))?;
        let (intact, evidence) = (log.intact, log.evidence);
        let mut journal = Self { folder, events, intact, evidence, _lock: lock };
        if journal.evidence.started().is_none() {
            let tool = concat!("oubliette ", env!("CARGO_PKG_VERSION")).to_owned();
            let started = Started { plan: digest, tool, device: device.to_owned() };
            journal.append(vec![Event::Started(started)])?;
        }
        journal.evidence.check_plan(digest).map_err(Error::damaged)?;
        journal.check_device(device)?;
        Ok(journal)
    }

    /// Refuses to go on with what another kind of device began: half of the pictures would be drawn by other numbers. A finished run whose
    /// pictures are all there asks for none.
    fn check_device(&self, device: &str) -> Result<()> {
        let started = self.evidence.started().filter(|started| started.device != device);
        match started.filter(|_| !self.evidence.finished() || !self.lost().is_empty()) {
            None => Ok(()),
            Some(started) => Err(Error::Compute {
                place: self.folder.display().to_string(),
                thing: format!(
                    "this run was begun on `{}`, and this is `{device}`",
                    started.device
                ),
                remedy:
                    "go on with the same --device, --dtype and --memory, or give another --runs"
                        .to_owned(),
            }),
        }
    }

    /// The run folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A folder for what can be made again: checkpoints and pictures to train on.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn workspace(&self) -> Result<PathBuf> {
        let folder = self.folder.join("work");
        fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
        Ok(folder)
    }

    /// Removes that folder once nothing will go on from what is in it; where that fails, it is in nobody's way.
    pub fn clear(&self) {
        let _ = fs::remove_dir_all(self.folder.join("work"));
    }

    /// Everything that has happened.
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// Writes events and waits until the disk has them; only then are they part of the evidence.
    ///
    /// # Errors
    /// When the disk is full; the file is cut back to whole events, so that a rerun can go on.
    pub fn append(&mut self, events: Vec<Event>) -> Result<()> {
        let lines = events.iter().map(Event::to_line).collect::<Result<String, _>>()?;
        // Folded first: an event that contradicts an earlier one must not reach the disk. If the disk then
        // refuses, the run ends, and the next one folds what the disk has.
        for event in events {
            self.evidence.push(event)?;
        }
        let written =
            self.events.write_all(lines.as_bytes()).and_then(|()| self.events.sync_data());
        if let Err(source) = written {
            let _ = self.events.set_len(self.intact);
            let _ = self.events.seek(SeekFrom::Start(self.intact));
            let path = self.folder.join("events.jsonl");
            return Err(Error::Io { doing: "write", path, source });
        }
        self.intact += lines.len() as u64;
        Ok(())
    }

    /// Adds a training event once.
    ///
    /// # Errors
    /// When a rerun trained to other weights than the run before it did.
    pub fn record(&mut self, event: Trained) -> Result<()> {
        match self.evidence.trained(&event.unit, event.steps).map(|known| known.weights) {
            None => self.append(vec![Event::Trained(event)]),
            Some(known) if known == event.weights => Ok(()),
            Some(_) => Err(Error::Changed {
                path: self.folder.join("events.jsonl"),
                thing: format!(
                    "training `{}` gave other weights at step {} before",
                    event.unit, event.steps
                ),
            }),
        }
    }

    /// Keeps a picture under its digest, and gives the digest.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, picture: &RgbImage) -> Result<Digest> {
        let refuse = |source| Error::Picture { doing: "write", path: self.folder.clone(), source };
        self.keep_bytes(&picture::png(picture).map_err(refuse)?)
    }

    /// Keeps a PNG file under its digest, and gives the digest.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn keep_bytes(&self, bytes: &[u8]) -> Result<Digest> {
        let digest = Digest::of(bytes);
        let path = self.folder.join("samples").join(format!("{digest}.png"));
        // A picture that a crash left torn has another length, and is written again.
        if fs::metadata(&path).map(|file| file.len()).ok() != Some(bytes.len() as u64) {
            write_whole(&path, bytes)?;
        }
        Ok(digest)
    }

    /// The pictures of the evidence that do not lie there as they were kept.
    pub(super) fn lost(&self) -> BTreeSet<Digest> {
        let run = RunFolder::at(&self.folder);
        let is_there = |picture: &Digest| {
            Digest::of_file(&run.picture(picture)).is_ok_and(|there| there == *picture)
        };
        let kept: BTreeSet<Digest> = self.evidence.samples().map(|one| one.picture).collect();
        kept.into_iter().filter(|picture| !is_there(picture)).collect()
    }

    /// Puts a picture that was lost into its place, where it is the same again.
    ///
    /// # Errors
    /// When it is another one, or cannot be written.
    pub(super) fn restore(&self, lost: Digest, picture: &RgbImage) -> Result<()> {
        let path = RunFolder::at(&self.folder).picture(&lost);
        let refuse = |source| Error::Picture { doing: "write", path: path.clone(), source };
        let bytes = picture::png(picture).map_err(refuse)?;
        match Digest::of(&bytes) == lost {
            true => Ok(write_whole(&path, &bytes)?),
            false => Err(Error::Changed {
                path: self.folder.clone(),
                thing: format!(
                    "`{}` is missing or damaged, and made again it is another picture",
                    path.display()
                ),
            }),
        }
    }

    /// Writes the evidence as one file, which `verify` compares with the events.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write_evidence(&self) -> Result<()> {
        self.write("evidence.json", &self.evidence.to_text()?)?;
        Ok(())
    }

    /// Writes a file of the run folder that follows from the evidence.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.folder.join(name);
        write_whole(&path, text.as_bytes())?;
        Ok(path)
    }
}

fn lock(folder: &Path) -> Result<File> {
    let path = folder.join("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(Error::io("lock", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(Error::Held { folder: folder.to_owned() }),
        Err(fs::TryLockError::Error(source)) => Err(Error::Io { doing: "lock", path, source }),
    }
}

/// The folder is named after the plan, so another plan in it was put there or changed.
fn settle_plan(path: &Path, text: &str) -> Result<()> {
    match fs::read_to_string(path) {
        Ok(there) if there == text => Ok(()),
        Ok(_) => {
            Err(Error::Changed { path: path.to_owned(), thing: "it holds another plan".to_owned() })
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Ok(write_whole(path, text.as_bytes())?)
        }
        Err(source) => Err(Error::Io { doing: "read", path: path.to_owned(), source }),
    }
}
