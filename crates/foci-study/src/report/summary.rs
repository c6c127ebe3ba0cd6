//! The end of `foci study` on a terminal: a small table and the answer, 80 columns wide.

use super::answer::answer;
use super::findings;
use super::format;
use super::measures;
use crate::results::Results;
use foci_measure::Measure as Known;
use std::fmt::Write;

/// Width of a terminal that nobody has widened.
const COLUMNS: usize = 80;
/// Width of the names, so that the columns of figures fit.
const NAME: usize = 19;
/// Measures with a column, as far as the study has them and they fit.
const SHOWN: [Known; 13] = [
    Known::DetailCutoff,
    Known::FociRecall,
    Known::BoundaryContrast,
    Known::Psnr,
    Known::Ssim,
    Known::MeanAp,
    Known::Ap50,
    Known::Ap70,
    Known::Ap90,
    Known::ToldApart,
    Known::ClassAp50,
    Known::MeanIou,
    Known::MeanDice,
];

/// The outcome of a study as plain text of at most 80 columns, ending with a line break.
pub fn summary_text(results: &Results) -> String {
    let mut heads = vec!["net".to_string()];
    let shown: Vec<_> = SHOWN
        .into_iter()
        .map(measures::of)
        .filter(|measure| results.runs.iter().any(|run| run.metrics.contains_key(&measure.key)))
        .collect();
    heads.extend(shown.iter().map(|measure| measure.short.clone()));
    heads.extend(["s/step".to_string(), "memory".to_string()]);
    let mut rows = vec![heads];
    for net in results.nets.iter().filter(|net| net.variant_of.is_none()) {
        let mut row = vec![format::shortened(&net.name, if net.control { NAME - 1 } else { NAME })];
        row.extend(shown.iter().map(|measure| {
            findings::spread(results, &net.name, &measure.key)
                .map_or(format::MISSING.to_string(), |spread| measure.value(spread.mean))
        }));
        row.push(
            findings::seconds_per_step(results, &net.name)
                .map_or(format::MISSING.to_string(), |seconds| format::significant(seconds, 2)),
        );
        row.push(format::bytes(net.train_bytes));
        if net.control {
            row[0] = format!("{}*", row[0]);
        }
        rows.push(row);
    }
    for baseline in &results.baselines {
        let mut row = vec![format::shortened(&baseline.name, NAME)];
        row.extend(shown.iter().map(|measure| {
            let value = baseline.metrics.get(&measure.key);
            value.map_or(format::MISSING.to_string(), |value| measure.value(*value))
        }));
        row.extend([String::from("no net"), String::new()]);
        rows.push(row);
    }
    let mut text = table(&rows);
    if results.nets.iter().any(|net| net.control) {
        let _ = writeln!(text, "* control arm, not ranked");
    }
    let variants = results.nets.iter().filter(|net| net.variant_of.is_some()).count();
    if variants > 0 {
        let _ = writeln!(text, "and {variants} variants of them, in the report under Factors");
    }
    let answer = answer(results);
    for line in std::iter::once(&answer.headline).chain(&answer.supporting).chain(&answer.warnings) {
        let _ = writeln!(text, "\n{}", wrapped(line));
    }
    text.replace(['\u{a0}', '\u{202f}'], " ")
}

/// Rows of cells as lines: the first column to the left, all others to the right.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let width = width(column);
            if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_string() + "\n"
    };
    rows.iter().map(line).collect()
}

/// Breaks a sentence at spaces; spaces that belong to numbers hold.
pub(crate) fn wrapped(sentence: &str) -> String {
    let mut text = String::new();
    let mut used = 0;
    for word in sentence.split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > COLUMNS {
            text.push('\n');
            used = 0;
        } else if used > 0 {
            text.push(' ');
            used += 1;
        }
        text.push_str(word);
        used += length;
    }
    text
}
