//! Which learning rate a net is trained with, judged by short trials.
//!
//! Every rate is tried with the same seeds, so two rates are compared in pairs: same initial weights, same batches.
//! Losses differ by factors, hence their logarithms are averaged. The best rate is the one with the lowest mean over
//! the seeds; the chosen one is the smallest whose mean difference from the best is no greater than the standard
//! error of that difference: the one-standard-error rule (Breiman, Friedman, Olshen and Stone, Classification and
//! Regression Trees, 1984, section 3.4.3), applied to pairs. Short trials favour rates that are quick at first and
//! do worse in the long run, so where the trials cannot tell two rates apart, the smaller is taken.
//!
//! With one seed there is no standard error, and the best rate is taken as it is. A rate with a trial that diverged
//! is out; if that leaves none, the smallest rate is taken and the runs show what becomes of it.

use crate::results::Trial;
use foci_measure::summary::{mean, standard_deviation};

/// What the trials of one net led to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Choice {
    /// The rate with the lowest mean logarithm of the loss; none if every rate has a trial that diverged.
    pub best: Option<f64>,
    /// The rate that the runs use.
    pub chosen: f64,
}

impl Choice {
    /// The choice among some rates; none if none was tried.
    pub fn of(trials: &[Trial]) -> Option<Choice> {
        let smallest = trials.iter().map(|trial| trial.learning_rate).min_by(f64::total_cmp)?;
        let sound: Vec<Sound> = trials.iter().filter_map(Sound::of).collect();
        let Some(best) =
            sound.iter().min_by(|a, b| a.mean.total_cmp(&b.mean).then(a.rate.total_cmp(&b.rate)))
        else {
            return Some(Choice { best: None, chosen: smallest });
        };
        let close = sound.iter().filter(|sound| sound.is_close_to(best));
        let chosen = close.map(|sound| sound.rate).fold(best.rate, f64::min);
        Some(Choice { best: Some(best.rate), chosen })
    }

    /// What a reader should know of a choice at an end of the rates that were tried: which end, and where to widen.
    pub fn notes(&self, arm: &str, rates: &[f64]) -> Vec<String> {
        let least = rates.iter().copied().fold(f64::INFINITY, f64::min);
        let most = rates.iter().copied().fold(0.0, f64::max);
        if least >= most {
            return Vec::new();
        }
        let Some(best) = self.best else {
            return vec![format!(
                "Every learning rate of {arm} has a trial that diverged; its runs use the smallest, {least}. Widen tuning.learning_rates downwards."
            )];
        };
        let ends = [(least, "smallest", "downwards"), (most, "greatest", "upwards")];
        let note = |(end, which, way): (f64, &str, &str)| {
            let what = match (best == end, self.chosen == end) {
                (true, true) => format!("The best learning rate of {arm}, which was chosen,"),
                (true, false) => format!("The best learning rate of {arm} in the trials"),
                (false, true) => format!("The learning rate chosen for {arm}"),
                (false, false) => return None,
            };
            Some(format!(
                "{what} is {end}, the {which} that was tried: the net might do better beyond. Widen tuning.learning_rates {way}."
            ))
        };
        ends.into_iter().filter_map(note).collect()
    }
}

/// A rate of which no trial diverged.
struct Sound {
    rate: f64,
    /// Logarithm of the validation loss, by seed.
    logarithms: Vec<f64>,
    /// Their mean.
    mean: f64,
}

impl Sound {
    fn of(trial: &Trial) -> Option<Sound> {
        // The logarithm of no loss at all is no number; that of the smallest one comes close.
        let logarithm = |loss: &Option<f64>| Some((*loss)?.max(f64::MIN_POSITIVE).ln());
        let logarithms: Vec<f64> = trial.validation_losses.iter().map(logarithm).collect::<Option<_>>()?;
        let mean = mean(&logarithms)?;
        Some(Sound { rate: trial.learning_rate, logarithms, mean })
    }

