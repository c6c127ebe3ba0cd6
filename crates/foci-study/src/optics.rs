//! The optical bench of a study: every run's model is tested like an instrument, on the test tiles.
//!
//! What is found is kept beside the run (`optics.json`); a study that is resumed reads it. Diverged runs are not tested: their
//! weights are those of an accident. Denoising arms are tested on clean tiles like all others.

use crate::StudyError;
use crate::data::TestTile;
use crate::execute::{Executed, read_json, run_folder, write_json};
use crate::plan::Plan;
use crate::results::{OpticsSummary, Verdict};
use crate::study::Observer;
use foci_image::{Interrupted, Workers};
use foci_kernels::Compute;
use foci_measure::stats::mean_interval;
use foci_measure::summary::mean;
use foci_optics::{Bench, Characterisation, Grounds, OpticsError, Subject, characterise, numbers};
use foci_train::Task;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// What a person is told meanwhile; one phase for all nets, so that its time left is that of all.
const PHASE: &str = "testing nets like instruments";
/// What the bench found of a run, in its folder.
pub(crate) const OPTICS: &str = "optics.json";
/// Probes are put on tiles of at most so many fields.
const MOST_GROUNDS: usize = 6;
/// How finely the progress of a run is told.
const THOUSANDTHS: usize = 1000;

/// What the bench found of one run.
#[derive(Debug, Clone)]
pub struct RunOptics {
    /// Name of the arm.
    pub net: String,
    /// Seed of the run.
    pub seed: u64,
    /// Everything.
    pub found: Characterisation,
}

impl RunOptics {
    /// Its line in `results.json`.
    pub(crate) fn summary(&self) -> OpticsSummary {
        let figures = numbers(&self.found).into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        OpticsSummary { net: self.net.clone(), seed: self.seed, figures }
    }
}

/// Tests the models of all runs that the specification asks for. What cannot be tested is left out and noted: a tile without
/// room for probes, or a net that answers them with values that are not finite, must not cost the study.
pub(crate) fn test_all(
    plan: &Plan,
    tiles: &[TestTile],
    executed: &Executed,
    out: &Path,
    compute: &Compute,
    observer: &mut dyn Observer,
) -> Result<(Vec<RunOptics>, Vec<String>), StudyError> {
    // The probes of the bench are images, and so must be what comes back.
    if plan.spec.task != Task::Reconstruct {
        return Ok((Vec::new(), Vec::new()));
    }
    let runs: Vec<OneRun> = executed
        .sound_runs(plan.spec.optics.seeds)
        .into_iter()
        .map(|run| OneRun::of(&run.summary.net, run.summary.seed, out))
        .collect();
    let tested = test_side_by_side(&runs, &grounds(tiles), executed, compute, observer)?;
    let (mut all, mut notes) = (Vec::with_capacity(runs.len()), Vec::new());
    for (run, found) in runs.into_iter().zip(tested) {
        match found {
            Ok(found) => all.push(RunOptics { net: run.net, seed: run.seed, found }),
            Err(OpticsError::NoRoom { side, .. }) => {
                notes = vec![format!(
                    "Nets are not tested like instruments: no tile has room for a window of {side} pixels; larger tiles have."
                )];
                break;
            }
            Err(error) => notes.push(format!(
                "{}, seed {}, could not be tested like an instrument: {error}",
                run.net, run.seed
            )),
        }
    }
    Ok((all, notes))
}

/// A run, and where what the bench finds of it is kept.
struct OneRun {
    net: String,
    seed: u64,
    path: PathBuf,
}

/// What the bench found of a run, or why it found nothing that a study could not do without.
type Tested = Result<Characterisation, OpticsError>;

impl OneRun {
    fn of(net: &str, seed: u64, out: &Path) -> OneRun {
        OneRun { net: net.to_owned(), seed, path: run_folder(out, net, seed).join(OPTICS) }
    }

    fn test(
        &self,
        grounds: &Grounds,
        executed: &Executed,
        compute: &Compute,
        mut tell: impl FnMut(usize, usize) -> Result<(), Interrupted>,
    ) -> Result<Tested, StudyError> {
        let failed = |error: &OpticsError| StudyError::Measure {
            tile: format!("{}, seed {}, on the optical bench", self.net, self.seed),
            reason: error.to_string(),
        };
        let model = executed.model(&self.net, self.seed)?;
        let subject = Subject::trained(&self.net, model).map_err(|error| failed(&error))?;
        let mut tell = |_: &str, done: usize, parts: usize| tell(done, parts);
        match characterise(&subject, grounds, Bench::default(), compute, &mut tell) {
            Ok(found) => {
                write_json(&self.path, &found)?;
                Ok(Ok(found))
            }
            Err(error @ (OpticsError::NoRoom { .. } | OpticsError::Measure(_))) => Ok(Err(error)),
            Err(OpticsError::Interrupted(interrupted)) => Err(interrupted.into()),
            Err(error) => Err(failed(&error)),
        }
    }
}

