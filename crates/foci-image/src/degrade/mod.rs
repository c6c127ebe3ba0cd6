//! Images made worse in one way at a time, by known amounts, to find where a net breaks.
//!
//! Each [`Degradation`] has one physical parameter and five strengths of it, from one that a net should hardly
//! notice to one under which most should fail, so that the strength at which a result gives way lies between.
//! Strength 0 is the image as it is.
//!
//! All work on normalised planes (0 background, 1 the brightest detail, values beyond both allowed; see
//! [`crate::normalise`]), and must be applied after normalisation: it would undo [`Degradation::Dim`] and
//! change the meaning of the others. A plane keeps its size. Where something outside of it is needed, it is
//! the mirror image of the inside, so that no border appears that a net could react to.

mod defocus;
mod resample;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::Plane;
use crate::synth::{Random, Stage, gaussian_blur};

/// Standard deviation in pixels of the blur that stands for light from far out of focus. Much wider than any
/// detail and than the blur of [`Degradation::Blur`], narrower than most fields.
pub const HAZE_SIGMA: f64 = 20.0;

/// One way in which an image can be worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Degradation {
    /// White Gaussian noise added to each pixel: `v + sigma * z` with `z` standard normal. Amount: `sigma` in
    /// units of the brightest detail, from 0.02 (a detail at 1 is fifty times the noise) by factors of about
    /// two to 0.4 (two and a half times, so single points are lost and only large objects remain). One seed
    /// gives one pattern of `z`, scaled for each strength, so strengths differ in nothing but `sigma`.
    Noise,
    /// Convolution with a Gaussian of standard deviation `sigma`, sampled at pixel centres out to `4 sigma` and
    /// normalised to keep the sum. Amount: `sigma` in pixels. 0.5 is below the width of a well sampled point
    /// spread (about 0.7 to 1) and adds to it in squares (as sampled, it acts as 0.46); at 5 two equal
    /// points up to 10 pixels (`2 sigma`) apart have a single peak.
    Blur,
    /// Convolution with a disc of even brightness and radius `r`, its rim weighted by the area of each pixel
    /// that it covers: a geometrical-optics defocus. Unlike a Gaussian it takes some frequencies out wholly
    /// and inverts the contrast of others. Amount: `r` in pixels, which is distance from focus times tangent
    /// of the aperture angle over pixel size: at aperture 0.75 in air and pixels of 0.16 um, 1 to 8 pixels
    /// are 0.14 to 1.1 um out of focus.
    Defocus,
    /// `(1 - s) * v + s * wide` with `wide` the image blurred by a Gaussian of [`HAZE_SIGMA`] pixels: the same
    /// amount of light, of which a share has lost its place, as in thick specimens. Amount: the share `s`, from
    /// 0.1 to 0.85, which leave 90, 75, 50, 30 and 15 % of the contrast of fine detail.
    Haze,
    /// `f * v`: all intensities less than the net was trained on, by a weaker stain, lamp or exposure whose
    /// image is normalised as if it were not. Noise of the image is scaled with it and none is added, so this
    /// is the shift of intensity alone; a real dim image is noisier as well, which [`Degradation::Noise`]
    /// tests by itself. Amount: the factor `f`, from 0.7 (an uneven stain) by halves to 0.05 (a
    /// twentieth of the exposure).
    Dim,
    /// `min(v, level)`: a camera that is full at `level`, below the brightest detail. Values below are
    /// unchanged, so whatever is lost is the structure within bright parts. Amount: the level in units of the
    /// brightest detail, from 0.8 (the brightest spots alone) to 0.15 (silhouettes of all but the
    /// faintest objects).
    Saturation,
    /// Rotation about the centre of the plane, clockwise as seen (x to the right, y down), by interpolation
    /// with a Lanczos kernel of three lobes, which keeps detail where bilinear interpolation would blur it.
    /// Amount: the angle in degrees, from 2 (a camera mounted askew) to 45, the farthest from the quarter turns
    /// that training on turned crops shows a net. What a net is compared with has to be turned too.
    Rotation,
    /// The specimen at a lower magnification: a pixel covers `f` times the length on the specimen that it did,
    /// so what was `d` pixels from the centre of the plane is at `d / f`, `f` times smaller; the freed room is
    /// filled by mirrored surroundings. By a Lanczos kernel of three lobes stretched `f` times, which keeps what
    /// the larger pixels can still show (half of the contrast at their limit of half a cycle per pixel) and
    /// lets little beyond come back as a false pattern (about 1 % from 0.7 cycles on). A pixel is a mean,
    /// not a sum: even areas keep their value, points become dimmer. Amount: the factor `f`, from 1.25 by way
    /// of 1.5 (objective 60 to 40), 2 (40 to 20) and 3 (60 to 20) to 4 (40 to 10). What a net is compared with
    /// has to shrink too.
    PixelSize,
}

