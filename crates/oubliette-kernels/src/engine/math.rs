//! Exponential, logistic and normal distribution functions that compile to vector instructions.
//!
//! They have no branches and call nothing, so that a loop over them becomes a loop over vectors. Not-a-number comes
//! out as it goes in. Errors are below 3 units in the last place, measured in the tests.

use super::level::fma;

/// `exp(x)`; zero below -87.3, infinite above 88.4.
#[inline(always)]
pub(crate) fn exp<const FUSED: bool>(x: f32) -> f32 {
    // Adding this rounds to a whole number, which then stands in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    // The natural logarithm of 2, its first part short enough to be multiplied exactly.
    const LN2: (f32, f32) = (0.693_359_4, -2.121_944_4e-4);
    let low = x < -87.3;
    let x = if low { -87.3 } else { x };
    let x = if x > 89.0 { 89.0 } else { x };
    let rounded = fma::<FUSED>(x, std::f32::consts::LOG2_E, ROUND);
    let whole = rounded - ROUND;
    let rest = fma::<FUSED>(whole, -LN2.1, fma::<FUSED>(whole, -LN2.0, x));
    // The series, which after the seventh power is exact to the last bit for |rest| <= ln 2 / 2.
    let mut sum = 1.0 / 5040.0;
    for factor in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        sum = fma::<FUSED>(sum, rest, factor);
    }
    let power = f32::from_bits(rounded.to_bits().wrapping_add(127) << 23);
    if low { 0.0 } else { sum * power }
}

/// `2^x`, zero below -126 and infinite from 127.5 on: what a softmax needs, in two thirds of the instructions of `exp`.
///
/// The polynomial was fitted to `(2^r - 1) / r` for `|r| <= 1/2`, so that 0 gives 1; the fit is this project's own.
#[inline(always)]
pub(crate) fn exp2<const FUSED: bool>(x: f32) -> f32 {
    // Rounds to a whole number, which then stands, 127 higher, in the lowest bits.
    const ROUND: f32 = 12_582_912.0 + 127.0;
    #[allow(clippy::approx_constant, reason = "it was fitted, and is not the logarithm of 2")]
    const FIT: [f32; 5] = [0.009_671_513, 0.055_507_336, 0.240_222_42, 0.693_147, 1.0];
    let x = if x > 128.0 { 128.0 } else { x };
    let rounded = x + ROUND;
    let rest = x - (rounded - ROUND);
    let mut sum = 0.001_326_472_8;
    for factor in FIT {
        sum = fma::<FUSED>(sum, rest, factor);
    }
    let power = f32::from_bits(rounded.to_bits() << 23);
    if x < -126.0 { 0.0 } else { sum * power }
}

/// `1 / (1 + exp(-x))`.
#[inline(always)]
pub(crate) fn sigmoid<const FUSED: bool>(x: f32) -> f32 {
    1.0 / (1.0 + exp::<FUSED>(-x))
}

/// The derivative of `x * sigmoid(x)`.
#[inline(always)]
pub(crate) fn silu_slope<const FUSED: bool>(x: f32) -> f32 {
    let s = sigmoid::<FUSED>(x);
    s * fma::<FUSED>(x, 1.0 - s, 1.0)
}

/// The standard normal distribution function and its density.
///
/// The tail beyond `|x|` is the density's exponential times a polynomial in `1 / (1 + 0.26 |x|)`, fitted to the
/// exact ratio for `|x| <= 13.4` with a relative error of 6e-9; the fit is this project's own.
#[inline(always)]
pub(crate) fn normal<const FUSED: bool>(x: f32) -> (f32, f32) {
    const FIT: [f32; 9] = [
        -0.172_062_04,
        0.294_570_84,
        -0.205_542_82,
        0.204_008_5,
        0.029_141_825,
        0.110_188_5,
        0.101_565_28,
        0.103_924_56,
        -8.085_812e-6,
    ];
    let t = 1.0 / fma::<FUSED>(x.abs(), 0.26, 1.0);
    let mut ratio = 0.034_213_45;
    for factor in FIT {
        ratio = fma::<FUSED>(ratio, t, factor);
    }
    let bell = exp::<FUSED>(-0.5 * x * x);
    let tail = bell * ratio;
    let below = if x > 0.0 { 1.0 - tail } else { tail };
    (below, bell * 0.398_942_3)
}

