//! One decision tree: how it grows, and where it leads a pixel.
//!
//! A tree grows as in CART (Breiman et al. 1984): each node divides its examples by one feature and one threshold so that
//! Gini's impurity 1 - sum of (class share)^2 falls as much as it can, until a node holds one class or too few to divide. As in a
//! random forest (Breiman, Machine Learning 2001) it grows from as many examples as there are, drawn with replacement, and
//! each node looks at a few features only, drawn anew.
//!
//! Everything that decides is counted in whole numbers. Of equal divisions the first is taken: features in the order drawn,
//! thresholds from the lowest.

use crate::random::Draws;
use std::ops::Range;

/// A question or a leaf, whose way leads back to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Node {
    /// The node for bins up to the threshold; the one behind it is for bins above.
    pub next: u32,
    /// The feature that is asked for.
    pub feature: u8,
    /// The highest bin that goes to `next`.
    pub threshold: u8,
}

/// A tree that has grown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tree {
    /// The root first; a node's followers come after it.
    pub nodes: Vec<Node>,
    /// For each node the number of its leaf; 0 for questions.
    pub leaves: Vec<u32>,
    /// The shares of the classes in each leaf, [leaves, classes]; each leaf's add up to 1.
    pub shares: Vec<f32>,
}

/// What trees grow from.
pub(crate) struct Examples<'a> {
    /// Bins, [features, examples].
    pub bins: &'a [u8],
    /// The class of each example.
    pub classes: &'a [u8],
    /// How much an example of each class counts in a leaf's shares. Divisions count all alike.
    pub weights: &'a [f64],
}

/// How trees grow.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Growth {
    /// Features looked at in each node.
    pub features_tried: usize,
    /// Fewest examples of a leaf.
    pub smallest_leaf: usize,
}

/// Goes on where the examples of a node are to be divided.
struct Open {
    node: usize,
    examples: Range<usize>,
}

/// The best division of a node so far.
struct Division {
    score: f64,
    feature: usize,
    threshold: u8,
}

impl Tree {
    /// Grows a tree. There is at least one example.
    pub fn grow(examples: &Examples, growth: Growth, draws: &mut Draws) -> Self {
        let count = examples.classes.len();
        let mut drawn: Vec<u32> = (0..count).map(|_| draws.index(count as u64) as u32).collect();
        let mut features: Vec<usize> = (0..examples.bins.len() / count).collect();
        let mut tree = Self { nodes: vec![LEAF], leaves: vec![0], shares: Vec::new() };
        let mut open = vec![Open { node: 0, examples: 0..count }];
        let mut search = Search::new(examples.weights.len());
        while let Some(Open { node, examples: range }) = open.pop() {
            let here = &mut drawn[range.clone()];
            let best = search.best(examples, here, growth, &mut features, draws);
            let Some(Division { feature, threshold, .. }) = best else {
                tree.end(node, &search.counts, examples.weights);
                continue;
            };
            let bins = &examples.bins[feature * count..(feature + 1) * count];
            let middle = range.start + partition(here, |example| bins[example as usize] <= threshold);
            let next = tree.nodes.len();
            tree.nodes[node] = Node { next: next as u32, feature: feature as u8, threshold };
            tree.nodes.extend([LEAF; 2]);
            tree.leaves.extend([0; 2]);
            open.push(Open { node: next + 1, examples: middle..range.end });
            open.push(Open { node: next, examples: range.start..middle });
        }
        tree
    }

    /// Makes a node a leaf.
    fn end(&mut self, node: usize, counts: &[u64], weights: &[f64]) {
        self.nodes[node].next = node as u32;
        self.leaves[node] = (self.shares.len() / weights.len()) as u32;
        let weighted = |class: usize| counts[class] as f64 * weights[class];
        let whole: f64 = (0..weights.len()).map(weighted).sum();
        self.shares.extend((0..weights.len()).map(|class| (weighted(class) / whole) as f32));
    }
}

/// A leaf that has no number yet.
const LEAF: Node = Node { next: 0, feature: 0, threshold: u8::MAX };

/// Puts the examples for which `is_first` holds before all others; how many they are.
fn partition(examples: &mut [u32], is_first: impl Fn(u32) -> bool) -> usize {
    let mut first = 0;
    for at in 0..examples.len() {
        if is_first(examples[at]) {
            examples.swap(first, at);
            first += 1;
        }
    }
    first
}

/// What the search for a division uses again and again.
struct Search {
    /// Examples of each class in the node.
    counts: Vec<u64>,
    /// Those up to a threshold.
    below: Vec<u64>,
    /// Bin and class of each example, as one number, in ascending order.
    keys: Vec<u16>,
}

impl Search {
    fn new(classes: usize) -> Self {
        Self { counts: vec![0; classes], below: vec![0; classes], keys: Vec::new() }
    }

    /// The best division of a node's examples, or none; `counts` are those of the node afterwards.
    fn best(
        &mut self,
        examples: &Examples,
        here: &[u32],
        growth: Growth,
        features: &mut [usize],
        draws: &mut Draws,
    ) -> Option<Division> {
        self.counts.fill(0);
        here.iter().for_each(|&example| self.counts[usize::from(examples.classes[example as usize])] += 1);
        let classes_here = self.counts.iter().filter(|count| **count > 0).count();
        if classes_here < 2 || here.len() < 2 * growth.smallest_leaf {
            return None;
        }
        let mut best = None;
        for tried in 0..features.len() {
            // Where none of the features could divide anything (all examples alike in them), more are looked at.
            if tried >= growth.features_tried && best.is_some() {
                break;
            }
            let other = tried + draws.index((features.len() - tried) as u64) as usize;
            features.swap(tried, other);
            self.divide(examples, here, growth.smallest_leaf, features[tried], &mut best);
        }
        best
    }

