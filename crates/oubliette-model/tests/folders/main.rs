//! Model folders: the layouts of real releases, writing, and files that mean harm.

#![allow(clippy::unwrap_used, reason = "a helper that cannot go on has failed its test")]

mod endless;
mod hostile;
mod kinds;
mod released;
mod saving;
mod support;
mod twice;