impl Degradation {
    /// All of them, in the order of reports.
    pub const ALL: [Degradation; 8] = [
        Degradation::Noise,
        Degradation::Blur,
        Degradation::Defocus,
        Degradation::Haze,
        Degradation::Dim,
        Degradation::Saturation,
        Degradation::Rotation,
        Degradation::PixelSize,
    ];

    /// Number of strengths, counted from 1; 0 is the image as it is.
    pub const STRENGTHS: usize = 5;

    /// The name used in files.
    pub fn name(self) -> &'static str {
        match self {
            Degradation::Noise => "noise",
            Degradation::Blur => "blur",
            Degradation::Defocus => "defocus",
            Degradation::Haze => "haze",
            Degradation::Dim => "dim",
            Degradation::Saturation => "saturation",
            Degradation::Rotation => "rotation",
            Degradation::PixelSize => "pixel_size",
        }
    }

    /// What [`Degradation::amount`] is, with its unit: the label of a report's axis.
    pub fn words(self) -> &'static str {
        match self {
            Degradation::Noise => "noise, standard deviation",
            Degradation::Blur => "blur, sigma in pixels",
            Degradation::Defocus => "defocus, disc radius in pixels",
            Degradation::Haze => "haze, share of the light",
            Degradation::Dim => "dimmed, factor of intensity",
            Degradation::Saturation => "saturation, level of clipping",
            Degradation::Rotation => "rotation, degrees",
            Degradation::PixelSize => "pixel size, factor",
        }
    }

    /// The physical parameter at a strength from 1 to [`Degradation::STRENGTHS`]; see each kind for its unit.
    /// At 0 it is the value that changes nothing (for [`Degradation::Saturation`] infinity), above the last
    /// strength that of the last.
    pub fn amount(self, strength: usize) -> f64 {
        let (nothing, amounts): (f64, [f64; Self::STRENGTHS]) = match self {
            Degradation::Noise => (0.0, [0.02, 0.05, 0.1, 0.2, 0.4]),
            Degradation::Blur => (0.0, [0.5, 1.0, 2.0, 3.0, 5.0]),
            Degradation::Defocus => (0.0, [1.0, 2.0, 3.0, 5.0, 8.0]),
            Degradation::Haze => (0.0, [0.1, 0.25, 0.5, 0.7, 0.85]),
            Degradation::Dim => (1.0, [0.7, 0.5, 0.3, 0.15, 0.05]),
            Degradation::Saturation => (f64::INFINITY, [0.8, 0.6, 0.4, 0.25, 0.15]),
            Degradation::Rotation => (0.0, [2.0, 5.0, 10.0, 20.0, 45.0]),
            Degradation::PixelSize => (1.0, [1.25, 1.5, 2.0, 3.0, 4.0]),
        };
        match strength.min(Self::STRENGTHS).checked_sub(1) {
            None => nothing,
            Some(index) => amounts[index],
        }
    }

    /// The plane made worse, of the same size; unchanged at strength 0, as at the last strength above it.
    /// Same plane, strength and seed, same bits; only [`Degradation::Noise`] makes use of the seed.
    pub fn apply(self, plane: &Plane, strength: usize, seed: u64) -> Plane {
        let mut out = plane.clone();
        if strength == 0 || plane.data.is_empty() {
            return out;
        }
        let (width, height, amount) = (plane.width, plane.height, self.amount(strength));
        match self {
            Degradation::Noise => {
                let mut random = Random::new(seed, Stage::Degradation);
                for value in &mut out.data {
                    *value = (f64::from(*value) + amount * random.normal()) as f32;
                }
            }
            Degradation::Blur => gaussian_blur(&mut out.data, width, height, amount),
            Degradation::Defocus => defocus::defocus(&mut out, amount),
            Degradation::Haze => {
                gaussian_blur(&mut out.data, width, height, HAZE_SIGMA);
                for (wide, &sharp) in out.data.iter_mut().zip(&plane.data) {
                    *wide = ((1.0 - amount) * f64::from(sharp) + amount * f64::from(*wide)) as f32;
                }
            }
            Degradation::Dim => {
                for value in &mut out.data {
                    *value = (amount * f64::from(*value)) as f32;
                }
            }
            Degradation::Saturation => {
                for value in &mut out.data {
                    *value = value.min(amount as f32);
                }
            }
            Degradation::Rotation => out = resample::rotated(plane, amount),
            Degradation::PixelSize => out = resample::reduced(plane, amount),
        }
        out
    }
}
