//! Gradient checkpointing by block: which tensors of a block want gradients, and the block once more with those of another graph.

use burn::tensor::{DispatchTensor, Tensor};
use oubliette_kernels as kernels;

use crate::scope::Scope;
use crate::weights::{Weight, Weights};

/// What a layer makes of its two inputs with the weights of a scope.
type Run<L> = fn(&L, &Scope<'_>, &[Weight; 2]) -> Tensor<4>;

/// `run`, computed again in the backward where the scope asks for that.
pub(crate) fn recomputed<L: Clone + Send + Sync + 'static>(
    layer: &L,
    at: &Scope<'_>,
    inputs: [Weight; 2],
    run: Run<L>,
) -> Tensor<4> {
    let Some((prefix, named)) = at.block() else { return run(layer, at, &inputs) };
    let (names, weights): (Vec<String>, Vec<Weight>) = named.into_iter().unzip();
    let all: Vec<Weight> = inputs.into_iter().chain(weights).collect();
    let tracked: Vec<usize> = (0..all.len()).filter(|i| all[*i].is_tracked()).collect();
    let wanted = tracked.iter().map(|i| all[*i].dispatch()).collect();
    // What wants no gradient stays outside every graph.
    let fixed: Vec<Weight> = all.iter().map(Weight::inner).collect();
    let layer = layer.clone();
    let work = move |tensors: Vec<DispatchTensor>| {
        let mut all = fixed.clone();
        for (i, tensor) in tracked.iter().zip(tensors) {
            all[*i] = all[*i].with(tensor);
        }
        let weights: Weights = names.iter().cloned().zip(all.drain(2..)).collect();
        let inputs = <[Weight; 2]>::try_from(all).expect("two inputs go before the weights");
        run(&layer, &Scope::new(&weights, prefix.clone()), &inputs)
    };
    kernels::recompute(wanted, work)
}
