//! Features as bytes: each feature's values in at most 256 bins, which hold about equally many of the examples.
//!
//! A tree asks of a pixel only whether a feature is above a threshold. With thresholds between bins alone, and not between any two
//! values, that is the comparison of two bytes, and a feature takes a quarter of the memory;
//! what lies closer together than a 256th of the examples is not told apart, which is less than one image differs from the next (as
//! LightGBM has it: Ke et al., NIPS 2017).

/// Bins of a feature.
pub(crate) const BINS: usize = 256;
/// Edges between them.
pub(crate) const EDGES: usize = BINS - 1;

/// For each feature the edges between its bins.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bins {
    /// [features, [`EDGES`]], ascending; a feature of fewer values has infinity at the end.
    edges: Vec<f32>,
}

impl Bins {
    /// Edges for examples of finite features, [features, examples].
    pub fn of(values: &[f32], examples: usize) -> Self {
        let mut edges = Vec::new();
        for feature in values.chunks_exact(examples.max(1)) {
            let mut sorted = feature.to_vec();
            sorted.sort_unstable_by(f32::total_cmp);
            let start = edges.len();
            for edge in 1..BINS {
                // The last value of the examples so far, and the next that is another.
                let here = sorted[(edge * examples / BINS).saturating_sub(1)];
                let Some(&next) = sorted.get(sorted.partition_point(|&value| value <= here)) else { break };
                let middle = 0.5 * here + 0.5 * next;
                // Half way, so that values on both sides have room; of neighbouring numbers the middle is one of them.
                let between = if middle < next { middle } else { here };
                if edges.len() == start || edges[edges.len() - 1] < between {
                    edges.push(between);
                }
            }
            edges.resize(start + EDGES, f32::INFINITY);
        }
        Self { edges }
    }

    /// As stored, [features, [`EDGES`]]; `None` if edges of a feature do not ascend.
    pub fn from_edges(edges: Vec<f32>) -> Option<Self> {
        let ascends = |edges: &[f32]| edges.iter().is_sorted() && edges[0] > f32::NEG_INFINITY;
        let good = edges.len().is_multiple_of(EDGES) && edges.chunks_exact(EDGES).all(ascends);
        good.then_some(Self { edges })
    }

    /// The edges, [features, [`EDGES`]].
    pub fn edges(&self) -> &[f32] {
        &self.edges
    }

    /// Number of features.
    pub fn features(&self) -> usize {
        self.edges.len() / EDGES
    }

    /// The bins of one feature's values: how many edges lie below each.
    pub fn of_feature<'a>(&'a self, feature: usize, values: &'a [f32]) -> impl Iterator<Item = u8> + 'a {
        let edges = &self.edges[feature * EDGES..(feature + 1) * EDGES];
        values.iter().map(move |&value| edges_below(edges, value))
    }
}

/// How many of a feature's edges lie below a value, by halves. Always eight comparisons and no branch: where the next value goes
/// nobody can foresee.
fn edges_below(edges: &[f32], value: f32) -> u8 {
    let mut below = 0;
    for step in [128, 64, 32, 16, 8, 4, 2, 1] {
        below += step * usize::from(edges[below + step - 1] < value);
    }
    below as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_have_a_bin_each() {
        let bins = Bins::of(&[5.0, 1.0, 1.0, 3.0, 7.0, 7.0, 7.0, 7.0], 4);
        // Edges between 1 and 3 and 5, and none in a feature of one value.
        assert_eq!(bins.edges()[..3], [2.0, 4.0, f32::INFINITY]);
        assert!(bins.edges()[EDGES..].iter().all(|edge| *edge == f32::INFINITY));
        let found: Vec<u8> = bins.of_feature(0, &[0.0, 1.0, 2.0, 2.5, 3.0, 4.5, 9.0]).collect();
        assert_eq!(found, [0, 0, 0, 1, 1, 2, 2]);
        assert_eq!(bins.of_feature(1, &[6.0, 8.0]).collect::<Vec<u8>>(), [0, 0]);
    }

    #[test]
    fn many_values_share_bins_evenly() {
        let values: Vec<f32> = (0..10_000).map(|i| ((i * 7919) % 10_000) as f32).collect();
        let bins = Bins::of(&values, values.len());
        let mut counts = [0; BINS];
        bins.of_feature(0, &values).for_each(|bin| counts[usize::from(bin)] += 1);
        let directly = |value: f32| bins.edges().iter().filter(|edge| **edge < value).count() as u8;
        assert!(bins.of_feature(0, &values).zip(&values).all(|(bin, &value)| bin == directly(value)));
        // 10,000 in 256: 39 or 40 each.
        assert!(counts.iter().all(|count| (39..=40).contains(count)), "{counts:?}");
    }

    #[test]
    fn stored_edges_must_ascend() {
        let edges: Vec<f32> = (0..EDGES).map(|edge| edge as f32).collect();
        assert!(Bins::from_edges(edges.clone()).is_some() && Bins::from_edges(edges[1..].to_vec()).is_none());
        for wrong in [f32::NAN, 300.0] {
            let mut edges = edges.clone();
            edges[7] = wrong;
            assert!(Bins::from_edges(edges).is_none());
        }
    }
}
