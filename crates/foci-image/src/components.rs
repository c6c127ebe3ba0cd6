//! Connected components: the pieces that a label image falls into, their number and their size.
//!
//! Pixels belong to one piece where they carry the same label and a path of pixels of that label leads from one to the other, by
//! steps to the four neighbours that share a side, or to the eight that share a side or a corner. Work goes by runs of a
//! row, which are few, and not by pixels.

use crate::LabelImage;
use std::collections::BTreeMap;

/// Which neighbours of a pixel count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connectivity {
    /// Those that share a side.
    Four,
    /// Those that share a side or a corner.
    Eight,
}

/// Pixels `start..end` of a row, all of one label.
#[derive(Debug, Clone, Copy)]
struct Run {
    start: usize,
    end: usize,
    label: u32,
}

/// Numbers the pieces 1, 2, .. in the order of their first pixels, row by row. Background (0) stays background.
pub fn connected_components(labels: &LabelImage, connectivity: Connectivity) -> LabelImage {
    let rows = runs(labels);
    let reach = usize::from(connectivity == Connectivity::Eight);
    let mut pieces = Pieces::of(0);
    let (mut above, mut above_first): (&[Run], usize) = (&[], 0);
    for row in &rows {
        let first = pieces.parents.len();
        pieces.parents.extend(first as u32..(first + row.len()) as u32);
        let mut next = 0;
        for (index, run) in row.iter().enumerate() {
            // Runs above that end before this one begins touch none of the later ones either.
            while next < above.len() && above[next].end + reach <= run.start {
                next += 1;
            }
            for (other, touching) in above.iter().enumerate().skip(next) {
                if touching.start >= run.end + reach {
                    break;
                }
                if touching.label == run.label {
                    pieces.join(above_first + other, first + index);
                }
            }
        }
        (above, above_first) = (row, first);
    }
    let mut numbers = vec![0; pieces.parents.len()];
    let (mut count, mut index) = (0, 0);
    let mut out = LabelImage::zeros(labels.width, labels.height);
    for (y, row) in rows.iter().enumerate() {
        for run in row {
            let root = pieces.root(index);
            if numbers[root] == 0 {
                count += 1;
                numbers[root] = count;
            }
            out.data[y * labels.width + run.start..y * labels.width + run.end].fill(numbers[root]);
            index += 1;
        }
    }
    out
}

/// Removes objects of fewer than `smallest` pixels and numbers the others 1, 2, .. in the order of their labels. Pixels of one label
/// are one object, connected or not.
pub fn remove_small_objects(labels: &mut LabelImage, smallest: usize) {
    let rows = runs(labels);
    let mut areas: BTreeMap<u32, usize> = BTreeMap::new();
    for run in rows.iter().flatten() {
        *areas.entry(run.label).or_default() += run.end - run.start;
    }
    let kept = areas.into_iter().filter(|&(_, area)| area >= smallest).map(|(label, _)| label);
    let numbers: BTreeMap<u32, u32> = kept.zip(1..).collect();
    for (y, row) in rows.iter().enumerate() {
        for run in row {
            let number = numbers.get(&run.label).copied().unwrap_or(0);
            labels.data[y * labels.width + run.start..y * labels.width + run.end].fill(number);
        }
    }
}

/// Labels whose pixels fall into several pieces, in ascending order.
pub fn labels_in_pieces(labels: &LabelImage, connectivity: Connectivity) -> Vec<u32> {
    let pieces = connected_components(labels, connectivity);
    let mut first: BTreeMap<u32, u32> = BTreeMap::new();
    let mut scattered = Vec::new();
    for (y, row) in runs(labels).iter().enumerate() {
        for run in row {
            let piece = pieces.data[y * labels.width + run.start];
            if *first.entry(run.label).or_insert(piece) != piece {
                scattered.push(run.label);
            }
        }
    }
    scattered.sort_unstable();
    scattered.dedup();
    scattered
}

/// The runs of each row, background left out.
fn runs(labels: &LabelImage) -> Vec<Vec<Run>> {
    let of_row = |row: &[u32]| {
        let mut start = 0;
        let mut runs = Vec::new();
        for run in row.chunk_by(|a, b| a == b) {
            let end = start + run.len();
            if run[0] != 0 {
                runs.push(Run { start, end, label: run[0] });
            }
            start = end;
        }
        runs
    };
    labels.data.chunks_exact(labels.width.max(1)).map(of_row).collect()
}

