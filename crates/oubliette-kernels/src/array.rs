//! Dense `f32` arrays: what kernels read and return.

use burn_backend::{Bytes, DType, Shape};
use burn_flex::{FlexTensor, Layout};

/// A contiguous `f32` tensor of the Flex backend. Cloning shares the storage.
#[derive(Clone, Debug)]
pub(crate) struct Array(FlexTensor);

impl Array {
    /// Takes a tensor as it is when it is contiguous, a contiguous copy of it when it is not.
    pub(crate) fn from_tensor(tensor: FlexTensor) -> Self {
        match tensor.as_slice::<f32>() {
            Some(_) => Self(tensor),
            None => Self(tensor.to_contiguous()),
        }
    }

    /// Wraps values in the order of their axes.
    pub(crate) fn new(data: Vec<f32>, dims: &[usize]) -> Self {
        debug_assert_eq!(data.len(), dims.iter().product::<usize>());
        let layout = Layout::contiguous(Shape::from(dims.to_vec()));
        Self(FlexTensor::new(Bytes::from_elems(data), layout, DType::F32))
    }

    /// The tensor.
    pub(crate) fn into_tensor(self) -> FlexTensor {
        self.0
    }

    /// The values.
    pub(crate) fn data(&self) -> &[f32] {
        self.0.as_slice::<f32>().expect("an array is contiguous f32 by construction")
    }

    /// The values, to be written; those of storage that others hold too are copied first.
    pub(crate) fn data_mut(&mut self) -> &mut [f32] {
        let len = self.shape().iter().product::<usize>();
        let alone = self.0.is_unique() && self.0.storage::<f32>().len() == len;
        if !alone {
            *self = Self::new(self.data().to_vec(), self.shape());
        }
        self.0.storage_mut::<f32>()
    }

    /// The lengths of the axes.
    pub(crate) fn shape(&self) -> &[usize] {
        self.0.layout().shape().as_slice()
    }

    /// The lengths of the axes of an array that is known to have `D`.
    pub(crate) fn dims<const D: usize>(&self) -> [usize; D] {
        self.shape().try_into().expect("the public function has fixed the number of axes")
    }
}
