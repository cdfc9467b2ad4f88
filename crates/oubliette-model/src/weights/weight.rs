//! One weight: a tensor whose rank is known at run time only.

use burn::tensor::{DType, Device, DispatchTensor, Gradients, Shape, Tensor, TensorData};
use oubliette_kernels::scalar_product;

/// A tensor of floats whose rank is known at run time only.
///
/// Cheap to clone: clones share the memory.
#[derive(Clone, Debug)]
pub struct Weight {
    tensor: DispatchTensor,
    shape: Vec<usize>,
}

/// Runs `$body` with `$tensor` bound to the weight as a tensor of its own rank.
macro_rules! at_its_rank {
    ($weight:expr, |$tensor:ident| $body:expr) => {
        match $weight.shape.len() {
            1 => {
                let $tensor = $weight.tensor::<1>();
                $body
            }
            2 => {
                let $tensor = $weight.tensor::<2>();
                $body
            }
            3 => {
                let $tensor = $weight.tensor::<3>();
                $body
            }
            4 => {
                let $tensor = $weight.tensor::<4>();
                $body
            }
            rank => unreachable!("weights have 1 to 4 axes, not {rank}"),
        }
    };
}

impl Weight {
    /// The largest number of axes of a weight (a convolution's).
    pub const MAX_RANK: usize = 4;

    /// Forgets the rank of a tensor.
    ///
    /// # Panics
    /// With more than four axes.
    pub fn new<const D: usize>(tensor: Tensor<D>) -> Self {
        assert!((1..=Self::MAX_RANK).contains(&D), "weights have 1 to 4 axes, not {D}");
        let shape = tensor.dims().to_vec();
        Self { tensor: tensor.into_dispatch(), shape }
    }

    /// A weight from numbers in row-major order, held in `dtype` on `device`.
    ///
    /// # Panics
    /// When the number of values is not the product of `shape`, or the rank is not 1 to 4.
    pub fn from_f32(values: Vec<f32>, shape: &[usize], device: &Device, dtype: DType) -> Self {
        Self::from_data(TensorData::new(values, Shape::from(shape.to_vec())), device, dtype)
    }

    /// A weight from burn's tensor data, held in `dtype` on `device`.
    ///
    /// # Panics
    /// When the rank is not 1 to 4.
    pub fn from_data(data: TensorData, device: &Device, dtype: DType) -> Self {
        match data.shape().len() {
            1 => Self::new(Tensor::<1>::from_data(data, (device, dtype))),
            2 => Self::new(Tensor::<2>::from_data(data, (device, dtype))),
            3 => Self::new(Tensor::<3>::from_data(data, (device, dtype))),
            4 => Self::new(Tensor::<4>::from_data(data, (device, dtype))),
            rank => unreachable!("weights have 1 to 4 axes, not {rank}"),
        }
    }

    /// The weight as a tensor with `D` axes.
    ///
    /// # Panics
    /// When the weight has another number of axes.
    pub fn tensor<const D: usize>(&self) -> Tensor<D> {
        assert_eq!(self.shape.len(), D, "a weight of shape {:?} was used as rank {D}", self.shape);
        Tensor::from_dispatch(self.tensor.clone())
    }

    /// The weight as one row of numbers.
    pub fn flat(&self) -> Tensor<1> {
        let count = self.len();
        at_its_rank!(self, |tensor| tensor.reshape([count]))
    }

    /// [`Weight::flat`] of a weight that nobody else holds, which can then be written in place.
    pub(crate) fn into_flat(self) -> Tensor<1> {
        let count = self.len();
        match self.shape.len() {
            1 => Tensor::from_dispatch(self.tensor),
            2 => Tensor::<2>::from_dispatch(self.tensor).reshape([count]),
            3 => Tensor::<3>::from_dispatch(self.tensor).reshape([count]),
            _ => Tensor::<4>::from_dispatch(self.tensor).reshape([count]),
        }
    }

    /// The weight times `factor`, in the memory that it lies in where nobody else holds that.
    pub(super) fn scaled(self, factor: f64) -> Self {
        let shape = self.shape.clone();
        Self::from_flat(self.into_flat() * factor, &shape)
    }

    /// The sum of the products of its values with those of a weight of the same shape, in double precision.
    ///
    /// # Panics
    /// When the shapes differ.
    pub fn dot(&self, other: &Self) -> f64 {
        scalar_product(&self.flat(), &other.flat())
    }

    /// A weight of the given shape from one row of numbers.
    ///
    /// # Panics
    /// When the number of values is not the product of `shape`, or the rank is not 1 to 4.
    pub fn from_flat(row: Tensor<1>, shape: &[usize]) -> Self {
        match *shape {
            [a] => Self::new(row.reshape([a])),
            [a, b] => Self::new(row.reshape([a, b])),
            [a, b, c] => Self::new(row.reshape([a, b, c])),
            [a, b, c, d] => Self::new(row.reshape([a, b, c, d])),
            _ => unreachable!("weights have 1 to 4 axes, not {}", shape.len()),
        }
    }

    /// The sizes of the axes.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The number of values.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether an axis has size zero.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number format.
    pub fn dtype(&self) -> DType {
        at_its_rank!(self, |tensor| tensor.dtype())
    }

    /// Where the weight lives.
    pub fn device(&self) -> Device {
        at_its_rank!(self, |tensor| tensor.device())
    }

    /// The values in row-major order.
    pub fn to_f32_vec(&self) -> Vec<f32> {
        let data = at_its_rank!(self, |tensor| tensor.into_data());
        data.convert::<f32>().try_into_vec().expect("the data was just converted to f32")
    }

    /// A copy on another device or in another number format.
    pub fn to(&self, device: &Device, dtype: DType) -> Self {
        at_its_rank!(self, |tensor| Self::new(tensor.to_device(device).cast(dtype)))
    }

    /// The same values as the leaf of a new autodiff graph, whose gradient is kept.
    pub fn require_grad(&self) -> Self {
        at_its_rank!(self, |tensor| Self::new(tensor.inner().autodiff().require_grad()))
    }

    /// The same values without an autodiff graph.
    pub fn inner(&self) -> Self {
        at_its_rank!(self, |tensor| Self::new(tensor.inner()))
    }

    /// Whether it is part of an autodiff graph that asks for its gradient.
    pub(crate) fn is_tracked(&self) -> bool {
        at_its_rank!(self, |tensor| tensor.is_tracked())
    }

    /// The tensor without its rank.
    pub(crate) fn dispatch(&self) -> DispatchTensor {
        self.tensor.clone()
    }

    /// Another tensor of the same shape.
    pub(crate) fn with(&self, tensor: DispatchTensor) -> Self {
        Self { tensor, shape: self.shape.clone() }
    }

    /// Takes this leaf's gradient out of `gradients`; none when the loss does not depend on it.
    pub fn take_gradient(&self, gradients: &mut Gradients) -> Option<Self> {
        at_its_rank!(self, |tensor| tensor.grad_remove(gradients).map(Self::new))
    }
}
