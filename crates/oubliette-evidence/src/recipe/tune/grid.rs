//! The candidates of a search: every combination of the listed values, or a part of them that the seed draws.

use toml::{Table, Value};

use super::TuneRecipe;
use crate::Digest;
use crate::recipe::Problem;
use crate::settings::Named;

/// Most combinations that a search may have, and most candidates that are tried.
const MOST: (usize, usize) = (100_000, 1000);

/// One way to set the method.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Eight digits of the digest of the method with all of its settings, so that a grid may grow and keep what it has.
    pub label: String,
    /// What is searched, by its dotted name.
    pub searched: Vec<(String, Value)>,
    /// The method with these settings.
    pub method: Named,
}

impl Candidate {
    /// What is searched in words: `learning_rate = 0.0001, steps = 200`.
    pub fn words(&self) -> String {
        let all: Vec<String> =
            self.searched.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        all.join(", ")
    }
}

/// The candidates in the order of the grid: the last setting moves first.
pub(super) fn candidates(recipe: &TuneRecipe) -> Result<Vec<Candidate>, Problem> {
    let mut search = recipe.search.clone();
    let samples = match search.get("samples").and_then(Value::as_integer) {
        Some(samples) => search.remove("samples").map(|_| samples),
        None => None,
    };
    let mut lists = Vec::new();
    gather(&search, "", &mut lists)?;
    let all = lists.iter().try_fold(1, |all: usize, (_, values)| all.checked_mul(values.len()));
    let Some(all) = all.filter(|all| *all <= MOST.0 && !lists.is_empty()) else {
        let thing = format!("no combination, or more than {}", MOST.0);
        return Err(("search".into(), thing, "list a few values of a few settings"));
    };
    let wanted = samples.map_or(Some(all), |samples| usize::try_from(samples).ok());
    let Some(wanted) = wanted.filter(|wanted| (1..=all.min(MOST.1)).contains(wanted)) else {
        let wanted = samples.unwrap_or(i64::try_from(all).unwrap_or(i64::MAX));
        let thing = format!("{wanted} candidates of {all} combinations");
        return Err((
            "search.samples".into(),
            thing,
            "try at least 1, at most all of them or 1000",
        ));
    };
    drawn(recipe.seed, all, wanted).into_iter().map(|place| at(recipe, &lists, place)).collect()
}

/// The lists by dotted name.
fn gather(
    table: &Table,
    above: &str,
    lists: &mut Vec<(String, Vec<Value>)>,
) -> Result<(), Problem> {
    for (key, value) in table {
        let name = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
        let key = format!("search.{name}");
        let refused = |thing: String, remedy| Err((key, thing, remedy));
        match value {
            Value::Table(table) if !table.is_empty() => gather(table, &name, lists)?,
            Value::Array(values) if !values.is_empty() => {
                if name == "name" || lists.iter().any(|(other, _)| *other == name) {
                    let remedy = "search settings of one method, each once";
                    return refused(format!("`{name}` cannot be searched here"), remedy);
                }
                let twice = |(at, value): (usize, &Value)| values[..at].contains(value);
                if values.iter().enumerate().any(twice) {
                    return refused(format!("`{name}` lists a value twice"), "list it once");
                }
                lists.push((name, values.clone()));
            }
            _ => return refused(format!("`{name}` is no list of values"), "write `[1e-5, 1e-4]`"),
        }
    }
    Ok(())
}

/// Which places of the grid are tried, rising: those that come first when all are ranked by a hash of the seed and the place.
fn drawn(seed: u64, all: usize, wanted: usize) -> Vec<usize> {
    let rank =
        |place: usize| Digest::of(format!("oubliette 1\ntune\n{seed}\n{place}\n").as_bytes());
    let mut places: Vec<usize> = (0..all).collect();
    if wanted < all {
        places.sort_by_cached_key(|place| rank(*place));
        places.truncate(wanted);
        places.sort_unstable();
    }
    places
}

/// The candidate at a place of the grid.
fn at(
    recipe: &TuneRecipe,
    lists: &[(String, Vec<Value>)],
    place: usize,
) -> Result<Candidate, Problem> {
    let mut rest = place;
    let mut searched = Vec::new();
    for (name, values) in lists.iter().rev() {
        searched.push((name.clone(), values[rest % values.len()].clone()));
        rest /= values.len();
    }
    searched.reverse();
    let mut method = recipe.method.clone();
    for (name, value) in &searched {
        put(&mut method.settings, name, value).ok_or_else(|| {
            let thing = format!("`{name}` lies in a setting of `[method]` that is no table");
            (format!("search.{name}"), thing, "correct the name")
        })?;
    }
    let mut whole = method.settings.clone();
    whole.insert("name".into(), method.name.clone().into());
    let label = Digest::of(whole.to_string().as_bytes()).short()[..8].to_owned();
    Ok(Candidate { label, searched, method })
}

/// Puts a value where a dotted name says; nothing where something that is no table lies on the way.
fn put(table: &mut Table, name: &str, value: &Value) -> Option<()> {
    match name.split_once('.') {
        None => drop(table.insert(name.to_owned(), value.clone())),
        Some((first, rest)) => {
            let inner = table.entry(first).or_insert_with(|| Table::new().into());
            put(inner.as_table_mut()?, rest, value)?;
        }
    }
    Some(())
}
