//! What the factors of a study change: for each change and net, the difference to the arms without it.
//!
//! A *pair* is two arms of one net that differ in this one setting, trained with one seed. A cell is the mean over the pairs
//! of a net, with the interval of Student's t; the last column has the pairs of all nets together. Ratios are averaged as
//! logarithms. Pairs of one net are not independent of each other where they share an arm (full designs), so intervals over
//! many combinations are somewhat too narrow; claims rest on the comparisons, not on these.

use super::format;
use super::tables::Plain;
use crate::results::{NetSummary, Results};
use foci_measure::Measure;
use foci_measure::stats::mean_interval;
use foci_measure::summary::mean;
use serde::Serialize;

/// One table for each quantity.
#[derive(Debug, Serialize)]
pub struct Factors {
    title: &'static str,
    explanation: &'static str,
    table: Plain,
}

/// A quantity of a run, and how it is compared.
struct Quantity {
    title: &'static str,
    explanation: &'static str,
    of: fn(&Results, &str, u64) -> Option<f64>,
    /// Compared as a factor; else as a difference.
    ratio: bool,
    /// Decimals of a difference.
    digits: usize,
}

const QUANTITIES: [Quantity; 7] = [
    Quantity {
        title: "Gradients in the middle",
        explanation: "Gradient relative to the weights of the layers on the coarsest scale, by that of the layers at full resolution; below 1 the middle hears less. First row: the ratio itself; below: by how many times a change raises it.",
        of: |results, net, seed| middle(results, net, seed, |run| run.gradient),
        ratio: true,
        digits: 0,
    },
    Quantity {
        title: "Signal in the middle",
        explanation: "Signal to noise of the gradients, the middle by the outer layers.",
        of: |results, net, seed| middle(results, net, seed, |run| run.signal_to_noise),
        ratio: true,
        digits: 0,
    },
    Quantity {
        title: "Use of the least used layer",
        explanation: "Change of the output, in its standard deviations, when the layer that matters least is replaced by its mean; near 0 the net can do without it. First row: the change itself; below: by how much it grows.",
        of: |results, net, seed| {
            let run = results.optics.iter().find(|run| run.net == net && run.seed == seed)?;
            run.figures.get("least_layer_change").copied()
        },
        ratio: false,
        digits: 3,
    },
    Quantity {
        title: "Detail that is kept",
        explanation: "Peak signal-to-noise ratio on the test fields in decibels. First row: the ratio itself; below: by how much a change raises it.",
        of: |results, net, seed| score(results, net, seed, Measure::Psnr),
        ratio: false,
        digits: 1,
    },
    Quantity {
        title: "Objects of the right class",
        explanation: "Average precision on the test fields of objects with the right class, mean over the classes, at an intersection over union of 0.5. First row: the precision itself; below: by how much a change raises it.",
        of: |results, net, seed| score(results, net, seed, Measure::ClassAp50),
        ratio: false,
        digits: 3,
    },
    Quantity {
        title: "Objects outlined",
        explanation: "Average precision on the test fields, mean over intersections over union of 0.5 to 0.95. First row: the precision itself; below: by how much a change raises it.",
        of: |results, net, seed| score(results, net, seed, Measure::MeanAp),
        ratio: false,
        digits: 3,
    },
    Quantity {
        title: "Pixels of the right class",
        explanation: "Intersection over union on the test fields, mean over the classes. First row: the intersection itself; below: by how much a change raises it.",
        of: |results, net, seed| score(results, net, seed, Measure::MeanIou),
        ratio: false,
        digits: 3,
    },
];

/// A measure of one run on the test fields.
fn score(results: &Results, net: &str, seed: u64, measure: Measure) -> Option<f64> {
    let run = results.runs.iter().find(|run| run.net == net && run.seed == seed)?;
    run.metrics.get(measure.key()).copied()
}

fn middle(
    results: &Results,
    net: &str,
    seed: u64,
    value: fn(&crate::results::MiddleSummary) -> Option<f64>,
) -> Option<f64> {
    results.middle.iter().find(|run| run.net == net && run.seed == seed).and_then(value)
}

/// The tables; none if the study varies nothing.
pub fn prepare(results: &Results) -> Vec<Factors> {
    let bases: Vec<&NetSummary> = results
        .nets
        .iter()
        .filter(|net| results.nets.iter().any(|other| other.variant_of.as_ref() == Some(&net.name)))
        .collect();
    let mut changes: Vec<String> = Vec::new();
    for net in &results.nets {
        for change in base_of(results, net).into_iter().flat_map(|base| changed(net, base)) {
            if !changes.contains(&change) {
                changes.push(change);
            }
        }
    }
    let table = |quantity: &Quantity| quantity.table(results, &bases, &changes);
    let tables = QUANTITIES.iter().filter_map(|quantity| {
        let table = table(quantity)?;
        Some(Factors { title: quantity.title, explanation: quantity.explanation, table })
    });
    if bases.is_empty() { Vec::new() } else { tables.collect() }
}

