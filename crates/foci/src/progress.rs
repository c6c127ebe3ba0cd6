//! How far the work is: a bar with the time left on a terminal, plain lines everywhere else.
//!
//! Work is measured in parts of a thousand of the whole, so that the time left is right even though one
//! net takes ten times as long as another.

use crate::exit::Failure;
use crate::terminal;
use foci_image::Workers;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Parts into which the whole work is divided.
const PARTS: u64 = 1000;
/// Without a terminal, a line is printed at most this often.
const LINE_EVERY: Duration = Duration::from_secs(20);
/// What a command says while it looks through a data folder.
pub const READING: &str = "reading images";
/// A phase that is over sooner shows nothing.
const PATIENCE: Duration = Duration::from_secs(2);

/// Progress of one long piece of work.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    terminal: bool,
    quiet: bool,
    patience: Duration,
    whole: f64,
    done: f64,
    skipped: f64,
    what: String,
    started: Instant,
    last_line: Instant,
}

/// Does `work` on as many threads as were asked for (all cores if none were); shows how far it is, and ends it at Ctrl-C.
pub fn watched<T, E>(
    what: &str,
    threads: Option<usize>,
    quiet: bool,
    work: impl FnOnce(&mut Workers) -> Result<T, E>,
) -> Result<T, Failure>
where
    Failure: From<E>,
{
    terminal::stop_on_interrupt()?;
    let mut progress = Progress::phase(what, quiet);
    let workers = threads.map_or_else(Workers::default, Workers::new);
    let result = work(&mut workers.watched_by(|done, all| {
        progress.reach(done, all);
        terminal::go_on()
    }));
    progress.finish();
    Ok(result?)
}

impl Progress {
    /// Progress of `whole` units of work, shown from its beginning; `quiet` prints nothing at all.
    pub fn new(whole: f64, quiet: bool) -> Progress {
        let now = Instant::now();
        Progress {
            bar: None,
            terminal: std::io::stderr().is_terminal(),
            quiet,
            patience: Duration::ZERO,
            whole,
            done: 0.0,
            skipped: 0.0,
            what: String::new(),
            started: now,
            last_line: now,
        }
    }

    /// Progress of a phase that may be over in a moment: nothing is shown of its first two seconds.
    pub fn phase(what: &str, quiet: bool) -> Progress {
        let mut progress = Progress::new(1.0, quiet);
        (progress.patience, progress.what) = (PATIENCE, what.to_string());
        progress
    }

    /// Says how many of all pieces of a phase are done.
    pub fn reach(&mut self, done: usize, all: usize) {
        (self.done, self.whole) = (done as f64, all as f64);
        self.show();
    }

    /// True once there has been time enough to show something.
    pub fn is_due(&self) -> bool {
        self.started.elapsed() >= self.patience
    }

    /// Names the piece that begins.
    pub fn begin(&mut self, what: &str) {
        self.what = what.to_string();
        self.show();
    }

    /// Adds work that was done just now.
    pub fn advance(&mut self, work: f64) {
        self.done += work;
        self.show();
    }

    /// Adds work that an earlier process did: it says nothing about the speed of this one.
    pub fn skip(&mut self, work: f64) {
        self.skipped += work;
        self.show();
    }

    /// Prints a line that stays.
    pub fn line(&self, line: &str) {
        if !self.quiet {
            self.tell(line);
        }
    }

    /// Prints a line that stays and that a person must see, however quiet.
    pub fn tell(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => eprintln!("{line}"),
        }
    }

    /// Removes the bar; it comes back when there is more to show.
    pub fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn show(&mut self) {
        let share = ((self.done + self.skipped) / self.whole.max(f64::MIN_POSITIVE)).min(1.0);
        let left =
            self.seconds_left().map_or(String::new(), |seconds| format!(", {} left", duration(seconds)));
        if self.quiet || !self.is_due() {
            return;
        }
        if self.terminal {
            let bar = self.bar.get_or_insert_with(open_bar);
            bar.set_position((share * PARTS as f64) as u64);
            bar.set_message(format!("{}{left}", self.what));
        } else if self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            eprintln!("{:3.0} %  {}{left}", share * 100.0, self.what);
        }
    }

    /// Seconds left at the speed so far, once there is a speed to speak of.
    fn seconds_left(&self) -> Option<f64> {
        let elapsed = self.started.elapsed().as_secs_f64();
        let left = (self.whole - self.done - self.skipped).max(0.0);
        (elapsed > 2.0 && self.done > 0.0).then(|| elapsed * left / self.done)
    }
}

impl Drop for Progress {
    /// An error ends the work without a word to its progress; the bar must not stay behind its message.
    fn drop(&mut self) {
        self.finish();
    }
}

fn open_bar() -> ProgressBar {
    let bar = ProgressBar::new(PARTS);
    let style = ProgressStyle::with_template("{bar:30} {percent:>3} %  {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸─"));
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

/// Seconds in words: `45 s`, `3 min`, `1 h 20 min`.
pub fn duration(seconds: f64) -> String {
    let seconds = seconds.max(0.0).round() as u64;
    match seconds {
        0..=89 => format!("{seconds} s"),
        90..=5399 => format!("{} min", (seconds + 30) / 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_waits_before_it_shows_anything() {
        let mut phase = Progress::phase("reading images", false);
        phase.reach(1, 3);
        assert!(!phase.is_due() && phase.bar.is_none());
        assert!(Progress::new(3.0, false).is_due());
    }

    #[test]
    fn durations_read_as_a_person_would_say_them() {
        assert_eq!(duration(0.4), "0 s");
        assert_eq!(duration(89.0), "89 s");
        assert_eq!(duration(90.0), "2 min");
        assert_eq!(duration(5400.0), "1 h 30 min");
    }
}
