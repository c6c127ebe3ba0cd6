//! A builder of small inline SVG pictures, and the axes that the charts share.
//!
//! Pictures take their colours from classes in the page's style sheet, so that they follow light, dark and
//! paper. All text is escaped here; coordinates are written with two decimals.

use std::fmt::Write;

/// An inline SVG under construction.
#[derive(Debug)]
pub struct Svg {
    text: String,
}

/// Where a text is anchored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// The text starts at the point.
    Start,
    /// The text is centred on the point.
    Middle,
    /// The text ends at the point.
    End,
}

impl Svg {
    /// A picture with a meaning; `title` is read aloud in its place.
    pub fn figure(width: f64, height: f64, class: &str, title: &str) -> Svg {
        let mut svg = Svg { text: String::new() };
        svg.push(format_args!(
            "<svg class=\"{class}\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" aria-label=\"{}\">",
            escape(title)
        ));
        svg
    }

    /// A picture that says nothing which its surroundings do not say.
    pub fn decoration(width: f64, height: f64, class: &str) -> Svg {
        let mut svg = Svg { text: String::new() };
        svg.push(format_args!(
            "<svg class=\"{class}\" viewBox=\"0 0 {width:.0} {height:.0}\" aria-hidden=\"true\" focusable=\"false\">"
        ));
        svg
    }

    /// A picture as wide and high as its surroundings allow; place things in it by [`Svg::line_percent`] and the like.
    pub fn fluid(class: &str, title: &str) -> Svg {
        let mut svg = Svg { text: String::new() };
        svg.push(format_args!("<svg class=\"{class}\" role=\"img\" aria-label=\"{}\">", escape(title)));
        svg
    }

    /// A straight line between places in percent of the picture.
    pub fn line_percent(&mut self, class: &str, x1: f64, y1: f64, x2: f64, y2: f64) {
        self.push(format_args!(
            "<line class=\"{class}\" x1=\"{x1:.2}%\" y1=\"{y1:.1}%\" x2=\"{x2:.2}%\" y2=\"{y2:.1}%\"/>"
        ));
    }

    /// A disc at a place in percent of the picture, with a radius in pixels.
    pub fn circle_percent(&mut self, class: &str, x: f64, y: f64, radius: f64) {
        self.push(format_args!(
            "<circle class=\"{class}\" cx=\"{x:.2}%\" cy=\"{y:.1}%\" r=\"{radius:.1}\"/>"
        ));
    }

    /// A text on one line, centred on a place in percent of the picture.
    pub fn text_percent(&mut self, class: &str, x: f64, y: f64, text: &str) {
        self.push(format_args!(
            "<text class=\"{class}\" x=\"{x:.2}%\" y=\"{y:.1}%\" text-anchor=\"middle\">{}</text>",
            escape(text)
        ));
    }

    /// A straight line.
    pub fn line(&mut self, class: &str, x1: f64, y1: f64, x2: f64, y2: f64) {
        self.push(format_args!(
            "<line class=\"{class}\" x1=\"{x1:.2}\" y1=\"{y1:.2}\" x2=\"{x2:.2}\" y2=\"{y2:.2}\"/>"
        ));
    }

    /// A disc or ring.
    pub fn circle(&mut self, class: &str, x: f64, y: f64, radius: f64) {
        self.push(format_args!("<circle class=\"{class}\" cx=\"{x:.2}\" cy=\"{y:.2}\" r=\"{radius:.2}\"/>"));
    }

    /// A closed shape.
    pub fn polygon(&mut self, class: &str, points: &[(f64, f64)]) {
        self.points("polygon", class, points);
    }

    /// A rectangle with its upper left corner at `(x, y)`.
    pub fn rectangle(&mut self, class: &str, x: f64, y: f64, width: f64, height: f64) {
        self.push(format_args!(
            "<rect class=\"{class}\" x=\"{x:.2}\" y=\"{y:.2}\" width=\"{width:.2}\" height=\"{height:.2}\"/>"
        ));
    }

    /// An open line through points.
    pub fn polyline(&mut self, class: &str, points: &[(f64, f64)]) {
        self.points("polyline", class, points);
    }

    /// A text on one line.
    pub fn text(&mut self, class: &str, x: f64, y: f64, anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        self.push(format_args!(
            "<text class=\"{class}\" x=\"{x:.2}\" y=\"{y:.2}\" text-anchor=\"{anchor}\">{}</text>",
            escape(text)
        ));
    }

    /// A text that runs upwards, centred on the point: the name of a vertical axis.
    pub fn text_upwards(&mut self, class: &str, x: f64, y: f64, text: &str) {
        self.push(format_args!(
            "<text class=\"{class}\" text-anchor=\"middle\" transform=\"translate({x:.2} {y:.2}) rotate(-90)\">{}</text>",
            escape(text)
        ));
    }

    /// The finished picture as markup.
    pub fn finish(mut self) -> String {
        self.text.push_str("</svg>");
        self.text
    }

    fn points(&mut self, element: &str, class: &str, points: &[(f64, f64)]) {
        self.push(format_args!("<{element} class=\"{class}\" points=\""));
        for (index, (x, y)) in points.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            self.push(format_args!("{space}{x:.1},{y:.1}"));
        }
        self.text.push_str("\"/>");
    }

    fn push(&mut self, text: std::fmt::Arguments) {
        // Writing to a string cannot fail.
        let _ = self.text.write_fmt(text);
    }
}

