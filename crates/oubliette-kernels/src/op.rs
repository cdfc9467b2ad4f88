//! How a kernel with its own backward becomes an operation on burn's tensors.

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::{
    base::Checkpointer,
    retro_forward::RetroForward,
    state::BackwardStates,
    strategy::{BalancedCheckpointing, CheckpointStrategy, NoCheckpointing},
};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{
    Autodiff, BackendTensor, DispatchAutodiffContext, DispatchDevice, DispatchKindConversion,
    DispatchTensor, Flex, GradientCheckpointingStrategy,
};
use burn::tensor::Tensor;
use burn_backend::DType;
use burn_flex::FlexTensor;
use std::fmt::Debug;

use crate::array::Array;
use crate::switch::enabled;

/// A kernel of `N` tensors and its backward.
pub(crate) trait Kernel<const N: usize>: Clone + Debug + Send + Sync + 'static {
    /// What the forward leaves for the backward besides the inputs.
    type Saved: Clone + Debug + Send + 'static;
    /// Whether gradient checkpointing may run the forward again instead of keeping the output.
    const CHEAP: bool;

    /// The output.
    fn forward(&self, inputs: [Array; N]) -> (Array, Self::Saved);

    /// Which inputs the backward reads when these gradients are wanted; the others arrive as `None`.
    fn reads(&self, wanted: [bool; N]) -> [bool; N];

    /// The gradients that are wanted; those that are not may be `None`.
    fn backward(
        &self,
        inputs: [Option<Array>; N],
        saved: Self::Saved,
        gradient: Array,
        wanted: [bool; N],
    ) -> [Option<Array>; N];
}

/// Whether the kernels take this tensor: they are on, and it is `f32` on Flex.
pub(crate) fn takes<const D: usize>(x: &Tensor<D>) -> bool {
    fn is_flex(device: &DispatchDevice) -> bool {
        match device {
            DispatchDevice::Autodiff(device) => is_flex(device),
            DispatchDevice::Flex(_) => true,
            #[allow(unreachable_patterns, reason = "burn may be built with other backends")]
            _ => false,
        }
    }
    enabled() && x.dtype() == DType::F32 && is_flex(x.device().as_dispatch())
}

/// Runs a kernel, recorded when an input is on an autodiff device.
pub(crate) fn apply<K: Kernel<N>, const N: usize>(
    kernel: K,
    inputs: [DispatchTensor; N],
) -> DispatchTensor {
    let context = inputs.iter().fold(DispatchAutodiffContext::Disabled, |c, x| c.merge(x.autodiff));
    match context {
        DispatchAutodiffContext::Disabled => {
            let inputs = inputs.map(|x| Array::from_tensor(plain::unwrap(x)));
            plain::wrap(kernel.forward(inputs).0.into_tensor())
        }
        DispatchAutodiffContext::Enabled(GradientCheckpointingStrategy::Disabled) => {
            recorded::<K, NoCheckpointing, N>(kernel, inputs)
        }
        DispatchAutodiffContext::Enabled(GradientCheckpointingStrategy::Balanced) => {
            recorded::<K, BalancedCheckpointing, N>(kernel, inputs)
        }
    }
}

pub(crate) mod plain {
    //! Flex tensors outside autodiff.
    use super::*;

    /// The tensor inside; `takes` has seen that it is one of Flex.
    pub(crate) fn unwrap(x: DispatchTensor) -> FlexTensor {
        let tensor: BackendTensor<Flex> =
            DispatchTensor::try_into_backend(x).expect("`takes` has seen a Flex tensor");
        tensor.float()
    }

    /// Back to burn.
    pub(crate) fn wrap(x: FlexTensor) -> DispatchTensor {
        DispatchTensor::from_backend(BackendTensor::<Flex>::Float(x))
    }
}

fn recorded<K: Kernel<N>, C: CheckpointStrategy, const N: usize>(
    kernel: K,
    inputs: [DispatchTensor; N],
) -> DispatchTensor
where
    DispatchTensor: DispatchKindConversion<Autodiff<Flex, C>>,
{
    let inputs = inputs.map(lifted::<C>);
    let output = record::<K, C, N>(kernel, inputs);
    DispatchTensor::from_backend(BackendTensor::<Autodiff<Flex, C>>::Float(output))
}

