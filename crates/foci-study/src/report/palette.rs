//! One colour, one marker for each arm, fixed by its place in the study.
//!
//! The colours themselves are in the style sheet (classes `c0` to `c7`, one set for light and one for dark
//! pages), after the colour-blind-safe sets of Okabe & Ito (2008), darkened or lightened until each has a
//! contrast of at least 3 : 1 against the page. Colour is never the only sign: every net also has a marker
//! and stands beside its name.

use super::svg::Svg;

/// Number of colours in the style sheet.
pub const COLOURS: usize = 8;

/// Class that sets the colour of an arm.
pub fn class(arm: usize) -> String {
    format!("c{}", arm % COLOURS)
}

/// Draws the marker of an arm at a place: disc, square, triangles, diamond, plus, cross, ring.
pub fn marker(svg: &mut Svg, arm: usize, x: f64, y: f64, radius: f64) {
    let class = format!("mark {}", class(arm));
    let r = radius;
    let polygon =
        |points: &[(f64, f64)]| points.iter().map(|&(dx, dy)| (x + dx * r, y + dy * r)).collect::<Vec<_>>();
    match arm % COLOURS {
        0 => svg.circle(&class, x, y, r),
        1 => svg.polygon(&class, &polygon(&[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)])),
        2 => svg.polygon(&class, &polygon(&[(0.0, -1.15), (1.1, 0.85), (-1.1, 0.85)])),
        3 => svg.polygon(&class, &polygon(&[(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)])),
        4 => svg.polygon(&class, &polygon(&[(0.0, 1.15), (1.1, -0.85), (-1.1, -0.85)])),
        5 => svg.polygon(
            &class,
            &polygon(&[
                (-0.4, -1.2),
                (0.4, -1.2),
                (0.4, -0.4),
                (1.2, -0.4),
                (1.2, 0.4),
                (0.4, 0.4),
                (0.4, 1.2),
                (-0.4, 1.2),
                (-0.4, 0.4),
                (-1.2, 0.4),
                (-1.2, -0.4),
                (-0.4, -0.4),
            ]),
        ),
        6 => svg.polygon(
            &class,
            &polygon(&[
                (0.0, -0.5),
                (0.65, -1.15),
                (1.15, -0.65),
                (0.5, 0.0),
                (1.15, 0.65),
                (0.65, 1.15),
                (0.0, 0.5),
                (-0.65, 1.15),
                (-1.15, 0.65),
                (-0.5, 0.0),
                (-1.15, -0.65),
                (-0.65, -1.15),
            ]),
        ),
        _ => svg.circle(&format!("{class} ring"), x, y, r),
    }
}

/// A small picture with the marker alone, to stand beside a name.
pub fn key(arm: usize) -> String {
    let mut svg = Svg::decoration(14.0, 14.0, "key");
    marker(&mut svg, arm, 7.0, 7.0, 4.6);
    svg.finish()
}
