//! What can be asked of a specimen, with the values that make it look like the hand-segmented fields of
//! Coelho, Shariff and Murphy 2009 (docs/specimens.md tells how they were measured), and the check of those values.

use serde::Serialize;

/// Why a specimen could not be made or written.
#[derive(Debug, thiserror::Error)]
pub enum SynthError {
    /// An option outside its range.
    #[error(
        "specimen option `{option}` is {value}, which is outside {allowed}; choose a value within that range"
    )]
    Option {
        /// Name of the option.
        option: &'static str,
        /// The value that was given.
        value: String,
        /// The range that is possible.
        allowed: &'static str,
    },
    /// A kind that does not exist.
    #[error("there is no specimen kind `{0}`; choose mixed, few or many")]
    Kind(String),
    /// Writing failed.
    #[error(transparent)]
    Write(#[from] crate::ImageError),
    /// Whoever watched the work asked it to end.
    #[error(transparent)]
    Interrupted(#[from] crate::Interrupted),
}

/// Which nuclei a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SpecimenKind {
    /// Few, dim foci in granular chromatin, as in human U2OS cells.
    Few,
    /// Many bright chromocentres, as in mouse NIH3T3 cells.
    Many,
    /// Both in one field.
    Mixed,
}

impl SpecimenKind {
    /// The name used in file names and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Few => "few",
            Self::Many => "many",
            Self::Mixed => "mixed",
        }
    }
}

impl std::str::FromStr for SpecimenKind {
    type Err = SynthError;

    fn from_str(text: &str) -> Result<Self, SynthError> {
        [Self::Few, Self::Many, Self::Mixed]
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| SynthError::Kind(text.to_owned()))
    }
}

/// How to make a specimen. Lengths are in pixels, light in photons, camera values in counts (grey levels).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SpecimenOptions {
    /// Width of the field.
    pub width: usize,
    /// Height of the field.
    pub height: usize,
    /// Nuclei to place; `None` means 33 per million pixels at scale 1, as dense as the real fields. Fewer are
    /// placed where no more fit.
    pub nuclei: Option<usize>,
    /// Share of nuclei with many foci, 0..=1.
    pub share_many_foci: f64,
    /// Share of nuclei that belong to a touching pair, 0..=1.
    pub touching_share: f64,
    /// Width of the dark boundary between touching nuclei.
    pub boundary_width: f64,
    /// Size of the nuclei relative to the real fields (some 120 x 85 pixels); the point spread stays as it is.
    pub nucleus_scale: f64,
    /// Share of nuclei that are mitotic: small, saturated, without counted foci.
    pub mitotic_share: f64,
    /// Share of nuclei that lie out of focus.
    pub defocused_share: f64,
    /// Standard deviation of the Gaussian point spread; see [`super::point_spread_sigma`].
    pub point_spread_sigma: f64,
    /// Share of the light that arrives as haze, 0..1.
    pub haze: f64,
    /// Height of the uneven background (autofluorescence, blurred cells above), relative to a nucleus.
    pub background: f64,
    /// Loss of light from the brightest to the darkest place of the field, 0..1.
    pub uneven_light: f64,
    /// Faint specks outside the nuclei, per million pixels.
    pub specks: f64,
    /// Photons that a typical nucleus sends to one pixel.
    pub photons: f64,
    /// Relative spread of brightness from field to field (standard deviation of its logarithm).
    pub brightness_spread: f64,
    /// Counts of a typical nucleus above the offset.
    pub counts: f64,
    /// Counts of the camera without light.
    pub offset: f64,
    /// Standard deviation of the camera's noise without light, in counts.
    pub read_noise: f64,
    /// Bits of the camera, 8 or 16: values are rounded to whole counts and cut at the largest.
    pub bits: u32,
    /// Start of all random numbers.
    pub seed: u64,
}

impl Default for SpecimenOptions {
    fn default() -> Self {
        Self::of_kind(SpecimenKind::Mixed)
    }
}

