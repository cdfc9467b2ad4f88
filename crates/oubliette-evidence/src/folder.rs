//! A run's folder: which file lies where, written so that none is ever half there.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::report::{self, Folder};
use crate::{AuditPlan, Digest, Error, Evidence, Judgment, Result};

/// Largest `plan.json`, `evidence.json`, `verdict.json` or `report.html` that is read, in bytes.
pub const MAX_BYTES: u64 = 1 << 30;

/// The folder of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder(PathBuf);

impl RunFolder {
    /// A run folder at a path, which need not exist.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The folder of a plan below `runs`.
    pub fn of(runs: &Path, plan: Digest) -> Self {
        Self(runs.join(plan.short()))
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// `plan.json`
    pub fn plan(&self) -> PathBuf {
        self.0.join("plan.json")
    }

    /// `events.jsonl`
    pub fn events(&self) -> PathBuf {
        self.0.join("events.jsonl")
    }

    /// `evidence.json`
    pub fn evidence(&self) -> PathBuf {
        self.0.join("evidence.json")
    }

    /// `verdict.json`
    pub fn verdict(&self) -> PathBuf {
        self.0.join("verdict.json")
    }

    /// `report.html`
    pub fn report(&self) -> PathBuf {
        self.0.join("report.html")
    }

    /// `telemetry.jsonl`: times and memory, outside every digest.
    pub fn telemetry(&self) -> PathBuf {
        self.0.join("telemetry.jsonl")
    }

    /// `samples`
    pub fn samples(&self) -> PathBuf {
        self.0.join("samples")
    }

    /// `samples/<digest>.png`
    pub fn picture(&self, digest: &Digest) -> PathBuf {
        Folder::of_run(&self.0).place(digest)
    }

    /// Judges the evidence of an audit and writes `evidence.json`, `verdict.json` and `report.html`,
    /// each whole or not at all.
    pub fn write_results(&self, plan: &AuditPlan, evidence: &Evidence) -> Result<Judgment> {
        let judgment = crate::judge(plan, evidence)?;
        let page = report::render(plan, evidence, &judgment, &Folder::of_run(&self.0))?;
        write_whole(&self.evidence(), evidence.to_text()?.as_bytes())?;
        write_whole(&self.verdict(), judgment.to_text()?.as_bytes())?;
        write_whole(&self.report(), page.as_bytes())?;
        Ok(judgment)
    }
}

/// Writes a file under another name, flushes it to disk, puts it in its place and flushes that too; of two processes that write the same file,
/// the later one's stays.
pub fn write_whole(file: &Path, bytes: &[u8]) -> Result<()> {
    let (beside, mut part) = part_of(file).map_err(|e| Error::io(file, e))?;
    let mut write = || {
        part.write_all(bytes)?;
        part.sync_all()?;
        std::fs::rename(&beside, file)?;
        sync_folder(file.parent().filter(|above| !above.as_os_str().is_empty()))
    };
    write().map_err(|e| {
        // The part is of no use to anyone; if it cannot be removed either, it is one hidden file too many.
        drop(std::fs::remove_file(&beside));
        Error::io(file, e)
    })
}

/// Until the folder is on the disk, a name in it may be gone after a crash.
#[cfg(unix)]
fn sync_folder(folder: Option<&Path>) -> std::io::Result<()> {
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Only Unix can flush a folder; elsewhere the rename is as safe as the system makes it.
#[cfg(not(unix))]
fn sync_folder(_folder: Option<&Path>) -> std::io::Result<()> {
    Ok(())
}

/// A new hidden sibling, and nobody else's: processes of two machines, or of two containers, may have the same number.
fn part_of(file: &Path) -> std::io::Result<(PathBuf, File)> {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or("file");
    let mut taken = 0_u32;
    loop {
        let part = file.with_file_name(format!(".{name}.{}-{taken}.part", std::process::id()));
        match File::create_new(&part) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => taken += 1,
            other => return other.map(|made| (part, made)),
        }
    }
}

/// Reads a text file of at most [`MAX_BYTES`] bytes.
pub fn read_text(file: &Path) -> Result<String> {
    let bytes = crate::plain::read(file, MAX_BYTES, "is this the right folder?")?;
    String::from_utf8(bytes)
        .map_err(|_| Error::file(file, "not UTF-8", "restore the file as the tool wrote it"))
}
