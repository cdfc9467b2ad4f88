//! What training brings back of an erasure, where the answer is known: one linear map y = W c, as keys and values are.
//!
//! After an erasure W_u of W0, gradient descent with step η on inputs X (columns) with targets W0 X is, after t steps,
//! `W_t − W0 = (W_u − W0) (I − η X Xᵀ)^t`. So what comes back of the concept e follows from where X lies, and from where the
//! erasure acts.

use oubliette_lab::{
    lot::Lot,
    methods::{
        Dp, Pair, Retained, Speed, Uce, changed, closed_form, double_projection, null_space_form,
    },
};
use rand::Rng as _;

const ROWS: usize = 6;
const WIDTH: usize = 10;
const STEP: f64 = 0.2;

type Vector = Vec<f64>;

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// a + scale b.
fn plus(a: &[f64], scale: f64, b: &[f64]) -> Vector {
    a.iter().zip(b).map(|(a, b)| a + scale * b).collect()
}

/// Vectors of length one.
fn vectors(name: &str, count: usize) -> Vec<Vector> {
    let mut rng = Lot::new(11).child(name).rng();
    let mut vector = || unit(&(0..WIDTH).map(|_| rng.random_range(-1.0..1.0)).collect::<Vec<_>>());
    (0..count).map(|_| vector()).collect()
}

fn unit(x: &[f64]) -> Vector {
    x.iter().map(|value| value / dot(x, x).sqrt()).collect()
}

/// What of x lies in the span of `others`.
fn within(x: &[f64], others: &[Vector]) -> Vector {
    let mut basis: Vec<Vector> = Vec::new();
    for other in others {
        let rest = basis.iter().fold(other.clone(), |rest, b| plus(&rest, -dot(&rest, b), b));
        basis.push(unit(&rest));
    }
    basis.iter().fold(vec![0.0; WIDTH], |sum, b| plus(&sum, dot(x, b), b))
}

/// The matrix before anything, the concept, and its guide.
fn setting() -> (Vector, Vector, Vector) {
    let [concept, guide] = ["concept", "guide"].map(|name| vectors(name, 1).concat());
    (vectors("matrix", ROWS).concat(), concept, guide)
}

/// W after `steps` of gradient descent on half the squared error against W0 on `data`.
fn trained(erased: &[f64], old: &[f64], data: &[Vector], steps: usize) -> Vector {
    let mut new = erased.to_vec();
    for _ in 0..steps {
        for (row, before) in new.chunks_exact_mut(WIDTH).zip(old.chunks_exact(WIDTH)) {
            let wrong = plus(row, -1.0, before);
            for x in data {
                let step = -STEP * dot(&wrong, x);
                row.iter_mut().zip(x).for_each(|(value, x)| *value += step * x);
            }
        }
    }
    new
}

/// How far the output of x lies from what it was at first.
fn apart(new: &[f64], old: &[f64], x: &[f64]) -> f64 {
    let rows = new.chunks_exact(WIDTH).zip(old.chunks_exact(WIDTH));
    rows.map(|(n, o)| (dot(n, x) - dot(o, x)).powi(2)).sum::<f64>().sqrt()
}

/// The share of the erasure of e that training undoes.
fn returned(erased: &[f64], old: &[f64], e: &[f64], data: &[Vector], steps: usize) -> f64 {
    1.0 - apart(&trained(erased, old, data, steps), old, e) / apart(erased, old, e)
}

fn pair(from: &[f64], to: &[f64]) -> Vec<Vec<Pair>> {
    vec![vec![Pair { from: from.to_vec(), to: to.to_vec() }]]
}

fn uce(old: &[f64], e: &[f64], guide: &[f64], kept: &[Vector]) -> Vector {
    closed_form(old, ROWS, &pair(e, guide), kept, &Uce::default()).unwrap()
}

