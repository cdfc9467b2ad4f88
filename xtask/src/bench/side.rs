//! One side of a benchmark: a process that does a case's work once whenever it is told to.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::python::Python;
use crate::workspace;

/// A running side.
pub(crate) struct Side {
    child: Child,
    words: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Side {
    /// Our worker.
    pub(crate) fn ours(folder: &Path, threads: usize) -> Result<Self> {
        let mut command = Command::new(workspace::target().join("release/oubliette-benches"));
        Self::start(command.arg(folder).env("RAYON_NUM_THREADS", threads.to_string()))
    }

    /// PyTorch.
    pub(crate) fn theirs(
        python: &Python,
        folder: &Path,
        threads: usize,
        mode: &str,
    ) -> Result<Self> {
        let mut command = python.script("benches/peer.py");
        command
            .env("BENCH_THREADS", threads.to_string())
            .env("OMP_NUM_THREADS", threads.to_string());
        Self::start(command.env("BENCH_MODE", mode).arg(folder))
    }

    fn start(command: &mut Command) -> Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let words = child.stdin.take().context("no stdin")?;
        let answers = BufReader::new(child.stdout.take().context("no stdout")?).lines();
        let mut side = Self { child, words, answers };
        match side.answer()?.as_str() {
            "ready" => Ok(side),
            other => bail!("a side said `{other}` instead of `ready`"),
        }
    }

    /// Numbers that both sides must agree on.
    pub(crate) fn check(&mut self) -> Result<Vec<f64>> {
        Ok(serde_json::from_str(&self.ask("check")?)?)
    }

    /// Seconds of one run.
    pub(crate) fn go(&mut self) -> Result<f64> {
        Ok(self.ask("go")?.parse()?)
    }

    /// Seconds of one run as the mean of several, for work that is too short to be timed alone.
    pub(crate) fn go_several(&mut self, times: usize) -> Result<f64> {
        let mut sum = 0.0;
        for _ in 0..times {
            sum += self.go()?;
        }
        Ok(sum / times as f64)
    }

    /// The most bytes held during the runs, above what the bare process held; ends the process.
    pub(crate) fn end(&mut self) -> Result<u64> {
        let bytes = self.ask("end")?.parse()?;
        self.child.wait()?;
        Ok(bytes)
    }

    fn ask(&mut self, word: &str) -> Result<String> {
        writeln!(self.words, "{word}")?;
        self.answer()
    }

    fn answer(&mut self) -> Result<String> {
        let line = self
            .answers
            .next()
            .context("a side of the benchmark ended early; see its message above")?;
        Ok(line?.trim().to_owned())
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        // Already gone after `end`; otherwise nobody will talk to it any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
