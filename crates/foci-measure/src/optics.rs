//! The optical bench: what a system does to detail, in the terms in which a microscope is judged.
//!
//! A [`System`] makes an image of a scene, both of one size: a trained net, a blur, or nothing at all (the identity, with
//! which every measure here is tested). A measure draws probes into a [`Scene`], asks for the image, and tells what became of
//! them. Nets are not linear, so what they do to a probe depends on its contrast and on what it stands on: probes
//! are drawn on real or realistic [`Site`]s, dim and bright, and what they are measured by is the *difference* between the
//! image with and without them.
//!
//! Lengths are in pixels, frequencies in cycles per pixel, intensities normalised as everywhere in this crate: 0 is the
//! background, 1 the brightest detail.

mod periodic;
mod receptive;
mod scene;
mod shift;
mod site;
mod spectrum;
mod system;

pub use periodic::{FlatField, PeriodEnergy, flat_field, grid_energy, gridding};
pub use receptive::{EffectiveField, effective_field};
pub use scene::Scene;
pub use shift::{ShiftError, ShiftPoint, invariance, shift_error};
pub use site::{Brightness, Site, sites};
pub use system::{System, image};
