//! How our time and memory grow with the work, beside how the arithmetic grows: a chart and a table.

mod chart;
mod sweeps;

use std::fmt::Write as _;
use std::fs;

use anyhow::{Result, bail};

use super::report::{append_text, duration};
use super::side::Side;
use super::{Arguments, prepared, statistics};
use crate::python::Python;
use crate::workspace;
use serde_json::Value;
use sweeps::Sweep;

/// Runs of a size that are counted, and those before them that are not.
const RUNS: usize = 5;
const WARM_UP: usize = 1;
/// Seconds after which a size is not run again.
const PATIENCE: f64 = 2.0;

/// One size of a sweep.
struct Point {
    /// What grows.
    size: f64,
    /// The median of the runs.
    seconds: f64,
    /// The most memory above the bare process.
    bytes: f64,
    /// Multiply-adds, in the unit of the sweep.
    work: f64,
}

/// What came of a sweep.
struct Grown {
    name: &'static str,
    axis: &'static str,
    points: Vec<Point>,
}

/// Runs every sweep, draws the chart and appends the table.
pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let python = Python::open()?;
    workspace::build("oubliette-benches", &[])?;
    let wanted = arguments.only.as_deref().unwrap_or("");
    let mut grown = Vec::new();
    for sweep in sweeps::all(&python, arguments.threads)? {
        if sweep.name.contains(wanted) {
            grown.push(follow(&python, &sweep)?);
        }
    }
    if grown.is_empty() {
        bail!("no sweep has `{wanted}` in its name");
    }
    let text = table(&grown);
    println!("{text}");
    if arguments.dry {
        return Ok(());
    }
    fs::write(workspace::at("docs/growth.svg"), chart::draw(&grown))?;
    let about = "Ours alone. The exponent e of growth between a size and the one before it: time grows as size to the e. `arithmetic` is the exponent \
                 of the multiply-adds, counted and not timed; `–` where nothing counts them. Memory is the most above the bare process. \
                 `threads` should fall: -1 is perfect. [The chart](docs/growth.svg) has the same figures.";
    append_text(arguments, "", format!("{about}\n\n{text}").trim_end())
}

/// The sizes of a sweep, smallest first.
fn follow(python: &Python, sweep: &Sweep) -> Result<Grown> {
    let mut points = Vec::new();
    let cases: Vec<(String, &Value)> = sweep
        .sizes
        .iter()
        .map(|one| (format!("growth-{}-{}", sweep.name, one.size), &one.settings))
        .collect();
    for (one, folder) in sweep.sizes.iter().zip(prepared(python, &cases)?) {
        let mut side = Side::ours(&folder, one.threads)?;
        side.check()?;
        side.go_several(WARM_UP)?;
        let mut seconds = Vec::new();
        while seconds.len() < RUNS && seconds.iter().sum::<f64>() < PATIENCE {
            seconds.push(side.go()?);
        }
        let [_, seconds, _] = statistics::spread(&seconds);
        println!("{} {}: {}", sweep.name, one.size, duration(seconds));
        points.push(Point {
            size: one.size as f64,
            seconds,
            bytes: side.end()? as f64,
            work: one.work,
        });
    }
    Ok(Grown { name: sweep.name, axis: sweep.axis, points })
}

/// The power of the size that `of` grows with from one point to the next.
fn exponent(of: impl Fn(&Point) -> f64, from: &Point, to: &Point) -> f64 {
    (of(to) / of(from)).ln() / (to.size / from.size).ln()
}

fn table(grown: &[Grown]) -> String {
    let mut text = "| work | size | time | exponent | arithmetic | memory | exponent |\n|---|---|---|---|---|---|---|\n".to_owned();
    for sweep in grown {
        for (at, point) in sweep.points.iter().enumerate() {
            let before = at.checked_sub(1).map(|before| &sweep.points[before]);
            let power =
                |of: fn(&Point) -> f64| match before.map(|before| exponent(of, before, point)) {
                    Some(power) if power.is_finite() => format!("{power:.2}"),
                    _ => "–".to_owned(),
                };
            let _ = writeln!(
                text,
                "| {} | {} {} | {} | {} | {} | {:.0} MB | {} |",
                sweep.name,
                point.size,
                sweep.axis,
                duration(point.seconds),
                power(|point| point.seconds),
                power(|point| point.work),
                point.bytes / 1e6,
                power(|point| point.bytes),
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_has_the_exponent_two() {
        let point =
            |size: f64| Point { size, seconds: 3.0 * size * size, bytes: 7.0, work: f64::NAN };
        let (small, large) = (point(2.0), point(8.0));
        assert!((exponent(|point| point.seconds, &small, &large) - 2.0).abs() < 1e-12);
        assert_eq!(exponent(|point| point.bytes, &small, &large), 0.0);
        assert!(exponent(|point| point.work, &small, &large).is_nan());
    }
}
