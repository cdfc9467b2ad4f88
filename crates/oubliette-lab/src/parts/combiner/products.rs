//! Scalar products of the gradients of the two sides.

use oubliette_model::{Weight, Weights};

/// Squared norms and the product of the two sides, in double precision.
#[derive(Debug, Clone, Copy)]
pub(super) struct Products {
    pub(super) forget: f64,
    pub(super) retain: f64,
    pub(super) across: f64,
}

impl Products {
    /// Of one weight's two gradients.
    pub(super) fn of(forget: &Weight, retain: &Weight) -> Self {
        Self { forget: forget.dot(forget), retain: retain.dot(retain), across: forget.dot(retain) }
    }

    /// Of all weights together that both sides know.
    pub(super) fn of_all(forget: &Weights, retain: &Weights) -> Self {
        let both = forget.iter().filter_map(|(name, f)| Some(Self::of(f, retain.get(name)?)));
        both.fold(Self { forget: 0.0, retain: 0.0, across: 0.0 }, |sum, one| Self {
            forget: sum.forget + one.forget,
            retain: sum.retain + one.retain,
            across: sum.across + one.across,
        })
    }

    /// The cosine of the angle between the sides; 0 where one of them is nothing.
    pub(super) fn cosine(self) -> f64 {
        let norms = (self.forget * self.retain).sqrt();
        if norms > 0.0 { (self.across / norms).clamp(-1.0, 1.0) } else { 0.0 }
    }
}
