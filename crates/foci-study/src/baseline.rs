//! The old way beside the nets: methods that need no training, on the same test tiles, by the same measures.
//!
//! A method has no seeds, and nothing about it is left to chance; so it has means and no intervals. What it is given is the normalised tile:
//! thresholds and watersheds do not depend on the scale of the intensities.

use crate::StudyError;
use crate::data::TestTile;
use crate::measure::{Answer, Known, Measured, TestBench, failed};
use crate::results::BaselineSummary;
use crate::spec::StudySpec;
use crate::study::Observer;
use foci_image::Workers;
use foci_segment::{Method, MethodOptions};
use std::time::Instant;

/// Measures every method of the study.
pub(crate) fn test_all(
    spec: &StudySpec,
    bench: &TestBench,
    threads: usize,
    observer: &mut dyn Observer,
) -> Result<Vec<BaselineSummary>, StudyError> {
    let mut all = Vec::with_capacity(spec.baselines.len());
    for baseline in &spec.baselines {
        // The specification has been checked.
        let Some(method) = Method::from_name(&baseline.method) else { continue };
        let what = format!("{}: measuring", method.name());
        let mut workers = Workers::new(threads).watched_by(|done, tiles| observer.phase(&what, done, tiles));
        let options = MethodOptions { smallest: baseline.smallest, ..MethodOptions::default() };
        let clock = Instant::now();
        let answers = workers.map(bench.tiles(), |(tile, known)| segment(method, &options, tile, known))?;
        let pixels: usize = bench.tiles().iter().map(|(tile, _)| tile.plane.data.len()).sum();
        let seconds_per_megapixel = clock.elapsed().as_secs_f64() / (pixels as f64 / 1e6).max(f64::MIN_POSITIVE);
        let Measured { means, .. } = bench.judge(&answers, seconds_per_megapixel, &mut workers)?;
        all.push(BaselineSummary { name: method.name().into(), metrics: means, seconds_per_megapixel });
    }
    Ok(all)
}

fn segment<'k>(
    method: Method,
    options: &MethodOptions,
    tile: &TestTile,
    known: &'k Known,
) -> Result<Answer<'k>, StudyError> {
    let found = method.segment(&tile.plane, options).map_err(|error| failed(tile, error))?;
    match known {
        Known::Objects(truth) => Ok(Answer::Objects(truth, found)),
        Known::Image(_) | Known::Classes(_) => Err(failed(tile, "methods outline objects; choose the task 'instances'")),
    }
}
