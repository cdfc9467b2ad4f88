//! Running out of memory ends with "try again" and a sentence, not with a crash.
use std::alloc::{GlobalAlloc, Layout, System};

/// The system's allocator; a refused request ends the process with the exit code for "try again".
pub(crate) struct Guarded;

const REFUSED: &[u8] = b"error: out of memory; what is finished is kept: free some memory, lower --batch or the picture size, \
and run the same command again\n";

// SAFETY: every call is passed on unchanged; a null answer never reaches the caller.
unsafe impl GlobalAlloc for Guarded {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise about `layout` is passed on.
        given(unsafe { System.alloc(layout) })
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        given(unsafe { System.alloc_zeroed(layout) })
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above.
        given(unsafe { System.realloc(pointer, layout, size) })
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn given(pointer: *mut u8) -> *mut u8 {
    if pointer.is_null() {
        // Nothing here may allocate: a plain write, then out, leaving the files as a kill would.
        // SAFETY: the buffer is static and its length is its own.
        unsafe { libc::write(2, REFUSED.as_ptr().cast(), REFUSED.len() as _) };
        crate::exit::at_once(crate::exit::Exit::TryAgain);
    }
    pointer
}
