//! The bench: every measure in turn, on the same sites and windows for every net.

use crate::field::{central_gradients, deepest, features};
use crate::grounds::view;
use crate::middle::{UseOfTheMiddle, use_of_the_middle};
use crate::subject::Instrument;
use crate::{Grounds, OpticsError, Subject};
use foci_image::{Interrupted, Plane};
use foci_kernels::Compute;
use foci_measure::optics::{
    Brightness, EdgeResponse, EdgeSettings, EffectiveField, FlatField, ModulationSettings,
    ModulationTransfer, PeriodEnergy, PointSettings, PointSpread, ShiftError, Site, TwoPointSettings,
    TwoPoints, edge_response, effective_field, flat_field, gridding, invariance, modulation_transfer,
    point_spread, shift_error, two_points,
};
use foci_measure::{ImageView, MeasureError};
use serde::{Deserialize, Serialize};

/// The image moves by up to so many pixels.
const LONGEST_SHIFT: usize = 16;
/// Shifts at which the deepest layer is looked at.
const DEEPEST_SHIFTS: [usize; 5] = [1, 2, 4, 8, 16];
/// Periods at which patterns of the net's own are looked for: those of poolings and dilations.
const PERIODS: [usize; 3] = [2, 4, 8];
/// Intensity of the flat field.
const FLAT: f64 = 0.4;
/// Parts of the work that a watcher is told of.
const PARTS: usize = 8;

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bench {
    /// Side of the windows that probes are put in, at least 128 pixels.
    pub side: usize,
    /// Sites of each brightness.
    pub sites: usize,
    /// Windows that gradients, layers and the deepest layer are averaged over.
    pub windows: usize,
}

impl Default for Bench {
    fn default() -> Bench {
        Bench { side: 128, sites: 3, windows: 4 }
    }
}

/// What the bench found of one net.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Characterisation {
    /// The subject.
    pub net: String,
    /// Whether its weights were trained; if not there is no resolution to speak of.
    pub trained: bool,
    /// What the probes were put on.
    pub ground: String,
    /// How it resolves detail.
    pub resolution: Option<Resolution>,
    /// How it is built inside.
    pub structure: Structure,
}

/// What a net does to detail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resolution {
    /// Response to a weak point.
    pub point_spread: PointSpread,
    /// Contrast kept by spatial frequency.
    pub modulation: ModulationTransfer,
    /// Smallest distance at which two points are seen as two.
    pub two_points: TwoPoints,
    /// Response to an edge, and the smallest gap.
    pub edge: EdgeResponse,
    /// Patterns of the net's own in the response to a point.
    pub gridding: Vec<PeriodEnergy>,
    /// What the net makes of a field in which there is nothing.
    pub flat_field: FlatField,
    /// What each layer and skip is good for.
    pub middle: UseOfTheMiddle,
}

/// What the layout of a net decides, trained or not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Structure {
    /// Does the image move when the specimen moves? Nothing of a net whose image is constant.
    pub shift: Option<ShiftError>,
    /// Does the deepest layer notice?
    pub deepest: Option<Deepest>,
    /// What the centre of the output looks at; nothing if no gradient reaches the input.
    pub field: Option<EffectiveField>,
}

/// The deepest layer when the image moves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deepest {
    /// Its node.
    pub layer: String,
    /// Shifts along x, in pixels, each with the invariance: 1 if the layer does not notice, 0 if its maps have nothing
    /// to do with each other any more.
    pub invariance: Vec<(usize, f64)>,
}

/// Puts a net through the whole bench. `tell(part, done, all)` hears which part begins, and ends the work by an error.
///
/// # Errors
/// [`OpticsError`] if no ground has room for the windows, if the net cannot be run, or if `tell` ends it.
pub fn characterise(
    subject: &Subject,
    grounds: &Grounds,
    bench: Bench,
    compute: &Compute,
    tell: &mut dyn FnMut(&str, usize, usize) -> Result<(), Interrupted>,
) -> Result<Characterisation, OpticsError> {
    let windows = grounds.windows(bench.side + 2 * LONGEST_SHIFT, bench.windows)?;
    let resolution = match subject.trained {
        true => Some(resolution(subject, grounds, &windows, bench, compute, tell)?),
        false => None,
    };
    tell("shifts", PARTS - 2, PARTS)?;
    let structure = structure(subject, &windows, bench.side, compute)?;
    tell("done", PARTS, PARTS)?;
    Ok(Characterisation {
        net: subject.name.clone(),
        trained: subject.trained,
        ground: grounds.origin.clone(),
        resolution,
        structure,
    })
}

