//! A random forest (Breiman, Machine Learning 2001): many trees, each grown from other examples and looking at other features,
//! whose shares of classes are averaged.
//!
//! The probability of a class is the mean over the trees of its share in the leaf that the pixel comes to. Each tree has a random
//! stream of its own, so that trees can grow on any number of threads, and probabilities are summed in the order of the trees: the
//! same examples and seed give the same bits.
//!
//! # Why not a library's
//!
//! Looked at in November 2026, for class probabilities, the same result on every run, and saving:
//!
//! - smartcore 0.7.0 (Apache-2.0, October 2026; serde, a seed): its forest gives the class that most trees name and no
//!   probabilities (its trees are private, and know the majority of a leaf only), grows on one thread, and goes through all
//!   examples in every node.
//! - linfa-ensemble 0.8.1 (MIT or Apache-2.0): the majority again, counted in a `HashMap` in whose order ties are broken, so that
//!   runs differ; features are drawn for each tree and not for each node.
//! - biosphere 0.4.2 (BSD-3-Clause, December 2025): regression of one number, in `f64`, without a way to save or to look into a
//!   tree.
//! - forust-ml 0.8.0 is boosting, another method.
//!
//! So this one is foci's own, as its other numerics are.

use crate::PixelError;
use crate::bins::Bins;
use crate::descent::{BLOCK, Descent};
use crate::random::{Draws, FIRST_TREE};
use crate::tree::{Examples, Growth, Tree};
use foci_image::Workers;

/// Fewest and most classes.
const CLASSES: std::ops::RangeInclusive<usize> = 2..=256;
/// How a forest grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForestOptions {
    /// Number of trees; ilastik grows 100.
    pub trees: usize,
    /// Fewest examples of a leaf. Whole trees (1) learn the outliers among neighbouring pixels, which are much alike.
    pub smallest_leaf: usize,
}

impl Default for ForestOptions {
    fn default() -> Self {
        Self { trees: 100, smallest_leaf: 15 }
    }
}

/// A forest that has grown.
#[derive(Debug, Clone, PartialEq)]
pub struct RandomForest {
    classes: usize,
    bins: Bins,
    trees: Vec<Tree>,
}

impl RandomForest {
    /// Grows a forest from examples: their features, [features, examples], all finite, and their classes, 0 and up.
    ///
    /// `weights` has a number above 0 for each class: how much an example of it counts in the probabilities. If there are many more
    /// pixels of a class in the world than examples of it, that is how many each stands for. Divisions count all examples alike.
    /// Each node looks at the square root of the number of features, rounded down.
    ///
    /// # Errors
    /// [`PixelError::Classes`] unless there are 2 to 256 weights; [`PixelError::Length`] without examples, if features and classes
    /// do not fit, or for more than 256 features; [`PixelError::Class`] for a class without weight; [`PixelError::Zero`];
    /// [`PixelError::Interrupted`].
    pub fn train(
        features: &[f32],
        classes: &[u8],
        weights: &[f64],
        options: ForestOptions,
        seed: u64,
        workers: &mut Workers,
    ) -> Result<Self, PixelError> {
        if !CLASSES.contains(&weights.len()) {
            return Err(PixelError::Classes { found: weights.len() });
        }
        let count = features.len() / classes.len().max(1);
        if !(1..=256).contains(&count) || features.len() != count * classes.len() {
            let expected = count.clamp(1, 256) * classes.len().max(1);
            return Err(PixelError::Length { what: "the features", expected, found: features.len() });
        }
        if let Some(x) = classes.iter().position(|&class| usize::from(class) >= weights.len()) {
            let class = u32::from(classes[x]);
            return Err(PixelError::Class { example: 0, x, y: 0, class, classes: weights.len() });
        }
        for (what, value) in
            [("the number of trees", options.trees), ("the smallest leaf", options.smallest_leaf)]
        {
            if value == 0 {
                return Err(PixelError::Zero { what });
            }
        }
        let bins = Bins::of(features, classes.len());
        let columns = features.chunks_exact(classes.len()).enumerate();
        let binned: Vec<u8> =
            columns.flat_map(|(feature, values)| bins.of_feature(feature, values)).collect();
        let examples = Examples { bins: &binned, classes, weights };
        let growth = Growth { features_tried: count.isqrt(), smallest_leaf: options.smallest_leaf };
        let streams: Vec<u64> = (0..options.trees as u64).map(|tree| FIRST_TREE + tree).collect();
        let trees = workers.map(&streams, |&stream| {
            Ok::<_, PixelError>(Tree::grow(&examples, growth, &mut Draws::new(seed, stream)))
        })?;
        Ok(Self { classes: weights.len(), bins, trees })
    }

