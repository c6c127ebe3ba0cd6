//! Which source positions along one axis make a target position, and with what weight. All resamplings are
//! periodic: a coarse pixel and the `factor` fine pixels that belong to it form a cell, and but for the first
//! cell and the last two, which may see the border, every cell is made like its neighbour. So one axis is
//! described by the taps of four cells, however long it is.

use std::ops::Range;

use crate::pool::MOST_FACTOR;

/// Most source positions of one target position: a bilinear gradient reads twice the factor.
const MOST_TAPS: usize = 2 * MOST_FACTOR;

/// How positions along one axis belong together: `factor` says how many fine pixels make a coarse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weights {
    /// Coarse from fine, the mean of those there are.
    Average(usize),
    /// Coarse from fine at factor 2, [1 2 1] around fine pixel 2 i, renormalised.
    Blur,
    /// Fine from coarse, repeated.
    Nearest(usize),
    /// Fine from coarse, linear between pixel centres.
    Bilinear(usize),
}

/// The source positions `first .. first + count` of one target position, with their weights.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Taps {
    /// The first source position; in an [`Axis`] counted from the anchor of the cell.
    pub first: isize,
    pub count: usize,
    pub weights: [f32; MOST_TAPS],
}

impl Weights {
    fn factor(self) -> usize {
        match self {
            Weights::Average(factor) | Weights::Nearest(factor) | Weights::Bilinear(factor) => factor,
            Weights::Blur => 2,
        }
    }

    /// Whether the source of the forward direction is the fine map.
    fn pools(self) -> bool {
        matches!(self, Weights::Average(_) | Weights::Blur)
    }

    /// What makes target position `at` from a source of `size` positions.
    fn forward(self, at: usize, size: usize) -> Taps {
        let mut weights = [0.0; MOST_TAPS];
        let (first, count) = match self {
            Weights::Average(factor) => {
                let count = factor.min(size - at * factor);
                weights[..count].fill(1.0 / count as f32);
                (at * factor, count)
            }
            Weights::Blur => {
                let first = (2 * at).saturating_sub(1);
                let end = (2 * at + 2).min(size);
                let weight = |position: usize| if position == 2 * at { 2.0 } else { 1.0 };
                let total: f32 = (first..end).map(weight).sum();
                for position in first..end {
                    weights[position - first] = weight(position) / total;
                }
                (first, end - first)
            }
            Weights::Nearest(factor) => {
                weights[0] = 1.0;
                (at / factor, 1)
            }
            Weights::Bilinear(factor) => {
                // The position (at + 1/2) / factor - 1/2 in units of 1 / (2 factor), so that far from the
                // origin nothing is lost to rounding.
                let position = (2 * at + 1).saturating_sub(factor);
                let (first, rest) = (position / (2 * factor), position % (2 * factor));
                if first + 1 < size && rest > 0 {
                    let fraction = rest as f32 / (2 * factor) as f32;
                    (weights[0], weights[1]) = (1.0 - fraction, fraction);
                    (first, 2)
                } else {
                    weights[0] = 1.0;
                    (first, 1)
                }
            }
        };
        Taps { first: first as isize, count, weights }
    }

    /// What target positions of `forward` source position `at` went into: of `target` positions, those that
    /// lie near enough are asked.
    fn backward(self, at: usize, size: usize, target: usize) -> Taps {
        let factor = self.factor();
        let near = match self {
            Weights::Average(_) => at / factor..at / factor + 1,
            Weights::Blur => at / 2..at / 2 + 2,
            Weights::Nearest(_) => at * factor..(at + 1) * factor,
            Weights::Bilinear(_) => (at * factor).saturating_sub(factor)..(at + 2) * factor,
        };
        let mut taps = Taps { first: near.start as isize, ..Taps::default() };
        for position in near.start..near.end.min(target) {
            let forward = self.forward(position, size);
            let weight = match usize::try_from(at as isize - forward.first) {
                Ok(tap) if tap < forward.count => forward.weights[tap],
                _ => 0.0,
            };
            if taps.count == 0 && weight == 0.0 {
                taps.first = position as isize + 1;
            } else if taps.count < MOST_TAPS {
                taps.weights[taps.count] = weight;
                taps.count += 1;
            }
        }
        while taps.count > 0 && taps.weights[taps.count - 1] == 0.0 {
            taps.count -= 1;
        }
        taps
    }
}

/// One axis of a resampling from `from` positions to `to`.
pub(super) struct Axis {
    /// Fine positions of a cell.
    pub factor: usize,
    /// Source positions of a cell: `factor`, or 1.
    pub sources: usize,
    /// Target positions of a cell: 1, or `factor`.
    pub targets: usize,
    pub from: usize,
    pub to: usize,
    /// Cells; the last may be incomplete.
    pub cells: usize,
    /// The cells that are made as if there were no border.
    inner: Range<usize>,
    /// The taps of the first cell, of the last two, and of one that sees no border, for each of its target
    /// positions; those that do not exist have none.
    taps: [Cell; 4],
}

/// The taps of each target position of a cell, counted from the cell's first source position.
pub(super) type Cell = [Taps; MOST_FACTOR];

