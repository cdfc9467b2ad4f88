//! How many samples a claim needs at least: so many that none of them shows the concept leaves too little open.

use super::{levels, upper};
use crate::plan::AuditPlan;

/// Claims that need more than this are not told how many.
const MOST: u32 = 1 << 20;

/// The fewest samples of a cell with which its upper bound falls below `returned`, where none of them is a hit.
pub fn enough(plan: &AuditPlan) -> Option<u32> {
    let (returned, error) = (plan.concept.claim.returned.get(), levels(plan).high);
    let suffices = |of: u32| upper(0, of, error) < returned;
    let mut most = 1;
    while !suffices(most) {
        most *= 2;
        if most > MOST {
            return None;
        }
    }
    let mut few = most / 2; // too few, or none
    while most - few > 1 {
        let middle = few + (most - few) / 2;
        match suffices(middle) {
            true => most = middle,
            false => few = middle,
        }
    }
    Some(most)
}
