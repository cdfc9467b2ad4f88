//! Against numbers that other programs computed: see `goldens/README.md` for what made them.

mod detectors;
mod golden;
mod lora;
mod networks;
mod noising;
mod pictures;
mod released;
mod token_ids;
mod training;
mod trajectories;