/// A tensor outside autodiff is a constant inside it.
fn lifted<C: CheckpointStrategy>(x: DispatchTensor) -> FloatTensor<Autodiff<Flex, C>>
where
    DispatchTensor: DispatchKindConversion<Autodiff<Flex, C>>,
{
    if x.autodiff == DispatchAutodiffContext::Disabled {
        return FloatTensor::<Autodiff<Flex, C>>::new(plain::unwrap(x));
    }
    let tensor: BackendTensor<Autodiff<Flex, C>> =
        DispatchTensor::try_into_backend(x).expect("`takes` has seen a Flex tensor");
    tensor.float()
}

fn record<K: Kernel<N>, C: CheckpointStrategy, const N: usize>(
    kernel: K,
    inputs: [FloatTensor<Autodiff<Flex, C>>; N],
) -> FloatTensor<Autodiff<Flex, C>> {
    let arrays = inputs.each_ref().map(|x| Array::from_tensor(x.primitive().clone()));
    let wanted = inputs.each_ref().map(|x| x.is_tracked());
    let guards = inputs.each_ref().map(|x| x.node());
    let prepared = Step(kernel.clone()).prepare::<C>(guards);
    let prepared = if K::CHEAP {
        let sources = std::array::from_fn(|i| match wanted[i] {
            true => Source::Node(inputs[i].id()),
            false => Source::Value(inputs[i].primitive().clone()),
        });
        let again = Again { kernel: kernel.clone(), sources };
        let tracked = inputs.iter().filter(|x| x.is_tracked());
        prepared.memory_bound().retro_forward(again).parents(tracked)
    } else {
        prepared.compute_bound()
    };
    match prepared.stateful() {
        OpsKind::UnTracked(prepared) => prepared.finish(kernel.forward(arrays).0.into_tensor()),
        OpsKind::Tracked(mut prepared) => {
            let reads = kernel.reads(wanted);
            let kept = std::array::from_fn(|i| match (reads[i], wanted[i]) {
                (false, _) => None,
                (true, true) => Some(Source::Node(prepared.checkpoint(&inputs[i]))),
                (true, false) => Some(Source::Value(inputs[i].primitive().clone())),
            });
            let (output, saved) = kernel.forward(arrays);
            prepared.finish(Kept { inputs: kept, saved }, output.into_tensor())
        }
    }
}

/// Where an input is found again.
#[derive(Clone, Debug)]
enum Source {
    /// Tracked: kept or recomputed by the graph.
    Node(NodeId),
    /// Not tracked: kept here.
    Value(FlexTensor),
}

#[derive(Clone, Debug)]
struct Kept<S, const N: usize> {
    inputs: [Option<Source>; N],
    saved: S,
}

/// A kernel as a step of the graph.
#[derive(Debug)]
struct Step<K>(K);

impl<K: Kernel<N>, const N: usize> Backward<Flex, N> for Step<K> {
    type State = Kept<K::Saved, N>;

    fn backward(
        self,
        ops: Ops<Self::State, N>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let gradient = Array::from_tensor(grads.consume::<Flex>(&ops.node));
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let inputs = ops.state.inputs.map(|source| {
            source.map(|source| {
                Array::from_tensor(match source {
                    Source::Node(id) => checkpointer.retrieve_node_output(id),
                    Source::Value(tensor) => tensor,
                })
            })
        });
        let gradients = self.0.backward(inputs, ops.state.saved, gradient, wanted);
        for (parent, gradient) in ops.parents.into_iter().zip(gradients) {
            if let (Some(parent), Some(gradient)) = (parent, gradient) {
                grads.register::<Flex>(parent.id, gradient.into_tensor());
            }
        }
    }
}

/// The forward once more, for gradient checkpointing.
#[derive(Debug)]
struct Again<K, const N: usize> {
    kernel: K,
    sources: [Source; N],
}

impl<K: Kernel<N>, const N: usize> RetroForward for Again<K, N> {
    fn forward(&self, states: &mut BackwardStates, out_node: NodeId) {
        let inputs = self.sources.each_ref().map(|source| {
            Array::from_tensor(match source {
                Source::Node(id) => states.get_state::<FlexTensor>(id),
                Source::Value(tensor) => tensor.clone(),
            })
        });
        states.save(out_node, self.kernel.forward(inputs).0.into_tensor());
    }
}
