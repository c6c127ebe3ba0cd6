//! From outlines to pixels: the label image, and for every pixel its distance to the edge of its nucleus.
//!
//! Where two outlines run into each other the boundary lies where both distances are equal, and a gap of the
//! wanted width is left free along it, so that labels never overlap and never share an edge or a corner.

use super::layout::Nucleus;
use crate::LabelImage;

/// Pieces smaller than this are cut off by the border of the field or by a neighbour; they are not drawn.
/// (The authors of the real masks drop regions below 32 pixels.)
const SMALLEST: usize = 64;

/// Label and depth of every pixel.
pub(crate) struct Raster {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// 0 is background, k the nucleus k - 1 of the list.
    pub(crate) labels: Vec<u32>,
    /// Distance to the edge of the nucleus in pixels, positive inside; meaningless in the background.
    pub(crate) depth: Vec<f32>,
}

/// Draws `nuclei`; those of which less than 64 connected pixels are visible are removed from the list, so that
/// labels are consecutive.
pub(crate) fn draw(width: usize, height: usize, gap: f64, nuclei: &mut Vec<Nucleus>) -> Raster {
    let raster = outlines(width, height, gap, nuclei);
    let visible = visible_nuclei(&raster, nuclei.len());
    let mut next = 0;
    let renumbered: Vec<u32> = visible
        .iter()
        .map(|&kept| {
            next += u32::from(kept);
            if kept { next } else { 0 }
        })
        .collect();
    let mut kept = visible.iter();
    nuclei.retain(|_| kept.next() == Some(&true));
    raster.renumbered(&renumbered)
}

impl Raster {
    fn renumbered(mut self, numbers: &[u32]) -> Self {
        for label in self.labels.iter_mut().filter(|label| **label > 0) {
            *label = numbers[*label as usize - 1];
        }
        self
    }
}

fn outlines(width: usize, height: usize, gap: f64, nuclei: &[Nucleus]) -> Raster {
    const NOWHERE: f32 = -1e9;
    let mut best = vec![NOWHERE; width * height];
    let mut second = vec![NOWHERE; width * height];
    let mut owner = vec![0u32; width * height];
    for (index, nucleus) in nuclei.iter().enumerate() {
        let outline = &nucleus.outline;
        let reach = outline.reach() + gap + 2.0;
        let range = |centre: f64, size: usize| {
            let clip = |value: f64| value.clamp(0.0, size as f64) as usize;
            clip((centre - reach).floor())..clip((centre + reach).ceil() + 1.0)
        };
        for y in range(outline.y, height) {
            for x in range(outline.x, width) {
                let distance = outline.distance(x as f64, y as f64) as f32;
                let at = y * width + x;
                if distance > best[at] {
                    second[at] = best[at];
                    best[at] = distance;
                    owner[at] = index as u32 + 1;
                } else if distance > second[at] {
                    second[at] = distance;
                }
            }
        }
    }
    let mut labels = vec![0u32; width * height];
    for at in 0..labels.len() {
        // The difference of two distances changes by 2 per pixel across the common boundary.
        let depth = best[at].min(0.5 * (best[at] - second[at]) - 0.5 * gap as f32);
        best[at] = depth;
        if depth > 0.0 {
            labels[at] = owner[at];
        }
    }
    let mut raster = Raster { width, height, labels, depth: best };
    part_neighbours(&mut raster);
    keep_largest_pieces(&mut raster, nuclei.len());
    raster
}

/// Frees pixels that share an edge or a corner with another label: the distance is true to first order only, so
/// the gap between lobed outlines may close here and there.
fn part_neighbours(raster: &mut Raster) {
    let (width, labels) = (raster.width, &mut raster.labels);
    for at in 0..labels.len() {
        let (x, y, label) = (at % width, at / width, labels[at]);
        if label == 0 {
            continue;
        }
        let before = [
            (x > 0).then(|| at - 1),
            (x > 0 && y > 0).then(|| at - width - 1),
            (y > 0).then(|| at - width),
            (x + 1 < width && y > 0).then(|| at - width + 1),
        ];
        if before.into_iter().flatten().any(|at| labels[at] != 0 && labels[at] != label) {
            labels[at] = 0;
        }
    }
}