/// Things (runs, pixels) that belong together, each with a parent that came no later (a forest of disjoint sets). No more than 2^32: images have
/// up to 2^28 pixels.
#[derive(Debug, Clone)]
pub struct Pieces {
    parents: Vec<u32>,
}

impl Pieces {
    /// So many things, each by itself.
    pub fn of(count: usize) -> Self {
        Self { parents: (0..count as u32).collect() }
    }

    /// The first of those that `thing` belongs to.
    pub fn root(&mut self, mut thing: usize) -> usize {
        loop {
            let parent = self.parents[thing] as usize;
            if parent == thing {
                return thing;
            }
            let grandparent = self.parents[parent];
            self.parents[thing] = grandparent;
            thing = grandparent as usize;
        }
    }

    /// Puts together those of `a` and those of `b`; the first of all.
    pub fn join(&mut self, a: usize, b: usize) -> usize {
        let (a, b) = (self.root(a), self.root(b));
        self.parents[a.max(b)] = a.min(b) as u32;
        a.min(b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn image(width: usize, data: &[u32]) -> LabelImage {
        LabelImage { width, height: data.len() / width, data: data.to_vec() }
    }

    /// Connected components by flooding from each pixel that has no number yet.
    fn flooded(labels: &LabelImage, connectivity: Connectivity) -> LabelImage {
        let (width, height) = (labels.width, labels.height);
        let mut out = LabelImage::zeros(width, height);
        let mut count = 0;
        for start in 0..out.data.len() {
            if labels.data[start] == 0 || out.data[start] != 0 {
                continue;
            }
            count += 1;
            out.data[start] = count;
            let mut open = vec![start];
            while let Some(at) = open.pop() {
                for other in 0..out.data.len() {
                    let (dx, dy) =
                        ((at % width).abs_diff(other % width), (at / width).abs_diff(other / width));
                    let touches = match connectivity {
                        Connectivity::Four => dx + dy == 1,
                        Connectivity::Eight => dx.max(dy) == 1,
                    };
                    if touches && labels.data[other] == labels.data[start] && out.data[other] == 0 {
                        out.data[other] = count;
                        open.push(other);
                    }
                }
            }
        }
        out
    }

    #[test]
    fn pieces_by_hand() {
        let labels = image(5, &[5, 0, 5, 7, 7, 5, 0, 5, 0, 0, 5, 5, 5, 0, 5]);
        let four = connected_components(&labels, Connectivity::Four);
        assert_eq!(four.data, [1, 0, 1, 2, 2, 1, 0, 1, 0, 0, 1, 1, 1, 0, 3]);
        let corner = image(3, &[1, 0, 0, 0, 1, 2, 1, 0, 2]);
        assert_eq!(connected_components(&corner, Connectivity::Eight).data, [1, 0, 0, 0, 1, 2, 1, 0, 2]);
        assert_eq!(connected_components(&corner, Connectivity::Four).objects(), 4);
        assert_eq!(labels_in_pieces(&labels, Connectivity::Eight), [5]);
        assert_eq!(labels_in_pieces(&corner, Connectivity::Eight), [] as [u32; 0]);
        assert_eq!(connected_components(&image(1, &[]), Connectivity::Four).data, [] as [u32; 0]);
    }

    #[test]
    fn small_objects_go_and_the_others_are_numbered() {
        let mut labels = image(4, &[9, 9, 0, 4, 2, 2, 2, 9]);
        remove_small_objects(&mut labels, 3);
        assert_eq!(labels.data, [2, 2, 0, 0, 1, 1, 1, 2]);
        remove_small_objects(&mut labels, 0);
        assert_eq!(labels.objects(), 2);
        remove_small_objects(&mut labels, 4);
        assert_eq!(labels.data, [0; 8]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn runs_find_what_a_flood_finds(
            (width, data) in (1usize..12, 1usize..12)
                .prop_flat_map(|(w, h)| (Just(w), prop::collection::vec(0u32..3, w * h))),
            eight in any::<bool>(),
        ) {
            let connectivity = if eight { Connectivity::Eight } else { Connectivity::Four };
            let labels = image(width, &data);
            prop_assert_eq!(
                connected_components(&labels, connectivity),
                flooded(&labels, connectivity)
            );
        }
    }
}
