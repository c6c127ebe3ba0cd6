//! When a dip between two things is deep enough to see that they are two.
//!
//! Rayleigh (1879, Phil. Mag. 8:261) takes two points for resolved when the maximum of one Airy pattern falls on the first
//! zero of the other. Halfway between them the intensity is then 2 (2 J1(v) / v)^2 with v = 1.916, that is 73.5 % of what
//! each point has at its place (Born and Wolf, Principles of Optics, section 8.6.2): a dip of 26.5 %, widely quoted and
//! used here as 26.4 %. The dip is what is asked for, since it has a meaning for every shape of point spread, also one
//! without zeros.

/// The dip, as a share of the height of the peaks.
pub(super) const DIP: f64 = 0.264;

/// The smallest of the lengths tested, in ascending order, from which on all are seen; `None` if the greatest is not.
/// Tried from the greatest down to the first that is not seen, because smaller ones do not count any more.
pub(super) fn smallest_seen<E>(
    lengths: &[f64],
    mut seen: impl FnMut(f64) -> Result<bool, E>,
) -> Result<Option<f64>, E> {
    let mut smallest = None;
    for &length in lengths.iter().rev() {
        if !seen(length)? {
            break;
        }
        smallest = Some(length);
    }
    Ok(smallest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_below_a_gap_does_not_count() {
        let lengths = [1.0, 2.0, 3.0, 4.0];
        let smallest = |unseen: f64| smallest_seen(&lengths, |length| Ok::<_, ()>(length != unseen)).unwrap();
        assert_eq!(smallest(2.0), Some(3.0));
        assert_eq!(smallest(4.0), None);
        assert_eq!(smallest(0.0), Some(1.0));
        assert_eq!(smallest_seen(&lengths, |_| Err("broken")), Err("broken"));
    }

    #[test]
    fn the_dip_is_that_of_two_airy_patterns() {
        // J1 by its power series: sum of (-1)^k (v/2)^(2k+1) / (k! (k+1)!).
        let bessel = |v: f64| {
            let (mut term, mut sum) = (v / 2.0, v / 2.0);
            for k in 1..20 {
                let k = f64::from(k);
                term *= -(v / 2.0) * (v / 2.0) / (k * (k + 1.0));
                sum += term;
            }
            sum
        };
        let half_zero = 3.831_705_97 / 2.0;
        let valley = 2.0 * (2.0 * bessel(half_zero) / half_zero).powi(2);
        assert!((1.0 - valley - DIP).abs() < 2e-3, "{valley}");
    }
}