    /// A forest of parts that were read and checked.
    pub(crate) fn from_parts(classes: usize, bins: Bins, trees: Vec<Tree>) -> Self {
        Self { classes, bins, trees }
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Number of features of a pixel.
    pub fn features(&self) -> usize {
        self.bins.features()
    }

    pub(crate) fn bins(&self) -> &Bins {
        &self.bins
    }

    pub(crate) fn trees(&self) -> &[Tree] {
        &self.trees
    }

    /// The probabilities of the classes, [classes, pixels], from the features of some pixels, [features, pixels].
    ///
    /// # Errors
    /// [`PixelError::Length`] if there are other than [`RandomForest::features`] for each pixel.
    pub fn probabilities(&self, features: &[f32], pixels: usize) -> Result<Vec<f32>, PixelError> {
        let expected = self.features() * pixels;
        if features.len() != expected {
            return Err(PixelError::Length { what: "the features", expected, found: features.len() });
        }
        let mut out = vec![0.0; self.classes * pixels];
        let mut descent = Descent::new(self.features(), self.classes);
        for first in (0..pixels).step_by(BLOCK) {
            let count = BLOCK.min(pixels - first);
            for (feature, values) in features.chunks_exact(pixels).enumerate() {
                let bins = self.bins.of_feature(feature, &values[first..first + count]);
                descent.bins[feature].iter_mut().zip(bins).for_each(|(out, bin)| *out = bin);
            }
            descent.sums.iter_mut().for_each(|sums| sums.fill(0.0));
            self.trees.iter().for_each(|tree| descent.add(tree, count));
            for (out, sums) in out.chunks_exact_mut(pixels).zip(&descent.sums) {
                let out = &mut out[first..first + count];
                out.iter_mut().zip(sums).for_each(|(out, sum)| *out = sum / self.trees.len() as f32);
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bins::EDGES;

    fn grown(features: &[f32], classes: &[u8], options: ForestOptions, threads: usize) -> RandomForest {
        let weights = vec![1.0; usize::from(*classes.iter().max().unwrap()) + 1];
        RandomForest::train(features, classes, &weights, options, 11, &mut Workers::new(threads)).unwrap()
    }

    /// Points in the unit square, one after the other along a line that fills it evenly (the plastic number's lattice).
    fn points(count: usize) -> Vec<[f32; 2]> {
        (1..=count)
            .map(|i| [0.754_877_67 * i as f64, 0.569_840_29 * i as f64].map(|x| x.fract() as f32))
            .collect()
    }

    /// [features, points] of points.
    fn columns(points: &[[f32; 2]]) -> Vec<f32> {
        [0, 1].iter().flat_map(|&axis| points.iter().map(move |point| point[axis])).collect()
    }

    /// A chequerboard of 2 x 2: neither coordinate alone says anything.
    fn is_other(point: &[f32; 2]) -> u8 {
        u8::from((point[0] < 0.5) != (point[1] < 0.5))
    }

    #[test]
    fn what_neither_feature_says_alone_is_learnt() {
        let seen = points(2000);
        let classes: Vec<u8> = seen.iter().map(is_other).collect();
        let forest = grown(&columns(&seen), &classes, ForestOptions::default(), 2);
        // Points that were not among the first 2,000, away from the borders of the squares.
        let far = |x: f32| (x - 0.5).abs() > 0.03;
        let new: Vec<[f32; 2]> =
            points(5000)[2000..].iter().copied().filter(|p| far(p[0]) && far(p[1])).collect();
        let found = forest.probabilities(&columns(&new), new.len()).unwrap();
        let (first, second) = found.split_at(new.len());
        let right =
            new.iter().zip(second).filter(|(point, p)| u8::from(**p > 0.5) == is_other(point)).count();
        assert!(right as f64 > 0.99 * new.len() as f64, "{right} of {}", new.len());
        assert!(first.iter().zip(second).all(|(a, b)| (a + b - 1.0).abs() < 1e-5));
    }

    #[test]
    fn probabilities_are_shares_where_classes_mix() {
        // One feature that says nothing: of all, a third is of class 2. Weights make it a half: 1 of 1 + 3 / 3 x .. = 1 / 2.
        let values: Vec<f32> = (0..3000).map(|i| (i % 2) as f32).collect();
        let classes: Vec<u8> = (0..3000).map(|i| if i % 3 == 0 { 2 } else { 0 }).collect();
        let train = |weights: &[f64]| {
            let options = ForestOptions { trees: 50, smallest_leaf: 5 };
            let forest =
                RandomForest::train(&values, &classes, weights, options, 5, &mut Workers::new(1)).unwrap();
            forest.probabilities(&[0.0], 1).unwrap()
        };
        let (plain, weighted) = (train(&[1.0; 3]), train(&[1.0, 1.0, 2.0]));
        // Standard deviation of a tree's share sqrt(1/3 2/3 / 1500) = 0.012, of the mean of 50 a seventh.
        assert!((plain[2] - 1.0 / 3.0).abs() < 0.01 && plain[1] == 0.0, "{plain:?}");
        assert!((weighted[2] - 0.5).abs() < 0.01, "{weighted:?}");
    }

    #[test]
    fn the_same_bits_whatever_the_threads_and_however_pixels_are_grouped() {
        let seen = points(700);
        let classes: Vec<u8> = seen.iter().map(|p| (p[0] * 3.0) as u8).collect();
        let options = ForestOptions { trees: 7, smallest_leaf: 1 };
        let forest = grown(&columns(&seen), &classes, options, 1);
        for threads in [2, 3] {
            assert_eq!(grown(&columns(&seen), &classes, options, threads), forest);
        }
        let other =
            RandomForest::train(&columns(&seen), &classes, &[1.0; 3], options, 12, &mut Workers::new(1));
        assert_ne!(other.unwrap(), forest);
        // A block and a part of one.
        let new = points(4999);
        let together = forest.probabilities(&columns(&new), new.len()).unwrap();
        for (at, point) in new.iter().enumerate().step_by(997) {
            let alone = forest.probabilities(point, 1).unwrap();
            let expected: Vec<f32> = (0..3).map(|class| together[class * new.len() + at]).collect();
            assert_eq!(alone, expected);
        }
        assert!(forest.probabilities(&[], 0).unwrap().is_empty());
    }

    /// The probability of a class as it is defined: from the root of each tree to a leaf, pixel by pixel.
    fn directly(forest: &RandomForest, point: &[f32; 2], class: usize) -> f32 {
        let share = |tree: &Tree| {
            let mut place = 0;
            while tree.nodes[place].next as usize != place {
                let node = tree.nodes[place];
                let feature = usize::from(node.feature);
                let edge = forest.bins.edges()[feature * EDGES + usize::from(node.threshold)];
                place = node.next as usize + usize::from(point[feature] > edge);
            }
            tree.shares[tree.leaves[place] as usize * forest.classes + class]
        };
        forest.trees.iter().map(share).fold(0.0, |sum, share| sum + share) / forest.trees.len() as f32
    }

    #[test]
    fn blocks_of_pixels_end_where_each_would_alone() {
        let seen = points(900);
        let classes: Vec<u8> = seen.iter().map(|p| ((p[0] * 5.0) as u8 + (p[1] * 4.0) as u8) % 3).collect();
        let forest = grown(&columns(&seen), &classes, ForestOptions { trees: 5, smallest_leaf: 2 }, 2);
        // Among them the values at the very edges, which belong below.
        let mut new = points(5000);
        new.iter_mut().zip(forest.bins.edges()).for_each(|(point, &edge)| point[0] = edge.min(2.0));
        let found = forest.probabilities(&columns(&new), new.len()).unwrap();
        for (at, point) in new.iter().enumerate() {
            for class in 0..3 {
                assert_eq!(
                    found[class * new.len() + at],
                    directly(&forest, point, class),
                    "{point:?} {class}"
                );
            }
        }
    }

    #[test]
    fn numbers_that_do_not_fit_are_refused() {
        let train = |features: &[f32], classes: &[u8], weights: &[f64], options| {
            RandomForest::train(features, classes, weights, options, 1, &mut Workers::new(1)).unwrap_err()
        };
        let options = ForestOptions::default();
        assert!(matches!(train(&[1.0; 4], &[0, 1], &[1.0], options), PixelError::Classes { found: 1 }));
        assert!(matches!(train(&[1.0; 5], &[0, 1], &[1.0; 2], options), PixelError::Length { .. }));
        assert!(matches!(train(&[], &[], &[1.0; 2], options), PixelError::Length { .. }));
        assert!(matches!(train(&[1.0; 257], &[0], &[1.0; 2], options), PixelError::Length { .. }));
        assert!(matches!(train(&[1.0; 2], &[0, 2], &[1.0; 2], options), PixelError::Class { class: 2, .. }));
        let none = ForestOptions { trees: 0, ..options };
        assert!(matches!(train(&[1.0; 2], &[0, 1], &[1.0; 2], none), PixelError::Zero { .. }));
        let forest = grown(&[1.0, 2.0, 3.0, 4.0], &[0, 1], options, 1);
        assert!(matches!(
            forest.probabilities(&[1.0; 3], 1),
            Err(PixelError::Length { expected: 2, found: 3, .. })
        ));
    }
}
