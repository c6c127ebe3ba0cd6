//! Where the figures come from and how far they reach: the data's fingerprint, and what the report does not say.

use super::format;
use crate::difference::LEVEL;
use crate::results::{NetSummary, Results};
use serde_json::Value;

/// Longest text of one fact; hashes and lists are cut there.
const LONGEST: usize = 90;
/// Most facts shown; the rest is in `results.json`.
const MOST: usize = 48;

/// The fingerprint as names and values, nested names joined, long lists counted.
pub fn fingerprint(data: &Value) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    collect("", data, &mut facts);
    if facts.len() > MOST {
        let more = facts.len() - MOST;
        facts.truncate(MOST);
        facts.push(("and more".into(), format!("{more} further entries in results.json")));
    }
    facts
}

fn collect(name: &str, value: &Value, facts: &mut Vec<(String, String)>) {
    let label = || if name.is_empty() { "data".to_string() } else { name.replace('_', " ") };
    match value {
        Value::Null => {}
        Value::Object(entries) => {
            for (key, value) in entries {
                let name = if name.is_empty() { key.clone() } else { format!("{name}, {key}") };
                collect(&name, value, facts);
            }
        }
        Value::Array(items) => {
            let texts: Option<Vec<String>> = items.iter().map(scalar).collect();
            let joined = texts.map(|texts| texts.join(", "));
            match joined {
                Some(joined) if joined.chars().count() <= LONGEST => facts.push((label(), joined)),
                _ => facts.push((label(), format!("{} entries", format::count(items.len() as u64)))),
            }
        }
        other => facts.extend(scalar(other).map(|text| (label(), format::shortened(&text, LONGEST)))),
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(yes) => Some(if *yes { "yes".into() } else { "no".into() }),
        Value::Number(number) => Some(match (number.as_u64(), number.as_f64()) {
            (Some(whole), _) => format::count(whole),
            (None, Some(value)) => format::significant(value, 4),
            (None, None) => number.to_string(),
        }),
        _ => None,
    }
}

/// What a reader might take from the report although it does not say it.
pub fn limits(results: &Results) -> Vec<String> {
    let mut lines = vec![
        "The figures hold for these images, this number of weights and this length of training. Another specimen, \
         another microscope or a longer training may order the nets differently."
            .to_string(),
        "The nets have equal weights, not equal arithmetic, memory or time; the section on cost says what each of them took."
            .to_string(),
    ];
    if results.task == "reconstruct" {
        lines.push(
            "The nets were trained to give their input back. A net with a connection from input to output at full resolution \
             can do so by copying, and its score then says that it can copy, not that it has understood the image. Control \
             arms, if the study has them, show how much remains without that way out."
                .to_string(),
        );
        lines.push(
            "Keeping detail in a reconstruction is no proof of better segmentation or classification; that needs a study of \
             that task."
                .to_string(),
        );
    }
    let trainings = |net: &NetSummary| net.trials.iter().map(|trial| trial.validation_losses.len()).sum();
    let trials: usize = results.nets.iter().map(trainings).max().unwrap_or(0);
    // A net whose rates diverged may have fewer than others.
    let up_to = if results.nets.iter().map(trainings).all(|of| of == trials) { "" } else { "up to " };
    lines.push(match trials {
        0 => "The learning rate was not tuned for each net.".to_string(),
        trials => format!(
            "Only the learning rate was tuned, with {up_to}{trials} {} for each net; other settings are the same for all and may suit \
             one net better than another.",
            if trials == 1 { "trial" } else { "trials" }
        ),
    });
    lines.push(match results.seeds {
        0 | 1 => "With one seed, chance in initial weights and batches is not in the intervals.".to_string(),
        seeds => format!(
            "Intervals rest on how test fields and {seeds} seeds scatter; with so few seeds, rare failures of training \
             may not have shown."
        ),
    });
    lines.push(format!(
        "A difference counts here if its 95\u{a0}% interval leaves zero out and its p-value, adjusted by Holm's method for all {} \
         comparisons of the study, is below {LEVEL}. “Undecided” does not mean “equal”.",
        results.comparisons.len()
    ));
    lines.push(
        "Pictures are of single tiles by the first seed: they illustrate, the tables decide.".to_string(),
    );
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_fingerprint_of_any_shape_becomes_lines() {
        let data = json!({
            "fields": 40,
            "size": [672, 512],
            "split": { "train": (0..300).collect::<Vec<_>>(), "seed": 0 },
            "blank": null,
            "mean_level": 0.12345,
        });
        let facts = fingerprint(&data);
        let expected = [
            ("blank", None),
            ("fields", Some("40")),
            ("mean level", Some("0.1235")),
            ("size", Some("672, 512")),
            ("split, seed", Some("0")),
            ("split, train", Some("300 entries")),
        ];
        for (name, value) in expected {
            let found = facts.iter().find(|fact| fact.0 == name).map(|fact| fact.1.as_str());
            assert_eq!(found, value, "{name}");
        }
        assert_eq!(fingerprint(&json!("a folder")), [("data".to_string(), "a folder".to_string())]);
    }
}
