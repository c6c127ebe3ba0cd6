//! Pairs of nuclei that touch, and the lines across the seam between them.
//!
//! Hand-drawn masks leave a pixel or two between touching nuclei, so two objects count as touching where their border pixels
//! are within `gap_px` of each other (distance of pixel centres). Every border pixel of either object together with the
//! nearest pixel of the other gives one *line* across the seam: its middle, its direction from object `a` to
//! object `b`, and how far it can be followed on either side before it leaves the two objects.

use crate::{LabelView, MeasureError, Point};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// When two objects count as touching.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TouchingOptions {
    /// Largest distance between border pixels, in pixels, 1 to 32: 1 is side by side, 3 leaves two pixels of background.
    pub gap_px: f64,
    /// How far to look into each object from the middle of the seam, in pixels, 2 to 64.
    pub reach_px: usize,
    /// Pairs with fewer lines touch at a corner only and are left out.
    pub least_lines: usize,
}

impl Default for TouchingOptions {
    fn default() -> Self {
        Self { gap_px: 3.0, reach_px: 8, least_lines: 10 }
    }
}

/// One line across a seam.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SeamLine {
    /// Halfway between the two border pixels.
    pub middle: Point,
    /// Unit vector from `a` to `b`.
    pub direction: Point,
    /// Steps of one pixel that stay in the gap or in `a`.
    pub into_a: usize,
    /// Steps of one pixel that stay in the gap or in `b`.
    pub into_b: usize,
}

impl SeamLine {
    /// The place `t` pixels from the middle towards `b`.
    pub fn place(&self, t: f64) -> Point {
        Point { x: self.middle.x + t * self.direction.x, y: self.middle.y + t * self.direction.y }
    }
}

/// A rectangle of pixels, both corners included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// Leftmost column.
    pub left: usize,
    /// Topmost row.
    pub top: usize,
    /// Rightmost column.
    pub right: usize,
    /// Lowest row.
    pub bottom: usize,
}

/// Two objects and the seam between them.
#[derive(Debug, Clone, PartialEq)]
pub struct TouchingPair {
    /// Smaller label.
    pub a: u32,
    /// Larger label.
    pub b: u32,
    /// Mean of the middles of all lines: where to crop.
    pub centre: Point,
    /// Smallest rectangle around the middles of all lines.
    pub bounds: Bounds,
    /// Half the widest gap, in pixels: the seam lies within this distance from the middle of each line.
    pub(crate) half_gap: f64,
    pub(crate) lines: Vec<SeamLine>,
}

/// Finds all pairs of touching objects, in order of their labels.
pub fn touching_pairs(
    labels: LabelView,
    options: &TouchingOptions,
) -> Result<Vec<TouchingPair>, MeasureError> {
    let bad = |name, value, allowed| Err(MeasureError::BadOption { name, value, allowed });
    if !(1.0..=32.0).contains(&options.gap_px) {
        return bad("the gap between touching objects", options.gap_px, "1 to 32 pixels");
    }
    if !(2..=64).contains(&options.reach_px) {
        return bad("the reach across a boundary", options.reach_px as f64, "2 to 64 pixels");
    }
    let disc = disc_by_distance(options.gap_px);
    let mut seams: BTreeMap<(u32, u32), Vec<SeamLine>> = BTreeMap::new();
    for y in 0..labels.height() as i64 {
        for x in 0..labels.width() as i64 {
            let own = labels.at(x, y).unwrap_or(0);
            if own == 0 || !is_border(labels, x, y, own) {
                continue;
            }
            for (other, dx, dy) in nearest_others(labels, x, y, own, &disc) {
                let line = seam_line(labels, options.reach_px, (own, x, y), (other, x + dx, y + dy));
                seams.entry((own.min(other), own.max(other))).or_default().push(line);
            }
        }
    }
    let pairs = seams.into_iter().filter(|(_, lines)| lines.len() >= options.least_lines.max(1));
    Ok(pairs.map(|((a, b), lines)| TouchingPair::new(a, b, lines, options.gap_px / 2.0)).collect())
}

impl TouchingPair {
    fn new(a: u32, b: u32, lines: Vec<SeamLine>, half_gap: f64) -> Self {
        let count = lines.len() as f64;
        let centre = Point {
            x: lines.iter().map(|line| line.middle.x).sum::<f64>() / count,
            y: lines.iter().map(|line| line.middle.y).sum::<f64>() / count,
        };
        let mut bounds = Bounds { left: usize::MAX, top: usize::MAX, right: 0, bottom: 0 };
        for line in &lines {
            bounds.left = bounds.left.min(line.middle.x.floor() as usize);
            bounds.top = bounds.top.min(line.middle.y.floor() as usize);
            bounds.right = bounds.right.max(line.middle.x.ceil() as usize);
            bounds.bottom = bounds.bottom.max(line.middle.y.ceil() as usize);
        }
        Self { a, b, centre, bounds, half_gap, lines }
    }
}

