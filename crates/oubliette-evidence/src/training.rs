//! What the numbers of a training may be: with others it trains nothing, or something that nobody means.

use serde_json::Value;
use toml::Table;

use crate::recipe::Problem;
use crate::settings::Settings;

/// A number that cannot be meant: its key, what it is, and what to do.
pub type Refused = (&'static str, String, &'static str);

/// A key, what its number has to be, and what to write.
type Bound = (&'static str, fn(f64) -> bool, &'static str);

/// Of the optimiser and of a batch; a method's settings have these too.
const STEP: [Bound; 4] = [
    ("learning_rate", is_rate, "write a number above 0: with 0 nothing is trained"),
    ("batch", is_count, "write 1 or more"),
    ("clip", is_size, "write 0, which does not clip, or more"),
    ("weight_decay", is_size, "write 0 or more"),
];

/// Of further training alone.
const FURTHER: [Bound; 4] = [
    ("steps", is_count, "write 1 or more"),
    ("unconditional", is_share, "write a share from 0 to 1"),
    ("rank", is_count, "write 1 or more"),
    ("alpha", is_size, "write 0, which is the rank, or more"),
];

/// Where weights are held in single precision, what is nothing there trains nothing.
fn is_rate(number: f64) -> bool {
    number.is_finite() && number as f32 > 0.0
}

fn is_count(number: f64) -> bool {
    number.is_finite() && number >= 1.0
}

fn is_size(number: f64) -> bool {
    number.is_finite() && number >= 0.0
}

fn is_share(number: f64) -> bool {
    (0.0..=1.0).contains(&number)
}

/// Looks at the numbers of a training step; `number` gives those that are there.
///
/// # Errors
/// The first that cannot be meant.
pub fn check_step(number: impl Fn(&str) -> Option<f64>) -> Result<(), Refused> {
    check(&STEP, number)
}

fn check(bounds: &[Bound], number: impl Fn(&str) -> Option<f64>) -> Result<(), Refused> {
    for &(key, is_fine, remedy) in bounds {
        if let Some(wrong) = number(key).filter(|number| !is_fine(*number)) {
            return Err((key, format!("`{key}` is {wrong:?}"), remedy));
        }
    }
    Ok(())
}

/// The same of a method's settings, which stand at `place`.
pub(crate) fn check_method(settings: &Table, place: &str) -> Result<(), Problem> {
    check_step(|key| number(settings, key)).map_err(|refused| placed(place, refused))
}

/// Looks at the settings of a further training, which stand at `place`.
pub(crate) fn check_further(train: &Table, place: &str) -> Result<(), Problem> {
    check(&STEP, |key| number(train, key))
        .and_then(|()| check(&FURTHER, |key| number(train, key)))
        .map_err(|refused| placed(place, refused))
}

/// Looks at what the attacks and the positive control of an audit's recipe train with; its tables stand below `above`, a prefix that ends in a
/// point where it is not empty.
pub(crate) fn check_audit(audit: &Table, above: &str) -> Result<(), Problem> {
    let attacks = audit.get("attack").and_then(toml::Value::as_array);
    for (at, attack) in attacks.into_iter().flatten().enumerate() {
        if let Some(train) = attack.get("train").and_then(toml::Value::as_table) {
            check_further(train, &format!("{above}attack.{at}.train"))?;
        }
    }
    let positive = audit.get("controls").and_then(|controls| controls.get("positive"));
    match positive.and_then(toml::Value::as_table) {
        Some(positive) => check_further(positive, &format!("{above}controls.positive")),
        None => Ok(()),
    }
}

fn placed(place: &str, (key, thing, remedy): Refused) -> Problem {
    (format!("{place}.{key}"), thing, remedy)
}

/// A number of a recipe; what is none is refused where the settings are read.
fn number(table: &Table, key: &str) -> Option<f64> {
    match table.get(key)? {
        toml::Value::Float(number) => Some(*number),
        toml::Value::Integer(number) => Some(*number as f64),
        _ => None,
    }
}

/// Looks at the settings of a further training as a plan holds them: in their own table, or among the others.
pub(crate) fn check_planned(settings: &Settings) -> Result<(), Refused> {
    let train = settings.get("train").and_then(Value::as_object);
    // What is no number where one belongs is no number that is fine.
    let number = |key: &str| {
        let value = match train {
            Some(train) => train.get(key),
            None => settings.get(key),
        };
        value.map(|value| value.as_f64().unwrap_or(f64::NAN))
    };
    check(&STEP, number).and_then(|()| check(&FURTHER, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_train_nothing_are_refused() {
        let table = |text: &str| text.parse::<Table>().unwrap();
        for (text, said) in [
            ("learning_rate = 0.0", "`learning_rate` is 0.0"),
            ("learning_rate = -1e-4", "`learning_rate` is -0.0001"),
            ("learning_rate = 1e-60", "`learning_rate` is 1e-60"),
            ("learning_rate = nan", "`learning_rate` is NaN"),
            ("learning_rate = inf", "`learning_rate` is inf"),
            ("batch = 0", "`batch` is 0.0"),
            ("clip = -1.0", "`clip` is -1.0"),
            ("weight_decay = -5.0", "`weight_decay` is -5.0"),
            ("weight_decay = nan", "`weight_decay` is NaN"),
            ("unconditional = 7.0", "`unconditional` is 7.0"),
            ("rank = 0", "`rank` is 0.0"),
            ("steps = 0", "`steps` is 0.0"),
        ] {
            let (place, thing, _) = check_further(&table(text), "train").unwrap_err();
            assert!(place.starts_with("train.") && thing == said, "{place}: {thing}");
        }
        let fine = "learning_rate = 1e-5\nbatch = 1\nclip = 0.0\nunconditional = 1.0\nalpha = 0.0";
        assert_eq!(check_further(&table(fine), "train"), Ok(()));
    }

    #[test]
    fn a_plan_is_looked_at_in_either_place() {
        let settings = |text: &str| crate::settings::settings(&text.parse().unwrap()).unwrap();
        for bad in ["learning_rate = 0.0", "[train]\nbatch = 0", "[train]\nclip = \"no\""] {
            assert!(check_planned(&settings(bad)).is_err(), "{bad}");
        }
        for fine in ["", "label = \"near\"", "[train]\nlearning_rate = 1e-5\nweights = []"] {
            assert_eq!(check_planned(&settings(fine)), Ok(()), "{fine}");
        }
    }
}
