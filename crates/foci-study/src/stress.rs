//! Breaking the nets: test images made worse in one way at a time, at five strengths.
//!
//! A net is asked for what it was trained to give: the image that it sees, so it is measured against the degraded image. Only noise is
//! no detail to be kept: there it is measured against the image without. What is kept for each run is its measures at every
//! strength, averaged over tiles, and the worst tile. Runs that diverged are left out.

use crate::StudyError;
use crate::data::TestTile;
use crate::execute::{Executed, MeasuredRun, read_json, run_folder, write_json};
use crate::measure::{failed, view};
use crate::plan::Plan;
use crate::results::{RunStress, StressPoint};
use crate::study::Observer;
use foci_image::{Degradation, Interrupted, Plane, Workers};
use foci_kernels::Compute;
use foci_measure::meter::Reference;
use foci_measure::summary::mean;
use foci_measure::{Measure, ReconstructionMeter};
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
    let seeds = stress.seeds.unwrap_or(plan.spec.seeds) as u64;
    let tested = |run: &&MeasuredRun| run.summary.seed < seeds && !run.summary.diverged;
    let runs: Vec<&MeasuredRun> = executed.runs.iter().filter(tested).collect();
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
        for run in missing {
            let done = all.len();
            let found = measure(run, *kind, &degraded, executed, compute, &mut || {
                observer.phase(PHASE, done, whole)
            })?;
            write_json(&file(run), &found)?;
            all.push(found);
        }
    }
    observer.phase(PHASE, whole, whole)?;
    Ok(all)
}

/// One tile at one strength: what the net sees, and what its answer is held against.
struct Degraded<'a> {
    tile: &'a TestTile,
    strength: usize,
    seen: Plane,
    wanted: Plane,
}

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
        let wanted = if kind == Degradation::Noise { tile.plane.clone() } else { seen.clone() };
        Ok::<_, StudyError>(Degraded { tile, strength, seen, wanted })
    })
}

fn measure(
    run: &MeasuredRun,
    kind: Degradation,
    degraded: &[Degraded],
    executed: &Executed,
    compute: &Compute,
    go_on: &mut dyn FnMut() -> Result<(), Interrupted>,
) -> Result<RunStress, StudyError> {
    let (net, seed) = (&run.summary.net, run.summary.seed);
    let model = executed.model(net, seed)?;
    let mut predictor = Predictor::new(&model, compute);
    let mut outputs = Vec::with_capacity(degraded.len());
    for one in degraded {
        go_on()?;
        let mut output = predictor.predict(&one.seen).map_err(|error| failed(one.tile, error))?;
        // Values that no measure can take are black, as everywhere.
        output.data.iter_mut().filter(|value| !value.is_finite()).for_each(|value| *value = 0.0);
        outputs.push(output);
    }
    let pairs: Vec<(&Degraded, Plane)> = degraded.iter().zip(outputs).collect();
    let measured = Workers::new(compute.threads()).map(&pairs, |(one, output)| {
        let meter = |plane: &Plane| ReconstructionMeter::new(plane.width, plane.height);
        let work = || {
            let reference: Reference = meter(&one.wanted)?.reference(view(&one.wanted)?, None)?;
            meter(output)?.measure(&reference, view(output)?)
        };
        match work() {
            Ok(measures) => Ok::<_, StudyError>(measures.values()),
            // A tile that the degradation has made flat has no detail to keep.
            Err(foci_measure::MeasureError::Flat { .. }) => Ok(BTreeMap::new()),
            Err(error) => Err(failed(one.tile, error)),
        }
    })?;
    let point = |strength: usize| {
        let at: Vec<_> = degraded.iter().zip(&measured).filter(|(one, _)| one.strength == strength).collect();
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
    Ok(RunStress { net: net.clone(), seed, kind: kind.name().to_owned(), points })
}
