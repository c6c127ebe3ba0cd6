//! Bilinear interpolation: an image at new places, each between the four nearest pixels.

/// Where a new pixel lies along one axis: between which two old ones, and how far towards the second.
pub type Between = (usize, usize, f32);

/// Where `place` lies among `length` old pixels; beyond the first and the last nothing changes.
pub fn between(place: f64, length: usize) -> Between {
    let last = length.saturating_sub(1);
    let place = place.clamp(0.0, last as f64);
    let low = place as usize;
    (low, (low + 1).min(last), (place - low as f64) as f32)
}

/// An image of `width` columns at new places, a value for each of `rows` and `columns`.
pub fn blend(image: &[f32], width: usize, columns: &[Between], rows: &[Between], out: &mut [f32]) {
    for (row, &(top, bottom, down)) in out.chunks_exact_mut(columns.len().max(1)).zip(rows) {
        let (top, bottom) = (&image[top * width..], &image[bottom * width..]);
        for (value, &(left, right, across)) in row.iter_mut().zip(columns) {
            let upper = top[left] + across * (top[right] - top[left]);
            let lower = bottom[left] + across * (bottom[right] - bottom[left]);
            *value = upper + down * (lower - upper);
        }
    }
}

/// An image of `coarse_width` x `coarse_height` pixels enlarged by a whole factor to `width` x `height`; coarse pixel k is centred on the
/// pixels it covers.
pub fn enlarged(
    coarse: &[f32],
    coarse_width: usize,
    coarse_height: usize,
    factor: usize,
    width: usize,
    height: usize,
) -> Vec<f32> {
    // In single precision, since synthetic specimens are what they are to the last bit.
    let centre = |at: usize| f64::from((at as f32 + 0.5) / factor as f32 - 0.5);
    let along = |length: usize, coarse_length: usize| -> Vec<Between> {
        (0..length).map(|at| between(centre(at), coarse_length)).collect()
    };
    let mut fine = vec![0.0; width * height];
    blend(coarse, coarse_width, &along(width, coarse_width), &along(height, coarse_height), &mut fine);
    fine
}
