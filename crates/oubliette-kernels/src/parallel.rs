//! Work over several threads. How it is cut up never changes a result.

use rayon::prelude::*;

/// Below this many elementary steps waking threads costs more than it gains.
const WORTHWHILE: usize = 1 << 16;

/// How many threads there are. It may decide who does what, and never the order of a sum.
pub(crate) fn threads() -> usize {
    rayon::current_num_threads()
}

/// Calls `work` for `0..tasks`; `cost` is the number of elementary steps of all of them.
pub(crate) fn tasks(tasks: usize, cost: usize, work: impl Fn(usize) + Sync + Send) {
    if tasks < 2 || cost < WORTHWHILE {
        (0..tasks).for_each(work);
    } else {
        (0..tasks).into_par_iter().for_each(work);
    }
}

/// Calls `work` for every chunk of `size` values of `data`, the last one possibly shorter.
pub(crate) fn chunks(
    data: &mut [f32],
    size: usize,
    cost: usize,
    work: impl Fn(usize, &mut [f32]) + Sync + Send,
) {
    if data.len() <= size || cost < WORTHWHILE {
        data.chunks_mut(size.max(1)).enumerate().for_each(|(i, chunk)| work(i, chunk));
    } else {
        data.par_chunks_mut(size).enumerate().for_each(|(i, chunk)| work(i, chunk));
    }
}
