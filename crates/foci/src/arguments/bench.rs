//! What `foci bench` can be told.

use super::ArithmeticArguments;
use clap::{Args, ValueEnum};

/// Flags of `foci bench`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  foci bench\n  foci bench --net atrous --weights 67000\n  foci bench --net atrous --profile\n  foci bench --net atrous --limits 1,2,4 --verify"
)]
pub struct BenchArguments {
    /// Time a training step and a prediction of this net instead of single kernels
    #[arg(long, value_name = "NAME|FILE")]
    pub net: Option<String>,
    /// Image size
    #[arg(long, value_name = "HEIGHTxWIDTH", default_value = "512x672")]
    pub size: String,
    /// Images in a batch
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub batch: usize,
    /// Trainable weights of an architecture [default: 60000]
    #[arg(long, value_name = "N")]
    pub weights: Option<u64>,
    /// How convolutions are computed
    #[command(flatten)]
    pub arithmetic: ArithmeticArguments,
    /// Time every layer and pass of the net: share of the step, operations against the measured peak, and the bytes
    /// that it needs (not those that really move, which only the processor's counters could tell) against the
    /// measured bandwidth of a copy
    #[arg(long, requires = "net", conflicts_with = "worker")]
    pub profile: bool,
    /// The largest image, largest batch and greatest depth that train within so many GiB, and the largest image that is
    /// predicted
    #[arg(long, value_name = "GIB,GIB", value_delimiter = ',', requires = "net", conflicts_with_all = ["profile", "worker"])]
    pub limits: Vec<f64>,
    /// Run the net at each limit and just above, and measure the memory that it takes
    #[arg(long, requires = "limits")]
    pub verify: bool,
    /// Seconds and memory at half the size, the size and twice the size, and with all hidden layers once, twice and four times
    #[arg(long, requires = "net", conflicts_with_all = ["profile", "worker", "limits"])]
    pub growth: bool,
    /// Time the net on command, for bench/run: reads "run STEPS", "record FILE", "peak MILLISECONDS"
    /// from standard input, answers each with a line of JSON
    #[arg(long, value_enum, value_name = "MODE", requires = "net")]
    pub worker: Option<WorkerMode>,
    /// Print the figures as JSON
    #[arg(long)]
    pub json: bool,
}

/// What a worker of a comparison of speed repeats.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum WorkerMode {
    /// Whole training steps
    Training,
    /// Forward passes
    Inference,
}
