//! The command line from outside: what it says, writes and answers, also to input that means harm.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail by panicking")]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]
mod adapter;
mod answers;
mod bench;
mod budget;
mod codes;
mod compare;
mod embedded;
mod examples;
mod forge;
mod frechet;
mod hostile;
mod interference;
mod interruptions;
mod methods;
mod refusals;
mod requests;
mod scene;
mod studies;
mod tune;
mod words;
