//! The matrices of F(4x4, 3x3) as Lavin and Gray print them, for the points 0, 1, -1, 2, -2 and infinity, and
//! the three steps in one dimension as they define them: what the fast transforms are held to.

/// Bᵀ: from 6 inputs to their values at the 6 points.
#[cfg(test)]
pub(super) const B_T: [[f64; 6]; 6] = [
    [4.0, 0.0, -5.0, 0.0, 1.0, 0.0],
    [0.0, -4.0, -4.0, 1.0, 1.0, 0.0],
    [0.0, 4.0, -4.0, -1.0, 1.0, 0.0],
    [0.0, -2.0, -1.0, 2.0, 1.0, 0.0],
    [0.0, 2.0, -1.0, -2.0, 1.0, 0.0],
    [0.0, 4.0, 0.0, -5.0, 0.0, 1.0],
];

/// G: from 3 taps to their values at the 6 points.
pub(super) const G: [[f64; 3]; 6] = [
    [1.0 / 4.0, 0.0, 0.0],
    [-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
    [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
    [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
    [1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
    [0.0, 0.0, 1.0],
];

/// Aᵀ: from products at the 6 points to 4 outputs.
#[cfg(test)]
pub(super) const A_T: [[f64; 6]; 4] = [
    [1.0, 1.0, 1.0, 1.0, 1.0, 0.0],
    [0.0, 1.0, -1.0, 2.0, -2.0, 0.0],
    [0.0, 1.0, 1.0, 4.0, 4.0, 0.0],
    [0.0, 1.0, -1.0, 8.0, -8.0, 1.0],
];

#[cfg(test)]
mod tests {
    use super::*;

    fn apply<const N: usize, const M: usize>(matrix: [[f64; N]; M], values: [f64; N]) -> [f64; M] {
        matrix.map(|row| row.iter().zip(values).map(|(factor, value)| factor * value).sum())
    }

    #[test]
    fn six_products_give_four_sums_of_three() {
        let (d, g) = ([3.0, -1.0, 4.0, 1.5, -9.0, 2.0], [0.5, -7.0, 2.0]);
        let (source, kernel) = (apply(B_T, d), apply(G, g));
        let found = apply(A_T, std::array::from_fn(|point| source[point] * kernel[point]));
        for (at, found) in found.iter().enumerate() {
            let direct = g[0] * d[at] + g[1] * d[at + 1] + g[2] * d[at + 2];
            assert!((found - direct).abs() < 1e-12, "output {at}: {found}, not {direct}");
        }
    }

    #[test]
    fn the_second_point_of_a_gradient_is_its_sum() {
        // The gradient by the bias relies on it.
        assert!(A_T.iter().all(|row| row[1].abs() == 1.0));
        assert_eq!(A_T.map(|row| row[1]), [1.0; 4]);
    }
}
