//! The sweeps as small charts side by side: time against size, both logarithmic, beside what the arithmetic alone would give.

use std::fmt::Write as _;

use super::{Grown, Point};
use crate::bench::report::duration;

/// Room for labels left of the first panel.
const MARGIN: f64 = 12.0;
const WIDTH: f64 = 250.0;
const HEIGHT: f64 = 190.0;
const COLUMNS: usize = 3;
/// Left, top, right and bottom of a chart's field.
const FIELD: [f64; 4] = [58.0, 34.0, 232.0, 142.0];

/// The whole picture.
pub(super) fn draw(grown: &[Grown]) -> String {
    let rows = grown.len().div_ceil(COLUMNS);
    let (width, height) = (WIDTH * COLUMNS as f64, HEIGHT * rows as f64 + 24.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"-{MARGIN} 0 {} {height}\" font-family=\"system-ui, sans-serif\" font-size=\"11\" role=\"img\" \
         aria-label=\"How time grows with the work: both axes logarithmic\">\n<rect x=\"-{MARGIN}\" width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        width + MARGIN
    );
    for (at, sweep) in grown.iter().enumerate() {
        let (x, y) = ((at % COLUMNS) as f64 * WIDTH, (at / COLUMNS) as f64 * HEIGHT);
        let _ = writeln!(svg, "<g transform=\"translate({x} {y})\">\n{}</g>", one(sweep));
    }
    let _ = writeln!(
        svg,
        "<text x=\"12\" y=\"{}\" fill=\"#666\">solid: measured time; dashed: growing from the first size as the arithmetic does; both axes logarithmic</text>\n</svg>",
        height - 8.0
    );
    svg
}

/// One sweep.
fn one(sweep: &Grown) -> String {
    let [left, top, right, bottom] = FIELD;
    let (Some(first), Some(last)) = (sweep.points.first(), sweep.points.last()) else {
        return String::new();
    };
    let expected = |point: &Point| first.seconds * point.work / first.work;
    let all = sweep
        .points
        .iter()
        .flat_map(|point| [point.seconds, expected(point)])
        .filter(|value| value.is_finite());
    let (low, high) =
        all.fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
    let across = |size: f64| left + (right - left) * share(size, first.size, last.size);
    let up = |seconds: f64| bottom - (bottom - top) * share(seconds, low, high);
    let path = |of: &dyn Fn(&Point) -> f64| {
        let places = sweep
            .points
            .iter()
            .map(|point| format!("{:.1},{:.1}", across(point.size), up(of(point))));
        places.collect::<Vec<_>>().join(" ")
    };
    let mut svg = format!(
        "<text x=\"12\" y=\"18\" fill=\"#222\" font-weight=\"600\">{}</text>\n",
        sweep.name
    );
    if first.work.is_finite() {
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"#999\" stroke-dasharray=\"4 3\"/>",
            path(&expected)
        );
    }
    let _ = writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"#4477aa\" stroke-width=\"2\"/>",
        path(&|point| point.seconds)
    );
    for point in &sweep.points {
        let (x, y) = (across(point.size), up(point.seconds));
        let _ = writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"#4477aa\"/>");
        let _ = writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"#666\">{}</text>",
            bottom + 16.0,
            point.size
        );
    }
    for seconds in [low, high] {
        let _ = writeln!(
            svg,
            "<text x=\"52\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#666\">{}</text>",
            up(seconds) + 4.0,
            duration(seconds)
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"#222\">{}</text>",
        (left + right) / 2.0,
        bottom + 32.0,
        sweep.axis
    );
    svg
}

/// Where a value lies between two others on a logarithmic scale, 0 to 1.
fn share(value: f64, low: f64, high: f64) -> f64 {
    if high > low { (value / low).ln() / (high / low).ln() } else { 0.5 }
}
