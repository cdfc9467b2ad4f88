//! Gradient checkpointing by block (arXiv 1604.06174): of a block only what goes in is kept, and its backward runs it again.

use std::fmt;
use std::sync::Arc;

use burn::tensor::{DispatchTensor, GradientCheckpointingStrategy, Tensor};

use crate::array::Array;
use crate::op::{Kernel, apply, plain, takes};

/// What a block computes from its inputs, whose ranks it knows.
type Work = dyn Fn(Vec<DispatchTensor>) -> Tensor<4> + Send + Sync;

/// `work(inputs)`. `inputs` are all tensors inside `work` that want gradients; everything else it holds itself.
///
/// What several operations of a block add to an input's gradient is summed before it joins what others add, so the gradients
/// are those of `work` on its own up to rounding. Where the kernels do not take an input, where one wants no gradient, and
/// with more than 64, `work` is run as it is.
pub fn recompute(
    inputs: Vec<DispatchTensor>,
    work: impl Fn(Vec<DispatchTensor>) -> Tensor<4> + Send + Sync + 'static,
) -> Tensor<4> {
    // What is asked of a tensor here looks at none of its axes, so any rank will do.
    let fits = |x: &DispatchTensor| {
        let x = Tensor::<1>::from_dispatch(x.clone());
        takes(&x) && x.is_tracked()
    };
    if !inputs.iter().all(fits) {
        return work(inputs);
    }
    match inputs.len() {
        1..=4 => padded::<4>(inputs, work),
        5..=16 => padded::<16>(inputs, work),
        17..=64 => padded::<64>(inputs, work),
        _ => work(inputs),
    }
}

/// An operation has a fixed number of inputs: the last ones are there in name only.
fn padded<const N: usize>(
    inputs: Vec<DispatchTensor>,
    work: impl Fn(Vec<DispatchTensor>) -> Tensor<4> + Send + Sync + 'static,
) -> Tensor<4> {
    let block = Block { work: Arc::new(work), inputs: inputs.len() };
    let nothing = plain::wrap(Array::new(vec![0.0], &[1]).into_tensor());
    let mut inputs = inputs.into_iter();
    let inputs = std::array::from_fn(|_| inputs.next().unwrap_or_else(|| nothing.clone()));
    Tensor::from_dispatch(apply::<Block, N>(block, inputs))
}

#[derive(Clone)]
struct Block {
    work: Arc<Work>,
    inputs: usize,
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Block of {} inputs", self.inputs)
    }
}

impl<const N: usize> Kernel<N> for Block {
    type Saved = ();
    const CHEAP: bool = false;

    fn forward(&self, inputs: [Array; N]) -> (Array, ()) {
        let inputs = inputs.into_iter().take(self.inputs);
        let inputs = inputs.map(|x| plain::wrap(x.into_tensor())).collect();
        (array((self.work)(inputs)), ())
    }

    fn reads(&self, wanted: [bool; N]) -> [bool; N] {
        wanted
    }

    fn backward(
        &self,
        inputs: [Option<Array>; N],
        _: (),
        gradient: Array,
        _: [bool; N],
    ) -> [Option<Array>; N] {
        let leaves: Vec<Tensor<1>> = inputs.into_iter().flatten().map(leaf).collect();
        let output = (self.work)(leaves.iter().map(|x| x.clone().into_dispatch()).collect());
        let gradient = Tensor::<4>::from_dispatch(plain::wrap(gradient.into_tensor()));
        // The derivative of this sum is the gradient times one, which is itself.
        let mut gradients = (output * gradient).sum().backward();
        let mut leaves = leaves.into_iter();
        std::array::from_fn(|_| leaves.next()?.grad_remove(&mut gradients).map(array))
    }
}

/// A new graph begins here.
fn leaf(x: Array) -> Tensor<1> {
    let x = Tensor::<1>::from_dispatch(plain::wrap(x.into_tensor())).autodiff();
    x.with_gradient_checkpointing_strategy(GradientCheckpointingStrategy::Balanced).require_grad()
}

fn array<const D: usize>(x: Tensor<D>) -> Array {
    Array::from_tensor(plain::unwrap(x.into_dispatch()))
}