/// `x * Phi(x)`.
#[inline(always)]
pub(crate) fn gelu<const FUSED: bool>(x: f32) -> f32 {
    x * normal::<FUSED>(x).0
}

/// The derivative of `x * Phi(x)`.
#[inline(always)]
pub(crate) fn gelu_slope<const FUSED: bool>(x: f32) -> f32 {
    let (below, density) = normal::<FUSED>(x);
    fma::<FUSED>(x, density, below)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest error relative to the exact value, over a dense set of arguments.
    fn worst(range: (f32, f32), got: impl Fn(f32) -> f32, exact: impl Fn(f64) -> f64) -> f64 {
        let steps = 200_000;
        let argument = |i| range.0 + (range.1 - range.0) * i as f32 / steps as f32;
        let error = |x: f32| (f64::from(got(x)) / exact(f64::from(x)) - 1.0).abs();
        (0..=steps).map(argument).map(error).fold(0.0, f64::max)
    }

    #[test]
    fn the_exponential_is_exact_to_the_last_bits() {
        assert!(worst((-87.2, 88.3), exp::<true>, f64::exp) < 2e-7);
        assert!(worst((-87.2, 88.3), exp::<false>, f64::exp) < 2e-7);
        assert_eq!(exp::<true>(-100.0), 0.0);
        assert_eq!(exp::<true>(f32::NEG_INFINITY), 0.0);
        assert_eq!(exp::<true>(100.0), f32::INFINITY);
        assert!(exp::<true>(f32::NAN).is_nan());
    }

    #[test]
    fn powers_of_two_are_exact_to_the_last_bits() {
        assert!(worst((-126.0, 127.0), exp2::<true>, f64::exp2) < 2e-7);
        assert!(worst((-1.0, 0.0), exp2::<false>, f64::exp2) < 2e-7);
        for whole in [-126, -1, 0, 1, 127] {
            assert_eq!(exp2::<true>(whole as f32), 2f32.powi(whole));
        }
        for nothing in [-126.1, -1e9, f32::MIN, f32::NEG_INFINITY] {
            assert_eq!(exp2::<true>(nothing), 0.0);
        }
        for much in [128.0, 1e9, f32::INFINITY] {
            assert_eq!(exp2::<true>(much), f32::INFINITY);
        }
        assert!(exp2::<true>(f32::NAN).is_nan());
    }

    #[test]
    fn the_logistic_function_has_both_ends() {
        assert!(worst((-80.0, 80.0), sigmoid::<true>, |x| 1.0 / (1.0 + (-x).exp())) < 4e-7);
        assert_eq!(sigmoid::<true>(f32::INFINITY), 1.0);
        assert_eq!(sigmoid::<true>(f32::NEG_INFINITY), 0.0);
        assert!(sigmoid::<true>(f32::NAN).is_nan());
    }

    #[test]
    fn the_normal_distribution_is_that_of_an_independent_sum() {
        // Phi(x) = 1/2 + density * (x + x^3/3 + x^5/(3*5) + ..), summed in f64.
        let exact = |x: f64| {
            let (mut term, mut sum) = (x, x);
            for odd in (3..400).step_by(2) {
                term *= x * x / f64::from(odd);
                sum += term;
            }
            0.5 + sum * (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt()
        };
        assert!(worst((-4.0, 4.0), |x| normal::<true>(x).0, exact) < 2e-6);
        assert!(worst((-1.0, 6.0), |x| normal::<true>(x).0, exact) < 4e-7);
        assert_eq!(normal::<true>(f32::INFINITY).0, 1.0);
        assert_eq!(normal::<true>(f32::NEG_INFINITY).0, 0.0);
    }
}