/// Leaves one 4-connected piece of every label; the rest becomes background.
fn keep_largest_pieces(raster: &mut Raster, count: usize) {
    let mut piece = vec![0u32; raster.labels.len()];
    let mut pieces = 0;
    let mut largest = vec![(0usize, 0u32); count];
    let mut stack = Vec::new();
    for start in 0..piece.len() {
        let label = raster.labels[start];
        if label == 0 || piece[start] > 0 {
            continue;
        }
        pieces += 1;
        piece[start] = pieces;
        stack.push(start);
        let mut size = 0;
        while let Some(at) = stack.pop() {
            size += 1;
            let (x, y) = (at % raster.width, at / raster.width);
            let neighbours = [
                (x > 0).then(|| at - 1),
                (x + 1 < raster.width).then_some(at + 1),
                (y > 0).then(|| at - raster.width),
                (y + 1 < raster.height).then_some(at + raster.width),
            ];
            for next in neighbours.into_iter().flatten() {
                if raster.labels[next] == label && piece[next] == 0 {
                    piece[next] = pieces;
                    stack.push(next);
                }
            }
        }
        let so_far = &mut largest[label as usize - 1];
        if size > so_far.0 {
            *so_far = (size, pieces);
        }
    }
    for at in 0..piece.len() {
        let label = raster.labels[at];
        if label > 0 && largest[label as usize - 1].1 != piece[at] {
            raster.labels[at] = 0;
        }
    }
}

fn visible_nuclei(raster: &Raster, count: usize) -> Vec<bool> {
    let mut sizes = vec![0usize; count];
    for label in raster.labels.iter().filter(|label| **label > 0) {
        sizes[*label as usize - 1] += 1;
    }
    sizes.into_iter().map(|size| size >= SMALLEST).collect()
}

/// Pairs of labels (a < b) that touch: at least 5 pixels of `a` have a pixel of `b` within 4 pixels to the right
/// or below. Read off the labels, so it holds for any label image with boundaries of up to 3 pixels.
pub fn touching_pairs(labels: &LabelImage) -> Vec<(u32, u32)> {
    let (width, height, labels) = (labels.width, labels.height, &labels.data);
    let mut contacts = std::collections::BTreeMap::<(u32, u32), usize>::new();
    for y in 0..height {
        for x in 0..width {
            let label = labels[y * width + x];
            if label == 0 {
                continue;
            }
            let right = (1..=4).filter(|step| x + step < width).map(|step| labels[y * width + x + step]);
            let below = (1..=4).filter(|step| y + step < height).map(|step| labels[(y + step) * width + x]);
            let other = right.chain(below).find(|&other| other > 0 && other != label);
            if let Some(other) = other {
                *contacts.entry((label.min(other), label.max(other))).or_default() += 1;
            }
        }
    }
    contacts.into_iter().filter(|(_, count)| *count >= 5).map(|(pair, _)| pair).collect()
}

#[cfg(test)]
mod tests {
    use super::super::layout::CellClass;
    use super::super::shape::Outline;
    use super::*;

    fn circle(x: f64, y: f64, radius: f64) -> Nucleus {
        let outline = Outline::circle(x, y, radius);
        Nucleus { outline, class: CellClass::Few, brightness: 1.0, defocused: false }
    }

    #[test]
    fn overlapping_circles_share_a_boundary_of_the_wanted_width() {
        // Centres 16 apart, radius 10: the boundary is the line x = 28, free for 1 pixel on either side.
        let mut nuclei = vec![circle(20.0, 30.0, 10.0), circle(36.0, 30.0, 10.0)];
        let raster = draw(60, 60, 2.0, &mut nuclei);
        let row: Vec<u32> = raster.labels[30 * 60 + 24..30 * 60 + 33].to_vec();
        assert_eq!(row, [1, 1, 1, 0, 0, 0, 2, 2, 2]);
        assert_eq!(touching_pairs(&LabelImage { width: 60, height: 60, data: raster.labels }), [(1, 2)]);
    }

    #[test]
    fn a_nucleus_outside_the_field_is_dropped_and_labels_stay_consecutive() {
        let mut nuclei = vec![circle(-9.0, 30.0, 10.0), circle(30.0, 30.0, 10.0)];
        let raster = draw(60, 60, 1.5, &mut nuclei);
        assert_eq!(nuclei.len(), 1);
        assert_eq!(raster.labels.iter().max(), Some(&1));
        assert_eq!(raster.labels[30 * 60], 0);
    }

    #[test]
    fn separate_circles_do_not_touch() {
        let mut nuclei = vec![circle(15.0, 30.0, 10.0), circle(42.0, 30.0, 10.0)];
        let raster = draw(60, 60, 1.5, &mut nuclei);
        // A disc of radius 10 covers pi * 100 = 314 pixels, give or take its rim.
        let area = raster.labels.iter().filter(|label| **label == 1).count();
        assert!((300..330).contains(&area), "{area}");
        assert!(touching_pairs(&LabelImage { width: 60, height: 60, data: raster.labels }).is_empty());
    }
}