/// Tests as many runs at a time as there are threads, each on a thread of its own: the windows are small, and between two of
/// them all threads but one would wait. What is computed does not depend on the number of threads.
fn test_side_by_side(
    runs: &[OneRun],
    grounds: &Grounds,
    executed: &Executed,
    compute: &Compute,
    observer: &mut dyn Observer,
) -> Result<Vec<Tested>, StudyError> {
    if runs.is_empty() {
        return Ok(Vec::new());
    }
    // In thousandths of a run, since a watcher sees whole numbers.
    let told: Vec<AtomicUsize> = runs.iter().map(|_| AtomicUsize::new(0)).collect();
    let ended = AtomicBool::new(false);
    let numbers: Vec<usize> = (0..runs.len()).collect();
    let mut workers = Workers::new(compute.threads()).watched_by(|_, all| {
        let done = told.iter().map(|told| told.load(Ordering::Relaxed)).sum();
        let watched = observer.phase(PHASE, done, THOUSANDTHS * all);
        ended.fetch_or(watched.is_err(), Ordering::Relaxed);
        watched
    });
    workers.map(&numbers, |&number| {
        // An earlier part of the study may have tested it.
        if let Some(found) = read_json(&runs[number].path)? {
            told[number].store(THOUSANDTHS, Ordering::Relaxed);
            return Ok(Ok(found));
        }
        let alone = Compute::new(1, compute.simd()).map_err(|error| StudyError::Measure {
            tile: "nets on the optical bench".to_owned(),
            reason: error.to_string(),
        })?;
        let tested = runs[number].test(grounds, executed, &alone, |done, parts| {
            // The last of it is what is written.
            told[number].store((THOUSANDTHS * done / parts).min(THOUSANDTHS - 1), Ordering::Relaxed);
            if ended.load(Ordering::Relaxed) { Err(Interrupted) } else { Ok(()) }
        });
        told[number].store(THOUSANDTHS, Ordering::Relaxed);
        tested
    })
}

/// Decides whether the arm `more` has more of a figure than the arm `less`: from the interval of Student's t over the
/// differences seed by seed. All of it above zero supports, all of it below refutes; one seed decides nothing.
pub(crate) fn decide(key: &str, [more, less]: [&str; 2], optics: &[OpticsSummary]) -> (Verdict, String) {
    let difference = |run: &OpticsSummary| {
        let other = optics.iter().find(|other| other.net == less && other.seed == run.seed)?;
        Some(run.figures.get(key)? - other.figures.get(key)?)
    };
    let differences: Option<Vec<f64>> = optics.iter().filter(|run| run.net == more).map(difference).collect();
    let Some(differences) = differences else {
        return (Verdict::Undecided, format!("{key} of {more} and {less} was not measured with every seed"));
    };
    let Some(middle) = mean(&differences) else {
        return (Verdict::Undecided, format!("{more} was not tested like an instrument"));
    };
    let words = format!("{key}: {more} minus {less} {middle:+.3}");
    let Some([low, high]) = mean_interval(&differences, 0.05) else {
        return (Verdict::Undecided, format!("{words}, by one seed, which decides nothing"));
    };
    let verdict = Verdict::of_interval([low, high]);
    (verdict, format!("{words} [{low:+.3}, {high:+.3}], {} seeds", differences.len()))
}

/// The first tile of each of at most so many fields, spread over all of them.
pub(crate) fn firsts(tiles: &[TestTile], most: usize) -> Vec<&TestTile> {
    let mut firsts: Vec<&TestTile> = Vec::new();
    for tile in tiles {
        if firsts.iter().all(|known| known.field != tile.field) {
            firsts.push(tile);
        }
    }
    let every = firsts.len().div_ceil(most).max(1);
    firsts.into_iter().step_by(every).collect()
}

fn grounds(tiles: &[TestTile]) -> Grounds {
    let planes: Vec<_> = firsts(tiles, MOST_GROUNDS).into_iter().map(|tile| tile.plane.clone()).collect();
    let origin = format!("test tiles of {} fields", planes.len());
    Grounds { planes, origin }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(net: &str, errors: &[f64]) -> Vec<OpticsSummary> {
        let run = |(seed, &error): (usize, &f64)| OpticsSummary {
            net: net.into(),
            seed: seed as u64,
            figures: [("shift_error".to_owned(), error)].into(),
        };
        errors.iter().enumerate().map(run).collect()
    }

    fn verdict(fcn: &[f64], blurred: &[f64]) -> (Verdict, String) {
        let all = [runs("fcn", fcn), runs("fcn-blur", blurred)].concat();
        decide("shift_error", ["fcn", "fcn-blur"], &all)
    }

    #[test]
    fn seeds_that_agree_decide_and_one_or_a_missing_one_does_not() {
        let (supported, words) = verdict(&[0.11, 0.10, 0.12], &[0.05, 0.05, 0.06]);
        assert_eq!(supported, Verdict::Supported, "{words}");
        assert!(words.contains("fcn minus fcn-blur +0.057"), "{words}");
        assert_eq!(verdict(&[0.05, 0.05, 0.06], &[0.11, 0.10, 0.12]).0, Verdict::Refuted);
        assert_eq!(verdict(&[0.11, 0.05, 0.12], &[0.05, 0.10, 0.06]).0, Verdict::Undecided);
        assert_eq!(verdict(&[0.11], &[0.05]).0, Verdict::Undecided);
        assert_eq!(verdict(&[0.11, 0.10], &[0.05]).0, Verdict::Undecided);
        assert_eq!(verdict(&[], &[0.05]).0, Verdict::Undecided);
    }
}
