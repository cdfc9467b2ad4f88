//! `--memory`: how a run is made to fit.
use crate::exit::Exit;
use crate::expect::{Expectation, Yardstick};
use crate::failure::Failure;
use crate::terminal::Terminal;
use oubliette_lab::run::Context;
use oubliette_model::train::Bytes;

/// Reads a size: `8GiB`, `500 MB`, `1.5G`, or plain bytes.
///
/// # Errors
/// It is no number with a unit, or nothing at all.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let begin = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = (text[..begin].trim(), text[begin..].trim().to_ascii_lowercase());
    let scale = match unit.as_str() {
        "" | "b" => 1.0,
        "mb" | "m" => 1e6,
        "gb" | "g" => 1e9,
        "mib" => f64::from(1 << 20),
        "gib" => f64::from(1 << 30),
        _ => return Err("write a size such as 8GiB, 8GB or 500MB".to_owned()),
    };
    match number.parse::<f64>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok((number * scale) as u64),
        _ => Err("write a size such as 8GiB, 8GB or 500MB".to_owned()),
    }
}

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
        Bytes(budget)
    ));
    let pictures = usize::try_from(pictures).unwrap_or(usize::MAX);
    Ok(Context { recompute: yardstick.recompute, pictures, ..context })
}

fn refusal(budget: u64, wanted: &Expectation) -> Failure {
    let advice = wanted.training.advice(budget).unwrap_or_else(|| {
        format!(
            "one picture wants about {} beside the weights; make smaller ones",
            Bytes(wanted.picture)
        )
    });
    let message = format!(
        "`--memory` allows {}, which is too little, also with blocks computed again: {advice}",
        Bytes(budget)
    );
    Failure { code: "memory", exit: Exit::Input, message }
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_are_read_with_their_units() {
        assert_eq!(size("8GiB"), Ok(8 << 30));
        assert_eq!(size("1.5 GB"), Ok(1_500_000_000));
        assert_eq!(size("500m"), Ok(500_000_000));
        assert_eq!(size("4096"), Ok(4096));
        for wrong in ["", "GiB", "-1GB", "0", "8 elephants", "infGB", "nan"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
