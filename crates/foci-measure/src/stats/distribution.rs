//! Tails and quantiles of the normal and of Student's t distribution.

use std::f64::consts::PI;
use std::sync::LazyLock;

/// Step of the trapezoidal rule behind [`normal_tail`].
const STEP: f64 = 0.5;

/// Squares of the rule's places, and its weights there; the next one would be below 1e-21.
static PLACES: LazyLock<[(f64, f64); 13]> = LazyLock::new(|| {
    std::array::from_fn(|k| {
        let square = ((k + 1) as f64 * STEP).powi(2);
        (square, (-square).exp())
    })
});

/// Two-sided tail of the standard normal distribution, `P(|Z| > z) = erfc(z / sqrt 2)` for z >= 0, to twelve digits however
/// far out.
///
/// `erfc(x) = 2 x / pi exp(-x^2) integral over t > 0 of exp(-t^2) / (x^2 + t^2)`: the trapezoidal rule is exact for this but
/// for the pole at `t = i x`, whose part is known and taken off where the rule passes it by (Hunter and Regan 1972,
/// Mathematics of Computation 26:539).
pub(crate) fn normal_tail(z: f64) -> f64 {
    let x = z / std::f64::consts::SQRT_2;
    let square = x * x;
    // Both parts below grow like 1 / x and would cancel; the series' next term is x^5 / 5.
    if x < 1e-3 {
        return 1.0 - 2.0 / PI.sqrt() * x * (1.0 - square / 3.0);
    }
    let sum: f64 = PLACES.iter().map(|(place, weight)| weight / (square + place)).sum();
    let rule = 2.0 * STEP * x / PI * (-square).exp() * (0.5 / square + sum);
    if x < PI / STEP { rule - 2.0 / (2.0 * PI * x / STEP).exp_m1() } else { rule }
}

/// The standard normal distribution, `P(Z <= z)` for any z.
pub(crate) fn normal_distribution(z: f64) -> f64 {
    let beyond = 0.5 * normal_tail(z.abs());
    if z > 0.0 { 1.0 - beyond } else { beyond }
}

/// Two-sided tail of Student's t distribution, `P(|T| > t)` for t >= 0: `I_x(df/2, 1/2)` at `x = df / (df + t^2)`.
pub(crate) fn student_tail(t: f64, freedom: f64) -> f64 {
    let square = t * t;
    incomplete_beta(freedom / 2.0, 0.5, freedom / (freedom + square), square / (freedom + square))
}

/// The value that is exceeded in absolute size with probability `tail` (0 < tail < 1).
pub(crate) fn upper_quantile(tail: f64, tail_of: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (1e-12, 1.0);
    while tail_of(high) > tail && high < 1e40 {
        (low, high) = (high, 4.0 * high);
    }
    // Far enough out a tail is 0 in floating point; any number below all logarithms will do.
    let excess = |value: f64| tail_of(value.exp()).ln().max(-1e3) - tail.ln();
    root([low.ln(), high.ln()], excess).exp()
}

/// The place where a monotone function is zero, between two places where it has opposite signs: the secant of the
/// interval's ends, of which one that stays has its value halved (the Illinois method, Dowell and Jarratt 1971, BIT 11:168).
pub(crate) fn root([mut left, mut right]: [f64; 2], function: impl Fn(f64) -> f64) -> f64 {
    let (mut at_left, mut at_right) = (function(left), function(right));
    for _ in 0..100 {
        let slope = at_right - at_left;
        let next = if slope == 0.0 { 0.5 * (left + right) } else { left - at_left * (right - left) / slope };
        let value = function(next);
        if value.abs() < 1e-11 || (next - right).abs() < 1e-13 {
            return next;
        }
        if value * at_right < 0.0 {
            (left, at_left) = (right, at_right);
        } else {
            at_left *= 0.5;
        }
        (right, at_right) = (next, value);
    }
    right
}

/// Regularised incomplete beta function `I_x(a, b)`; `y = 1 - x` is passed to keep its digits. Continued fraction
/// (DLMF 8.17.22) by Lentz's method, on the side where it converges fast.
fn incomplete_beta(a: f64, b: f64, x: f64, y: f64) -> f64 {
    if x <= 0.0 || y <= 0.0 {
        return if x <= 0.0 { 0.0 } else { 1.0 };
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * y.ln()).exp();
    if x < (a + 1.0) / (a + b + 2.0) {
        front * beta_fraction(a, b, x) / a
    } else {
        1.0 - front * beta_fraction(b, a, y) / b
    }
}

fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for m in 1..500 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / away(1.0 + even * d);
        c = away(1.0 + even / c);
        fraction *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / away(1.0 + odd * d);
        c = away(1.0 + odd / c);
        fraction *= d * c;
        if (d * c - 1.0).abs() < 1e-15 {
            break;
        }
    }
    fraction
}

/// Logarithm of the gamma function for x > 0: Stirling's series (DLMF 5.11.1) after shifting x above 16.
fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut shift) = (x, 1.0);
    while x < 16.0 {
        shift *= x;
        x += 1.0;
    }
    let square = x * x;
    let series =
        (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - 1.0 / (1680.0 * square)) / square) / square) / x;
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * PI).ln() + series - shift.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_met() {
        // Fisher and Yates, two-sided 5 %: t with 1, 2, 5, 19 degrees of freedom; normal 1.959964.
        for (freedom, expected) in [(1.0, 12.706_205), (2.0, 4.302_653), (5.0, 2.570_582), (19.0, 2.093_024)]
        {
            let found = upper_quantile(0.05, |t| student_tail(t, freedom));
            assert!((found - expected).abs() < 1e-5, "{freedom}: {found}");
        }
        assert!((upper_quantile(0.05, normal_tail) - 1.959_964).abs() < 1e-6);
        assert!((upper_quantile(0.001, normal_tail) - 3.290_527).abs() < 1e-5);
        assert!((normal_tail(0.0) - 1.0).abs() < 1e-15);
        assert!((student_tail(0.0, 3.0) - 1.0).abs() < 1e-15);
        // Abramowitz and Stegun, table 26.2: the one-sided tail beyond 5 is 2.866516e-7, beyond 10 7.619853e-24.
        for (z, one_sided) in [(1e-3, 0.499_601_058), (5.0, 2.866_516e-7), (10.0, 7.619_853e-24)] {
            assert!((normal_tail(z) / (2.0 * one_sided) - 1.0).abs() < 1e-6, "{z}");
        }
        // Near zero, where the series is used and where it ends (x = z / sqrt 2 = 1e-3), by erfc of the C library.
        for (z, tail) in [
            (1e-3, 0.999_202_115_572_177_9),
            (1.3e-3, 0.998_962_750_363_114_9),
            (1.5e-3, 0.998_803_173_607_605_6),
        ] {
            assert!((normal_tail(z) - tail).abs() < 1e-12, "{z}: {}", normal_tail(z));
        }
        // With one degree of freedom the distribution is Cauchy's: P(|T| > 1) = 1/2.
        assert!((student_tail(1.0, 1.0) - 0.5).abs() < 1e-13);
        // A t whose square is beyond all numbers has no tail.
        assert_eq!(student_tail(1e200, 3.0), 0.0);
    }

    #[test]
    fn tails_are_those_of_scipy() {
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/golden/golden.json")).unwrap();
        for row in golden["student"].as_array().unwrap() {
            let [t, freedom, tail] = [0, 1, 2].map(|i| row[i].as_f64().unwrap());
            assert!(
                (student_tail(t, freedom) / tail - 1.0).abs() < 1e-9,
                "t {t}, {freedom} degrees of freedom"
            );
        }
    }

    #[test]
    fn a_root_is_looked_for_between_the_ends_only() {
        // Flat before the root and steep behind it: straight lines alone would leave the interval.
        let function = |x: f64| {
            assert!((0.0..=4.0).contains(&x), "asked at {x}");
            x.powi(9) - 2.0
        };
        assert!((root([0.0, 4.0], function) - 2f64.powf(1.0 / 9.0)).abs() < 1e-11);
        assert!((root([4.0, 0.0], function) - 2f64.powf(1.0 / 9.0)).abs() < 1e-11);
    }

    #[test]
    fn gamma_is_a_factorial() {
        assert!((ln_gamma(6.0) - 120f64.ln()).abs() < 1e-12);
        assert!((ln_gamma(0.5) - PI.sqrt().ln()).abs() < 1e-12);
    }
}
