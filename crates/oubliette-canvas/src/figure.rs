//! What an object looks like before a style paints it: shapes in a box of ±50 units, each with a role.
use tiny_skia::{Path, PathBuilder, Rect};

/// A point in figure units: x to the right, y down, the centre at (0, 0).
pub type Point = (f32, f32);

/// What a shape stands for; a style decides how that is painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The body, in the scene's colour.
    Main,
    /// Parts of the body that are darker.
    Shade,
    /// Parts of the body that are paler.
    Light,
    /// Eyes, openings, tyres: nearly black.
    Ink,
    /// Eye whites, sails' highlights: nearly white.
    White,
    /// Leaves and stems.
    Leaf,
    /// Trunks, necks of instruments, masts, baskets.
    Wood,
    /// Metal and stone.
    Steel,
    /// Window panes.
    Glass,
}

/// How a shape is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A filled area.
    Area,
    /// A stroke of this width in figure units.
    Line(f32),
}

/// One shape of a figure.
#[derive(Clone, Debug)]
pub struct Part {
    /// The outline or the stroke's centre line.
    pub path: Path,
    /// What it stands for.
    pub role: Role,
    /// Area or line.
    pub kind: Kind,
}

/// The shapes of an object from back to front.
#[derive(Clone, Debug, Default)]
pub struct Figure {
    /// From back to front.
    pub parts: Vec<Part>,
}

impl Figure {
    /// A figure without shapes.
    pub fn new() -> Self {
        Self::default()
    }

    /// An ellipse by its centre and half axes.
    pub fn ellipse(self, role: Role, (x, y): Point, (rx, ry): Point) -> Self {
        let path = Rect::from_xywh(x - rx, y - ry, 2.0 * rx, 2.0 * ry).and_then(|r| {
            let mut path = PathBuilder::new();
            path.push_oval(r);
            path.finish()
        });
        self.part(role, Kind::Area, path)
    }

    /// A circle by its centre and radius.
    pub fn circle(self, role: Role, centre: Point, radius: f32) -> Self {
        self.ellipse(role, centre, (radius, radius))
    }

    /// A rectangle by its upper left corner and size.
    pub fn rectangle(self, role: Role, (x, y): Point, (width, height): Point) -> Self {
        self.polygon(role, &[(x, y), (x + width, y), (x + width, y + height), (x, y + height)])
    }

    /// A closed shape with straight sides.
    pub fn polygon(self, role: Role, corners: &[Point]) -> Self {
        let path = straight(corners, true);
        self.part(role, Kind::Area, path)
    }

    /// A closed shape whose smooth outline passes through the points.
    pub fn blob(self, role: Role, points: &[Point]) -> Self {
        let path = smooth(points, true);
        self.part(role, Kind::Area, path)
    }

    /// An open stroke with straight pieces.
    pub fn strokes(self, role: Role, width: f32, points: &[Point]) -> Self {
        let path = straight(points, false);
        self.part(role, Kind::Line(width), path)
    }

    /// An open smooth stroke through the points.
    pub fn curve(self, role: Role, width: f32, points: &[Point]) -> Self {
        let path = smooth(points, false);
        self.part(role, Kind::Line(width), path)
    }

    /// The same shape, with what `mirrored` adds to it repeated at the other side of the vertical axis.
    pub fn both_sides(mut self, half: Figure) -> Self {
        let flip = tiny_skia::Transform::from_scale(-1.0, 1.0);
        let other = half.parts.iter().filter_map(|part| {
            Some(Part { path: part.path.clone().transform(flip)?, ..part.clone() })
        });
        self.parts.extend(other);
        self.parts.extend(half.parts);
        self
    }

    /// Adds a shape; one without extent draws nothing and is left out.
    fn part(mut self, role: Role, kind: Kind, path: Option<Path>) -> Self {
        self.parts.extend(path.map(|path| Part { path, role, kind }));
        self
    }
}

fn straight(points: &[Point], closed: bool) -> Option<Path> {
    let mut path = PathBuilder::new();
    let (first, rest) = points.split_first()?;
    path.move_to(first.0, first.1);
    for p in rest {
        path.line_to(p.0, p.1);
    }
    if closed {
        path.close();
    }
    path.finish()
}

/// A Catmull-Rom spline written as cubic Bézier pieces.
fn smooth(points: &[Point], closed: bool) -> Option<Path> {
    let n = points.len() as isize;
    let at = |i: isize| {
        let i = if closed { i.rem_euclid(n) } else { i.clamp(0, n - 1) };
        points[i as usize]
    };
    let mut path = PathBuilder::new();
    let first = points.first()?;
    path.move_to(first.0, first.1);
    for i in 0..if closed { n } else { n - 1 } {
        let (before, from, to, after) = (at(i - 1), at(i), at(i + 1), at(i + 2));
        let out = (from.0 + (to.0 - before.0) / 6.0, from.1 + (to.1 - before.1) / 6.0);
        let into = (to.0 - (after.0 - from.0) / 6.0, to.1 - (after.1 - from.1) / 6.0);
        path.cubic_to(out.0, out.1, into.0, into.1, to.0, to.1);
    }
    if closed {
        path.close();
    }
    path.finish()
}