    /// True if the trials do not tell this rate from the best one, seed by seed.
    fn is_close_to(&self, best: &Sound) -> bool {
        let pairs = self.logarithms.iter().zip(&best.logarithms);
        let differences: Vec<f64> = pairs.map(|(this, best)| this - best).collect();
        let seeds = differences.len() as f64;
        match (mean(&differences), standard_deviation(&differences)) {
            (Some(mean), Some(deviation)) => mean <= deviation / seeds.sqrt(),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Trials of rates, each with its losses by seed.
    fn trials(of: &[(f64, &[Option<f64>])]) -> Vec<Trial> {
        of.iter().map(|(rate, losses)| Trial::new(*rate, losses.to_vec())).collect()
    }

    /// Losses e^x for the given x, so that a case can be worked out by hand.
    fn powers(exponents: &[f64]) -> Vec<Option<f64>> {
        exponents.iter().map(|exponent| Some(exponent.exp())).collect()
    }

    fn chosen(of: &[(f64, &[f64])]) -> (Option<f64>, f64) {
        let trials: Vec<Trial> =
            of.iter().map(|(rate, exponents)| Trial::new(*rate, powers(exponents))).collect();
        let choice = Choice::of(&trials).unwrap();
        (choice.best, choice.chosen)
    }

    #[test]
    fn a_smaller_rate_within_one_standard_error_of_the_best_is_chosen() {
        // Differences 0.3, -0.2, 0.2: mean 0.1; deviations 0.2, -0.3, 0.1, their squares sum to 0.14, so the standard
        // deviation is sqrt(0.07) = 0.2646 and the standard error 0.2646 / sqrt(3) = 0.1528. Not told apart.
        let best: &[f64] = &[-7.0, -7.5, -7.2];
        assert_eq!(chosen(&[(0.001, &[-6.7, -7.7, -7.0]), (0.003, best)]), (Some(0.003), 0.001));
        // Differences 0.3, 0.1, 0.2: mean 0.2, standard deviation 0.1, standard error 0.0577. Told apart.
        assert_eq!(chosen(&[(0.001, &[-6.7, -7.4, -7.0]), (0.003, best)]), (Some(0.003), 0.003));
        // Both of them: the one in between is close enough, the smallest is not.
        let three: [(f64, &[f64]); 3] =
            [(0.01, best), (0.0003, &[-6.7, -7.4, -7.0]), (0.001, &[-6.7, -7.7, -7.0])];
        assert_eq!(chosen(&three), (Some(0.01), 0.001));
        // A greater rate is never taken for being close.
        assert_eq!(chosen(&[(0.003, best), (0.01, &[-6.7, -7.7, -7.0])]), (Some(0.003), 0.003));
    }

    #[test]
    fn seeds_are_paired() {
        // Seeds scatter by several units, far more than the rates differ; in pairs the difference is 0.1 for each,
        // with deviations of 0.01 and a standard error of 0.01 / sqrt(3).
        let best: &[f64] = &[-4.0, -7.0, -9.0];
        assert_eq!(chosen(&[(0.001, &[-3.9, -6.91, -8.89]), (0.003, best)]), (Some(0.003), 0.003));
    }

    #[test]
    fn logarithms_are_averaged_not_losses() {
        // Means of losses 1.05 and 1.01, of logarithms ln(0.2) / 2 = -0.80 and ln(1.0197) / 2 = 0.01.
        let losses: [(f64, &[Option<f64>]); 2] =
            [(0.003, &[Some(2.0), Some(0.1)]), (0.001, &[Some(1.03), Some(0.99)])];
        assert_eq!(Choice::of(&trials(&losses)).unwrap().best, Some(0.003));
    }

    #[test]
    fn with_one_seed_the_lowest_loss_is_chosen() {
        let rates: [(f64, &[f64]); 3] = [(0.01, &[-5.0]), (0.001, &[-7.0]), (0.003, &[-7.001])];
        assert_eq!(chosen(&rates), (Some(0.003), 0.003));
        // Of two that are equal the smaller.
        assert_eq!(chosen(&[(0.003, &[-7.0]), (0.001, &[-7.0])]), (Some(0.001), 0.001));
    }

    #[test]
    fn a_rate_with_a_diverged_trial_is_out() {
        let one: [(f64, &[Option<f64>]); 3] = [
            (0.03, &[Some(0.001), None]),
            (0.01, &[Some(0.1), Some(0.1)]),
            (0.003, &[Some(0.2), Some(0.21)]),
        ];
        assert_eq!(Choice::of(&trials(&one)), Some(Choice { best: Some(0.01), chosen: 0.01 }));
        let all: [(f64, &[Option<f64>]); 2] = [(0.03, &[None, None]), (0.01, &[Some(0.1), None])];
        assert_eq!(Choice::of(&trials(&all)), Some(Choice { best: None, chosen: 0.01 }));
        assert_eq!(Choice::of(&[]), None);
    }

    #[test]
    fn a_loss_of_zero_is_the_lowest_and_breaks_nothing() {
        let zero: [(f64, &[Option<f64>]); 3] = [
            (0.001, &[Some(1e-3), Some(1e-3), Some(1.1e-3)]),
            (0.003, &[Some(0.0), Some(0.0), Some(0.0)]),
            (0.01, &[Some(0.0), Some(0.0), Some(0.0)]),
        ];
        assert_eq!(Choice::of(&trials(&zero)), Some(Choice { best: Some(0.003), chosen: 0.003 }));
        assert_eq!(trials(&zero)[1].validation_loss, Some(0.0));
    }

    #[test]
    fn the_loss_of_a_trial_is_the_geometric_mean() {
        let loss = |losses: &[Option<f64>]| Trial::new(0.001, losses.to_vec()).validation_loss;
        // The third root of 1 x 2 x 4.
        assert!((loss(&[Some(1.0), Some(2.0), Some(4.0)]).unwrap() - 2.0).abs() < 1e-12);
        // One loss is given back to the last bit.
        assert_eq!(loss(&[Some(5.894e-4)]), Some(5.894e-4));
        assert_eq!(loss(&[Some(0.0), Some(2.0)]), Some(0.0));
        assert_eq!(loss(&[Some(1.0), None]), None);
        assert_eq!(loss(&[]), None);
    }

    #[test]
    fn an_end_of_the_rates_is_noted_with_its_direction() {
        let rates = [0.01, 0.001, 0.003];
        let notes = |best: Option<f64>, chosen: f64| Choice { best, chosen }.notes("unet", &rates);
        assert_eq!(notes(Some(0.003), 0.003), Vec::<String>::new());
        let bottom = notes(Some(0.001), 0.001);
        assert_eq!(
            bottom,
            [
                "The best learning rate of unet, which was chosen, is 0.001, the smallest that was tried: the net might do better beyond. Widen tuning.learning_rates downwards."
            ]
        );
        let both = notes(Some(0.01), 0.001);
        assert_eq!(both.len(), 2);
        assert!(both[0].contains("chosen for unet is 0.001") && both[0].contains("downwards"), "{both:?}");
        assert!(both[1].contains("in the trials is 0.01") && both[1].contains("upwards"), "{both:?}");
        assert!(notes(Some(0.01), 0.003)[0].contains("upwards"));
        assert!(notes(Some(0.003), 0.001)[0].contains("downwards"));
        assert!(notes(None, 0.001)[0].contains("diverged"));
        let only = Choice { best: Some(0.001), chosen: 0.001 };
        assert!(only.notes("unet", &[0.001]).is_empty());
    }
}
