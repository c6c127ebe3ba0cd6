//! foci: test conv-nets the way you test a microscope.
//!
//! The program reads as this file: parse, then one module per command. What can be typed is in
//! [`arguments`], how images are read in [`reading`], what a failure costs in [`exit`], how progress looks
//! in [`progress`].
#![forbid(unsafe_code)]

mod arguments;
mod command;
mod exit;
mod progress;
mod reading;
mod terminal;

use arguments::{Arguments, Command, DataCommand};
use clap::{CommandFactory, Parser};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(),
    }
}

fn run(arguments: Arguments) -> Result<(), exit::Failure> {
    let threads = arguments.threads.map(usize::from);
    match arguments.command {
        Command::Study(flags) => command::study::run(flags, threads),
        Command::Report(flags) => command::report::run(&flags),
        Command::Train(flags) => command::train::run(flags, threads),
        Command::Predict(flags) => command::predict::run(&flags, threads),
        Command::Evaluate(flags) => command::evaluate::run(&flags, threads),
        Command::Inspect(flags) => command::inspect::run(&flags),
        Command::Optics(flags) => command::optics::run(&flags, threads),
        Command::Data(DataCommand::Synth(flags)) => command::data::synth(&flags, threads),
        Command::Data(DataCommand::Check(flags)) => command::data::check(&flags, threads),
        Command::Data(DataCommand::Tile(flags)) => command::data::tile(&flags, threads),
        Command::Data(DataCommand::Transplant(flags)) => command::data::transplant(&flags, threads),
        Command::Bench(flags) => command::bench::run(&flags, threads),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Arguments::command(), "foci", &mut std::io::stdout());
            Ok(())
        }
    }
}
