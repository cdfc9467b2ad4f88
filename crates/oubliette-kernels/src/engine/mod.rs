//! Matrix products with a fixed order of summation, and the vector functions of the elementwise kernels.

pub(crate) mod level;
pub(crate) mod math;
pub(crate) mod micro;
pub(crate) mod panels;
pub(crate) mod product;
pub(crate) mod reduce;
pub(crate) mod shared;
pub(crate) mod transpose;
