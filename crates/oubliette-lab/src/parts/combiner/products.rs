//! Scalar products of the gradients of the two sides.

use oubliette_model::{Weight, Weights};

/// A weight's name, its forget gradient and its retain gradient.
pub(super) type Pair<'a> = (&'a str, &'a Weight, &'a Weight);

/// The weights that both sides know.
pub(super) fn pairs<'a>(forget: &'a Weights, retain: &'a Weights) -> Vec<Pair<'a>> {
    let both = |(name, f): (&'a String, &'a Weight)| Some((name.as_str(), f, retain.get(name)?));
    forget.iter().filter_map(both).collect()
}

/// `forget · a + retain · b`; a weight that only one side knows is moved by that side alone.
pub(super) fn mixed(forget: &Weights, retain: &Weights, a: f64, b: f64) -> Weights {
    let both = pairs(forget, retain).into_iter().map(|(name, f, r)| {
        (name.to_owned(), Weight::from_flat(f.flat() * a + r.flat() * b, f.shape()))
    });
    let both: Weights = both.collect();
    forget.scaled(a).overlaid(&retain.scaled(b)).overlaid(&both)
}

/// Squared norms and the product of the two sides, in double precision.
#[derive(Debug, Clone, Copy)]
pub(super) struct Products {
    pub(super) forget: f64,
    pub(super) retain: f64,
    pub(super) across: f64,
}

impl Products {
    pub(super) fn of(pairs: &[Pair<'_>]) -> Self {
        let mut sums = Self { forget: 0.0, retain: 0.0, across: 0.0 };
        for (_, f, r) in pairs {
            let (f, r) = (f.to_f32_vec(), r.to_f32_vec());
            for (f, r) in f.into_iter().zip(r).map(|(f, r)| (f64::from(f), f64::from(r))) {
                sums.forget += f * f;
                sums.retain += r * r;
                sums.across += f * r;
            }
        }
        sums
    }

    /// The cosine of the angle between the sides; 0 where one of them is nothing.
    pub(super) fn cosine(self) -> f64 {
        let norms = (self.forget * self.retain).sqrt();
        if norms > 0.0 { (self.across / norms).clamp(-1.0, 1.0) } else { 0.0 }
    }
}
