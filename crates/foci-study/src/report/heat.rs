//! What the layers heard, as heat maps: layers from top to bottom, looks from left to right, one map for each figure and net.
//!
//! All nets share the scale of a figure, so that maps can be compared. Shades are logarithmic, ten of them, from the least to
//! the greatest value of the study; seeds are averaged as logarithms.

use super::format;
use super::svg::{Anchor, Svg, range};
use crate::results::{Look, RunSignals};
use foci_measure::summary::mean;
use foci_train::LayerSignal;
use serde::Serialize;

/// Number of shades in the style sheet (classes `h0` to `h9`).
const SHADES: usize = 10;
const CELL_HEIGHT: f64 = 15.0;
const LEFT: f64 = 74.0;
const WIDTH: f64 = 270.0;

/// The maps of one net.
#[derive(Debug, Serialize)]
pub struct Heat {
    /// Place of the arm.
    arm: usize,
    /// One map for each figure, as markup.
    maps: Vec<String>,
}

/// One figure of a layer, with the words above its maps.
struct Figure {
    title: &'static str,
    value: fn(&LayerSignal) -> Option<f64>,
}

const FIGURES: [Figure; 3] = [
    Figure { title: "gradient ÷ weights", value: |signal| Some(signal.gradient) },
    Figure { title: "signal ÷ noise", value: |signal| signal.signal_to_noise },
    Figure { title: "last update ÷ weights", value: |signal| Some(signal.update) },
];

/// Draws the maps of every net that was looked at; `arm` gives the place of a net in the study.
pub fn draw(signals: &[RunSignals], names: &[String], arm: impl Fn(&str) -> usize) -> Vec<Heat> {
    let tables: Vec<(usize, [Table; 3])> = names
        .iter()
        .filter_map(|name| {
            let runs: Vec<&RunSignals> = signals.iter().filter(|run| run.net == *name).collect();
            (!runs.is_empty())
                .then(|| (arm(name), FIGURES.each_ref().map(|figure| Table::of(&runs, figure.value))))
        })
        .collect();
    let scales: [Option<Scale>; 3] =
        std::array::from_fn(|figure| Scale::over(tables.iter().map(|(_, tables)| &tables[figure])));
    tables
        .iter()
        .map(|(arm, tables)| Heat {
            arm: *arm,
            maps: tables
                .iter()
                .zip(&scales)
                .zip(&FIGURES)
                .filter_map(|((table, scale), figure)| {
                    Some(table.draw(scale.as_ref()?, &names[*arm], figure.title))
                })
                .collect(),
        })
        .collect()
}

/// Values by layer and look, averaged over seeds.
struct Table {
    layers: Vec<String>,
    steps: Vec<u64>,
    /// Logarithms to base ten, layer by layer.
    cells: Vec<Vec<Option<f64>>>,
}

impl Table {
    fn of(runs: &[&RunSignals], value: fn(&LayerSignal) -> Option<f64>) -> Table {
        let longest: &[Look] =
            runs.iter().map(|run| &run.looks[..]).max_by_key(|looks| looks.len()).unwrap_or(&[]);
        let layers: Vec<String> = longest
            .first()
            .map(|look| look.layers.iter().map(|layer| layer.layer.clone()).collect())
            .unwrap_or_default();
        let cell = |layer: &String, step: u64| {
            let looks = runs.iter().filter_map(|run| run.looks.iter().find(|look| look.step == step));
            let values = looks
                .filter_map(|look| look.layers.iter().find(|signal| signal.layer == *layer).and_then(value))
                .filter(|value| *value > 0.0 && value.is_finite());
            mean(&values.map(f64::log10).collect::<Vec<_>>())
        };
        let steps: Vec<u64> = longest.iter().map(|look| look.step).collect();
        let row = |layer| steps.iter().map(|&step| cell(layer, step)).collect();
        Table { cells: layers.iter().map(row).collect(), layers, steps }
    }