/// All offsets within a distance, nearest first, the centre left out.
fn disc_by_distance(radius: f64) -> Vec<(i64, i64)> {
    let reach = radius.floor() as i64;
    let square = (-reach..=reach).flat_map(|dy| (-reach..=reach).map(move |dx| (dx, dy)));
    let limit = radius * radius + 1e-9;
    let mut disc: Vec<(i64, i64)> =
        square.filter(|&(dx, dy)| (dx, dy) != (0, 0) && ((dx * dx + dy * dy) as f64) <= limit).collect();
    disc.sort_by_key(|&(dx, dy)| (dx * dx + dy * dy, dy, dx));
    disc
}

fn is_border(labels: LabelView, x: i64, y: i64, own: u32) -> bool {
    let neighbours = [(x - 1, y), (x + 1, y), (x, y - 1), (x, y + 1)];
    neighbours.iter().any(|&(nx, ny)| labels.at(nx, ny).is_some_and(|label| label != own))
}

/// The nearest pixel of every other object within the disc.
fn nearest_others(labels: LabelView, x: i64, y: i64, own: u32, disc: &[(i64, i64)]) -> Vec<(u32, i64, i64)> {
    let mut found: Vec<(u32, i64, i64)> = Vec::new();
    for &(dx, dy) in disc {
        let label = labels.at(x + dx, y + dy).unwrap_or(0);
        if label != 0 && label != own && found.iter().all(|&(seen, ..)| seen != label) {
            found.push((label, dx, dy));
        }
    }
    found
}

fn seam_line(labels: LabelView, reach: usize, one: (u32, i64, i64), other: (u32, i64, i64)) -> SeamLine {
    let ((a, ax, ay), (b, bx, by)) = if one.0 < other.0 { (one, other) } else { (other, one) };
    let (dx, dy) = ((bx - ax) as f64, (by - ay) as f64);
    let length = dx.hypot(dy);
    let mut line = SeamLine {
        middle: Point { x: (ax + bx) as f64 / 2.0, y: (ay + by) as f64 / 2.0 },
        direction: Point { x: dx / length, y: dy / length },
        into_a: 0,
        into_b: 0,
    };
    line.into_a = steps_inside(labels, &line, -1.0, a, reach, length);
    line.into_b = steps_inside(labels, &line, 1.0, b, reach, length);
    line
}

/// How many steps of one pixel from the middle stay in the gap and then in the object; the gap ends after half its width.
fn steps_inside(labels: LabelView, line: &SeamLine, sign: f64, label: u32, reach: usize, gap: f64) -> usize {
    let allowed = |step: usize| {
        let place = line.place(sign * step as f64);
        let inside = labels.at(place.x.round() as i64, place.y.round() as i64);
        inside == Some(label) || (inside.is_some() && step as f64 <= 0.5 * gap)
    };
    (1..=reach).take_while(|&step| allowed(step)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pairs of an image of 20 x 21 pixels, of which object 1 has the rows above 10 and object 2 those that are told.
    fn pairs_of(second: impl Fn(usize) -> bool) -> Vec<TouchingPair> {
        let label = |y: usize| if y < 10 { 1 } else { 2 * u32::from(second(y)) };
        let labels: Vec<u32> = (0..20 * 21).map(|i| label(i / 20)).collect();
        let labels = LabelView::new(20, 21, &labels).unwrap();
        let options = TouchingOptions { gap_px: 3.0, ..TouchingOptions::default() };
        touching_pairs(labels, &options).unwrap()
    }

    /// Two objects, one above the other, one row apart.
    #[test]
    fn half_the_widest_gap_is_kept_with_a_pair() {
        let pairs = pairs_of(|y| y > 10);
        assert_eq!((pairs.len(), pairs[0].half_gap, pairs[0].centre.y), (1, 1.5, 10.0));
    }

    /// An object of one row, one row from the other: beyond it is background, which is no gap any more.
    #[test]
    fn a_line_ends_where_a_thin_object_does() {
        let pairs = pairs_of(|y| y == 11);
        assert!(!pairs[0].lines.is_empty());
        assert!(pairs[0].lines.iter().all(|line| line.into_b == 1 && line.into_a > 1));
    }

    #[test]
    fn a_border_is_a_pixel_beside_another_label_on_any_side() {
        let mut labels = [1; 25];
        labels[12] = 0;
        let labels = LabelView::new(5, 5, &labels).unwrap();
        let border = |x, y| is_border(labels, x, y, 1);
        assert!(border(1, 2) && border(3, 2) && border(2, 1) && border(2, 3));
        // Neither a corner nor the edge of the image.
        assert!(!border(1, 1) && !border(0, 0) && !border(4, 2));
    }
}
