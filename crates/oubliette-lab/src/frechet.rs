//! The Fréchet distance between two sets of features, in double precision.

use std::path::PathBuf;

use burn::tensor::Device;
use nalgebra::{DMatrix, RowDVector};
use oubliette_model::families::Backbone;

use crate::{Result, picture};

/// Of the spread of both sets, what lies within rounding: less than that is no distance.
const ROUNDING: f64 = 1e-12;
/// Pictures looked at together; no feature depends on it.
const TOGETHER: usize = 32;

/// Features of pictures, one row a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Features(DMatrix<f64>);

impl Features {
    /// Rows of `width` numbers, one after another.
    pub fn from_rows(width: usize, values: &[f64]) -> Self {
        Self(DMatrix::from_row_slice(values.len() / width.max(1), width, values))
    }

    /// What a model sees on picture files.
    ///
    /// # Errors
    /// When a file is missing or no picture.
    pub fn of(backbone: &Backbone, files: &[PathBuf], device: &Device) -> Result<Self> {
        let mut values = Vec::with_capacity(files.len() * backbone.width());
        for some in files.chunks(TOGETHER) {
            let pictures: Vec<_> =
                some.iter().map(|file| picture::open(file)).collect::<Result<_>>()?;
            let features = backbone.features(&pictures, device).into_data().convert::<f32>();
            let features: Vec<f32> = features.try_into_vec().expect("just converted");
            values.extend(features.into_iter().map(f64::from));
        }
        Ok(Self::from_rows(backbone.width(), &values))
    }

    /// How many pictures.
    pub fn count(&self) -> usize {
        self.0.nrows()
    }

    /// Every second picture, and the others; the last of an odd number is left out.
    pub fn halves(&self) -> [Self; 2] {
        [0, 1].map(|first| {
            let rows: Vec<usize> = (0..self.count() / 2).map(|row| 2 * row + first).collect();
            Self(self.0.select_rows(&rows))
        })
    }

    /// |m1 - m2|² + tr(S1 + S2 - 2 (S1 S2)^½) for the means m and covariances S (by n - 1) of both sets; nothing where a
    /// set has fewer than two pictures, the widths differ, or a feature is not finite.
    ///
    /// With S = Xᵀ X, the trace of (S1 S2)^½ is the sum of the singular values of X1 X2ᵀ. That is exact for singular covariances too, and no
    /// root is taken of what may be below zero.
    pub fn distance(&self, other: &Self) -> Option<f64> {
        let (a, b) = (Spread::of(self)?, Spread::of(other)?);
        if a.mean.len() != b.mean.len() {
            return None;
        }
        let root: f64 = (&a.root * b.root.transpose()).singular_values().iter().sum();
        let spread = a.root.norm_squared() + b.root.norm_squared();
        let distance = (a.mean - b.mean).norm_squared() + spread - 2.0 * root;
        Some(if distance > ROUNDING * spread { distance } else { 0.0 })
    }
}

/// Mean and root of the covariance of a set.
struct Spread {
    mean: RowDVector<f64>,
    /// X with covariance Xᵀ X, of as many rows as the smaller of pictures and width.
    root: DMatrix<f64>,
}

impl Spread {
    fn of(Features(rows): &Features) -> Option<Self> {
        if rows.nrows() < 2 || rows.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let mean = rows.row_mean();
        let mut root = rows.clone();
        root.row_iter_mut().for_each(|mut row| row -= &mean);
        root /= (rows.nrows() as f64 - 1.0).sqrt();
        // An orthogonal factor changes no singular value.
        let root = if root.nrows() > root.ncols() { root.qr().r() } else { root };
        Some(Self { mean, root })
    }
}
