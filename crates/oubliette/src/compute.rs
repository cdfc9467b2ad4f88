//! Where the work is done: `--device`, `--dtype`, `--threads`.
use crate::failure::Failure;
use clap::Args;
use clap::builder::PossibleValuesParser;
use oubliette_lab::run::Context;
use oubliette_model::device::{DeviceKind, Precision};
use std::path::PathBuf;

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

/// Stack of a computing thread, in bytes: as much as the system gives the first thread of a program.
const STACK: usize = 8 << 20;

impl Compute {
    /// Does `work` on one of the threads that compute. From any other thread, every kernel would be handed over and waited
    /// for, which for small pictures costs a quarter of the time.
    pub(crate) fn within<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        oubliette_kernels::keep_memory();
        let threads = self.threads.map_or(0, usize::from); // 0: one for each core
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).stack_size(STACK);
        let _ = pool.build_global(); // fails only where there is one already
        rayon::scope(|_| work())
    }

    /// What the library needs to know of this machine, with run folders below `runs`; without a limit of memory, as it is fastest.
    ///
    /// # Errors
    /// When the device is not built in.
    pub(crate) fn context(&self, runs: PathBuf) -> Result<Context, Failure> {
        let (device, precision) = self.begin()?;
        Ok(Context { runs, device, precision, recompute: false, pictures: usize::MAX })
    }

    /// Says where to compute and in which format.
    ///
    /// # Errors
    /// When the device is not built in.
    pub(crate) fn begin(&self) -> Result<(DeviceKind, Precision), Failure> {
        let device: DeviceKind = self.device.parse()?;
        device.open()?;
        let precision = self.dtype.parse()?;
        tracing::info!(%device, %precision, threads = rayon::current_num_threads(), "computing");
        Ok((device, precision))
    }
}
