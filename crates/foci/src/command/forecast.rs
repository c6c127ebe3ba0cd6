//! `foci study --plan-only`: what a study would take, and what it could see.

use crate::command::study::Watcher;
use crate::exit::Failure;
use crate::terminal;
use foci_study::forecast::{ForecastRequest, forecast};
use foci_study::report::forecast_text;

/// Forecasts the study and prints that.
pub(super) fn run(request: &ForecastRequest, threads: Option<usize>, json: bool) -> Result<(), Failure> {
    let compute = terminal::compute(threads)?;
    let mut watcher = Watcher::new(json);
    let outcome = forecast(request, &compute, &mut watcher);
    watcher.finish();
    let forecast = outcome?;
    if json { terminal::print_json(&forecast) } else { terminal::print(&forecast_text(&forecast)) }
}
