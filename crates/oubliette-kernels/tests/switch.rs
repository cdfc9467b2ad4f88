//! Turning the kernels off changes the last bits and nothing else. Alone in its process, because the switch is
//! one for the whole of it.

use burn::tensor::{Device, Distribution, Tensor};
use oubliette_kernels::{Mask, attention, conv2d, enabled, linear, set_enabled};

#[test]
fn off_gives_the_composed_operations() {
    let device = Device::flex();
    device.seed(5);
    let random =
        |dims: [usize; 4]| Tensor::<4>::random(dims, Distribution::Normal(0.0, 1.0), &device);
    let (x, weight) = (random([2, 64, 16, 16]), random([64, 64, 3, 3]));
    let run = || {
        let y = conv2d(x.clone(), weight.clone(), None, 1, (1, 1))
            .reshape([2, 64, 256])
            .swap_dims(1, 2);
        let y = linear(y, weight.clone().reshape([64, 576]).narrow(1, 0, 64), None);
        let y = y * 1e-2;
        attention(y.clone(), y.clone(), y, 2, Mask::None).into_data()
    };
    assert!(enabled());
    let own = run();
    set_enabled(false);
    assert!(!enabled());
    let composed = run();
    set_enabled(true);
    assert_ne!(own, composed, "the kernels did not run");
    assert_eq!(own, run(), "the same again");
    let (own, composed) =
        (own.try_into_vec::<f32>().expect("f32"), composed.try_into_vec::<f32>().expect("f32"));
    let largest = composed.iter().fold(0.0f32, |most, x| most.max(x.abs()));
    let furthest = own.iter().zip(&composed).fold(0.0f32, |most, (a, b)| most.max((a - b).abs()));
    assert!(furthest <= 1e-5 * largest, "{furthest} of {largest}");
}
