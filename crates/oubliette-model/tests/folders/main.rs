//! Model folders: the layouts of real releases, writing, and files that mean harm.

mod hostile;
mod released;
mod saving;
mod support;
