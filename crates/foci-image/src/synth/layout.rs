//! Which nuclei a field holds and where they lie: shapes drawn from the statistics of the real fields, pairs
//! pushed together until they touch, all others kept apart.

use super::options::SpecimenOptions;
use super::random::Random;
use super::shape::{Outline, ShapeStatistics};
use serde::Serialize;

/// What a nucleus looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CellClass {
    /// Granular chromatin, dark nucleoli, few dim foci (human U2OS).
    Few,
    /// Smooth chromatin with many bright chromocentres (mouse NIH3T3).
    Many,
    /// Condensed and so bright that the camera may saturate; no foci are counted in it.
    Mitotic,
}

impl CellClass {
    /// The name written to files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Few => "few",
            Self::Many => "many",
            Self::Mitotic => "mitotic",
        }
    }

    /// Statistics of the outlines, at scale 1, measured on 564 (few) and 629 (many) hand-drawn masks.
    fn statistics(self) -> ShapeStatistics {
        match self {
            Self::Few => ShapeStatistics {
                area: (10_700.0, 0.24),
                elongation: (1.42, 0.16),
                beans: 0.3,
                ripple: 0.022,
                lobed: 0.15,
            },
            Self::Many => ShapeStatistics {
                area: (6_400.0, 0.27),
                elongation: (1.45, 0.18),
                beans: 0.05,
                ripple: 0.01,
                lobed: 0.05,
            },
            Self::Mitotic => ShapeStatistics {
                area: (2_600.0, 0.25),
                elongation: (1.9, 0.25),
                beans: 0.1,
                ripple: 0.05,
                lobed: 0.0,
            },
        }
    }
}

/// A nucleus before it is drawn.
#[derive(Debug, Clone)]
pub(crate) struct Nucleus {
    pub(crate) outline: Outline,
    pub(crate) class: CellClass,
    /// Brightness relative to a typical nucleus.
    pub(crate) brightness: f64,
    /// Lies out of focus.
    pub(crate) defocused: bool,
}

/// Gap that is kept between nuclei that are not meant to touch, in pixels at scale 1.
const CLEARANCE: f64 = 6.0;

/// Yes and no in turn, so that the share of yes in a small field comes as near to the wanted one as whole
/// numbers allow.
struct Turns {
    share: f64,
    position: f64,
}

impl Turns {
    fn next(&mut self) -> bool {
        let before = self.position.floor();
        self.position += self.share;
        self.position.floor() > before
    }
}

/// Places the nuclei of a field; pairs come first because they need most room.
pub(crate) fn place(options: &SpecimenOptions, random: &mut Random) -> Vec<Nucleus> {
    let wanted = options.nuclei_wanted();
    let pairs = (options.touching_share * wanted as f64 / 2.0).round() as usize;
    // Mitotic cells round up and let go of their neighbours, so all of them are among the single nuclei.
    let singles = wanted.saturating_sub(2 * pairs).max(1);
    let mitotic = (options.mitotic_share * wanted as f64 / singles as f64).min(1.0);
    let mut many = Turns { share: options.share_many_foci, position: random.uniform() };
    let mut mitotic = Turns { share: mitotic, position: random.uniform() };
    let mut nuclei: Vec<Nucleus> = Vec::with_capacity(wanted);
    for index in 0..wanted {
        let touches = index < 2 * pairs && index % 2 == 1;
        let class = if index >= 2 * pairs && mitotic.next() {
            CellClass::Mitotic
        } else if many.next() {
            CellClass::Many
        } else {
            CellClass::Few
        };
        let nucleus = draw(options, class, random);
        let partner = if touches { nuclei.len().checked_sub(1) } else { None };
        for _ in 0..120 {
            let outline = match partner {
                Some(partner) => against(&nuclei[partner].outline, &nucleus.outline, random),
                None => {
                    // Centres may lie a little outside: the field of view cuts nuclei.
                    let margin = 0.4 * nucleus.outline.short;
                    let x = random.between(-margin, options.width as f64 - 1.0 + margin);
                    let y = random.between(-margin, options.height as f64 - 1.0 + margin);
                    nucleus.outline.moved_to(x, y)
                }
            };
            if fits(options, &outline, &nuclei, partner) {
                nuclei.push(Nucleus { outline, ..nucleus });
                break;
            }
        }
    }
    nuclei
}

fn draw(options: &SpecimenOptions, class: CellClass, random: &mut Random) -> Nucleus {
    let mut statistics = class.statistics();
    statistics.area.0 *= options.nucleus_scale * options.nucleus_scale;
    let outline = Outline::draw(random, &statistics);
    let spread = match class {
        CellClass::Few => random.log_normal(1.0, 0.2),
        CellClass::Many => random.log_normal(1.0, 0.2),
        CellClass::Mitotic => random.log_normal(5.0, 0.3),
    };
    let defocused = random.uniform() < options.defocused_share;
    Nucleus { outline, class, brightness: spread, defocused }
}

/// `outline` pushed towards `partner` from a random side until the two run a few pixels into each other; the
/// common boundary is drawn halfway through the overlap, so that both are flattened as real neighbours are.
fn against(partner: &Outline, outline: &Outline, random: &mut Random) -> Outline {
    let (sine, cosine) = random.between(0.0, std::f64::consts::TAU).sin_cos();
    let depth = random.between(0.06, 0.2) * outline.short.min(partner.short);
    let at = |t: f64| outline.moved_to(partner.x + t * cosine, partner.y + t * sine);
    let (mut near, mut far) = (0.0, partner.reach() + outline.reach());
    for _ in 0..14 {
        let middle = 0.5 * (near + far);
        if at(middle).overlap(partner) > depth {
            near = middle;
        } else {
            far = middle;
        }
    }
    at(far)
}

fn fits(options: &SpecimenOptions, outline: &Outline, nuclei: &[Nucleus], partner: Option<usize>) -> bool {
    let margin = 0.4 * outline.short;
    let inside = |value: f64, size: usize| value > -margin && value < size as f64 - 1.0 + margin;
    let clearance = (CLEARANCE * options.nucleus_scale.min(1.0)).max(4.0);
    inside(outline.x, options.width)
        && inside(outline.y, options.height)
        && nuclei
            .iter()
            .enumerate()
            .all(|(index, other)| Some(index) == partner || outline.overlap(&other.outline) < -clearance)
}
