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

#[cfg(test)]
mod analytic;
pub mod edge;
mod interpolate;
pub mod modulation;
mod peak;
mod periodic;
mod point;
pub mod point_spread;
mod profile;
mod range;
mod rayleigh;
mod receptive;
mod response;
mod scene;
mod shift;
mod site;
mod spectrum;
pub mod stray;
mod system;
pub mod two_points;

pub use edge::{EdgeResponse, EdgeSettings, edge_response};
pub use modulation::{ModulationSettings, ModulationTransfer, modulation_transfer};
pub use periodic::{FlatField, PeriodEnergy, flat_field, grid_energy, gridding};
pub use point_spread::{PointSettings, PointSpread, point_spread};
pub use range::Range;
pub use receptive::{EffectiveField, effective_field};
pub use scene::Scene;
pub use shift::{ShiftError, ShiftPoint, invariance, shift_error};
pub use site::{Brightness, Site, sites};
pub use system::{System, image};
pub use two_points::{TwoPointSettings, TwoPoints, two_points};
