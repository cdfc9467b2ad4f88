//! `--memory`: how a run is made to fit.
use crate::exit::Exit;
use crate::expect::{Expectation, Yardstick};
use crate::failure::Failure;
use crate::terminal::Terminal;
use bytesize::ByteSize;
use oubliette_lab::run::Context;

/// The context in which the run is expected to fit into `budget` bytes; says what was picked.
///
/// # Errors
/// It fits in none; the model cannot be loaded.
pub(crate) fn fit(
    budget: u64,
    context: Context,
    mut yardstick: Yardstick,
    terminal: &Terminal,
    expected: impl Fn(&Yardstick) -> Result<Expectation, Failure>,
) -> Result<Context, Failure> {
    let mut wanted = expected(&yardstick)?;
    if wanted.training.total() > budget {
        yardstick.recompute = true;
        wanted = expected(&yardstick)?;
    }
    let pictures = budget.saturating_sub(wanted.training.held()) / wanted.picture.max(1);
    if wanted.training.total() > budget || pictures == 0 {
        return Err(refusal(budget, &wanted));
    }
    let how = match yardstick.recompute {
        false => "as usual",
        true => "with blocks computed again in the backward pass, a third more time",
    };
    terminal.say(&format!(
        "Memory: training wants {} of {}, {how}; up to {pictures} pictures are painted together.",
        wanted.training,
        ByteSize(budget).display().si()
    ));
    let pictures = usize::try_from(pictures).unwrap_or(usize::MAX);
    Ok(Context { recompute: yardstick.recompute, pictures, ..context })
}

fn refusal(budget: u64, wanted: &Expectation) -> Failure {
    let advice = wanted.training.advice(budget).unwrap_or_else(|| {
        format!(
            "one picture wants about {} beside the weights; make smaller ones",
            ByteSize(wanted.picture).display().si()
        )
    });
    let message = format!(
        "`--memory` allows {}, which is too little, also with blocks computed again: {advice}; or raise `--memory`",
        ByteSize(budget).display().si()
    );
    Failure::new("memory", Exit::Input, message)
}
