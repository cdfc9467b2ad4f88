//! A toy attack: a test of the structure, in one file and one line of [`ATTACKS_WITH_TOY`].

mod whisper;

use oubliette_lab::{List, attacks::Attack};

/// The toy's list, made as the product makes its own.
pub const ATTACKS_WITH_TOY: List<dyn Attack> = List { what: "attack", all: &[whisper::ENTRY] };
