//! Marks of a chart: a form and a colour for each kind of line, so that none is told by colour alone.

/// A mark at a place; the number chooses its form.
pub(super) fn dot(shade: usize, x: f64, y: f64) -> String {
    let (x0, x1, y0, y1) = (round(x - 4.5), round(x + 4.5), round(y - 4.5), round(y + 4.5));
    let (x, y) = (round(x), round(y));
    match shade % 4 {
        0 => format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"4.5\"/>"),
        1 => format!("<rect x=\"{x0}\" y=\"{y0}\" width=\"9\" height=\"9\"/>"),
        2 => format!("<path d=\"M{x} {y0}L{x1} {y}L{x} {y1}L{x0} {y}Z\"/>"),
        _ => format!("<path d=\"M{x} {y0}L{x1} {y1}L{x0} {y1}Z\"/>"),
    }
}

/// A place on the page, to a tenth of a pixel.
pub(super) fn round(at: f64) -> f64 {
    let rounded = (at * 10.0).round() / 10.0;
    if rounded == 0.0 { 0.0 } else { rounded }
}
