//! Breaking the nets: test images made worse in one way at a time, at five strengths.
//!
//! A net is asked for what it was trained to give: the image that it sees, so it is measured against the degraded image. Only noise is
//! no detail to be kept: there it is measured against the image without. What is kept for each run is its measures at every
//! strength, averaged over tiles, and the worst tile. Runs that diverged are left out.

use crate::StudyError;
use crate::data::TestTile;
use crate::execute::{Executed, MeasuredRun, read_json, run_folder, write_json};
use crate::measure::{blacken, failed, measure, view};
use crate::plan::Plan;
use crate::results::{RunStress, StressPoint};
use crate::study::Observer;
use foci_image::{Degradation, Interrupted, Plane, Workers};
use foci_kernels::Compute;
use foci_measure::meter::Reference;
use foci_measure::summary::mean;
use foci_measure::{Measure, MeasureError, ReconstructionMeter};
use foci_train::Predictor;
use std::collections::BTreeMap;
use std::path::Path;

/// Tiles that are degraded, at most, one of each field.
const MOST_TILES: usize = 6;
/// Measures that are kept.
const MEASURES: [Measure; 4] = [Measure::FociRecall, Measure::DetailCutoff, Measure::Psnr, Measure::Ssim];
/// What a person is told meanwhile.
const PHASE: &str = "seeing where nets break";
/// Seed of the noise; the same for every net.
const SEED: u64 = 0x57E5;

/// Degrades the test tiles in every way that the specification asks for, and measures every run on them.
pub(crate) fn test_all(
    plan: &Plan,
    tiles: &[TestTile],
    executed: &Executed,
    out: &Path,
    compute: &Compute,
    observer: &mut dyn Observer,
) -> Result<Vec<RunStress>, StudyError> {
    let Some(stress) = &plan.spec.stress else { return Ok(Vec::new()) };
    let runs = executed.sound_runs(stress.seeds);
    let tiles = crate::optics::firsts(tiles, MOST_TILES);
    let (mut all, whole) = (Vec::new(), stress.kinds.len() * runs.len());
    for kind in &stress.kinds {
        let file = |run: &MeasuredRun| {
            let folder = run_folder(out, &run.summary.net, run.summary.seed);
            folder.join(format!("stress-{}.json", kind.name()))
        };
        let mut missing = Vec::new();
        for run in &runs {
            match read_json::<RunStress>(&file(run))? {
                Some(done) => all.push(done),
                None => missing.push(*run),
            }
        }
        if missing.is_empty() {
            continue;
        }
        // One phase for all, so that its time left is that of all.
        let begun = all.len();
        let degraded =
            degrade(*kind, &tiles, compute.threads(), &mut || observer.phase(PHASE, begun, whole))?;
        let references = references(&degraded, compute.threads())?;
        for run in missing {
            let done = all.len();
            let found = measure_run(run, *kind, &references, executed, compute, &mut || {
                observer.phase(PHASE, done, whole)
            })?;
            write_json(&file(run), &found)?;
            all.push(found);
        }
    }
    observer.phase(PHASE, whole, whole)?;
    Ok(all)
}

/// One tile at one strength, as the net sees it.
struct Degraded<'a> {
    tile: &'a TestTile,
    strength: usize,
    kind: Degradation,
    seen: Plane,
}

impl Degraded<'_> {
    /// What the net's answer is held against.
    fn wanted(&self) -> &Plane {
        if self.kind == Degradation::Noise { &self.tile.plane } else { &self.seen }
    }
}

/// What is known of a degraded tile before any net has seen it; nothing of one that the degradation has made flat, which
/// has no detail to keep.
type Known<'d> = (&'d Degraded<'d>, Option<Reference<'d>>);

fn degrade<'a>(
    kind: Degradation,
    tiles: &[&'a TestTile],
    threads: usize,
    go_on: &mut dyn FnMut() -> Result<(), Interrupted>,
) -> Result<Vec<Degraded<'a>>, StudyError> {
    let pairs: Vec<(usize, usize)> = (0..=Degradation::STRENGTHS)
        .flat_map(|strength| (0..tiles.len()).map(move |tile| (strength, tile)))
        .collect();
    let mut workers = Workers::new(threads).watched_by(|_, _| go_on());
    workers.map(&pairs, |&(strength, number)| {
        let tile = tiles[number];
        let seen = kind.apply(&tile.plane, strength, SEED + number as u64);
        Ok::<_, StudyError>(Degraded { tile, strength, kind, seen })
    })
}

/// Once for all nets: looking for foci takes longer than a small net.
fn references<'d>(degraded: &'d [Degraded<'d>], threads: usize) -> Result<Vec<Known<'d>>, StudyError> {
    Workers::new(threads).map(degraded, |one| {
        let wanted = one.wanted();
        let meter = ReconstructionMeter::new(wanted.width, wanted.height);
        match meter.and_then(|meter| meter.reference(view(wanted)?, None)) {
            Ok(reference) => Ok((one, Some(reference))),
            Err(MeasureError::Flat { .. }) => Ok((one, None)),
            Err(error) => Err(failed(one.tile, error)),
        }
    })
}

fn measure_run(
    run: &MeasuredRun,
    kind: Degradation,
    references: &[Known],
    executed: &Executed,
    compute: &Compute,
    go_on: &mut dyn FnMut() -> Result<(), Interrupted>,
) -> Result<RunStress, StudyError> {
    let (net, seed) = (&run.summary.net, run.summary.seed);
    let model = executed.model(net, seed)?;
    let mut predictor = Predictor::new(&model, compute);
    let mut outputs = Vec::with_capacity(references.len());
    for (one, _) in references {
        go_on()?;
        let mut output = predictor.predict(&one.seen).map_err(|error| failed(one.tile, error))?;
        blacken(&mut output);
        outputs.push(output);
    }
    let pairs: Vec<(&Known, Plane)> = references.iter().zip(outputs).collect();
    let measured = Workers::new(compute.threads()).map(&pairs, |((one, reference), output)| {
        let Some(reference) = reference else { return Ok(BTreeMap::new()) };
        match measure(reference, output) {
            Ok(measures) => Ok(measures.values()),
            Err(MeasureError::Flat { .. }) => Ok(BTreeMap::new()),
            Err(error) => Err(failed(one.tile, error)),
        }
    })?;
    let point = |strength: usize| {
        let tiles = references.iter().map(|(one, _)| one).zip(&measured);
        let at: Vec<_> = tiles.filter(|(one, _)| one.strength == strength).collect();
        let means = MEASURES.into_iter().filter_map(|measure| {
            let values: Vec<f64> =
                at.iter().filter_map(|(_, found)| found.get(measure.key()).copied()).collect();
            Some((measure.key().to_owned(), mean(&values)?))
        });
        let key = Measure::Psnr.key();
        let worst = at.iter().filter_map(|(one, found)| Some((one.tile, *found.get(key)?)));
        let worst = worst.min_by(|a, b| a.1.total_cmp(&b.1));
        StressPoint {
            strength,
            amount: (strength > 0).then(|| kind.amount(strength)),
            metrics: means.collect(),
            worst_tile: worst.map(|(tile, _)| tile.name.clone()),
            worst_psnr: worst.map(|(_, value)| value),
        }
    };
    let points = (0..=Degradation::STRENGTHS).map(point).collect();
    Ok(RunStress { net: net.clone(), seed, kind, points })
}
