//! The smallest rectangle around each object of a label image.

use crate::LabelView;
use crate::touching::Bounds;
use std::collections::BTreeMap;

/// The rectangles of all objects, by label.
pub fn bounds(image: LabelView) -> BTreeMap<u32, Bounds> {
    let mut found: BTreeMap<u32, Bounds> = BTreeMap::new();
    for (y, row) in image.labels().chunks_exact(image.width()).enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|a, b| a == b) {
            let end = x + run.len() - 1;
            if run[0] != 0 {
                let own = found.entry(run[0]).or_insert(Bounds { left: x, top: y, right: end, bottom: y });
                own.left = own.left.min(x);
                own.right = own.right.max(end);
                own.bottom = y;
            }
            x = end + 1;
        }
    }
    found
}

/// The smallest rectangle around both.
pub(super) fn around(a: Bounds, b: Bounds) -> Bounds {
    Bounds {
        left: a.left.min(b.left),
        top: a.top.min(b.top),
        right: a.right.max(b.right),
        bottom: a.bottom.max(b.bottom),
    }
}

/// A rectangle with a pixel more on each side where the image, of `width` x `height` pixels, has one: of what lies farther out,
/// nothing is nearest to a pixel inside.
pub fn with_margin(bounds: Bounds, width: usize, height: usize) -> Bounds {
    Bounds {
        left: bounds.left.saturating_sub(1),
        top: bounds.top.saturating_sub(1),
        right: (bounds.right + 1).min(width - 1),
        bottom: (bounds.bottom + 1).min(height - 1),
    }
}
