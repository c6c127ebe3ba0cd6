//! What is tested: something that makes an image of a scene.

use crate::view::expect_size;
use crate::{ImageView, MeasureError};

/// Makes an image of a scene, of the same size. Closures do, so a test can be `|scene: ImageView| Ok(scene.data().to_vec())`.
pub trait System {
    /// What can go wrong; a measure adds its own errors.
    type Error: From<MeasureError>;

    /// The image of `scene`: as many values, row by row.
    ///
    /// # Errors
    /// Whatever keeps the system from making it.
    fn respond(&mut self, scene: ImageView<'_>) -> Result<Vec<f32>, Self::Error>;
}

impl<F, E> System for F
where
    F: FnMut(ImageView<'_>) -> Result<Vec<f32>, E>,
    E: From<MeasureError>,
{
    type Error = E;

    fn respond(&mut self, scene: ImageView<'_>) -> Result<Vec<f32>, E> {
        self(scene)
    }
}

/// The image that `system` makes of `scene`, checked.
///
/// # Errors
/// Those of the system; [`MeasureError`] if the image is not as large as the scene or not finite.
pub fn image<S: System>(system: &mut S, scene: ImageView<'_>) -> Result<Vec<f32>, S::Error> {
    let image = system.respond(scene)?;
    let (width, height) = (scene.width(), scene.height());
    if image.len() != width * height {
        let rows = image.len() / width;
        expect_size(width, rows, width, height, "the image that the system made")?;
    }
    ImageView::new(width, height, &image)?;
    Ok(image)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_of_another_size_or_with_infinite_values_is_refused() {
        let scene = [0.5; 12];
        let view = ImageView::new(4, 3, &scene).unwrap();
        let mut identity = |scene: ImageView<'_>| Ok::<_, MeasureError>(scene.data().to_vec());
        assert_eq!(image(&mut identity, view).unwrap(), scene);
        let mut short = |scene: ImageView<'_>| Ok::<_, MeasureError>(scene.data()[..8].to_vec());
        assert!(matches!(image(&mut short, view), Err(MeasureError::SizesDiffer { height: 2, .. })));
        let mut ragged = |scene: ImageView<'_>| Ok::<_, MeasureError>(scene.data()[..11].to_vec());
        assert!(image(&mut ragged, view).is_err());
        let mut broken = |_: ImageView<'_>| Ok::<_, MeasureError>(vec![f32::NAN; 12]);
        assert!(matches!(image(&mut broken, view), Err(MeasureError::NotFinite { .. })));
    }
}
