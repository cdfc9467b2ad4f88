//! Where results go: never into a model that is read, which would be another model then.

use std::path::{Path, PathBuf};

use super::Problem;
use crate::document::Document;

/// Refuses results that would lie in one of the models, each by the key that names it.
pub(super) fn check(
    document: &Document,
    written: &[(&str, &Path)],
    models: &[&Path],
) -> Result<(), Problem> {
    for (key, place) in written {
        let real_place = real(&document.beside(place));
        for model in models {
            if real_place.starts_with(real(&document.beside(model))) {
                let (place, model) = (place.display(), model.display());
                let thing = format!("`{place}` would lie in the model `{model}`, which is read");
                return Err(((*key).to_owned(), thing, "write to another folder"));
            }
        }
    }
    Ok(())
}

/// Refuses a model and an adapter by itself that would lie in the model that is read, or be taken for one another.
pub(super) fn check_written(
    document: &Document,
    out: &Path,
    adapter: Option<&Path>,
    model: &Path,
) -> Result<(), Problem> {
    for (key, place) in
        adapter.map(|adapter| ("adapter", adapter)).into_iter().chain([("out", out)])
    {
        if place.as_os_str().is_empty() {
            return Err((key.into(), format!("`{key}` is empty"), "name a folder"));
        }
    }
    let within = |one: &Path, other: &Path| {
        real(&document.beside(one)).starts_with(real(&document.beside(other)))
    };
    match adapter {
        Some(adapter) if within(adapter, out) || within(out, adapter) => {
            let thing = "one of `adapter` and `out` would lie in the other".into();
            return Err(("adapter".into(), thing, "write to a folder beside it"));
        }
        Some(adapter) if adapter.file_name() == out.file_name() => {
            return Err((
                "adapter".into(),
                "`adapter` has the last name of `out`, by which a run knows what it made".into(),
                "give one of them another last name",
            ));
        }
        _ => {}
    }
    let adapter = adapter.map(|adapter| ("adapter", adapter));
    let written: Vec<_> = std::iter::once(("out", out)).chain(adapter).collect();
    check(document, &written, &[model])
}

/// The path, with what is there of it as the system knows it.
fn real(path: &Path) -> PathBuf {
    let known = |there: &Path| {
        let here = if there.as_os_str().is_empty() { Path::new(".") } else { there };
        let new = path.strip_prefix(there).ok()?;
        Some(here.canonicalize().ok()?.join(new))
    };
    path.ancestors().find_map(known).unwrap_or_else(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_a_model_is_refused_however_it_is_written() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(home.path().join("models/sd")).unwrap();
        let document = Document::new(&home.path().join("r.toml"), "schema = 1\nout = \"x\"\n");
        let model = Path::new("models/sd");
        let refused = |place: &str| check(&document, &[("out", Path::new(place))], &[model]);
        for place in ["models/sd/new", "./models/sd", "models/../models/sd/a/b"] {
            let (key, thing, _) = refused(place).unwrap_err();
            assert!(key == "out" && thing.contains("`models/sd`"), "{place}: {thing}");
        }
        for place in ["models/sd-2", "models/new", "new/models/sd", "sd"] {
            assert!(refused(place).is_ok(), "{place}");
        }
    }
}
