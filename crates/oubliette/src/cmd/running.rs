//! What `unlearn`, `update` and `audit` share: where runs go, what is told on the way, and how long it took.
use crate::budget;
use crate::compute::Compute;
use crate::expect::{Expectation, Yardstick};
use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::{interrupt, progress::Progress};
use bytesize::ByteSize;
use clap::Args;
use oubliette_evidence::folder::RunFolder;
use oubliette_lab::progress::Progress as Told;
use oubliette_lab::run::Context;
use serde_json::json;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Options of every command that makes a run.
#[derive(Args, Clone, Debug)]
pub(crate) struct Running {
    /// Where run folders are made; a run that is there already is taken up
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub(crate) runs: PathBuf,
    /// Print the plan with the memory and the time it expects, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The most memory to use, such as 8GiB: where it must, training computes blocks again, in more time, and fewer pictures are
    /// painted together; what cannot fit is refused [default: no limit]
    #[arg(long, value_name = "SIZE")]
    pub(crate) memory: Option<ByteSize>,
    #[command(flatten)]
    pub(crate) compute: Compute,
}

impl Running {
    /// What the library needs to know of this machine.
    pub(crate) fn context(&self) -> Result<Context, Failure> {
        self.compute.context(self.runs.clone())
    }

    /// The context in which what is expected fits into the memory that there may be.
    pub(crate) fn fitted(
        &self,
        context: Context,
        model: &Path,
        terminal: &Terminal,
        expected: impl Fn(&Yardstick) -> Result<Expectation, Failure>,
    ) -> Result<Context, Failure> {
        match self.memory {
            None => Ok(context),
            Some(limit) => {
                let yardstick = Yardstick::of(model, &context)?;
                budget::fit(limit.as_u64(), context, yardstick, terminal, expected)
            }
        }
    }
}

/// Who watches a run: a progress bar, and the wish to stop.
pub(crate) fn watcher(terminal: &Terminal) -> impl FnMut(Told<'_>) -> ControlFlow<()> {
    let bar = Progress::new(terminal);
    let mut since = Instant::now();
    move |told| {
        let seconds = since.elapsed().as_secs_f64();
        tracing::debug!(unit = told.unit, done = told.done, total = told.total, seconds);
        since = Instant::now();
        let what = match told.loss {
            Some(loss) => format!("{}, loss {loss:.4}", told.unit),
            None => told.unit.to_owned(),
        };
        bar.show(&what, told.done, told.total);
        interrupt::flow()
    }
}

/// Measures one command's time and memory, which are no part of the evidence.
pub(crate) struct Stopwatch {
    command: &'static str,
    begun: Instant,
}

impl Stopwatch {
    /// Starts, and has the system count the most memory anew where it lets us; else that of the process so far counts, too.
    pub(crate) fn start(command: &'static str) -> Stopwatch {
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        Stopwatch { command, begun: Instant::now() }
    }

    /// Adds one line to the run's telemetry.
    pub(crate) fn note(&self, run: &RunFolder) -> Result<(), Failure> {
        let path = run.telemetry();
        tracing::info!(run = %run.path().display(), seconds = self.begun.elapsed().as_secs_f64(), "done");
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let line = json!({
            "command": self.command,
            "ended": since.as_secs(),
            "seconds": self.begun.elapsed().as_secs_f64(),
            "threads": rayon::current_num_threads(),
            "peak_memory_bytes": peak_memory(),
        });
        let written = OpenOptions::new().create(true).append(true).open(&path);
        written
            .and_then(|mut file| writeln!(file, "{line}"))
            .map_err(|source| Failure::unwritable(&path, &source))
    }
}

/// The most memory that this process has held since the stopwatch was started, where the system says.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}
