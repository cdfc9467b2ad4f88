//! Files without an end: pipes and devices are refused, since reading one would wait for ever.

#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::support::refused_as;

/// Fails, rather than waits, where a file is waited for.
fn in_time(read: impl FnOnce() + Send + 'static) {
    let (ends, end) = mpsc::channel();
    thread::spawn(move || {
        read();
        ends.send(()).unwrap();
    });
    end.recv_timeout(Duration::from_secs(60)).expect("it was refused in time, and as it should be");
}

/// Puts something else in the place of a file of a good folder.
fn in_place_of(layout: &'static str, file: &'static str, put: fn(&Path)) {
    in_time(move || {
        refused_as(layout, &[file, "a device or a pipe", "put the file itself"], |model| {
            fs::remove_file(model.join(file)).unwrap();
            put(&model.join(file));
        });
    });
}

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn pipes() {
    for file in [
        "unet/config.json",
        "vae/config.json",
        "text_encoder/config.json",
        "scheduler/scheduler_config.json",
        "tokenizer/vocab.json",
        "tokenizer/merges.txt",
        "tokenizer/tokenizer_config.json",
    ] {
        in_place_of("of-2022", file, pipe);
    }
    in_place_of("sharded", "unet/diffusion_pytorch_model-00002-of-00003.safetensors", pipe);
}
