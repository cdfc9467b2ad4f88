//! A scratch folder with tiny models in it, and the program run inside.
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// A folder of its own for one test.
pub(crate) struct Scene(TempDir);

impl Scene {
    /// An empty folder.
    pub(crate) fn empty() -> Scene {
        Scene(tempfile::tempdir().unwrap())
    }

    /// A folder with a copy of the tiny Stable Diffusion as `model`.
    pub(crate) fn with_model() -> Scene {
        let scene = Scene::empty();
        scene.bring("tiny-sd1", "model");
        scene
    }

    /// Copies a fixture under a name.
    pub(crate) fn bring(&self, fixture: &str, name: &str) {
        copy(&fixtures().join(fixture), &self.at(name));
    }

    /// A path inside.
    pub(crate) fn at(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file, with the folders above it.
    pub(crate) fn write(&self, name: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        let path = self.at(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// What a file holds.
    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).unwrap()
    }

    /// Changes a text file.
    pub(crate) fn edit(&self, name: &str, change: impl FnOnce(String) -> String) {
        self.write(name, change(self.text(name)));
    }

    /// The program, about to run inside.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oubliette"));
        command.args(arguments).current_dir(self.0.path()).env("NO_COLOR", "1");
        command.env_remove("RUST_BACKTRACE");
        command
    }

    /// Runs the program inside.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        Ended::from(self.command(arguments).output().unwrap())
    }

    /// Every file inside with what it holds.
    pub(crate) fn everything(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        gather(self.0.path(), &mut found);
        found
    }
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The exit code; none when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Ended {
        Ended {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ended {
    /// The object that `--json` printed: one, and nothing else.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("not one JSON object ({error}): {self:?}"))
    }
}

/// Where the tiny models lie.
pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens/data")
}

/// Copies a folder with everything in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap_or_else(|e| panic!("{}: {e}", from.display())) {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn gather(folder: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let kind = fs::symlink_metadata(&path).unwrap();
        if kind.is_dir() {
            found.insert(path.clone(), b"a folder".to_vec());
            gather(&path, found);
        } else if kind.is_symlink() {
            found.insert(
                path.clone(),
                fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes(),
            );
        } else if kind.is_file() {
            let bytes = fs::read(&path).unwrap();
            found.insert(path, bytes);
        } else {
            // Reading a pipe would wait for ever.
            found.insert(path, b"neither file nor folder".to_vec());
        }
    }
}
