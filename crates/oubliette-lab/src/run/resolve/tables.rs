//! Tables of a method's settings that lie in files of their own: the plan holds what they say, and not where they lie.

use std::path::Path;

use oubliette_evidence::document::Document;
use toml::{Table, Value};

use crate::{Error, Result};

/// Puts what a file holds into every table that names one as its `file`; paths start at the recipe, and `fill` knows the settings.
///
/// # Errors
/// When a file cannot be read or holds something else, or a setting stands in both.
pub(super) fn read(
    settings: &mut Table,
    recipe: &Document,
    fill: impl Fn(Table) -> Result<Table>,
) -> Result<()> {
    for (key, value) in settings.iter_mut() {
        let Value::Table(table) = value else { continue };
        let path = match table.remove("file") {
            None => continue,
            Some(Value::String(path)) => path,
            Some(_) => {
                let (thing, remedy) = ("`file` is no text", "write the file's name in quotes");
                return Err(recipe.error(&format!("method.{key}.file"), thing, remedy).into());
            }
        };
        let file = Document::read(&recipe.beside(Path::new(&path)))?;
        for (name, setting) in table_in(&file, key, &fill)? {
            if table.contains_key(&name) {
                let place = format!("method.{key}.{name}");
                let thing = format!("`{name}` stands here and in `{}`", file.file().display());
                return Err(recipe.error(&place, thing, "take it out of one of them").into());
            }
            table.insert(name, setting);
        }
    }
    Ok(())
}

/// The table of that name as a file holds it: under the name that it has in a recipe, and nothing beside it.
fn table_in(file: &Document, key: &str, fill: impl Fn(Table) -> Result<Table>) -> Result<Table> {
    let place = format!("method.{key}");
    let mut whole: Table = file.piece()?;
    let method = whole.remove("method").filter(|_| whole.is_empty());
    let table = match method {
        Some(Value::Table(mut method)) => method.remove(key).filter(|_| method.is_empty()),
        _ => None,
    };
    let Some(Value::Table(table)) = table else {
        let thing = format!("this is not the table `[{place}]` alone");
        let remedy = format!("write `[{place}]`, as in a recipe, and its settings below it");
        return Err(file.error(&place, thing, remedy).into());
    };
    // Alone, so that what is refused is known to stand in this file.
    match fill(Table::from_iter([(key.to_owned(), Value::Table(table.clone()))])) {
        Ok(_) => Ok(table),
        Err(Error::Settings { source, .. }) => {
            let thing = source.message().trim().replace('\n', " ");
            Err(file.error(&place, thing, "mend this setting or leave it out").into())
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::METHODS;

    const WORDS: &str = "[method.words]\nmoods = [\"calm\", \"grim\"]\n";

    /// The settings of a recipe beside a file, with what the file holds.
    fn read_beside(method: &str, words: &str) -> Result<Table, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("words.toml"), words).unwrap();
        let text = format!("[method]\n{method}");
        let recipe = Document::new(&folder.path().join("recipe.toml"), text.clone());
        let whole: Table = text.parse().unwrap();
        let mut settings = whole["method"].as_table().unwrap().clone();
        read(&mut settings, &recipe, |settings| METHODS.fill("rg", settings))
            .map_err(|error| error.to_string())?;
        Ok(settings)
    }

    #[test]
    fn a_table_is_what_its_file_holds_and_what_stands_beside_the_name() {
        let settings =
            read_beside("words = { file = \"words.toml\", held_back = 0.0 }", WORDS).unwrap();
        let wanted = "words = { moods = [\"calm\", \"grim\"], held_back = 0.0 }";
        assert_eq!(settings, wanted.parse::<Table>().unwrap());
    }

    #[test]
    fn a_file_that_is_something_else_is_refused_by_its_name() {
        let named = "words = { file = \"words.toml\" }";
        for (method, words, says) in [
            ("words = { file = \"none.toml\" }", WORDS, "none.toml"),
            ("words = { file = 3 }", WORDS, "`file` is no text"),
            ("words = { file = \"words.toml\", moods = [] }", WORDS, "`moods` stands here"),
            (named, "moods = [\"calm\"]", "words.toml:1:1: this is not the table `[method.words]`"),
            (named, "[method]\nwords = 3", "words.toml:2"),
            (named, "[method]\nsteps = 1\n[method.words]", "the table `[method.words]` alone"),
            (named, "[method.words]\ncolours = []", "unknown field `colours`"),
            (named, "[method.words]\nmoods = 3", "words.toml"),
            (named, "[method.words]\nfile = \"words.toml\"", "unknown field `file`"),
            (named, "[[[", "words.toml:1"),
        ] {
            let refused = read_beside(method, words).unwrap_err();
            assert!(refused.contains(says), "{says}: {refused}");
        }
    }
}
