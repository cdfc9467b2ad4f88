//! The names and sizes of a network's weights: what a folder is compared with when it is loaded.

use std::collections::BTreeMap;
use std::fmt::Display;

/// Names of weights inside a component, and the sizes of their axes.
pub type Shapes = BTreeMap<String, Vec<usize>>;

/// Collects the shapes below one prefix, as [`Scope`](crate::scope::Scope) reads weights.
pub struct ShapeScope<'a> {
    shapes: &'a mut Shapes,
    prefix: String,
}

impl<'a> ShapeScope<'a> {
    /// Collects into `shapes` from its root.
    pub fn new(shapes: &'a mut Shapes) -> Self {
        Self { shapes, prefix: String::new() }
    }

    /// Collects at the same place.
    pub fn here(&mut self) -> ShapeScope<'_> {
        ShapeScope { prefix: self.prefix.clone(), shapes: self.shapes }
    }

    /// Collects below `name`, which is joined with a dot.
    pub fn at(&mut self, name: impl Display) -> ShapeScope<'_> {
        ShapeScope { prefix: format!("{}{name}.", self.prefix), shapes: self.shapes }
    }

    /// One weight.
    pub fn add(&mut self, name: &str, shape: &[usize]) {
        self.shapes.insert(format!("{}{name}", self.prefix), shape.to_vec());
    }

    /// `weight` (out, in) and `bias` (out).
    pub fn linear(&mut self, name: impl Display, input: usize, output: usize) {
        self.linear_without_bias(&name, input, output);
        self.at(name).add("bias", &[output]);
    }

    /// `weight` (out, in).
    pub fn linear_without_bias(&mut self, name: impl Display, input: usize, output: usize) {
        self.at(name).add("weight", &[output, input]);
    }

    /// `weight` (out, in, kernel, kernel) and `bias` (out).
    pub fn conv2d(&mut self, name: impl Display, input: usize, output: usize, kernel: usize) {
        let mut at = self.at(name);
        at.add("weight", &[output, input, kernel, kernel]);
        at.add("bias", &[output]);
    }

    /// `weight` and `bias` of a normalisation over `channels`.
    pub fn norm(&mut self, name: impl Display, channels: usize) {
        let mut at = self.at(name);
        at.add("weight", &[channels]);
        at.add("bias", &[channels]);
    }
}
