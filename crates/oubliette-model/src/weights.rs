//! Named weights: a model is a function of one flat, ordered map from names to tensors.

use std::collections::{BTreeMap, BTreeSet, btree_map};

use burn::tensor::{DType, Device, DispatchTensor, Gradients, Shape, Tensor, TensorData};

use crate::scope::Scope;

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
    fn into_flat(self) -> Tensor<1> {
        let count = self.len();
        match self.shape.len() {
            1 => Tensor::from_dispatch(self.tensor),
            2 => Tensor::<2>::from_dispatch(self.tensor).reshape([count]),
            3 => Tensor::<3>::from_dispatch(self.tensor).reshape([count]),
            _ => Tensor::<4>::from_dispatch(self.tensor).reshape([count]),
        }
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

/// The weights of a whole model by qualified name, for example
/// `unet/down_blocks.0.resnets.0.conv1.weight`: component, slash, name inside the component.
///
/// The same type holds gradients, moments, averages and edits.
#[derive(Clone, Debug, Default)]
pub struct Weights(BTreeMap<String, Weight>);

impl Weights {
    /// No weights.
    pub fn new() -> Self {
        Self::default()
    }

    /// The weights of one component, addressed by the names inside it.
    pub fn scope(&self, component: &str) -> Scope<'_> {
        Scope::new(self, format!("{component}/"))
    }

    /// All weights, addressed by their qualified names.
    pub fn root(&self) -> Scope<'_> {
        Scope::new(self, String::new())
    }

    /// The weight of that name.
    pub fn get(&self, name: &str) -> Option<&Weight> {
        self.0.get(name)
    }

    /// Adds or replaces a weight; returns the one that it replaced.
    pub fn insert(&mut self, name: impl Into<String>, weight: Weight) -> Option<Weight> {
        self.0.insert(name.into(), weight)
    }

    /// Takes a weight out.
    pub fn remove(&mut self, name: &str) -> Option<Weight> {
        self.0.remove(name)
    }

    /// Whether there is a weight of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Names and weights in the order of the names.
    pub fn iter(&self) -> btree_map::Iter<'_, String, Weight> {
        self.0.iter()
    }

    /// The same, as files want them.
    pub fn by_name(&self) -> BTreeMap<String, &Weight> {
        self.0.iter().map(|(name, weight)| (name.clone(), weight)).collect()
    }

    /// The names in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The number of tensors.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of values in all tensors together.
    pub fn count(&self) -> usize {
        self.0.values().map(Weight::len).sum()
    }

    /// The weights of the given names; names that are not there are left out.
    pub fn only(&self, names: &BTreeSet<String>) -> Self {
        names.iter().filter_map(|name| Some((name.clone(), self.get(name)?.clone()))).collect()
    }

    /// The weights whose qualified name begins with `component/`, still qualified.
    pub fn component(&self, component: &str) -> Self {
        let all = self.beginning(&format!("{component}/"));
        all.map(|(name, weight)| (name.clone(), weight.clone())).collect()
    }

    /// The weights whose qualified names begin with `prefix`, in order.
    pub(crate) fn beginning<'a>(
        &'a self,
        prefix: &str,
    ) -> impl Iterator<Item = (&'a String, &'a Weight)> + use<'a> {
        let prefix = prefix.to_owned();
        self.0.range(prefix.clone()..).take_while(move |(name, _)| name.starts_with(&prefix))
    }

    /// Whether any weight's qualified name begins with `component/`.
    pub fn has_component(&self, component: &str) -> bool {
        self.beginning(&format!("{component}/")).next().is_some()
    }

    /// These weights with those of `other` put over them.
    pub fn overlaid(&self, other: &Self) -> Self {
        let mut all = self.clone();
        all.extend(other.clone());
        all
    }

    /// The weights whose name begins with `part/`, without that beginning.
    pub fn within(&self, part: &str) -> Self {
        let prefix = part.len() + 1;
        let inside = self.component(part);
        inside.iter().map(|(name, weight)| (name[prefix..].to_owned(), weight.clone())).collect()
    }

    /// The same weights with `part/` before their names: [`Weights::within`] the other way.
    pub fn under(&self, part: &str) -> Self {
        let named = |(name, weight): (&String, &Weight)| (format!("{part}/{name}"), weight.clone());
        self.iter().map(named).collect()
    }

    /// Every weight plus `factor` times the one of the same name in `other`, where there is one.
    pub fn plus(&self, other: &Self, factor: f64) -> Self {
        self.map(|name, weight| match other.get(name) {
            Some(other) => Weight::from_flat(weight.flat() + other.flat() * factor, weight.shape()),
            None => weight.clone(),
        })
    }

    /// Every weight times `factor`, in the memory that it lies in where nobody else holds that.
    pub fn into_scaled(self, factor: f64) -> Self {
        let scaled = |(name, weight): (String, Weight)| {
            let shape = weight.shape.clone();
            (name, Weight::from_flat(weight.into_flat() * factor, &shape))
        };
        self.into_iter().map(scaled).collect()
    }

    /// The sum of both; what only one of them has is as it is there. No tensor is held longer than it is needed.
    pub fn joined(mut self, other: Self) -> Self {
        for (name, weight) in other {
            let sum = match self.remove(&name) {
                Some(own) => {
                    let shape = weight.shape.clone();
                    Weight::from_flat(weight.into_flat() + own.into_flat(), &shape)
                }
                None => weight,
            };
            self.insert(name, sum);
        }
        self
    }

    /// Every weight times `factor`.
    pub fn scaled(&self, factor: f64) -> Self {
        self.map(|_, weight| Weight::from_flat(weight.flat() * factor, weight.shape()))
    }

    /// Every weight times the one of the same name in `other`, element by element, where there is one.
    pub fn times(&self, other: &Self) -> Self {
        self.map(|name, weight| match other.get(name) {
            Some(other) => Weight::from_flat(weight.flat() * other.flat(), weight.shape()),
            None => weight.clone(),
        })
    }

    /// Every weight replaced by what `change` makes of it.
    pub fn map(&self, mut change: impl FnMut(&str, &Weight) -> Weight) -> Self {
        self.0.iter().map(|(name, weight)| (name.clone(), change(name, weight))).collect()
    }
}

impl FromIterator<(String, Weight)> for Weights {
    fn from_iter<I: IntoIterator<Item = (String, Weight)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl Extend<(String, Weight)> for Weights {
    fn extend<I: IntoIterator<Item = (String, Weight)>>(&mut self, pairs: I) {
        self.0.extend(pairs);
    }
}

impl IntoIterator for Weights {
    type Item = (String, Weight);
    type IntoIter = btree_map::IntoIter<String, Weight>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Weights {
    type Item = (&'a String, &'a Weight);
    type IntoIter = btree_map::Iter<'a, String, Weight>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