    /// Looks for a better division by one feature. That impurity falls most is that the sum of (examples of a class)^2 / examples
    /// over both sides is greatest.
    fn divide(
        &mut self,
        examples: &Examples,
        here: &[u32],
        smallest_leaf: usize,
        feature: usize,
        best: &mut Option<Division>,
    ) {
        let count = examples.classes.len();
        let bins = &examples.bins[feature * count..(feature + 1) * count];
        let key = |&example: &u32| {
            u16::from(bins[example as usize]) << 8 | u16::from(examples.classes[example as usize])
        };
        self.keys.clear();
        self.keys.extend(here.iter().map(key));
        self.keys.sort_unstable();
        self.below.fill(0);
        let mut squares_above: u64 = self.counts.iter().map(|count| count * count).sum();
        let mut squares_below = 0;
        for at in 1..self.keys.len() {
            let (last, next) = (self.keys[at - 1], self.keys[at]);
            let class = usize::from(last & 0xff);
            let (below, above) = (self.below[class], self.counts[class] - self.below[class]);
            // (n + 1)^2 = n^2 + 2 n + 1, and the other way round.
            squares_below += 2 * below + 1;
            squares_above -= 2 * above - 1;
            self.below[class] += 1;
            let (bin, next_bin) = (last >> 8, next >> 8);
            if bin == next_bin || at < smallest_leaf || self.keys.len() - at < smallest_leaf {
                continue;
            }
            let above = (self.keys.len() - at) as f64;
            let score = squares_below as f64 / at as f64 + squares_above as f64 / above;
            if best.as_ref().is_none_or(|best| score > best.score) {
                // Between two bins with empty ones in between, half way.
                let threshold = ((bin + next_bin - 1) / 2) as u8;
                *best = Some(Division { score, feature, threshold });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::FIRST_TREE;

    const ALL: Growth = Growth { features_tried: 2, smallest_leaf: 1 };

    fn grow(bins: &[u8], classes: &[u8], growth: Growth) -> Tree {
        let examples = Examples { bins, classes, weights: &[1.0, 1.0] };
        Tree::grow(&examples, growth, &mut Draws::new(3, FIRST_TREE))
    }

    #[test]
    fn the_best_division_by_hand() {
        // By the first feature classes 0 0 1 | 1 ...: by the second, 0 0 | 1 1 1 1 is pure: threshold half way between bins 10 and 20.
        let (bins, classes) = ([5, 5, 5, 9, 9, 9, 10, 10, 20, 20, 30, 30], [0, 0, 1, 1, 1, 1]);
        let examples = Examples { bins: &bins, classes: &classes, weights: &[1.0, 1.0] };
        let mut search = Search::new(2);
        let draws = &mut Draws::new(1, FIRST_TREE);
        let best = search.best(&examples, &[0, 1, 2, 3, 4, 5], ALL, &mut [0, 1], draws).unwrap();
        // 2^2 / 2 + 4^2 / 4 = 6.
        assert_eq!((best.score, best.feature, best.threshold), (6.0, 1, 14));
        assert_eq!(search.counts, [2, 4]);
        // With leaves of three it is the first feature's: (2^2 + 1) / 3 + 3^2 / 3; the second's, between bins 10 and 20, has two only.
        let growth = Growth { smallest_leaf: 3, ..ALL };
        let best = search.best(&examples, &[0, 1, 2, 3, 4, 5], growth, &mut [1, 0], draws).unwrap();
        assert_eq!((best.score, best.feature, best.threshold), (5.0 / 3.0 + 3.0, 0, 6));
        // One class, or examples that are all alike, cannot be divided.
        assert!(search.best(&examples, &[2, 3, 4], ALL, &mut [0, 1], draws).is_none());
        let alike = Examples { bins: &[7, 7], classes: &[0, 1], weights: &[1.0, 1.0] };
        assert!(search.best(&alike, &[0, 1], ALL, &mut [0], draws).is_none());
    }

    #[test]
    fn a_tree_ends_in_leaves_that_hold_their_shares() {
        let bins: Vec<u8> = (0..200).map(|i| (i % 100) as u8).collect();
        let classes: Vec<u8> = (0..200).map(|i| u8::from(i % 100 >= 40)).collect();
        let tree = grow(&bins, &classes, Growth { features_tried: 1, smallest_leaf: 1 });
        // One question is enough.
        assert_eq!((tree.nodes.len(), tree.shares.as_slice()), (3, &[1.0, 0.0, 0.0, 1.0][..]));
        assert_eq!(tree.nodes[0].next, 1);
        assert!((38..=40).contains(&tree.nodes[0].threshold), "{}", tree.nodes[0].threshold);
        // Leaves lead back to themselves.
        assert_eq!((tree.nodes[1].next, tree.nodes[2].next, &tree.leaves[1..]), (1, 2, &[0, 1][..]));
        // Nothing to ask: one leaf with the shares of what was drawn, weighted.
        let examples = Examples {
            bins: &[7; 400],
            classes: &[[0; 300].as_slice(), &[1; 100]].concat(),
            weights: &[1.0, 3.0],
        };
        let leaf = Tree::grow(&examples, ALL, &mut Draws::new(3, FIRST_TREE));
        assert_eq!(leaf.nodes.len(), 1);
        // Standard deviation of the share drawn: sqrt(0.25 * 0.75 / 400) = 0.022, weighted to a half: about 0.03.
        assert!((leaf.shares[1] - 0.5).abs() < 0.1 && (leaf.shares[0] + leaf.shares[1] - 1.0).abs() < 1e-6);
    }
}
