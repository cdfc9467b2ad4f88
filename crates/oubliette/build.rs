//! Has the program built again when the embedded folders change, which a macro alone does not see.
fn main() {
    println!("cargo::rerun-if-changed=../../assets");
}