fn resolution(
    subject: &Subject,
    grounds: &Grounds,
    windows: &[Plane],
    bench: Bench,
    compute: &Compute,
    tell: &mut dyn FnMut(&str, usize, usize) -> Result<(), Interrupted>,
) -> Result<Resolution, OpticsError> {
    let sites = grounds.sites(bench.side, bench.sites)?;
    let mut instrument = Instrument::new(subject, compute);
    tell("point spread", 0, PARTS)?;
    let spread = point_spread(&mut instrument, &sites, &PointSettings::default())?;
    tell("modulation transfer", 1, PARTS)?;
    let modulation = modulation_transfer(&mut instrument, bench.side, &ModulationSettings::default())?;
    tell("two points", 2, PARTS)?;
    let pairs = two_points(&mut instrument, &sites, &TwoPointSettings::default())?;
    tell("edges and gaps", 3, PARTS)?;
    let edge = edge_response(&mut instrument, bench.side, &EdgeSettings::default())?;
    tell("patterns", 4, PARTS)?;
    let gridding = own_patterns(&mut instrument, &sites)?;
    let flat_field = flat_field(&mut instrument, bench.side, FLAT, bench.side / 4, &PERIODS)?;
    let middle = use_of_the_middle(subject, windows, compute, &mut || tell("use of the layers", 5, PARTS))?;
    Ok(Resolution { point_spread: spread, modulation, two_points: pairs, edge, gridding, flat_field, middle })
}

/// Patterns in the response to a point of middle contrast. On bright ground: on dim ground bad nets lose the point, and what
/// is left of it has no pattern to speak of.
fn own_patterns(instrument: &mut Instrument<'_>, sites: &[Site]) -> Result<Vec<PeriodEnergy>, OpticsError> {
    let bright: Vec<Site> =
        sites.iter().filter(|site| site.brightness == Brightness::Bright).cloned().collect();
    let settings = PointSettings { contrasts: vec![0.2], offsets: 1, ..PointSettings::default() };
    let response = point_spread(instrument, &bright, &settings)?;
    Ok(gridding(ImageView::new(response.side, response.side, &response.response)?, &PERIODS)?)
}

/// A net that gives one value whatever it sees is a result, not an error.
fn unless_flat<T>(measured: Result<T, OpticsError>) -> Result<Option<T>, OpticsError> {
    match measured {
        Ok(found) => Ok(Some(found)),
        Err(OpticsError::Measure(MeasureError::Flat { .. })) => Ok(None),
        Err(error) => Err(error),
    }
}

fn structure(
    subject: &Subject,
    windows: &[Plane],
    side: usize,
    compute: &Compute,
) -> Result<Structure, OpticsError> {
    let mut instrument = Instrument::new(subject, compute);
    let theoretical = subject.net.receptive_field() as usize;
    let views = windows.iter().map(view).collect::<Result<Vec<_>, _>>()?;
    // As far from the border as the net sees, where that leaves something to compare.
    let margin = (theoretical / 2).min((side - 4) / 2 - LONGEST_SHIFT);
    let shift = unless_flat(shift_error(&mut instrument, &views, side, margin, 1..=LONGEST_SHIFT))?;
    let cut = |x: usize| -> Vec<Plane> {
        windows
            .iter()
            .filter_map(|window| window.rectangle(LONGEST_SHIFT + x, LONGEST_SHIFT, side, side))
            .collect()
    };
    let still = cut(0);
    let maps = central_gradients(subject, &still, compute)?;
    let field = unless_flat(effective_field(&maps, side, theoretical).map_err(OpticsError::from))?;
    let deepest = match deepest(&subject.net) {
        None => None,
        Some(node) => {
            let channels = subject.net.nodes[node].channels;
            // Those that stay, then those after each shift, by one session.
            let all_windows: Vec<Plane> = [0].iter().chain(&DEEPEST_SHIFTS).flat_map(|&x| cut(x)).collect();
            let maps = features(subject, node, &all_windows, compute)?;
            let (before, after) = maps.split_at(still.len());
            let mut all = Vec::new();
            for (shift, after) in DEEPEST_SHIFTS.into_iter().zip(after.chunks(still.len())) {
                let mut sum = 0.0;
                for (still, moved) in before.iter().zip(after) {
                    sum += invariance(channels, still, moved)?;
                }
                all.push((shift, sum / still.len() as f64));
            }
            Some(Deepest { layer: subject.net.nodes[node].id.clone(), invariance: all })
        }
    };
    Ok(Structure { shift, deepest, field })
}