/// The erasures that act beside `kept` alone, by name.
fn beside(old: &[f64], e: &[f64], guide: &[f64], kept: &[Vector]) -> [(&'static str, Vector); 2] {
    let retained = |x: &Vector| Retained { embedding: x.clone(), noise: Vec::new() };
    let retained: Vec<_> = kept.iter().map(retained).collect();
    let settings = Speed { threshold: 1e-9, filter: false, ..Speed::default() };
    let speed = null_space_form(old, ROWS, &pair(e, guide), &retained, &[], &settings).unwrap();
    let safe = [guide.to_vec()];
    let changes = double_projection(&[e.to_vec()], &safe, kept, &Dp::default()).unwrap();
    [("speed", speed), ("dp", changed(old, &changes))]
}

/// Weighted sums of `kept`, of length one.
fn mixtures(kept: &[Vector], count: usize) -> Vec<Vector> {
    let weights = vectors("weights", count).into_iter();
    let sum = |sum: Vector, (w, x): (&f64, &Vector)| plus(&sum, *w, x);
    let mix = |weights: Vector| unit(&weights.iter().zip(kept).fold(vec![0.0; WIDTH], sum));
    weights.map(mix).collect()
}

#[test]
fn data_across_the_concept_bring_nothing_back() {
    let (old, e, guide) = setting();
    let across = |x: &Vector| unit(&plus(x, -dot(x, &e), &e));
    let data: Vec<_> = vectors("data", 4).iter().map(across).collect();
    let erased = uce(&old, &e, &guide, &[]);
    assert!(apart(&erased, &old, &e) > 0.1);
    assert!(returned(&erased, &old, &e, &data, 2000).abs() < 1e-9);
}

#[test]
fn data_whose_span_holds_the_concept_bring_all_of_it_back() {
    let (old, e, guide) = setting();
    let other = vectors("data", 1).concat();
    // Neither is the concept itself.
    let data = [unit(&plus(&e, 1.0, &other)), other];
    let erased = uce(&old, &e, &guide, &[]);
    let back = |steps| returned(&erased, &old, &e, &data, steps);
    assert!(back(1) < 0.9 && back(1) < back(10) && back(2000) > 1.0 - 1e-9, "{}", back(2000));
}

#[test]
fn what_comes_back_is_the_concepts_part_within_the_data() {
    let (old, e, guide) = setting();
    let data = vectors("data", 3);
    let erased = uce(&old, &e, &guide, &[]);
    // After t steps: 1 − eᵀ (I − η X Xᵀ)^t e / |e|².
    let damped =
        |x: Vector| data.iter().fold(x.clone(), |sum, d| plus(&sum, -STEP * dot(d, &x), d));
    let expected = 1.0 - dot(&e, &(0..7).fold(e.clone(), |x, _| damped(x)));
    assert!((returned(&erased, &old, &e, &data, 7) - expected).abs() < 1e-12);
    let part = within(&e, &data);
    let limit = dot(&part, &part);
    assert!(limit > 0.05 && limit < 0.95, "{limit}");
    assert!((returned(&erased, &old, &e, &data, 5000) - limit).abs() < 1e-9);
}

#[test]
fn an_edit_beside_retained_data_is_immune_to_training_on_them() {
    let (old, e, guide) = setting();
    let kept = vectors("kept", 4);
    let data = mixtures(&kept, 6);
    for (name, erased) in beside(&old, &e, &guide, &kept) {
        assert!(apart(&erased, &old, &e) > 0.1, "{name} erases");
        assert!(returned(&erased, &old, &e, &data, 2000).abs() < 1e-9, "{name}");
    }
    // UCE weighs what it preserves against what it erases, so the same training finds something to undo.
    let erased = uce(&old, &e, &guide, &kept);
    assert!(returned(&erased, &old, &e, &data, 2000) > 0.01);
}

#[test]
fn nothing_is_immune_to_the_concept_itself() {
    let (old, e, guide) = setting();
    for (name, erased) in beside(&old, &e, &guide, &vectors("kept", 4)) {
        let back = returned(&erased, &old, &e, std::slice::from_ref(&e), 200);
        assert!(back > 1.0 - 1e-9, "{name}: {back}");
    }
}
