//! `foci optics`: nets tested like instruments, side by side.

use crate::arguments::OpticsArguments;
use crate::command::inspect;
use crate::exit::Failure;
use crate::progress::{Progress, READING, watched};
use crate::{reading, terminal};
use foci_image::{Dataset, DatasetOptions, Reading};
use foci_optics::{Bench, Characterisation, Grounds, OpticsError, Subject, characterise, figures};
use foci_train::Model;
use std::fmt::Write;
use std::path::Path;

/// Images that probes are put on are at most so many, spread over the folder.
const MOST_GROUNDS: usize = 12;
/// Columns are at least as wide as this.
const LEAST_COLUMN: usize = 12;

/// Runs the command.
pub fn run(flags: &OpticsArguments, threads: Option<usize>) -> Result<(), Failure> {
    let subjects =
        flags.subjects.iter().map(|name| subject(name, flags.weights)).collect::<Result<Vec<_>, _>>()?;
    terminal::stop_on_interrupt()?;
    let compute = terminal::compute(threads)?;
    let grounds = match &flags.data {
        None => Grounds::synthetic()?,
        Some(folder) => own_grounds(folder, flags, threads)?,
    };
    let mut progress = Progress::new(subjects.len() as f64, flags.json);
    let mut found = Vec::with_capacity(subjects.len());
    for (number, subject) in subjects.iter().enumerate() {
        let mut tell = |part: &str, done: usize, all: usize| {
            progress.begin(&format!("{}: {part}", subject.name));
            progress.reach(number * all + done, subjects.len() * all);
            terminal::go_on()
        };
        found.push(characterise(subject, &grounds, Bench::default(), &compute, &mut tell)?);
    }
    progress.finish();
    if flags.json {
        return terminal::print_json(&found);
    }
    terminal::print(&table(&found))
}

/// A model folder, or a net with random weights.
fn subject(name: &str, weights: Option<u64>) -> Result<Subject, Failure> {
    let folder = Path::new(name);
    let subject = if folder.join("recipe.json").exists() {
        inspect::refuse_weights(name, weights)?;
        Subject::trained(name, Model::load(folder)?)
    } else {
        Subject::untrained(name, inspect::load(name, weights)?)
    };
    subject.map_err(Failure::from)
}

/// Fields of a data folder, normalised.
fn own_grounds(folder: &Path, flags: &OpticsArguments, threads: Option<usize>) -> Result<Grounds, Failure> {
    let Reading { channel, page } = reading::of_files(&flags.image);
    let options = DatasetOptions { channel, page, ..DatasetOptions::default() };
    let dataset = watched(READING, threads, flags.json, |workers| Dataset::open(folder, &options, workers))?;
    let every = dataset.fields.len().div_ceil(MOST_GROUNDS).max(1);
    let planes = (0..dataset.fields.len())
        .step_by(every)
        .map(|field| dataset.load_field(field))
        .collect::<Result<Vec<_>, _>>()?;
    if planes.is_empty() {
        return Err(OpticsError::NoRoom { images: 0, side: Bench::default().side }.into());
    }
    let origin = format!("{} of {} images in {}", planes.len(), dataset.fields.len(), folder.display());
    Ok(Grounds { planes, origin })
}

/// One row for each figure, one column for each net.
fn table(found: &[Characterisation]) -> String {
    let columns: Vec<_> = found.iter().map(figures).collect();
    let Some(first) = columns.first() else { return String::new() };
    let wide = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0);
    let label = wide(&mut first.iter().map(|row| row.name.chars().count()));
    let names: Vec<&str> = found.iter().map(|found| last_part(&found.net)).collect();
    let widths: Vec<usize> = columns
        .iter()
        .zip(&names)
        .map(|(rows, name)| {
            wide(
                &mut rows
                    .iter()
                    .map(|row| row.value.chars().count())
                    .chain([name.chars().count(), LEAST_COLUMN]),
            )
        })
        .collect();
    let mut text = format!("probes on {}\n\n", found[0].ground);
    let _ = write!(text, "{:label$}  {:>7}", "", "perfect");
    for (name, width) in names.iter().zip(&widths) {
        let _ = write!(text, "  {name:>width$}");
    }
    text.push('\n');
    for (number, row) in first.iter().enumerate() {
        let _ = write!(text, "{:label$}  {:>7}", row.name, row.ideal);
        for (rows, width) in columns.iter().zip(&widths) {
            let _ = write!(text, "  {:>width$}", rows[number].value);
        }
        text.push('\n');
    }
    if found.iter().any(|found| !found.trained) {
        text.push_str(
            "\n– is not measured: the net is not trained, so only what its layout decides is shown\n",
        );
    }
    text
}

/// Folders are named by their last part: paths make columns too wide.
fn last_part(name: &str) -> &str {
    Path::new(name).file_name().and_then(|name| name.to_str()).unwrap_or(name)
}
