//! `foci study`: from flags to a study, and a watcher that shows how it goes.

use crate::arguments::StudyArguments;
use crate::command::forecast;
use crate::exit::Failure;
use crate::progress::{Progress, duration};
use crate::{reading, terminal};
use foci_study::forecast::ForecastRequest;
use foci_study::{ClaimSpec, Event, Observer, StudyRequest, StudySpec};
use std::path::PathBuf;
use std::time::Instant;

/// Runs the command.
pub fn run(flags: StudyArguments, threads: Option<usize>) -> Result<(), Failure> {
    let json = flags.json;
    let only = flags.plan_only.then(|| (flags.pilot.clone(), flags.smallest_difference.clone()));
    let (request, left_out) = resolve(flags)?;
    terminal::stop_on_interrupt()?;
    if let Some((pilot, wanted)) = only {
        return forecast::run(&ForecastRequest { study: request, pilot, wanted }, threads, json);
    }
    let compute = terminal::compute(threads)?;
    let mut watcher = Watcher::new(json);
    watcher.say(&format!("study '{}' in {}", request.spec.name, request.out.display()));
    for claim in left_out {
        watcher.say(&format!("  claim '{}' is left out: it names a net that --nets does not", claim.id));
    }
    let outcome = foci_study::run(&request, &compute, &mut watcher);
    watcher.finish();
    let results = outcome?;
    if json {
        return terminal::print_json(&results);
    }
    let seconds = watcher.started.elapsed().as_secs_f64();
    let report = request.out.join("report.html");
    terminal::print(&format!(
        "\n{}\nreport   {}\nfigures  {}\ntime     {}\n",
        foci_study::report::summary_text(&results),
        report.display(),
        request.out.join("results.json").display(),
        duration(seconds)
    ))
}

/// Flags become a request; the specification is checked again because flags may have changed it. Also gives the claims
/// that cannot be decided any more.
fn resolve(flags: StudyArguments) -> Result<(StudyRequest, Vec<ClaimSpec>), Failure> {
    let mut spec = match &flags.spec {
        Some(path) => StudySpec::load(path)?,
        None if flags.data.is_some() => StudySpec::standard()?,
        None => StudySpec::quick()?,
    };
    let mut left_out = Vec::new();
    let mut command = vec!["foci study".to_string()];
    command.extend(flags.spec.iter().map(|path| quoted(&path.display().to_string())));
    let mut add = |flag: &str, value: String| command.push(format!("--{flag} {}", quoted(&value)));
    if let Some(data) = &flags.data {
        add("data", data.display().to_string());
    }
    if !flags.nets.is_empty() {
        add("nets", flags.nets.join(","));
        left_out = spec.keep_arms(&flags.nets);
    }
    if let Some(weights) = flags.weights {
        add("weights", weights.to_string());
        spec.weights = weights;
    }
    if let Some(seeds) = flags.seeds {
        add("seeds", seeds.to_string());
        spec.seeds = seeds;
    }
    if let Some(steps) = flags.steps {
        add("steps", steps.to_string());
        spec.training.steps = steps;
    }
    if let Some(tile) = flags.reading.tile {
        add("tile", String::from(tile));
        spec.tile = Some(tile);
    }
    if let Some(tiles) = &flags.reading.tiles {
        add("tiles", tiles.display().to_string());
        spec.tile = None;
    }
    if let Some(page) = flags.reading.image.page {
        add("page", page.to_string());
    }
    if let Some(channel) = flags.reading.image.channel {
        add("channel", format!("{channel:?}").to_lowercase());
    }
    if flags.arithmetic.exact {
        command.push("--exact".into());
        spec.training.exact = true;
    }
    let place = flags.spec.as_ref().map_or("command line".into(), |path| path.display().to_string());
    spec.check().map_err(|reason| foci_study::StudyError::Spec { place, reason })?;
    let out = match flags.out {
        Some(out) => out,
        None if flags.resume => {
            return Err(Failure::input(anyhow::anyhow!(
                "--resume needs the folder of the study to go on with: add --out DIR"
            )));
        }
        None => free_folder()?,
    };
    let request = StudyRequest {
        spec,
        data: flags.data,
        reading: reading::dataset_options(&flags.reading),
        out,
        resume: flags.resume,
        command: command.join(" "),
    };
    Ok((request, left_out))
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./,=:".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// The first of `foci-study-1`, `foci-study-2`, ... that does not exist.
fn free_folder() -> Result<PathBuf, Failure> {
    (1..10_000)
        .map(|number| PathBuf::from(format!("foci-study-{number}")))
        .find(|folder| !folder.exists())
        .ok_or_else(|| {
            Failure::input(anyhow::anyhow!(
                "ten thousand studies lie here already; name a folder with --out DIR"
            ))
        })
}

/// Shows the study's events as a bar or as lines.
pub(super) struct Watcher {
    /// Trials and runs.
    progress: Option<Progress>,
    /// What happens before, between and after them, with its name.
    phase: Option<(String, Progress)>,
    quiet: bool,
    what: String,
    started: Instant,
}

impl Watcher {
    pub(super) fn new(quiet: bool) -> Watcher {
        Watcher { progress: None, phase: None, quiet, what: String::new(), started: Instant::now() }
    }

    fn say(&self, line: &str) {
        match &self.progress {
            Some(progress) => progress.line(line),
            None if self.quiet => {}
            None => eprintln!("{line}"),
        }
    }

    /// One bar at a time: that of a phase takes the place of the other as soon as it has something to show.
    fn reach(&mut self, what: &str, done: usize, all: usize) {
        if self.phase.as_ref().is_none_or(|(name, _)| name != what) {
            self.end_phase();
            self.phase = Some((what.to_string(), Progress::phase(what, self.quiet)));
        }
        if let Some((_, phase)) = &mut self.phase {
            if let Some(progress) = self.progress.as_mut().filter(|_| phase.is_due()) {
                progress.finish();
            }
            phase.reach(done, all);
        }
        if done == all {
            self.end_phase();
        }
    }

    fn end_phase(&mut self) {
        if let Some((_, mut phase)) = self.phase.take() {
            phase.finish();
        }
    }

    pub(super) fn finish(&mut self) {
        self.end_phase();
        if let Some(progress) = &mut self.progress {
            progress.finish();
        }
    }
}

impl Observer for Watcher {
    fn event(&mut self, event: Event) {
        match (event, &mut self.progress) {
            (Event::Note(line), _) => self.say(&format!("  {line}")),
            (Event::Planned { work }, _) => self.progress = Some(Progress::new(work, self.quiet)),
            (Event::Phase { what, done, all }, _) => self.reach(what, done, all),
            (Event::Ended { outcome }, _) => self.say(&format!("  {}: {outcome}", self.what)),
            (Event::Begins { what }, progress) => {
                self.what = what.to_string();
                progress.iter_mut().for_each(|progress| progress.begin(what));
            }
            (Event::Progress { work }, Some(progress)) => progress.advance(work),
            (Event::Skipped { work }, Some(progress)) => progress.skip(work),
            // Work is told only after the plan.
            (Event::Progress { .. } | Event::Skipped { .. }, None) => {}
        }
    }

    fn stop_requested(&self) -> bool {
        terminal::stop_requested()
    }
}
