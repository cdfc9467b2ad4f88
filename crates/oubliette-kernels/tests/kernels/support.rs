//! Comparing a kernel in `f32` with the composed operation in `f64`.

use std::env::VarError;

use burn::tensor::{DType, Device, Tensor, TensorData};
use oubliette_kernels::{Instructions, at_most};

/// Says, in the environment, to which instructions the kernels are held: `avx2` or `plain`.
pub(crate) const AT_MOST: &str = "KERNEL_TESTS_AT_MOST";

/// The device of all tests. It holds the kernels to what [`AT_MOST`] says, so that no test may take another.
pub(crate) fn flex() -> Device {
    match std::env::var(AT_MOST).as_deref() {
        Ok("avx2") => at_most(Instructions::Avx2),
        Ok("plain") => at_most(Instructions::Plain),
        Ok(other) => panic!("{AT_MOST} is {other}"),
        Err(VarError::NotPresent) => {}
        Err(other) => panic!("{AT_MOST}: {other}"),
    }
    Device::flex()
}

/// Reproducible values of about unit size.
pub(crate) fn values(len: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
    };
    // Rounded to f32, so that both precisions see the same numbers.
    (0..len).map(|_| f64::from((next() + next() + next()) as f32 * 2.0)).collect()
}

/// An operation of flat leaves, which it gives their shapes; its output is flat too.
pub(crate) type Operation<'a> = &'a dyn Fn(&[Tensor<1>]) -> Tensor<1>;

/// The output and the gradient of each tracked leaf.
pub(crate) struct Outcome {
    pub(crate) output: Vec<f64>,
    pub(crate) gradients: Vec<Option<Vec<f64>>>,
}

/// Runs an operation on leaves of these lengths in one precision; `tracked` says which leaves want a gradient.
pub(crate) fn run(
    device: &Device,
    dtype: DType,
    lengths: &[usize],
    tracked: &[bool],
    operation: Operation,
) -> Outcome {
    let leaves: Vec<Tensor<1>> = lengths
        .iter()
        .zip(tracked)
        .enumerate()
        .map(|(i, (&len, &tracked))| {
            let x = Tensor::<1>::from_data(
                TensorData::new(values(len, i as u64 + 1), [len]),
                (device, dtype),
            );
            if tracked { x.require_grad() } else { x }
        })
        .collect();
    let output = operation(&leaves);
    let flat =
        output.clone().into_data().convert::<f64>().try_into_vec::<f64>().expect("f64 values");
    let weights = values(flat.len(), 99);
    let weights = Tensor::<1>::from_data(TensorData::new(weights, [flat.len()]), (device, dtype));
    if !tracked.contains(&true) {
        return Outcome { output: flat, gradients: vec![None; lengths.len()] };
    }
    let gradients = (output * weights).sum().backward();
    let gradients = leaves
        .iter()
        .map(|x| {
            x.grad(&gradients)
                .map(|g| g.into_data().convert::<f64>().try_into_vec::<f64>().expect("f64 values"))
        })
        .collect();
    Outcome { output: flat, gradients }
}

/// Asserts that `got` lies within `tolerance` of the largest of `expected`, or of `floor` where that is larger.
pub(crate) fn close(got: &[f64], expected: &[f64], floor: f64, tolerance: f64, what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}: length");
    let largest = expected.iter().fold(floor, |most: f64, x| most.max(x.abs()));
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        let off = (got - expected).abs() / largest;
        assert!(
            off <= tolerance,
            "{what}[{i}]: {got} against {expected}, off by {off:.1e} of {largest}"
        );
    }
}

/// Outputs are compared with their own size, almost however small it is.
pub(crate) const SMALL: f64 = 1e-3;

/// Gradients are sums of terms of about the leaves' size, one. Terms may cancel, to nothing even: with a single key
/// the softmax is constant, and what `f32` leaves there is rounding of unit-sized terms.
const UNIT: f64 = 1.0;

/// Checks output and gradients against `f64`, with everything tracked, with each leaf alone, and with nothing.
pub(crate) fn check(what: &str, lengths: &[usize], operation: Operation) {
    let n = lengths.len();
    let expected = run(&flex().autodiff(), DType::F64, lengths, &vec![true; n], operation);
    let mut cases = vec![vec![true; n], vec![false; n]];
    cases.extend((0..n).map(|one| (0..n).map(|i| i == one).collect::<Vec<_>>()));
    for tracked in cases {
        for device in [flex().autodiff(), flex().autodiff().gradient_checkpointing()] {
            let got = run(&device, DType::F32, lengths, &tracked, operation);
            close(&got.output, &expected.output, SMALL, 3e-6, what);
            for (i, (got, expected)) in got.gradients.iter().zip(&expected.gradients).enumerate() {
                assert_eq!(got.is_some(), tracked[i], "{what}: gradient {i} with {tracked:?}");
                if let (Some(got), Some(expected)) = (got, expected) {
                    let what = format!("{what}: gradient {i} with {tracked:?}");
                    close(got, expected, UNIT, 1e-5, &what);
                }
            }
        }
    }
    let plain = run(&flex(), DType::F32, lengths, &vec![false; n], operation);
    let outside = format!("{what}: outside autodiff");
    close(&plain.output, &expected.output, SMALL, 3e-6, &outside);
    same_bits_for_any_threads(what, lengths, operation);
}

fn same_bits_for_any_threads(what: &str, lengths: &[usize], operation: Operation) {
    struct Shared<'a>(Operation<'a>);
    // SAFETY: the operations of these tests are closures over plain numbers.
    unsafe impl Sync for Shared<'_> {}
    let shared = Shared(operation);
    let with = |threads: usize| {
        let shared = &shared;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(move || {
            let device = flex().autodiff();
            let outcome = run(&device, DType::F32, lengths, &vec![true; lengths.len()], shared.0);
            (outcome.output, outcome.gradients)
        })
    };
    let one = with(1);
    assert!(one == with(2) && one == with(3), "{what}: bits depend on the number of threads");
}

/// Checks that a sample's output has the same bits alone and in a batch. `operation` maps samples of `len` values.
pub(crate) fn same_bits_in_any_batch(
    what: &str,
    batch: usize,
    len: usize,
    operation: &dyn Fn(Tensor<1>, usize) -> Tensor<1>,
) {
    let all = values(batch * len, 7);
    let run = |from: usize, samples: usize| -> Vec<u32> {
        let part: Vec<f64> = all[from * len..(from + samples) * len].to_vec();
        let x =
            Tensor::<1>::from_data(TensorData::new(part, [samples * len]), (&flex(), DType::F32));
        let y = operation(x, samples).into_data().try_into_vec::<f32>().expect("f32 values");
        y.into_iter().map(f32::to_bits).collect()
    };
    let together = run(0, batch);
    let size = together.len() / batch;
    for i in 0..batch {
        assert!(
            run(i, 1) == together[i * size..(i + 1) * size],
            "{what}: sample {i} depends on its batch"
        );
    }
    let two = run(batch - 2, 2);
    assert!(two == together[(batch - 2) * size..], "{what}: the last two depend on their batch");
}
