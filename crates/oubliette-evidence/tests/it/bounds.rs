//! Bounds against scipy and numpy (`goldens/bounds.py`).

use std::path::Path;

use oubliette_evidence::stats;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    proportions: Vec<Proportion>,
    e_values: Vec<EValue>,
    means: Vec<Mean>,
}

#[derive(Deserialize)]
struct Proportion {
    hits: u32,
    of: u32,
    alpha: f64,
    low: f64,
    high: f64,
}

#[derive(Deserialize)]
struct EValue {
    hits: u32,
    of: u32,
    limit: f64,
    e: f64,
}

#[derive(Deserialize)]
struct Mean {
    values: Vec<f64>,
    alpha: f64,
    low: f64,
    high: f64,
}

fn golden() -> Golden {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens/data/bounds.json");
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

#[test]
fn proportions_are_those_of_scipy() {
    for Proportion { hits, of, alpha, low, high } in golden().proportions {
        let found = (stats::lower(hits, of, alpha), stats::upper(hits, of, alpha));
        assert!((found.0 - low).abs() < 1e-9, "{hits}/{of} at {alpha}: {} {low}", found.0);
        assert!((found.1 - high).abs() < 1e-9, "{hits}/{of} at {alpha}: {} {high}", found.1);
    }
}

#[test]
fn e_values_are_their_definition() {
    for EValue { hits, of, limit, e } in golden().e_values {
        let found = stats::e_below(hits, of, limit);
        assert!((found - e).abs() < 1e-9 * e, "{hits}/{of} below {limit}: {found} {e}");
    }
}

#[test]
fn means_are_those_of_the_capital_process() {
    for Mean { values, alpha, low, high } in golden().means {
        let found = (stats::mean_lower(&values, alpha), stats::mean_upper(&values, alpha));
        // The golden lies on a grid of 1 / 200000.
        assert!((found.0 - low).abs() < 1e-5, "{} values: {} {low}", values.len(), found.0);
        assert!((found.1 - high).abs() < 1e-5, "{} values: {} {high}", values.len(), found.1);
    }
}
