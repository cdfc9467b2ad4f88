//! Which part of a resized picture the crop of its middle keeps; what is missing around it is black.

use std::ops::Range;

/// What a crop keeps along one axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    /// The pixels of the resized picture that are kept.
    pub(super) pixels: Range<u32>,
    /// Where they lie in what comes out.
    pub(super) at: u32,
}

/// The middle `want` of `have` pixels. The reference pads around a smaller picture, with the larger half before it.
pub(super) fn middle(have: u32, want: u32) -> Kept {
    match have.checked_sub(want) {
        Some(more) => Kept { pixels: more / 2..more / 2 + want, at: 0 },
        None => Kept { pixels: 0..have, at: (want - have).div_ceil(2) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_larger_half_is_cut_behind_and_padded_before() {
        assert_eq!(middle(9, 4), Kept { pixels: 2..6, at: 0 });
        assert_eq!(middle(4, 4), Kept { pixels: 0..4, at: 0 });
        assert_eq!(middle(4, 9), Kept { pixels: 0..4, at: 3 });
    }
}
