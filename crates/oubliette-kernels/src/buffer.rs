//! Memory that is written before it is read: outputs without zero-filling, scratch, disjoint parts.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

/// `len` values that the caller overwrites before reading any.
#[allow(
    clippy::uninit_vec,
    reason = "zeros would be written twice, and cost as much as the kernel itself"
)]
pub(crate) fn unwritten(len: usize) -> Vec<f32> {
    let mut data = Vec::with_capacity(len);
    // SAFETY: the capacity is `len`; `f32` needs no drop and has no invalid bit pattern, and every kernel writes
    // each element of its output before anything reads it.
    unsafe { data.set_len(len) };
    data
}

thread_local! {
    static SPARE: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// Bytes of a cache line, at which scratch memory begins: a load of as many that lies across two of them is two loads.
const LINE: usize = 64;

/// Values of the largest piece that a thread keeps: a little more than what kernels lay out at a time, 32 MB.
const KEPT: usize = 10 << 20;

/// `len` values of this thread's scratch memory, with whatever was in them, until they are dropped. Memory that is kept
/// need not be cleared by the system again, which for large weights costs as much as what is done with it.
pub(crate) fn lent(len: usize) -> Lent {
    let whole = len + LINE / size_of::<f32>();
    let mut memory = SPARE.with_borrow_mut(|spare| take(spare, whole));
    if memory.len() < whole {
        memory = vec![0.0; whole];
    }
    // Anywhere is right, and a line's beginning is fast.
    let from = memory.as_ptr().align_offset(LINE).min(whole - len);
    Lent { memory, from, len }
}

/// The same for as long as `work` takes.
pub(crate) fn scratch<R>(len: usize, work: impl FnOnce(&mut [f32]) -> R) -> R {
    work(&mut lent(len))
}

/// Scratch memory in use.
pub(crate) struct Lent {
    memory: Vec<f32>,
    from: usize,
    len: usize,
}

impl Deref for Lent {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        &self.memory[self.from..][..self.len]
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.memory[self.from..][..self.len]
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let memory = std::mem::take(&mut self.memory);
        if memory.len() > KEPT {
            return;
        }
        // A thread that ends has no use for it any more.
        let _ = SPARE.try_with(|spare| spare.borrow_mut().push(memory));
    }
}

/// The smallest memory that is large enough, or the largest one.
fn take(spare: &mut Vec<Vec<f32>>, len: usize) -> Vec<f32> {
    let fits = |memory: &Vec<f32>| match memory.len() {
        has if has >= len => (0, has),
        has => (1, usize::MAX - has),
    };
    let best = (0..spare.len()).min_by_key(|&i| fits(&spare[i]));
    best.map(|i| spare.swap_remove(i)).unwrap_or_default()
}

/// A slice whose disjoint parts are written by several tasks.
#[derive(Clone, Copy)]
pub(crate) struct Parts<'a> {
    start: *mut f32,
    len: usize,
    slice: PhantomData<&'a mut [f32]>,
}

// SAFETY: it is a `&mut [f32]`, which is `Send`, cut up under the contract of `part`.
unsafe impl Send for Parts<'_> {}
// SAFETY: as above; sharing it gives access only through `part`.
unsafe impl Sync for Parts<'_> {}

impl<'a> Parts<'a> {
    /// Borrows the slice for as long as its parts live.
    pub(crate) fn new(slice: &'a mut [f32]) -> Self {
        Self { start: slice.as_mut_ptr(), len: slice.len(), slice: PhantomData }
    }

    /// The part `from..from + len`.
    ///
    /// # Safety
    /// No two parts that overlap are alive at the same time.
    ///
    /// # Panics
    /// When the part reaches outside the slice.
    pub(crate) unsafe fn part(self, from: usize, len: usize) -> &'a mut [f32] {
        assert!(from <= self.len && len <= self.len - from, "a part outside the slice");
        // SAFETY: inside the slice by the assertion, exclusive by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(from), len) }
    }
}
