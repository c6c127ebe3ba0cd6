//! `foci inspect`: one net, counted.

use crate::arguments::InspectArguments;
use crate::exit::Failure;
use crate::terminal;
use foci_net::memory::{Mode, PlanOptions};
use foci_net::{Architecture, MemoryCost, Net, Op, solve};
use foci_train::{PixelModel, Recipe, TrainError};
use std::fmt::Write;
use std::path::Path;

/// Weights of an architecture for which nobody says how many.
const DEFAULT_WEIGHTS: u64 = 60_000;

/// Runs the command.
pub fn run(flags: &InspectArguments) -> Result<(), Failure> {
    if flags.net == "list" {
        let names: Vec<&str> = Architecture::shipped_names().collect();
        if flags.json {
            return terminal::print_json(&names);
        }
        return terminal::print(&(names.join("\n") + "\n"));
    }
    let (height, width) = terminal::height_and_width(&flags.size)?;
    let net = load(&flags.net, flags.weights)?;
    let exact = flags.arithmetic.exact || is_exact_model(&flags.net)?;
    let bytes = |mode| {
        let options = PlanOptions { exact, ..PlanOptions::new(mode) };
        net.bytes(height, width, options).map_err(Failure::input)
    };
    let (train_bytes, infer_bytes) = (bytes(Mode::Training)?, bytes(Mode::Inference)?);
    let cost = MemoryCost { height, width, train_bytes, infer_bytes };
    if flags.json {
        return terminal::print(&net.to_json(Some(&cost)));
    }
    terminal::print(&describe(&net, &cost))
}

/// True for a model that was trained by direct convolutions only, and so is always used that way.
fn is_exact_model(name: &str) -> Result<bool, Failure> {
    let folder = Path::new(name);
    if !folder.join("recipe.json").exists() {
        return Ok(false);
    }
    Ok(Recipe::load(folder).map_err(Failure::input)?.training.plan.exact)
}

/// A model folder holds its net; anything else is an architecture, brought to `weights`.
pub fn load(name: &str, weights: Option<u64>) -> Result<Net, Failure> {
    let folder = Path::new(name);
    if PixelModel::is_in(folder) {
        return Err(TrainError::NoNet { folder: folder.into() }.into());
    }
    if folder.join("net.json").exists() {
        refuse_weights(name, weights)?;
        let path = folder.join("net.json");
        let text = std::fs::read_to_string(&path).map_err(Failure::input)?;
        return Net::from_json(&text, &path.display().to_string()).map_err(Failure::input);
    }
    let architecture = Architecture::load(name).map_err(Failure::input)?;
    solve::for_weights(&architecture, weights.unwrap_or(DEFAULT_WEIGHTS), 1, 1).map_err(Failure::input)
}

/// A model cannot be brought to other weights.
pub fn refuse_weights(name: &str, weights: Option<u64>) -> Result<(), Failure> {
    match weights {
        None => Ok(()),
        Some(_) => Err(Failure::input(anyhow::anyhow!(
            "{name} is a model, which has the weights it has; leave out --weights"
        ))),
    }
}

fn describe(net: &Net, cost: &MemoryCost) -> String {
    let mut text = String::new();
    let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let lines = [
        ("net", net.name.clone()),
        ("layers", format!("{} convolutions", net.layers())),
        ("weights", net.weights().to_string()),
        ("multiply-adds", format!("{:.0} for each pixel", net.macs_per_pixel())),
        ("receptive field", format!("{0} x {0} pixels", net.receptive_field())),
        ("stride", net.stride().to_string()),
        (
            "memory",
            format!(
                "{:.0} MiB to train, {:.0} MiB to predict one image of {} x {}",
                mebibytes(cost.train_bytes),
                mebibytes(cost.infer_bytes),
                cost.height,
                cost.width
            ),
        ),
    ];
    for (name, value) in lines {
        let _ = writeln!(text, "{name:16} {value}");
    }
    let _ = writeln!(text, "\n{:20} {:28} {:>8} {:>6}  from", "node", "operation", "channels", "scale");
    for node in &net.nodes {
        let from: Vec<&str> = node.from.iter().map(|&index| net.nodes[index].id.as_str()).collect();
        let _ = writeln!(
            text,
            "{:20} {:28} {:>8} {:>6}  {}",
            node.id,
            operation(&node.op),
            node.channels,
            format!("1/{}", node.scale),
            from.join(", ")
        );
    }
    text
}

fn operation(op: &Op) -> String {
    match op {
        Op::Conv { kernel, dilation, activation, .. } => {
            let dilation = if *dilation > 1 { format!(", dilation {dilation}") } else { String::new() };
            format!("conv {kernel}x{kernel}{dilation}, {}", activation.name())
        }
        Op::Pool { kind, factor } => format!("{} {factor}", kind.op_name()),
        Op::Upsample { factor, mode } => format!("upsample {factor}, {}", mode.name()),
        Op::ConvTransposed { kernel, activation, .. } => {
            format!("conv_transposed {kernel}x{kernel}, {}", activation.name())
        }
        op => op.name().to_string(),
    }
}
