//! Where the work is done: `--device`, `--dtype`, `--threads`.
use crate::failure::Failure;
use clap::Args;
use clap::builder::PossibleValuesParser;
use oubliette_model::device::{DeviceKind, Precision};

/// Options of every command that computes.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Compute")]
pub(crate) struct Compute {
    /// What computes; one that is not built in says how to build it in
    #[arg(long, value_name = "NAME", default_value = "cpu",
          value_parser = PossibleValuesParser::new(DeviceKind::ALL.map(DeviceKind::name)))]
    device: String,
    /// The number format that weights are held and computed in
    #[arg(long, value_name = "FORMAT", default_value = "f32", value_parser = ["f32", "f16", "bf16"])]
    dtype: String,
    /// How many threads compute [default: one for each core]; the result is the same for any number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

impl Compute {
    /// Sets up the threads, and says where to compute and in which format.
    ///
    /// # Errors
    /// When the device is not built in.
    pub(crate) fn begin(&self) -> Result<(DeviceKind, Precision), Failure> {
        if let Some(threads) = self.threads {
            // Fails only where a pool is there already, which then has that many threads.
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.into());
            let _ = pool.build_global();
        }
        let device: DeviceKind = self.device.parse()?;
        device.open()?;
        let precision = self.dtype.parse()?;
        tracing::info!(%device, %precision, threads = rayon::current_num_threads(), "computing");
        Ok((device, precision))
    }
}
