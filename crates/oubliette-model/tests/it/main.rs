//! Against numbers that other programs computed: see `goldens/README.md` for what made them.

mod detectors;
mod golden;
mod networks;
mod noising;
mod released;
mod token_ids;
mod trajectories;
