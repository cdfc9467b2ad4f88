//! The backward: what lies between the maps is made again, a stretch of rows at a time.

use super::{DOWN, Shape, X};
use crate::buffer::{Lent, Parts, scratch, unwritten};
use crate::engine::micro::Onto;
use crate::engine::panels;
use crate::engine::product::{Matrix, Sizes, product};
use crate::engine::reduce::add_column_sums;
use crate::engine::shared::{Right, shared, tile_rows};
use crate::gated::Gate;
use crate::linear::{self, add_weight_gradient};
use crate::parallel;

/// What the backward reads.
pub(super) struct Given<'a> {
    pub(super) gate: Gate,
    pub(super) x: &'a [f32],
    pub(super) up: &'a [f32],
    pub(super) up_bias: Option<&'a [f32]>,
    /// Where something before the second map wants a gradient.
    pub(super) down: Option<&'a [f32]>,
    pub(super) gradient: &'a [f32],
    pub(super) shape: Shape,
}

/// The right operands of the backward's products, packed.
struct Panels {
    /// Up, transposed: makes what lies between the maps again.
    again: Lent,
    /// From the gradient to that of the unit.
    down: Option<Lent>,
    /// From there to that of x.
    up: Option<Lent>,
}

impl Given<'_> {
    /// The gradients of x, up, down and up's bias that are wanted.
    pub(super) fn backward(&self, wanted: [bool; 4]) -> [Option<Vec<f32>>; 4] {
        let Shape { rows, inputs, inner, outputs } = self.shape;
        let lengths = [rows * inputs, 2 * inner * inputs, outputs * inner, 2 * inner];
        let [mut dx, mut dup, mut ddown, mut dbias] =
            std::array::from_fn(|i| wanted[i].then(|| vec![0.0; lengths[i]]));
        let panels = (!self.shape.is_low()).then(|| self.panels(wanted[X]));
        let stretch = self.shape.stretch();
        let most = stretch.min(rows);
        let mut dwide = unwritten(if self.down.is_some() { most * 2 * inner } else { 0 });
        let mut unit = unwritten(if wanted[DOWN] { most * inner } else { 0 });
        for from in (0..rows).step_by(stretch) {
            let rows = stretch.min(rows - from);
            let dx = dx.as_mut().map(|dx| &mut dx[from * inputs..][..rows * inputs]);
            match &panels {
                Some(panels) => self.by_rows([from, rows], panels, dx, &mut dwide, &mut unit),
                None => self.by_columns([from, rows], dx, &mut dwide, &mut unit),
            }
            let (x, gradient) = (&self.x[from * inputs..], &self.gradient[from * outputs..]);
            if let Some(dup) = &mut dup {
                add_weight_gradient(&dwide, x, [rows, 2 * inner, inputs], dup, from > 0);
            }
            if let Some(ddown) = &mut ddown {
                add_weight_gradient(gradient, &unit, [rows, outputs, inner], ddown, from > 0);
            }
            if let Some(dbias) = &mut dbias {
                add_column_sums(&dwide[..rows * 2 * inner], rows, dbias);
            }
        }
        [dx, dup, ddown, dbias]
    }

    fn panels(&self, wants_dx: bool) -> Panels {
        let Shape { inputs, inner, outputs, .. } = self.shape;
        Panels {
            again: panels::from_columns(self.up, inputs, inputs, 2 * inner),
            down: self.down.map(|down| panels::from_rows(down, inner, outputs, inner)),
            up: wants_dx.then(|| panels::from_rows(self.up, inputs, 2 * inner, inputs)),
        }
    }

    /// For `rows` rows from `from` on: the unit, where it has room, and the gradients of what goes into it and of x. One map after the
    /// other, each over all threads.
    fn by_columns(
        &self,
        [from, rows]: [usize; 2],
        dx: Option<&mut [f32]>,
        dwide: &mut [f32],
        unit: &mut [f32],
    ) {
        let Shape { inputs, inner, outputs, .. } = self.shape;
        let x = &self.x[from * inputs..][..rows * inputs];
        let wide = linear::forward(x, self.up, self.up_bias, self.shape.up(rows));
        if !unit.is_empty() {
            self.gate.all(&wide, inner, &mut unit[..rows * inner]);
        }
        let Some(down) = self.down else { return };
        let gradient = &self.gradient[from * outputs..][..rows * outputs];
        let mut dunit = unwritten(rows * inner);
        let down = Right::Rows { data: down, stride: inner };
        shared(gradient, down, None, Sizes { rows, depth: outputs, columns: inner }, &mut dunit);
        let dwide = &mut dwide[..rows * 2 * inner];
        self.gate.all_gradient(&wide, &dunit, inner, dwide);
        if let Some(dx) = dx {
            let up = Right::Rows { data: self.up, stride: inputs };
            shared(dwide, up, None, Sizes { rows, depth: 2 * inner, columns: inputs }, dx);
        }
    }

    /// The same, all maps of some rows on one thread.
    fn by_rows(
        &self,
        [from, rows]: [usize; 2],
        panels: &Panels,
        dx: Option<&mut [f32]>,
        dwide: &mut [f32],
        unit: &mut [f32],
    ) {
        let Shape { inputs, inner, outputs, .. } = self.shape;
        let height = tile_rows(rows);
        let (mut no_room, has_unit) = ([], !unit.is_empty());
        let (dwide, unit) = (Parts::new(dwide), Parts::new(unit));
        let (wants_dx, dx) = (dx.is_some(), Parts::new(dx.unwrap_or(&mut no_room)));
        parallel::tasks(rows.div_ceil(height), 3 * rows * self.shape.cost(), |task| {
            let (first, rows) = (task * height, height.min(rows - task * height));
            scratch(rows * 3 * inner, |memory| {
                let (wide, dunit) = memory.split_at_mut(rows * 2 * inner);
                let x = &self.x[(from + first) * inputs..][..rows * inputs];
                map(x, &panels.again, self.up_bias, self.shape.up(rows), wide);
                if has_unit {
                    // SAFETY: the tasks' rows do not overlap.
                    let unit = unsafe { unit.part(first * inner, rows * inner) };
                    self.gate.rows(wide, inner.max(1), unit);
                }
                let Some(down) = &panels.down else { return };
                let gradient = &self.gradient[(from + first) * outputs..][..rows * outputs];
                let sizes = Sizes { rows, depth: outputs, columns: inner };
                map(gradient, down, None, sizes, dunit);
                // SAFETY: as above.
                let dwide = unsafe { dwide.part(first * 2 * inner, rows * 2 * inner) };
                self.gate.rows_gradient(wide, dunit, inner.max(1), dwide);
                if let (Some(up), true) = (&panels.up, wants_dx) {
                    // SAFETY: as above.
                    let dx = unsafe { dx.part(first * inputs, rows * inputs) };
                    let sizes = Sizes { rows, depth: 2 * inner, columns: inputs };
                    map(dwide, up, None, sizes, dx);
                }
            });
        });
    }
}

/// `y = x panels + bias`, on this thread.
fn map(x: &[f32], panels: &[f32], bias: Option<&[f32]>, sizes: Sizes, y: &mut [f32]) {
    let left = Matrix { data: x, row: sizes.depth, step: 1 };
    product(left, panels, sizes, y, sizes.columns, Onto::bias(bias));
}