impl SpecimenOptions {
    /// The settings of the two microscopes behind the real fields, and a compromise for mixed fields.
    pub fn of_kind(kind: SpecimenKind) -> Self {
        let mixed = Self {
            width: 672,
            height: 512,
            nuclei: None,
            share_many_foci: 0.5,
            touching_share: 0.3,
            boundary_width: 1.5,
            nucleus_scale: 1.0,
            mitotic_share: 0.03,
            defocused_share: 0.05,
            point_spread_sigma: 1.3,
            haze: 0.2,
            background: 0.05,
            uneven_light: 0.2,
            specks: 60.0,
            photons: 600.0,
            brightness_spread: 0.4,
            counts: 45.0,
            offset: 10.0,
            read_noise: 0.6,
            bits: 8,
            seed: 1,
        };
        match kind {
            SpecimenKind::Mixed => mixed,
            SpecimenKind::Few => Self {
                share_many_foci: 0.0,
                haze: 0.05,
                mitotic_share: 0.015,
                background: 0.005,
                specks: 400.0,
                photons: 400.0,
                counts: 42.0,
                offset: 1.0,
                read_noise: 0.7,
                ..mixed
            },
            SpecimenKind::Many => Self {
                share_many_foci: 1.0,
                touching_share: 0.2,
                point_spread_sigma: 1.6,
                haze: 0.4,
                background: 0.12,
                specks: 20.0,
                photons: 1000.0,
                counts: 24.0,
                offset: 21.0,
                read_noise: 0.55,
                ..mixed
            },
        }
    }

    /// The kind that the share of nuclei with many foci amounts to.
    pub fn kind(&self) -> SpecimenKind {
        if self.share_many_foci <= 0.0 {
            SpecimenKind::Few
        } else if self.share_many_foci >= 1.0 {
            SpecimenKind::Many
        } else {
            SpecimenKind::Mixed
        }
    }

    /// Nuclei to try to place in this field.
    pub fn nuclei_wanted(&self) -> usize {
        let area = (self.width * self.height) as f64 / (self.nucleus_scale * self.nucleus_scale);
        self.nuclei.unwrap_or_else(|| (area * 33e-6).round().max(1.0) as usize)
    }

    /// Checks every value.
    ///
    /// # Errors
    /// [`SynthError::Option`] names the first option outside its range.
    pub fn check(&self) -> Result<(), SynthError> {
        let size = |option, value: usize| match value {
            16..=16_384 => Ok(()),
            _ => Err(SynthError::Option { option, value: value.to_string(), allowed: "16..=16384 pixels" }),
        };
        size("width", self.width)?;
        size("height", self.height)?;
        if self.nuclei.is_some_and(|count| count > 60_000) {
            let value = self.nuclei_wanted().to_string();
            return Err(SynthError::Option { option: "nuclei", value, allowed: "0..=60000 (16-bit labels)" });
        }
        if self.bits != 8 && self.bits != 16 {
            let value = self.bits.to_string();
            return Err(SynthError::Option { option: "bits", value, allowed: "8 or 16" });
        }
        let ranges = [
            ("share_many_foci", self.share_many_foci, 0.0, 1.0, "0..=1"),
            ("touching_share", self.touching_share, 0.0, 1.0, "0..=1"),
            ("boundary_width", self.boundary_width, 1.5, 4.0, "1.5..=4 pixels"),
            ("nucleus_scale", self.nucleus_scale, 0.1, 8.0, "0.1..=8"),
            ("mitotic_share", self.mitotic_share, 0.0, 1.0, "0..=1"),
            ("defocused_share", self.defocused_share, 0.0, 1.0, "0..=1"),
            ("point_spread_sigma", self.point_spread_sigma, 0.3, 20.0, "0.3..=20 pixels"),
            ("haze", self.haze, 0.0, 0.95, "0..=0.95"),
            ("background", self.background, 0.0, 10.0, "0..=10"),
            ("uneven_light", self.uneven_light, 0.0, 0.9, "0..=0.9"),
            ("specks", self.specks, 0.0, 10_000.0, "0..=10000 per million pixels"),
            ("photons", self.photons, 0.1, 1e9, "0.1..=1e9"),
            ("brightness_spread", self.brightness_spread, 0.0, 2.0, "0..=2"),
            ("counts", self.counts, 0.1, 60_000.0, "0.1..=60000"),
            ("offset", self.offset, 0.0, 60_000.0, "0..=60000"),
            ("read_noise", self.read_noise, 0.0, 1_000.0, "0..=1000 counts"),
        ];
        for (option, value, low, high, allowed) in ranges {
            if !(low..=high).contains(&value) {
                return Err(SynthError::Option { option, value: value.to_string(), allowed });
            }
        }
        Ok(())
    }
}