impl Axis {
    /// An axis along which `weights` make `to` positions of `from`; if `back`, the transpose of the weights
    /// that make `from` positions of `to`.
    pub fn new(weights: Weights, back: bool, from: usize, to: usize) -> Axis {
        let factor = weights.factor();
        let (sources, targets) = if weights.pools() == back { (1, factor) } else { (factor, 1) };
        let cells = from.min(to);
        let taps = |cell: usize, from: usize, to: usize| -> Cell {
            std::array::from_fn(|phase| {
                let at = cell * targets + phase;
                if phase >= targets || at >= to {
                    return Taps::default();
                }
                let taps = if back { weights.backward(at, to, from) } else { weights.forward(at, from) };
                Taps { first: taps.first - (cell * sources) as isize, ..taps }
            })
        };
        // The cell in the middle of five, all complete.
        let inner = taps(2, 5 * sources, 5 * targets);
        let last = [cells.saturating_sub(2), cells - 1];
        let taps = [taps(0, from, to), taps(last[0], from, to), taps(last[1], from, to), inner];
        let mut axis = Axis { factor, sources, targets, from, to, cells, inner: 0..cells, taps };
        axis.inner.start = usize::from(*axis.cell(0) != inner);
        while axis.inner.end > axis.inner.start && *axis.cell(axis.inner.end - 1) != inner {
            axis.inner.end -= 1;
        }
        axis
    }

    /// The taps of a cell.
    #[inline(always)]
    fn cell(&self, cell: usize) -> &Cell {
        match cell {
            cell if cell + 1 == self.cells => &self.taps[2],
            cell if cell + 2 == self.cells => &self.taps[1],
            0 => &self.taps[0],
            _ => &self.taps[3],
        }
    }

    /// The taps of one target position of a cell, counted from the cell's first source position.
    #[inline(always)]
    pub fn taps(&self, cell: usize, phase: usize) -> &Taps {
        &self.cell(cell)[phase]
    }

    /// The taps of target position `at`, and the first source position that they see.
    #[inline(always)]
    pub fn seen(&self, at: usize) -> (&Taps, usize) {
        let cell = at / self.targets;
        let taps = self.taps(cell, at % self.targets);
        (taps, ((cell * self.sources) as isize + taps.first) as usize)
    }

    /// The taps of a cell that sees no border.
    #[inline(always)]
    pub fn inner_taps(&self) -> &Cell {
        &self.taps[3]
    }

    /// Of some cells, those that are made as if there were no border.
    #[inline(always)]
    pub fn inner(&self, cells: &Range<usize>) -> Range<usize> {
        let start = self.inner.start.clamp(cells.start, cells.end);
        start..self.inner.end.clamp(start, cells.end)
    }

    /// All source positions that some cells see: their own, and those of a cell on either side.
    #[inline(always)]
    pub fn sources_of(&self, cells: &Range<usize>) -> Range<usize> {
        cells.start.saturating_sub(1) * self.sources..self.from.min((cells.end + 1) * self.sources)
    }

    /// The target positions of some cells.
    #[inline(always)]
    pub fn targets_of(&self, cells: &Range<usize>) -> Range<usize> {
        cells.start * self.targets..self.to.min(cells.end * self.targets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "nothing unsafe, and long")]
    fn backward_is_forward_transposed() {
        let mut all = vec![Weights::Blur];
        for factor in 1..=MOST_FACTOR {
            all.extend([Weights::Average(factor), Weights::Nearest(factor), Weights::Bilinear(factor)]);
        }
        for weights in all {
            for fine in 1..60usize {
                let coarse = fine.div_ceil(weights.factor());
                let (from, to) = if weights.pools() { (fine, coarse) } else { (coarse, fine) };
                let forward = matrix(&Axis::new(weights, false, from, to));
                let backward = matrix(&Axis::new(weights, true, to, from));
                for axis in [Axis::new(weights, false, from, to), Axis::new(weights, true, to, from)] {
                    let mut inner = axis.inner(&(0..axis.cells));
                    assert!(inner.all(|cell| axis.cell(cell) == axis.inner_taps()), "{weights:?} {fine}");
                }
                for at in 0..to {
                    let row = &forward[at * from..][..from];
                    assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6, "{weights:?} {fine} {at}");
                    for source in 0..from {
                        assert_eq!(
                            row[source],
                            backward[source * to + at],
                            "{weights:?} {fine} {at} {source}"
                        );
                    }
                }
            }
        }
    }

    /// The weights of an axis as [to, from].
    fn matrix(axis: &Axis) -> Vec<f32> {
        let mut matrix = vec![0.0; axis.to * axis.from];
        for at in 0..axis.to {
            let (taps, first) = axis.seen(at);
            let cell = at / axis.targets;
            let near = axis.sources_of(&(cell..cell + 1));
            assert!(taps.count > 0 && near.start <= first && first + taps.count <= near.end);
            matrix[at * axis.from + first..][..taps.count].copy_from_slice(&taps.weights[..taps.count]);
        }
        matrix
    }

    #[test]
    fn what_sees_no_border_is_alike() {
        let axis = Axis::new(Weights::Blur, false, 9, 5);
        assert_eq!(axis.inner(&(0..5)), 1..4);
        assert_eq!(axis.inner(&(0..2)), 1..2);
        assert_eq!(axis.inner(&(4..5)), 4..4);
        assert_eq!(axis.inner_taps()[0].weights[..3], [0.25, 0.5, 0.25]);
        assert_eq!(Axis::new(Weights::Average(2), false, 8, 4).inner(&(0..4)), 0..4);
        assert_eq!(Axis::new(Weights::Average(2), false, 7, 4).inner(&(0..4)), 0..3);
        assert!(Axis::new(Weights::Bilinear(2), false, 1, 2).inner(&(0..1)).is_empty());
    }
}
