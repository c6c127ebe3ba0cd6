//! Nets on other specimens than those that they were trained on, beside their own.

use super::format;
use super::measures;
use super::tables::Plain;
use crate::results::Results;
use foci_measure::Measure;
use foci_measure::summary::mean;

/// Measures with a column each for own and for other specimens.
const SHOWN: [Measure; 4] =
    [Measure::Psnr, Measure::DetailCutoff, Measure::FociRecall, Measure::BoundaryContrast];

/// The table; empty if the study trains on all specimens.
pub fn prepare(results: &Results) -> Plain {
    let known =
        |measure: &Measure| results.transfer.iter().any(|run| run.metrics.contains_key(measure.key()));
    let shown: Vec<Measure> = SHOWN.into_iter().filter(known).collect();
    if shown.is_empty() {
        return Plain::default();
    }
    let mut heads = vec!["net".to_owned()];
    heads.extend(shown.iter().flat_map(|&measure| {
        let words = measures::of(measure);
        [format!("{}: own", words.name), "others".into()]
    }));
    let row = |net: &crate::results::NetSummary| {
        let cells = shown.iter().flat_map(|measure| {
            let key = measure.key();
            let own = results.runs.iter().filter(|run| run.net == net.name).map(|run| run.metrics.get(key));
            let other =
                results.transfer.iter().filter(|run| run.net == net.name).map(|run| run.metrics.get(key));
            let words = measures::of(*measure);
            let cell = |values: Vec<Option<&f64>>| {
                let values: Vec<f64> = values.into_iter().flatten().copied().collect();
                mean(&values).map_or(format::MISSING.into(), |value| words.value(value))
            };
            [cell(own.collect()), cell(other.collect())]
        });
        (false, std::iter::once(net.name.clone()).chain(cells).collect())
    };
    Plain { heads, rows: results.nets.iter().map(row).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::study;
    use crate::results::RunTransfer;
    use std::collections::BTreeMap;

    #[test]
    fn own_and_other_specimens_stand_side_by_side() {
        let mut results = study(&["unet", "fcn"], 2);
        assert!(prepare(&results).rows.is_empty());
        results.transfer = (0..2)
            .map(|seed| RunTransfer {
                net: "unet".into(),
                seed,
                metrics: BTreeMap::from([("psnr".into(), 20.0 + seed as f64)]),
                fields: Vec::new(),
            })
            .collect();
        let table = prepare(&results);
        // 40 and 40.5 decibels of its own; the fcn was not measured on others.
        assert_eq!(table.rows[0].1, ["unet", "40.25", "20.50"]);
        assert_eq!(table.rows[1].1, ["fcn", "39.25", format::MISSING]);
    }
}
