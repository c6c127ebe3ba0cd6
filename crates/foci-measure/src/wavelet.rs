//! The à trous wavelet transform: an image as a sum of planes, each holding structures of one size.
//!
//! Holschneider et al. 1989 and Shensa 1992; with the B3-spline kernel as in Starck and Murtagh and in Olivo-Marin 2002,
//! Pattern Recognition 35:1989, equations 1 to 3. Starting from the image `A0`, plane `j` is
//! `Wj = A(j-1) - Aj`, where `Aj` is `A(j-1)` filtered by `[1 4 6 4 1]/16` along rows and columns, with *holes* (trous): the
//! taps are `2^(j-1)` pixels apart. Nothing is subsampled, so all planes have the size of the image, and the image is
//! `A(n) + W1 + ... + Wn` exactly. This filter with holes is the convolution with dilation of the atrous nets.
//! Beyond the border the image is mirrored without repeating the border pixel.

use crate::ImageView;

const KERNEL: [f32; 3] = [6.0 / 16.0, 4.0 / 16.0, 1.0 / 16.0];

/// Wavelet planes, finest first, and the smooth rest, each row by row with the size of the image.
#[derive(Debug, Clone)]
pub struct Planes {
    /// `planes[j - 1]` is `Wj`: structures of roughly `2^j` pixels.
    pub planes: Vec<Vec<f32>>,
    /// What remains after the last plane.
    pub smooth: Vec<f32>,
}

/// Splits an image into `count` wavelet planes and a smooth rest.
pub fn atrous(image: ImageView, count: usize) -> Planes {
    let (width, height) = (image.width(), image.height());
    let mut smooth = image.data().to_vec();
    let mut planes = Vec::with_capacity(count);
    for level in 0..count {
        let next = smoothed(&smooth, width, height, 1 << level);
        let mut plane = smooth;
        plane.iter_mut().zip(&next).for_each(|(value, smoother)| *value -= smoother);
        planes.push(plane);
        smooth = next;
    }
    Planes { planes, smooth }
}

/// Separable B3-spline filter with taps `step` pixels apart.
fn smoothed(image: &[f32], width: usize, height: usize, step: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(width * height);
    let mut column_sum = vec![0.0; width];
    let mut padded = vec![0.0; width + 4 * step];
    for y in 0..height {
        let rows = taps(y, step, height).map(|row| &image[row * width..(row + 1) * width]);
        weighted(rows, &mut column_sum);
        padded[2 * step..2 * step + width].copy_from_slice(&column_sum);
        for offset in 1..=2 * step {
            padded[2 * step - offset] = column_sum[mirrored(-(offset as i64), width)];
            padded[2 * step + width - 1 + offset] = column_sum[mirrored((width - 1 + offset) as i64, width)];
        }
        weighted(std::array::from_fn(|tap| &padded[tap * step..tap * step + width]), &mut column_sum);
        out.extend_from_slice(&column_sum);
    }
    out
}

/// The five rows that contribute to row `y`.
fn taps(y: usize, step: usize, height: usize) -> [usize; 5] {
    std::array::from_fn(|tap| mirrored(y as i64 + (tap as i64 - 2) * step as i64, height))
}

fn weighted(taps: [&[f32]; 5], out: &mut [f32]) {
    let length = out.len();
    let [a, b, c, d, e] = taps.map(|tap| &tap[..length]);
    for x in 0..length {
        out[x] = KERNEL[0] * c[x] + KERNEL[1] * (b[x] + d[x]) + KERNEL[2] * (a[x] + e[x]);
    }
}

/// Index inside `0..length` that shows the same pixel, mirrored at the borders as often as needed.
fn mirrored(index: i64, length: usize) -> usize {
    let last = length as i64 - 1;
    if last == 0 {
        return 0;
    }
    let folded = index.rem_euclid(2 * last);
    folded.min(2 * last - folded) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn mirroring_folds_without_repeating_the_border() {
        let seen: Vec<usize> = (-4..8).map(|i| mirrored(i, 4)).collect();
        assert_eq!(seen, [2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1]);
        assert_eq!(mirrored(-7, 1), 0);
    }

    #[test]
    fn a_point_spreads_as_the_b3_spline_with_holes() {
        let mut image = vec![0.0; 41 * 41];
        image[20 * 41 + 20] = 1.0;
        let found = atrous(ImageView::new(41, 41, &image).unwrap(), 2);
        // First plane at the point: 1 - (6/16)^2. Second level: taps 2 apart over a kernel of 1 4 6 4 1, so the centre is
        // (6*6 + 4*1*2 ... )/256 along one axis: 6/16 * 6/16 + 2 * 4/16 * 1/16 = 44/256.
        assert!((found.planes[0][20 * 41 + 20] - (1.0 - 0.140_625)).abs() < 1e-6);
        let smooth = 44.0f32 / 256.0;
        assert!((found.smooth[20 * 41 + 20] - smooth * smooth).abs() < 1e-7);
        assert_eq!(found.smooth[20 * 41 + 27], 0.0);
        assert!(found.smooth[20 * 41 + 26] > 0.0);
    }

    proptest! {
        #[test]
        fn planes_add_up_to_the_image(width in 1usize..20, height in 1usize..20, seed in 0u32..1000) {
            let image: Vec<f32> = (0..width * height)
                .map(|i| ((i as u32).wrapping_mul(2_654_435_761).wrapping_add(seed * 97) % 1000) as f32 / 1000.0)
                .collect();
            let split = atrous(ImageView::new(width, height, &image).unwrap(), 4);
            for i in 0..image.len() {
                let sum: f32 = split.planes.iter().map(|plane| plane[i]).sum::<f32>() + split.smooth[i];
                prop_assert!((sum - image[i]).abs() < 1e-5);
            }
        }
    }
}
