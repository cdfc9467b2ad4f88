//! The instruction set, found once at run time, and the macro that compiles a function for each.

use std::sync::OnceLock;

/// What the kernels use of what the processor can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// AVX-512 with its byte, word, doubleword and vector-length parts.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Whatever the build assumes of every machine.
    Plain,
}

/// Raised by every change to a kernel, or to the order in which networks call them, that may change a bit of what comes out.
const REVISION: u32 = 6;

/// What the bits of the kernels depend on: the instructions that they use and the kernels' revision, or that they are off.
pub fn describe() -> String {
    if !crate::enabled() {
        return format!("kernels {REVISION} off");
    }
    let instructions = match level() {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => "avx512",
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => "avx2",
        Level::Plain => "plain",
    };
    format!("kernels {REVISION} {instructions}")
}

static LEVEL: OnceLock<Level> = OnceLock::new();

/// The best level of this machine, or what [`at_most`] has left of it.
#[inline]
pub(crate) fn level() -> Level {
    *LEVEL.get_or_init(detect)
}

/// Instructions to which the kernels can be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instructions {
    /// Those that the build assumes of every machine.
    Plain,
    /// AVX2 and FMA, where the processor has them.
    Avx2,
}

/// Holds the kernels to fewer instructions than the processor has: for tests of what other processors run.
///
/// # Panics
/// When others are settled already, by a kernel that has run or by [`describe`].
pub fn at_most(most: Instructions) {
    let left = match (most, detect()) {
        (Instructions::Plain, _) => Level::Plain,
        #[cfg(target_arch = "x86_64")]
        (Instructions::Avx2, Level::Avx512) => Level::Avx2,
        (Instructions::Avx2, found) => found,
    };
    assert_eq!(*LEVEL.get_or_init(|| left), left, "other instructions are settled already");
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
fn detect() -> Level {
    let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    let avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl");
    match (avx2, avx512) {
        (true, true) => Level::Avx512,
        (true, false) => Level::Avx2,
        _ => Level::Plain,
    }
}

#[cfg(not(all(target_arch = "x86_64", not(miri))))]
fn detect() -> Level {
    Level::Plain
}

/// `a * b + c`, rounded once where the build has an instruction for it.
///
/// Inside a function made by `for_each_level!` the x86 levels always have it; a plain x86 build does not, and
/// asking it for `mul_add` would call the mathematics library for every element.
#[inline(always)]
pub(crate) fn fma<const FUSED: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FUSED || cfg!(any(target_feature = "fma", target_arch = "aarch64")) {
        a.mul_add(b, c)
    } else {
        a * b + c
    }
}

/// Compiles one body for every level and picks at run time.
///
/// The body is generic over `const FUSED: bool`, which says whether `fma` may fuse.
macro_rules! for_each_level {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $kind:ty),* $(,)?) $(-> $out:ty)? = $body:ident) => {
        $(#[$meta])*
        #[inline]
        $vis fn $name($($arg: $kind),*) $(-> $out)? {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
            fn avx512($($arg: $kind),*) $(-> $out)? {
                $body::<true>($($arg),*)
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2($($arg: $kind),*) $(-> $out)? {
                $body::<true>($($arg),*)
            }
            match $crate::engine::level::level() {
                // SAFETY: `level` returns this value only on a processor that has these features.
                #[cfg(target_arch = "x86_64")]
                $crate::engine::level::Level::Avx512 => unsafe { avx512($($arg),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                $crate::engine::level::Level::Avx2 => unsafe { avx2($($arg),*) },
                $crate::engine::level::Level::Plain => $body::<false>($($arg),*),
            }
        }
    };
}
pub(crate) use for_each_level;
