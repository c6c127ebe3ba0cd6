//! How far the work is: a bar with the time left on a terminal, plain lines everywhere else.
//!
//! Work is measured in parts of a thousand of the whole, so that the time left is right even though one
//! net takes ten times as long as another.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Parts into which the whole work is divided.
const PARTS: u64 = 1000;
/// Without a terminal, a line is printed at most this often.
const LINE_EVERY: Duration = Duration::from_secs(20);

/// Progress of one long piece of work.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    quiet: bool,
    whole: f64,
    done: f64,
    skipped: f64,
    what: String,
    started: Instant,
    last_line: Instant,
}

impl Progress {
    /// Progress of `whole` units of work; `quiet` prints nothing at all.
    pub fn new(whole: f64, quiet: bool) -> Progress {
        let bar = (std::io::stderr().is_terminal() && !quiet).then(|| {
            let bar = ProgressBar::new(PARTS);
            let style = ProgressStyle::with_template("{bar:30} {percent:>3} %  {msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸─"));
            bar.enable_steady_tick(Duration::from_millis(250));
            bar
        });
        let now = Instant::now();
        Progress {
            bar,
            quiet,
            whole,
            done: 0.0,
            skipped: 0.0,
            what: String::new(),
            started: now,
            last_line: now,
        }
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
        match &self.bar {
            Some(bar) => bar.println(line),
            None if self.quiet => {}
            None => eprintln!("{line}"),
        }
    }

    /// Removes the bar.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn show(&mut self) {
        let share = ((self.done + self.skipped) / self.whole.max(f64::MIN_POSITIVE)).min(1.0);
        let left =
            self.seconds_left().map_or(String::new(), |seconds| format!(", {} left", duration(seconds)));
        if let Some(bar) = &self.bar {
            bar.set_position((share * PARTS as f64) as u64);
            bar.set_message(format!("{}{left}", self.what));
        } else if !self.quiet && self.last_line.elapsed() >= LINE_EVERY {
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
    fn durations_read_as_a_person_would_say_them() {
        assert_eq!(duration(0.4), "0 s");
        assert_eq!(duration(89.0), "89 s");
        assert_eq!(duration(90.0), "2 min");
        assert_eq!(duration(5400.0), "1 h 30 min");
    }
}
