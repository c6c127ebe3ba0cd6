//! The way of pixels down a tree, many at once.
//!
//! A node divides all pixels that come to it, as it did with the examples: no pixel waits for what the one before it has found, and
//! each node reads one feature only. Where a pixel arrives does not depend on which others there are.

use crate::tree::Tree;
use std::ops::Range;

/// So many pixels go through all trees before the next, so that their features stay in the cache.
pub(crate) const BLOCK: usize = 4096;

/// A block of pixels on its way.
pub(crate) struct Descent {
    /// For each feature the bins of the pixels.
    pub bins: Vec<[u8; BLOCK]>,
    /// For each class the shares of the trees so far, summed.
    pub sums: Vec<[f32; BLOCK]>,
    /// The pixels of the block, those of a node side by side.
    pixels: [u16; BLOCK],
    /// Room for those that go the second way.
    aside: [u16; BLOCK],
    /// Nodes that are still to be visited, and where their pixels are.
    open: Vec<(u32, Range<usize>)>,
}

impl Descent {
    /// For so many features and classes.
    pub fn new(features: usize, classes: usize) -> Self {
        Self {
            bins: vec![[0; BLOCK]; features],
            sums: vec![[0.0; BLOCK]; classes],
            pixels: [0; BLOCK],
            aside: [0; BLOCK],
            open: Vec::new(),
        }
    }

    /// Adds what a tree says of the first `count` pixels.
    pub fn add(&mut self, tree: &Tree, count: usize) {
        self.pixels.iter_mut().zip(0..).for_each(|(pixel, number)| *pixel = number);
        self.open.push((0, 0..count));
        while let Some((place, range)) = self.open.pop() {
            let node = tree.nodes[place as usize];
            let here = &mut self.pixels[range.clone()];
            if node.next == place {
                let leaf = tree.leaves[place as usize] as usize * self.sums.len();
                for (sums, &share) in self.sums.iter_mut().zip(&tree.shares[leaf..]) {
                    // Most leaves hold one or two classes.
                    if share > 0.0 {
                        here.iter().for_each(|&pixel| sums[usize::from(pixel) % BLOCK] += share);
                    }
                }
                continue;
            }
            let first = divide(here, &mut self.aside, &self.bins[usize::from(node.feature)], node.threshold);
            let middle = range.start + first;
            if middle < range.end {
                self.open.push((node.next + 1, middle..range.end));
            }
            if first > 0 {
                self.open.push((node.next, range.start..middle));
            }
        }
    }
}

/// Puts the pixels of a node whose bin is up to the threshold before the others, both in their order; how many they are.
fn divide(here: &mut [u16], aside: &mut [u16; BLOCK], bins: &[u8; BLOCK], threshold: u8) -> usize {
    let mut first = 0;
    // Written both ways, and counted one: a branch that nobody can foresee costs more. Pixels are below the size of a block, which the
    // compiler only sees by the remainder.
    for at in 0..here.len() {
        let pixel = here[at];
        here[first] = pixel;
        aside[(at - first) % BLOCK] = pixel;
        first += usize::from(bins[usize::from(pixel) % BLOCK] <= threshold);
    }
    let others = here.len() - first;
    here[first..].copy_from_slice(&aside[..others]);
    first
}
