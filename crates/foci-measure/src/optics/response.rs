//! What a system makes of a probe on a site: the difference between its images with and without the probe.

use crate::optics::{Scene, Site, System, image};
use crate::{ImageView, MeasureError, Point};

/// A site and the image that a system makes of it when no probe is there, made once for all probes.
pub(super) struct Ground<'a> {
    scene: &'a Scene,
    image: Vec<f32>,
}

impl<'a> Ground<'a> {
    /// Images a site without a probe.
    pub fn new<S: System>(system: &mut S, site: &'a Site) -> Result<Self, S::Error> {
        Ok(Self { scene: &site.scene, image: image(system, site.scene.view()?)? })
    }

    /// The place for a probe: the pixel at column and row `side / 2`.
    pub fn middle(&self) -> Point {
        Point { x: (self.scene.width() / 2) as f64, y: (self.scene.height() / 2) as f64 }
    }

    /// (image of site and probe - image of the site) / contrast. `draw` draws the probe with the contrast that it is told.
    pub fn response<S: System>(
        &self,
        system: &mut S,
        contrast: f64,
        draw: impl Fn(&mut Scene, f64),
    ) -> Result<Vec<f32>, S::Error> {
        let mut scene = self.scene.clone();
        draw(&mut scene, contrast);
        let with = image(system, scene.view()?)?;
        let difference =
            |(&with, &without): (&f32, &f32)| ((f64::from(with) - f64::from(without)) / contrast) as f32;
        Ok(with.iter().zip(&self.image).map(difference).collect())
    }

    /// A response as an image.
    pub fn view<'r>(&self, response: &'r [f32]) -> Result<ImageView<'r>, MeasureError> {
        ImageView::new(self.scene.width(), self.scene.height(), response)
    }
}

/// Checks what every measure on sites needs: a site, room around its middle, a probe that sampling does not alias, and
/// contrasts to divide by.
pub(super) fn check_sites(
    measure: &'static str,
    sites: &[Site],
    least: usize,
    contrasts: &[f64],
) -> Result<(), MeasureError> {
    let some = "at least 1";
    expect(!sites.is_empty(), "the number of sites", 0.0, some)?;
    expect(!contrasts.is_empty(), "the number of contrasts", 0.0, some)?;
    for &contrast in contrasts {
        expect(contrast > 0.0 && contrast.is_finite(), "the contrast of a probe", contrast, "above 0")?;
    }
    match sites.iter().map(|site| (site.scene.width(), site.scene.height())).find(|&(w, h)| w.min(h) < least)
    {
        Some((width, height)) => Err(MeasureError::TooSmall { measure, least, width, height }),
        None => Ok(()),
    }
}

/// Checks that a probe is smooth enough to be sampled, as [`Scene`] requires.
pub(super) fn check_spread(spread: f64) -> Result<(), MeasureError> {
    expect(spread >= 0.7 && spread.is_finite(), "the spread of a probe", spread, "at least 0.7 pixels")
}

/// Checks that lengths or frequencies are above 0 and ascend.
pub(super) fn check_ascending(name: &'static str, values: &[f64]) -> Result<(), MeasureError> {
    let mut before = 0.0;
    for &value in values {
        expect(value > before && value.is_finite(), name, value, "above 0 and above the one before it")?;
        before = value;
    }
    expect(!values.is_empty(), name, 0.0, "given at least once")
}

/// An error about an option, unless it is fine.
pub(super) fn expect(
    fine: bool,
    name: &'static str,
    value: f64,
    allowed: &'static str,
) -> Result<(), MeasureError> {
    if fine { Ok(()) } else { Err(MeasureError::BadOption { name, value, allowed }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optics::Brightness;
    use crate::optics::analytic::{blur, flat_site};

    #[test]
    fn the_response_of_a_linear_system_does_not_depend_on_contrast_or_site() {
        let mut system = blur(1.0);
        let sites = [flat_site(21, 0.1, Brightness::Dim), flat_site(21, 0.8, Brightness::Bright)];
        let mut responses = Vec::new();
        for (site, contrast) in sites.iter().zip([0.05, 0.4]) {
            let ground = Ground::new(&mut system, site).unwrap();
            let middle = ground.middle();
            assert_eq!(middle, Point { x: 10.0, y: 10.0 });
            let draw = |scene: &mut Scene, contrast| scene.add_point(middle, 1.0, contrast);
            responses.push(ground.response(&mut system, contrast, draw).unwrap());
        }
        for (a, b) in responses[0].iter().zip(&responses[1]) {
            assert!((a - b).abs() < 1e-5);
        }
        assert!((responses[0][10 * 21 + 10] - 0.5).abs() < 1e-3, "half the height at twice the variance");
    }

    #[test]
    fn unusable_options_are_refused() {
        let sites = [flat_site(21, 0.1, Brightness::Dim)];
        assert!(check_sites("the test", &sites, 21, &[0.1]).is_ok());
        assert!(matches!(
            check_sites("the test", &sites, 22, &[0.1]),
            Err(MeasureError::TooSmall { least: 22, width: 21, .. })
        ));
        for (sites, contrasts) in [(&sites[..0], &[0.1][..]), (&sites[..], &[]), (&sites[..], &[0.1, 0.0])] {
            let found = check_sites("the test", sites, 21, contrasts);
            assert!(matches!(found, Err(MeasureError::BadOption { .. })), "{found:?}");
        }
        assert!(check_spread(0.7).is_ok() && check_spread(0.6).is_err() && check_spread(f64::NAN).is_err());
        assert!(check_ascending("the distance", &[1.0, 2.0]).is_ok());
        for distances in [&[][..], &[0.0, 1.0], &[2.0, 2.0], &[1.0, f64::NAN]] {
            assert!(check_ascending("the distance", distances).is_err());
        }
    }
}
