//! The Fréchet distance against its definition in 60 digits (`goldens/frechet.py`), and what a distance must be.

use oubliette_lab::frechet::Features;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use serde_json::Value;

fn rows(said: &Value) -> Features {
    let rows: Vec<Vec<f64>> = serde_json::from_value(said.clone()).unwrap();
    Features::from_rows(rows[0].len(), &rows.concat())
}

#[test]
fn the_distance_is_that_of_the_definition() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../goldens/data/frechet.json");
    let said: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let cases = said.as_object().unwrap();
    assert!(cases.len() >= 6);
    for (name, case) in cases {
        let (a, b) = (rows(&case["a"]), rows(&case["b"]));
        let (found, wanted) = (a.distance(&b).unwrap(), case["distance"].as_f64().unwrap());
        assert!((found - wanted).abs() <= 1e-8 * wanted, "{name}: {found}, not {wanted}");
    }
}

/// Numbers between -1 and 1.
fn drawn(random: &mut StdRng, count: usize, width: usize) -> Vec<f64> {
    (0..count * width).map(|_| random.random_range(-1.0..1.0)).collect()
}

/// The rows turned in every plane of two neighbouring features: an orthogonal map.
fn turned(values: &[f64], width: usize, angle: f64) -> Vec<f64> {
    let (sin, cos) = angle.sin_cos();
    let mut values = values.to_vec();
    for row in values.chunks_exact_mut(width) {
        for k in 1..width {
            let (x, y) = (row[k - 1], row[k]);
            (row[k - 1], row[k]) = (cos * x - sin * y, sin * x + cos * y);
        }
    }
    values
}

#[test]
fn it_is_symmetric_never_below_zero_and_the_same_however_features_are_turned() {
    let mut random = StdRng::seed_from_u64(5);
    for _ in 0..200 {
        let width = random.random_range(1..24);
        let [n, m] = [0, 1].map(|_| random.random_range(2..30));
        let (a, b) = (drawn(&mut random, n, width), drawn(&mut random, m, width));
        let angle = random.random_range(0.1..3.0);
        let of = |values: &[f64]| Features::from_rows(width, values);
        let distance = of(&a).distance(&of(&b)).unwrap();
        let near = |other: f64| (distance - other).abs() <= 1e-9 * (1.0 + distance);
        assert!(distance >= 0.0);
        assert!(near(of(&b).distance(&of(&a)).unwrap()), "not symmetric");
        let [a2, b2] = [&a, &b].map(|values| of(&turned(values, width, angle)));
        assert!(near(a2.distance(&b2).unwrap()), "turned by {angle}");
        assert_eq!(of(&a).distance(&of(&a)), Some(0.0), "{n} pictures in {width}");
    }
}

#[test]
fn a_shift_is_its_square_and_a_larger_shift_is_farther() {
    let mut random = StdRng::seed_from_u64(6);
    for count in [3, 40] {
        let values = drawn(&mut random, count, 8);
        let shifted = |by: f64| {
            let values: Vec<f64> = values.iter().map(|value| value + by).collect();
            Features::from_rows(8, &values)
        };
        let here = Features::from_rows(8, &values);
        for by in [0.1, 0.5, 2.0] {
            let found = here.distance(&shifted(by)).unwrap();
            assert!((found - 8.0 * by * by).abs() < 1e-9, "{found} for {by}");
        }
    }
}

#[test]
fn what_cannot_be_measured_is_no_number() {
    let one = Features::from_rows(3, &[1.0, 2.0, 3.0]);
    let two = Features::from_rows(3, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let other = Features::from_rows(2, &[1.0, 2.0, 3.0, 4.0]);
    let broken = Features::from_rows(3, &[1.0, f64::NAN, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(one.distance(&two), None);
    assert_eq!(two.distance(&other), None);
    assert_eq!(two.distance(&broken), None);
    assert_eq!(two.halves().map(|half| half.count()), [1, 1]);
}
