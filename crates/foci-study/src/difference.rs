//! A paired difference as it is asked for, and the rule by which it counts as certain.
//!
//! A comparison is written one way round, `a` minus `b`; a claim or a ranking asks for either. A difference is certain
//! when its 95 % interval leaves zero out *and* its p-value, adjusted for all comparisons of the study, is below
//! [`LEVEL`]. Everything else is undecided, however large it looks.

use crate::results::Comparison;
use foci_measure::measure::Better;

/// Adjusted p-value below which a difference counts.
pub(crate) const LEVEL: f64 = 0.05;

/// First net minus second net in one measure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Difference {
    /// Mean over test fields.
    pub value: f64,
    /// 95 % interval.
    pub interval: [f64; 2],
    /// p-value after adjustment for all comparisons of the study.
    pub p_adjusted: f64,
}

impl Difference {
    /// A comparison as it was written: `a` is the first net.
    pub fn of(comparison: &Comparison) -> Difference {
        let Comparison { difference, ci, p_adjusted, .. } = *comparison;
        Difference { value: difference, interval: ci, p_adjusted }
    }

    /// The difference of two arms, whichever way round they were compared; `None` if they were not.
    pub fn between(
        comparisons: &[Comparison],
        first: &str,
        second: &str,
        measure: &str,
    ) -> Option<Difference> {
        comparisons.iter().filter(|comparison| comparison.metric == measure).find_map(|comparison| {
            match (comparison.a.as_str(), comparison.b.as_str()) {
                (a, b) if (a, b) == (first, second) => Some(Difference::of(comparison)),
                (a, b) if (a, b) == (second, first) => Some(Difference::of(comparison).turned()),
                _ => None,
            }
        })
    }

    /// Second net minus first net.
    pub fn turned(self) -> Difference {
        let [low, high] = self.interval;
        Difference { value: -self.value, interval: [-high, -low], ..self }
    }

    /// The interval leaves zero out and the adjusted p-value is below [`LEVEL`].
    pub fn is_certain(&self) -> bool {
        self.p_adjusted < LEVEL && (self.interval[0] > 0.0 || self.interval[1] < 0.0)
    }

    /// The difference is certain and in favour of the first net; never so if nobody has said which values are better.
    pub fn favours_first(&self, better: Option<Better>) -> bool {
        self.is_certain()
            && match better {
                Some(Better::Higher) => self.interval[0] > 0.0,
                Some(Better::Lower) => self.interval[1] < 0.0,
                None => false,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comparison(low: f64, high: f64, p: f64) -> Comparison {
        Comparison {
            a: "a".into(),
            b: "b".into(),
            metric: "psnr".into(),
            difference: (low + high) / 2.0,
            ci: [low, high],
            p,
            p_adjusted: p,
            probability_a_better: 0.5,
        }
    }

    #[test]
    fn a_difference_is_found_either_way_round() {
        let known = [comparison(1.0, 2.0, 0.01)];
        let forth = Difference::between(&known, "a", "b", "psnr").unwrap();
        assert_eq!((forth.value, forth.interval), (1.5, [1.0, 2.0]));
        let back = Difference::between(&known, "b", "a", "psnr").unwrap();
        assert_eq!((back.value, back.interval, back), (-1.5, [-2.0, -1.0], forth.turned()));
        assert_eq!(Difference::between(&known, "a", "b", "ssim"), None);
        assert_eq!(Difference::between(&known, "a", "c", "psnr"), None);
    }

    #[test]
    fn only_a_certain_difference_favours_anyone() {
        let certain = Difference::of(&comparison(1.0, 2.0, 0.01));
        assert!(certain.favours_first(Some(Better::Higher)) && !certain.favours_first(Some(Better::Lower)));
        assert!(certain.turned().favours_first(Some(Better::Lower)) && !certain.favours_first(None));
        for open in [comparison(-1.0, 2.0, 0.01), comparison(1.0, 2.0, LEVEL)] {
            let open = Difference::of(&open);
            assert!(!open.is_certain() && !open.favours_first(Some(Better::Higher)));
        }
    }
}
