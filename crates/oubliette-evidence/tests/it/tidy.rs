//! What this crate must not be able to do: compute with tensors, wait, talk, look at a clock, roll dice.

use std::path::{Path, PathBuf};
use std::process::Command;

const FORBIDDEN_CRATES: &[&str] = &[
    "burn",
    "candle",
    "ndarray",
    "tch",
    "ort",
    "gemm",
    "rayon",
    "tokio",
    "async-std",
    "smol",
    "futures",
    "hyper",
    "reqwest",
    "ureq",
    "curl",
    "rustls",
    "openssl",
    "socket2",
    "mio",
    "chrono",
    "time",
    "jiff",
    "rand",
    "rand_core",
    "rand_chacha",
    "getrandom",
    "fastrand",
    "image",
    "oubliette-model",
];

const FORBIDDEN_WORDS: &[&str] = &[
    "SystemTime",
    "Instant",
    "std::time",
    "std::net",
    "TcpStream",
    "UdpSocket",
    "std::thread",
    "async fn",
    "RandomState",
    "HashMap",
    "HashSet",
    "std::env::var",
    "rand::",
    "unsafe",
];

#[test]
fn no_tensor_async_network_clock_or_random_crate() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--edges", "normal,build", "--prefix", "none", "--format", "{p}"])
        .args(["--package", "oubliette-evidence", "--offline", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    let names: Vec<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.contains(&"sha2"), "{tree}");
    for name in &names {
        let bad =
            FORBIDDEN_CRATES.iter().any(|bad| name == bad || name.starts_with(&format!("{bad}-")));
        assert!(!bad, "oubliette-evidence depends on {name}");
    }
}

#[test]
fn no_clock_socket_or_dice_in_the_source() {
    for file in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("//! "), "{} does not say what it is for", file.display());
        let product = text.split("#[cfg(test)]").next().unwrap();
        for word in FORBIDDEN_WORDS {
            assert!(!product.contains(word), "{} contains {word}", file.display());
        }
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(sources(&path)),
            false => found.push(path),
        }
    }
    found
}
