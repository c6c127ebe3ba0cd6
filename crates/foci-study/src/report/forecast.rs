//! `foci study --plan-only` on a terminal: what the study will take, and what it can see.

use super::format;
use super::measures;
use super::summary::{table, wrapped};
use crate::forecast::{Forecast, MeasureForecast, POWER, Wanted};
use foci_measure::stats::power::{MOST_FIELDS, MOST_SEEDS};
use std::fmt::Write;

/// A forecast as plain text, ending with a line break.
pub fn forecast_text(forecast: &Forecast) -> String {
    let mut text = format!(
        "study '{}': {} arms, {} seeds, {} test fields, {} comparisons\n\n",
        forecast.study,
        forecast.arms.len(),
        forecast.seeds,
        forecast.test_fields,
        forecast.comparisons
    );
    let heads = ["net", "weights", "steps", "s/step", "time", "memory"];
    let mut rows = vec![heads.map(String::from).to_vec()];
    rows.extend(forecast.arms.iter().map(|arm| {
        vec![
            arm.name.clone(),
            format::count(arm.weights),
            format::count(arm.steps as u64),
            format::significant(arm.seconds_per_step, 2),
            format::seconds(arm.steps * arm.seconds_per_step),
            format::bytes(arm.train_bytes),
        ]
    }));
    text += &table(&rows);
    let largest = forecast.arms.iter().map(|arm| arm.train_bytes).max().unwrap_or(0);
    let time = format!(
        "Training takes about {} on this machine as it is now, and {} of memory for the batch that is trained on; measuring and the report come on top.",
        format::seconds(forecast.seconds),
        format::bytes(largest)
    );
    let _ = writeln!(text, "\n{}\n", wrapped(&time));
    text += &seen(forecast);
    text.replace(['\u{a0}', '\u{202f}'], " ")
}

/// What can be seen, if a pilot tells.
fn seen(forecast: &Forecast) -> String {
    if forecast.measures.is_empty() {
        let unknown = "How large a difference this study can see depends on how scores vary between fields and between seeds. A pilot tells: run two nets with two seeds for a few steps, and give its folder with --pilot.";
        return wrapped(unknown) + "\n";
    }
    let heads = ["smallest seen", "as planned", "twice the seeds", "twice the fields"];
    let mut rows = vec![heads.map(String::from).to_vec()];
    rows.extend(forecast.measures.iter().map(|measure| {
        let name = measures::describe(&measure.measure).name;
        let values =
            [measure.smallest_difference, measure.with_twice_the_seeds, measure.with_twice_the_fields];
        std::iter::once(name).chain(values.map(|value| size(&measure.measure, value))).collect()
    }));
    let mut text = table(&rows);
    let promise = format!(
        "Seen: in {} of such studies, after adjustment for {} comparisons, between two nets that vary like those of the pilot on average.",
        format::percent(POWER, 0),
        forecast.comparisons
    );
    let _ = writeln!(text, "\n{}", wrapped(&promise));
    for measure in &forecast.measures {
        if let Some(wanted) = &measure.wanted {
            let _ = writeln!(text, "\n{}", wrapped(&needs(forecast, measure, wanted)));
        }
    }
    text
}

/// What a difference that was asked for needs, in a sentence.
fn needs(forecast: &Forecast, measure: &MeasureForecast, wanted: &Wanted) -> String {
    let or_never = |number: Option<usize>, what: &str, most: usize| {
        number.map_or(format!("no number of {what} up to {most}"), |number| format!("{number} {what}"))
    };
    format!(
        "{} of {}: seen in {} of studies as planned. It needs {} with {} test fields, or {} with {} seeds.",
        measures::describe(&measure.measure).name,
        size(&measure.measure, wanted.difference),
        format::percent(wanted.power, 0),
        or_never(wanted.seeds, "seeds", MOST_SEEDS),
        forecast.test_fields,
        or_never(wanted.fields, "test fields", MOST_FIELDS),
        forecast.seeds
    )
}

/// A difference without its sign, with its unit.
fn size(key: &str, value: f64) -> String {
    let measure = measures::describe(key);
    let number = measure.difference(value);
    format::with_unit(number.trim_start_matches('+'), measure.difference_unit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::ArmForecast;

    fn forecast(measures: Vec<MeasureForecast>) -> Forecast {
        let arm = ArmForecast {
            name: "unet".into(),
            weights: 67_152,
            steps: 3360.0,
            seconds_per_step: 0.1,
            train_bytes: 110 << 20,
        };
        Forecast {
            study: "small".into(),
            seeds: 3,
            test_fields: 20,
            comparisons: 66,
            arms: vec![arm],
            seconds: 336.0,
            measures,
        }
    }

    #[test]
    fn without_a_pilot_nothing_is_promised() {
        let text = forecast_text(&forecast(vec![]));
        assert!(text.contains("3 seeds, 20 test fields, 66 comparisons"), "{text}");
        assert!(text.contains("5 min 36 s") && text.contains("110 MiB"), "{text}");
        assert!(text.contains("--pilot") && !text.contains("smallest"), "{text}");
    }

    #[test]
    fn what_a_difference_needs_is_said() {
        let wanted = Wanted { difference: 1.0, power: 0.31, seeds: Some(5), fields: None };
        let measure = MeasureForecast {
            measure: "psnr".into(),
            smallest_difference: 2.345,
            with_twice_the_seeds: 1.2,
            with_twice_the_fields: 2.3,
            wanted: Some(wanted),
        };
        let text = forecast_text(&forecast(vec![measure])).replace('\n', " ");
        for part in
            ["2.35 dB", "seen in 31 % of studies", "5 seeds with 20 test fields", "no number of test fields"]
        {
            assert!(text.contains(part), "'{part}' is missing in {text}");
        }
    }
}
