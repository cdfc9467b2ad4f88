//! Every kernel against the same operation composed in `f64`, forward and gradients, and what the crate promises
//! about bits.

mod attention;
mod conv2d;
mod elementwise;
mod feed_forward;
mod linear;
mod meaning;
mod norms;
mod support;
mod training;

/// Everything but the largest once more, held to the instructions of lesser processors.
#[test]
fn what_other_processors_run() {
    if let Ok(most) = std::env::var(support::AT_MOST) {
        support::flex();
        let used = oubliette_kernels::describe();
        assert!(
            used.ends_with(&most) || used.ends_with("plain"),
            "{used} where {most} was asked for"
        );
        return;
    }
    let tests = std::env::current_exe().expect("the tests have a program");
    for most in ["avx2", "plain"] {
        let mut command = std::process::Command::new(&tests);
        command.env(support::AT_MOST, most);
        command.args(["--skip", "whose_points_are_made_in_several_goes"]);
        let output = command.output().expect("the tests start");
        let [said, complained] =
            [&output.stdout, &output.stderr].map(|x| String::from_utf8_lossy(x));
        assert!(output.status.success(), "with {most}, {}:\n{said}\n{complained}", output.status);
    }
}
