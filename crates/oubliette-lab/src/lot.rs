//! All randomness: a tree of named lots under the plan's seed, so that no draw depends on what was drawn before it.

use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// The generator that a lot hands out.
pub type Rng = ChaCha12Rng;

/// A point in the tree of randomness.
///
/// Because step `k` of stage `s` is a lot of its own, a resumed training draws what an undisturbed one
/// draws, and no generator state needs saving.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Lot([u8; 32]);

impl Lot {
    /// The root for a plan's seed.
    pub fn new(seed: u64) -> Self {
        Self(Sha256::digest(seed.to_le_bytes()).into())
    }

    /// The lot called `name` below this one.
    pub fn child(&self, name: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(name.as_bytes());
        Self(hash.finalize().into())
    }

    /// The `index`-th lot below this one.
    pub fn nth(&self, index: u64) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update([0xff]); // no name begins with this byte, so names and numbers never meet
        hash.update(index.to_le_bytes());
        Self(hash.finalize().into())
    }

    /// A generator that starts here.
    pub fn rng(&self) -> Rng {
        ChaCha12Rng::from_seed(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Lot;
    use rand::Rng as _;

    #[test]
    fn lots_differ_and_repeat() {
        let root = Lot::new(7);
        assert_eq!(root.child("a").nth(3), root.child("a").nth(3));
        assert_ne!(root.child("a"), root.child("b"));
        assert_ne!(root.nth(0), root.nth(1));
        assert_ne!(Lot::new(8).rng().random::<u64>(), root.rng().random::<u64>());
    }
}
