//! What becomes of memory that is freed.

/// Asks the C library, where that is GNU's, to take all threads' memory from one heap, and to keep up to 256 MB of freed memory at its end, in
/// place of giving it back to the system at once. To be called before there is a second thread.
///
/// Every step of a training frees and takes the same activations and gradients, and the system clears what it gives: a seventh of the time
/// of a step of a small model, in some processes and not in others, by how the heaps happen to lie. The heaps of other threads are given back
/// whenever they are empty, whatever is to be kept.
pub fn keep_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu", not(miri)))]
    {
        /// The largest piece that the C library agrees to take from the heap.
        const FROM_HEAP: i32 = 32 << 20;
        const KEPT: i32 = 256 << 20;
        // SAFETY: `mallopt` takes the allocator's own lock and no pointers.
        unsafe {
            libc::mallopt(libc::M_ARENA_MAX, 1);
            libc::mallopt(libc::M_MMAP_THRESHOLD, FROM_HEAP);
            libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT);
        }
    }
}

/// Gives back what is freed and lies between what is in use, which nothing else does: what a model was read through, once it is there.
pub fn give_memory_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu", not(miri)))]
    // SAFETY: `malloc_trim` takes the allocator's own lock and no pointers.
    unsafe {
        libc::malloc_trim(0);
    }
}
