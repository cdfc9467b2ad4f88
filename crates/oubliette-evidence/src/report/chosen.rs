//! The settings that a search chose, as a table that a recipe can take.

use toml::{Table, Value};

use super::tuning::{Trial, Tuning, hits, lost};
use crate::choice::Choice;
use crate::harmless;

/// The text of `chosen.toml`: where the choice comes from, and a `[[method]]` table; nothing where nothing was chosen.
pub fn render_chosen(tuning: &Tuning) -> Option<String> {
    let choice = tuning.choice()?;
    let (candidate, trial) = &tuning.trials[choice.place()];
    let Trial::Measured { tally, .. } = trial else { return None };
    let file = tuning.recipe.source.file().file_name().unwrap_or_default().to_string_lossy();
    let mut lines = vec![
        format!(
            "Chosen on {}, by the recipe {file} ({}).",
            tuning.concepts.join(", "),
            tuning.digest()
        ),
        format!("Rule: {}.", tuning.rule()),
        format!(
            "Of {} candidates, {}: direct hits {}, lost {} points, with exact intervals at 95 in 100.",
            tuning.trials.len(),
            candidate.label,
            hits(tally.hits, tally.asked),
            lost(tally.kept())
        ),
        "For a recipe that unlearns, write `[method]`, remove the label, and take the concept's own names out of lists; what stands in \
         braces is filled there as it was here."
            .to_owned(),
    ];
    if let Choice::Unmet(_) = choice {
        let warning =
            "NO CANDIDATE MEETS THE RULE: this one has the fewest direct hits, and has not met it.";
        lines.insert(0, warning.to_owned());
    }
    let head: String = lines.iter().map(|line| format!("# {}\n", harmless::line(line))).collect();
    let mut method = Table::new();
    method.insert("label".into(), candidate.method.name.clone().into());
    method.insert("name".into(), candidate.method.name.clone().into());
    method.extend(candidate.method.settings.clone());
    let table = Table::from_iter([("method".to_owned(), Value::Array(vec![method.into()]))]);
    Some(format!("{head}{table}"))
}