/// Two arms that differ in one change, trained with one seed, and what a quantity is in each: with it, without it.
pub(crate) struct Pair<'r> {
    /// Seed of both runs.
    pub seed: u64,
    /// Names of the arms.
    pub arms: [&'r str; 2],
    /// The quantity in each.
    pub values: [f64; 2],
}

/// What is behind the effect of a change on a net: title and pairs of each quantity that has any.
pub(crate) fn behind<'r>(
    results: &'r Results,
    net: &str,
    change: &str,
) -> Vec<(&'static str, Vec<Pair<'r>>)> {
    let Some(base) = results.nets.iter().find(|other| other.name == net) else { return Vec::new() };
    let arms = pairs(results, base, change);
    let of = |quantity: &Quantity| {
        let seeds = |arms: &(&'r str, &'r str)| {
            let arms = [arms.0, arms.1];
            let pair = move |seed| {
                let values = [(quantity.of)(results, arms[0], seed)?, (quantity.of)(results, arms[1], seed)?];
                Some(Pair { seed, arms, values })
            };
            (0..results.seeds as u64).filter_map(pair).collect::<Vec<_>>()
        };
        (quantity.title, arms.iter().flat_map(seeds).collect::<Vec<_>>())
    };
    QUANTITIES.iter().map(of).filter(|(_, pairs)| !pairs.is_empty()).collect()
}

fn base_of<'r>(results: &'r Results, net: &NetSummary) -> Option<&'r NetSummary> {
    let base = net.variant_of.as_ref()?;
    results.nets.iter().find(|other| other.name == *base)
}

/// The settings of an arm that its base does not have.
fn changed(net: &NetSummary, base: &NetSummary) -> Vec<String> {
    let both = net.settings.iter().zip(&base.settings);
    both.filter(|(mine, theirs)| mine != theirs).map(|(mine, _)| mine.clone()).collect()
}

/// The pairs of a net that differ in one change: with it, without it.
fn pairs<'r>(results: &'r Results, base: &NetSummary, change: &str) -> Vec<(&'r str, &'r str)> {
    let family = |net: &&NetSummary| net.name == base.name || net.variant_of.as_ref() == Some(&base.name);
    let family: Vec<&NetSummary> = results.nets.iter().filter(family).collect();
    let mut found = Vec::new();
    for with in family.iter().filter(|net| net.settings.iter().any(|setting| setting == change)) {
        for without in &family {
            // The other arm has the base's own setting in this place, and the same in all others.
            let places = with.settings.iter().zip(&without.settings).zip(&base.settings);
            let mut alike = true;
            for ((with, without), base) in places {
                alike &= if with == change { without == base && with != base } else { with == without };
            }
            if alike {
                found.push((with.name.as_str(), without.name.as_str()));
            }
        }
    }
    found
}

impl Quantity {
    /// `None` if no run has the quantity.
    fn table(&self, results: &Results, bases: &[&NetSummary], changes: &[String]) -> Option<Plain> {
        let value = |net: &str, seed: u64| {
            let value = (self.of)(results, net, seed)?;
            if self.ratio { (value > 0.0).then(|| value.ln()) } else { Some(value) }
        };
        let seeds = 0..results.seeds as u64;
        let own = |base: &&NetSummary| {
            seeds.clone().filter_map(|seed| value(&base.name, seed)).collect::<Vec<f64>>()
        };
        if bases.iter().all(|base| own(base).is_empty()) {
            return None;
        }
        let mut heads = vec!["change".to_owned()];
        heads.extend(bases.iter().map(|base| base.name.clone()));
        heads.push("all of them".into());
        let mut first = vec!["as written".to_owned()];
        first.extend(bases.iter().map(|base| self.level(&own(base))));
        first.push(String::new());
        let mut rows = vec![(false, first)];
        for change in changes {
            let mut row = vec![change.clone()];
            let mut together = Vec::new();
            for base in bases {
                let differences: Vec<f64> = pairs(results, base, change)
                    .into_iter()
                    .flat_map(|(with, without)| seeds.clone().map(move |seed| (with, without, seed)))
                    .filter_map(|(with, without, seed)| Some(value(with, seed)? - value(without, seed)?))
                    .collect();
                row.push(self.effect(&differences));
                together.extend(differences);
            }
            row.push(self.effect(&together));
            rows.push((false, row));
        }
        Some(Plain { heads, rows })
    }