    fn draw(&self, scale: &Scale, net: &str, title: &str) -> String {
        let (top, columns) = (22.0, self.steps.len().max(1) as f64);
        let bottom = top + CELL_HEIGHT * self.layers.len() as f64;
        let cell = (WIDTH - LEFT - 6.0) / columns;
        let mut svg =
            Svg::figure(WIDTH, bottom + 52.0, "chart heatmap", &format!("{title} of the layers of {net}"));
        svg.text("label", 0.5 * (LEFT + WIDTH - 6.0), 14.0, Anchor::Middle, title);
        for (row, (layer, cells)) in self.layers.iter().zip(&self.cells).enumerate() {
            let y = top + CELL_HEIGHT * row as f64;
            svg.text("tick", LEFT - 5.0, y + 11.0, Anchor::End, &format::shortened(layer, 10));
            for (column, value) in cells.iter().enumerate() {
                let class = value.map_or("nothing".into(), |value| format!("heat h{}", scale.shade(value)));
                svg.rectangle(&class, LEFT + cell * column as f64, y, cell - 1.0, CELL_HEIGHT - 1.0);
            }
        }
        for column in [0, self.steps.len().saturating_sub(1)] {
            let Some(step) = self.steps.get(column) else { continue };
            let x = LEFT + cell * (column as f64 + 0.5);
            svg.text("tick", x, bottom + 12.0, Anchor::Middle, &step.to_string());
        }
        svg.text("tick", 0.5 * (LEFT + WIDTH - 6.0), bottom + 12.0, Anchor::Middle, "steps");
        scale.legend(&mut svg, bottom + 24.0);
        svg.finish()
    }
}

/// The range of a figure over all nets, in logarithms to base ten.
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    fn over<'t>(tables: impl Iterator<Item = &'t Table>) -> Option<Scale> {
        let values = tables.flat_map(|table| table.cells.iter().flatten().flatten().copied());
        range(values).map(|(low, high)| Scale { low, high })
    }

    fn shade(&self, value: f64) -> usize {
        let share = (value - self.low) / (self.high - self.low).max(f64::MIN_POSITIVE);
        ((share * SHADES as f64) as usize).min(SHADES - 1)
    }

    fn legend(&self, svg: &mut Svg, y: f64) {
        let cell = 9.0;
        let left = LEFT + 0.5 * (WIDTH - 6.0 - LEFT - cell * SHADES as f64);
        for shade in 0..SHADES {
            svg.rectangle(&format!("heat h{shade}"), left + cell * shade as f64, y, cell, 9.0);
        }
        // One digit is as much as a shade can tell.
        let text = |value: f64| {
            let decade = 10f64.powf(value.floor());
            format::log_tick((10f64.powf(value) / decade).round() * decade)
        };
        svg.text("tick", left - 4.0, y + 8.5, Anchor::End, &text(self.low));
        svg.text("tick", left + cell * SHADES as f64 + 4.0, y + 8.5, Anchor::Start, &text(self.high));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shades_reach_from_the_least_to_the_greatest() {
        let scale = Scale { low: -3.0, high: 1.0 };
        assert_eq!([scale.shade(-3.0), scale.shade(-1.0), scale.shade(1.0)], [0, 5, 9]);
        assert_eq!(Scale { low: 2.0, high: 2.0 }.shade(2.0), 0);
    }

    #[test]
    fn seeds_are_averaged_as_logarithms_and_layers_keep_their_order() {
        let run = |seed, gradient| RunSignals {
            net: "unet".into(),
            seed,
            looks: vec![Look {
                step: 10,
                layers: ["enc1", "bottom"]
                    .map(|layer| LayerSignal {
                        layer: layer.into(),
                        gradient,
                        signal_to_noise: None,
                        update: 0.0,
                    })
                    .into(),
            }],
        };
        let (first, second) = (run(0, 0.01), run(1, 1.0));
        let table = Table::of(&[&first, &second], FIGURES[0].value);
        assert_eq!(table.layers, ["enc1", "bottom"]);
        assert!((table.cells[0][0].unwrap() + 1.0).abs() < 1e-12);
        let heat = draw(&[first, second], &["unet".into()], |_| 0);
        // No noise and no update: neither has a scale.
        assert_eq!(heat[0].maps.len(), 1);
    }
}
