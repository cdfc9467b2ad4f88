//! `oubliette report`: judges a run's evidence and writes its report again.
use super::{Answer, Verb, judged};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::Terminal;
use clap::Args;
use oubliette_evidence::Plan;
use oubliette_evidence::evidence::read_log;
use oubliette_evidence::folder::{RunFolder, read_text};
use oubliette_evidence::report::render_text;
use std::path::PathBuf;

/// Write the report of an audit again, from its evidence alone
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  # prints the verdict and the rates, writes report.html
  oubliette report runs/3f2a9c0d1e4b5a67
  oubliette report runs/3f2a9c0d1e4b5a67 --json

An audit that was interrupted has a report too: it says what is open.")]
pub(crate) struct Report {
    /// The run's folder
    run: PathBuf,
}

impl Verb for Report {
    fn run(&self, _: &Terminal) -> Result<Answer, Failure> {
        let run = RunFolder::at(&self.run);
        if !run.plan().is_file() {
            return Err(not_a_run(&self.run));
        }
        let plan =
            Plan::from_text(&run.plan(), &read_text(&run.plan())?).map_err(Failure::changed)?;
        let Plan::Audit(plan) = plan else {
            return Err(Failure::usage(format!(
                "`{}` is the run of an unlearning or an update, which has no report; `oubliette audit` makes one",
                self.run.display()
            )));
        };
        let evidence = read_log(&run.events()).map_err(Failure::changed)?.evidence;
        let judgment = run.write_results(&plan, &evidence).map_err(Failure::changed)?;
        let answer = judged::answer(&run, &judgment, &render_text(&plan, &evidence, &judgment));
        // The report is what was asked for, and it is done, whatever it says.
        Ok(Answer { exit: Exit::Done, ..answer })
    }
}

fn not_a_run(path: &std::path::Path) -> Failure {
    Failure {
        code: "not-a-run",
        ..Failure::usage(format!(
            "`{}` is not a run's folder: it has no plan.json; name a folder below `runs`",
            path.display()
        ))
    }
}