    /// The quantity itself, averaged over seeds.
    fn level(&self, values: &[f64]) -> String {
        match mean(values) {
            None => format::MISSING.into(),
            Some(middle) if self.ratio => factor(middle),
            Some(middle) => format::fixed(middle, self.digits),
        }
    }

    /// What a change does to it, with the interval where there are two pairs or more.
    fn effect(&self, differences: &[f64]) -> String {
        let one = |value: f64| if self.ratio { factor(value) } else { format::signed(value, self.digits) };
        let times = if self.ratio { "×\u{a0}" } else { "" };
        match (mean(differences), mean_interval(differences, 0.05)) {
            (None, _) => format::MISSING.into(),
            (Some(middle), None) => format!("{times}{}", one(middle)),
            (Some(middle), Some([low, high])) => {
                let mark = if low > 0.0 || high < 0.0 { " ●" } else { "" };
                format!("{times}{} [{}, {}]{mark}", one(middle), one(low), one(high))
            }
        }
    }
}

/// A ratio from its logarithm; what is beyond a thousand, either way, is said to be so.
fn factor(logarithm: f64) -> String {
    match logarithm.exp() {
        ratio if ratio > 1e3 => "over 1000".into(),
        ratio if ratio < 1e-3 => "under 0.001".into(),
        ratio => format::significant(ratio, 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::study;
    use crate::results::MiddleSummary;
    use std::collections::BTreeMap;

    fn varied() -> Results {
        let mut results = study(&["unet", "unet-dropout", "unet-both"], 3);
        let settings = [["no dropout", "no heads"], ["dropout 0.1", "no heads"], ["dropout 0.1", "heads"]];
        for (net, settings) in results.nets.iter_mut().zip(settings) {
            net.variant_of = (net.name != "unet").then(|| "unet".into());
            net.settings = settings.map(str::to_owned).into();
        }
        // 40, 39 and 38 decibels with the first seed.
        results.middle = (0..3)
            .flat_map(|seed| {
                [("unet", 0.1), ("unet-dropout", 0.2), ("unet-both", 0.8)].map(|(name, gradient)| {
                    MiddleSummary {
                        net: name.into(),
                        seed,
                        gradient: Some(gradient * (1.0 + 0.01 * seed as f64)),
                        signal_to_noise: None,
                        update: None,
                    }
                })
            })
            .collect();
        results
    }

    #[test]
    fn a_change_is_held_against_the_arm_that_lacks_only_it() {
        let results = varied();
        let base = &results.nets[0];
        assert_eq!(pairs(&results, base, "dropout 0.1"), [("unet-dropout", "unet")]);
        assert_eq!(pairs(&results, base, "heads"), [("unet-both", "unet-dropout")]);
        assert!(pairs(&results, base, "no dropout").is_empty());
    }

    #[test]
    fn tables_have_the_level_of_each_net_and_the_effect_of_each_change() {
        let tables = prepare(&varied());
        let titles: Vec<&str> = tables.iter().map(|table| table.title).collect();
        assert_eq!(titles, ["Gradients in the middle", "Detail that is kept"]);
        let cells = |table: usize, row: usize| tables[table].table.rows[row].1.join(" | ");
        assert_eq!(cells(0, 0), "as written | 0.10 | ");
        assert_eq!(cells(0, 1), "dropout 0.1 | ×\u{a0}2.0 [2.0, 2.0] ● | ×\u{a0}2.0 [2.0, 2.0] ●");
        assert_eq!(cells(0, 2), "heads | ×\u{a0}4.0 [4.0, 4.0] ● | ×\u{a0}4.0 [4.0, 4.0] ●");
        assert_eq!(cells(1, 0), "as written | 40.5 | ");
        assert_eq!(cells(1, 1), "dropout 0.1 | −1.0 [−1.0, −1.0] ● | −1.0 [−1.0, −1.0] ●");
    }

    #[test]
    fn tasks_with_masks_have_the_effect_on_what_decides_them() {
        let mut results = varied();
        for run in &mut results.runs {
            run.metrics = BTreeMap::from([("mean_ap".into(), if run.net == "unet" { 0.5 } else { 0.625 })]);
        }
        let tables = prepare(&results);
        let objects = tables.iter().find(|table| table.title == "Objects outlined").unwrap();
        assert_eq!(objects.table.rows[0].1.join(" | "), "as written | 0.500 | ");
        assert_eq!(objects.table.rows[1].1[1], "+0.125 [+0.125, +0.125] ●");
        assert!(tables.iter().all(|table| table.title != "Detail that is kept"));
    }

    #[test]
    fn a_study_that_varies_nothing_has_no_tables() {
        assert!(prepare(&study(&["unet", "fcn"], 1)).is_empty());
    }
}
