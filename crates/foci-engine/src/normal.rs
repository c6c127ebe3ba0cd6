//! Normally distributed numbers with the same bits on every machine.
//!
//! Marsaglia's polar method (Marsaglia, Bray 1964): a point (u, v) uniform in the unit disc, s = u^2 + v^2, gives two
//! independent standard normal numbers u f and v f with f = sqrt(-2 ln(s) / s). It needs no sine and cosine; the
//! logarithm is computed here from IEEE additions, multiplications and divisions, since system libraries differ in
//! its last bit.

use std::f64::consts::{LN_2, SQRT_2};

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// A stream of standard normal numbers.
pub(crate) struct Normal {
    source: ChaCha8Rng,
    spare: Option<f64>,
}

impl Normal {
    /// The stream `name` of `seed`: other names and other seeds give unrelated numbers.
    ///
    /// The ChaCha8 key is the seed beside a fixed text, the ChaCha8 stream is the FNV-1a hash of the name (64 bits).
    pub(crate) fn new(seed: u64, name: &str) -> Normal {
        let mut key = *b"seed:   foci initial parameters ";
        key[..8].copy_from_slice(&seed.to_le_bytes());
        Normal { source: stream(key, name), spare: None }
    }

    /// The next number.
    pub(crate) fn next(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let (u, v) = (self.symmetric(), self.symmetric());
            let s = u * u + v * v;
            if s > 0.0 && s < 1.0 {
                let factor = (-2.0 * natural_logarithm(s) / s).sqrt();
                self.spare = Some(v * factor);
                return u * factor;
            }
        }
    }

    /// Uniform in -1..1, in steps of 2^-52.
    fn symmetric(&mut self) -> f64 {
        (self.source.next_u64() >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}

/// The stream `name` of a key: that of ChaCha8 whose number is the FNV-1a hash of the name (64 bits).
pub(crate) fn stream(key: [u8; 32], name: &str) -> ChaCha8Rng {
    let mut source = ChaCha8Rng::from_seed(key);
    source.set_stream(fnv1a(name.as_bytes()));
    source
}

/// Natural logarithm of a positive, normal number, to about 1e-15.
///
/// With x = m 2^e and m between sqrt(1/2) and sqrt(2): ln x = e ln 2 + 2 artanh(t), t = (m - 1) / (m + 1), and the
/// series t + t^3 / 3 + t^5 / 5 + ... has |t| < 0.172, so that twelve terms suffice.
fn natural_logarithm(x: f64) -> f64 {
    let bits = x.to_bits();
    let mut exponent = ((bits >> 52) & 0x7ff) as i64 - 1023;
    let mut mantissa = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) | 0x3ff0_0000_0000_0000);
    if mantissa > SQRT_2 {
        mantissa /= 2.0;
        exponent += 1;
    }
    let t = (mantissa - 1.0) / (mantissa + 1.0);
    let mut series = 0.0;
    for term in (0..12).rev() {
        series = series * (t * t) + 1.0 / f64::from(2 * term + 1);
    }
    exponent as f64 * LN_2 + 2.0 * t * series
}

/// FNV-1a, 64 bits (Fowler, Noll, Vo; draft-eastlake-fnv).
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithm_agrees_with_the_system() {
        for i in 1..2000 {
            let x = f64::from(i) / 1000.0 * if i % 3 == 0 { 1e-9 } else { 1.0 };
            let (found, expected) = (natural_logarithm(x), x.ln());
            assert!(
                (found - expected).abs() <= 1e-15 * expected.abs().max(1.0),
                "ln {x}: {found}, not {expected}"
            );
        }
    }

    #[test]
    fn fnv_test_vectors() {
        // From the reference implementation's published list.
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn moments_are_those_of_a_normal_distribution() {
        let mut normal = Normal::new(7, "moments");
        let numbers: Vec<f64> = (0..200_000).map(|_| normal.next()).collect();
        let moment = |power: i32| numbers.iter().map(|x| x.powi(power)).sum::<f64>() / numbers.len() as f64;
        // Standard errors of the four moments are 0.0022, 0.0032, 0.0087, 0.022; five of them are allowed.
        for (power, expected, margin) in [(1, 0.0, 0.011), (2, 1.0, 0.016), (3, 0.0, 0.043), (4, 3.0, 0.11)] {
            assert!((moment(power) - expected).abs() < margin, "moment {power} is {}", moment(power));
        }
        let within = numbers.iter().filter(|x| x.abs() < 1.0).count() as f64 / numbers.len() as f64;
        assert!((within - 0.682_689).abs() < 0.005, "{within} of the numbers lie within one deviation");
    }

    #[test]
    fn streams_differ_by_seed_and_by_name() {
        let first = |seed, name| Normal::new(seed, name).next();
        assert_eq!(first(1, "a").to_bits(), first(1, "a").to_bits());
        assert_ne!(first(1, "a"), first(2, "a"));
        assert_ne!(first(1, "a"), first(1, "b"));
    }
}