/// Text made safe for markup, in elements and in quoted attributes.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#x27;"),
            // Control characters are not allowed in markup.
            c if c.is_control() && !matches!(c, '\n' | '\t') => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

/// Maps values to places along one axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
    logarithmic: bool,
}

impl Axis {
    /// A linear axis over the range of some values, with a margin.
    pub fn linear(values: impl IntoIterator<Item = f64>, from: f64, to: f64) -> Axis {
        let (low, high) = range(values).unwrap_or((0.0, 1.0));
        let margin = if high > low { 0.06 * (high - low) } else { 0.5 * high.abs().max(0.1) };
        Axis { low: low - margin, high: high + margin, from, to, logarithmic: false }
    }

    /// A linear axis from zero.
    pub fn from_zero(high: f64, from: f64, to: f64) -> Axis {
        Axis { low: 0.0, high: if high > 0.0 { high } else { 1.0 }, from, to, logarithmic: false }
    }

    /// A logarithmic axis over the range of some values, with a margin; values that have no logarithm are left out.
    pub fn logarithmic(values: impl IntoIterator<Item = f64>, from: f64, to: f64) -> Axis {
        let logarithms = values.into_iter().filter(|value| *value > 0.0).map(f64::log10);
        let (low, high) = range(logarithms).unwrap_or((0.0, 1.0));
        let margin = (0.06 * (high - low)).max(0.08);
        Axis { low: low - margin, high: high + margin, from, to, logarithmic: true }
    }

    /// Place of a value; `None` where it has none.
    pub fn place(&self, value: f64) -> Option<f64> {
        let value = if self.logarithmic { (value > 0.0).then(|| value.log10())? } else { value };
        value
            .is_finite()
            .then(|| self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from))
    }

    /// Round values to mark, about `wanted` of them.
    pub fn ticks(&self, wanted: usize) -> Vec<f64> {
        if self.logarithmic { self.logarithmic_ticks(wanted) } else { self.linear_ticks(wanted) }
    }

    fn linear_ticks(&self, wanted: usize) -> Vec<f64> {
        let step = nice((self.high - self.low) / wanted.max(1) as f64);
        let first = (self.low / step).ceil() as i64;
        let last = (self.high / step).floor() as i64;
        (first..=last.min(first + 20)).map(|index| index as f64 * step).collect()
    }

    fn logarithmic_ticks(&self, wanted: usize) -> Vec<f64> {
        let ticks = |mantissas: &[f64]| -> Vec<f64> {
            (self.low.floor() as i32..=self.high.ceil() as i32)
                .flat_map(|decade| mantissas.iter().map(move |mantissa| mantissa * 10f64.powi(decade)))
                .filter(|value| (self.low..=self.high).contains(&value.log10()))
                .collect()
        };
        let sparse = [
            &[1.0][..],
            &[1.0, 3.0],
            &[1.0, 2.0, 5.0],
            &[1.0, 2.0, 3.0, 5.0, 7.0],
            &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0],
        ];
        let mut best = ticks(sparse[0]);
        for mantissas in &sparse[1..] {
            let more = ticks(mantissas);
            if best.len() >= 3 || (more.len() > wanted + 1 && best.len() > 1) {
                break;
            }
            best = more;
        }
        let keep = best.len().div_ceil(wanted + 2).max(1);
        best.into_iter().step_by(keep).collect()
    }
}

/// The nearest of 1, 2, 5 times a power of ten that is not smaller.
pub fn nice(value: f64) -> f64 {
    if !(value.is_finite() && value > 0.0) {
        return 1.0;
    }
    let power = 10f64.powf(value.log10().floor());
    let mantissa = value / power;
    let rounded = [1.0, 2.0, 5.0].into_iter().find(|step| mantissa <= step * (1.0 + 1e-9)).unwrap_or(10.0);
    rounded * power
}

/// The least and the greatest finite value.
pub fn range(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    values.into_iter().filter(|value| value.is_finite()).fold(None, |range, value| match range {
        None => Some((value, value)),
        Some((low, high)) => Some((f64::min(low, value), f64::max(high, value))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        let axis = Axis::from_zero(520.0, 0.0, 100.0);
        assert_eq!(axis.ticks(5), [0.0, 200.0, 400.0]);
        assert_eq!(axis.place(260.0), Some(50.0));
        let axis = Axis::logarithmic([0.001, 1.0], 0.0, 1.0);
        let ticks = axis.ticks(5);
        assert_eq!(ticks.len(), 4);
        assert!((ticks[0] - 0.001).abs() < 1e-12 && (ticks[3] - 1.0).abs() < 1e-12);
        assert_eq!(axis.place(-1.0), None);
    }

    #[test]
    fn an_axis_of_nothing_still_works() {
        let axis = Axis::linear([f64::NAN], 0.0, 10.0);
        assert!(axis.place(0.5).is_some_and(f64::is_finite));
        assert!(Axis::linear([2.0, 2.0], 0.0, 10.0).place(2.0) == Some(5.0));
    }

    #[test]
    fn nice_steps() {
        assert_eq!(
            [nice(0.03), nice(1.0), nice(2.1), nice(70.0)].map(|x| (x * 1e6).round() / 1e6),
            [0.05, 1.0, 5.0, 100.0]
        );
    }

    #[test]
    fn text_cannot_break_out() {
        assert_eq!(escape("<a href=\"x\">&'\u{1}"), "&lt;a href=&quot;x&quot;&gt;&amp;&#x27;\u{fffd}");
    }
}
