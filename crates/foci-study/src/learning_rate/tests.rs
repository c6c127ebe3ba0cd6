//! Choices worked out by hand: finalists, the one-standard-error rule on pairs, what diverged, notes on ends.

use super::*;

/// Trials of rates, each with its losses by seed.
fn trials(of: &[(f64, &[Option<f64>])]) -> Vec<Trial> {
    of.iter().map(|(rate, losses)| Trial::new(*rate, 80, losses.to_vec())).collect()
}

/// Losses e^x for the given x, so that a case can be worked out by hand.
fn powers(exponents: &[f64]) -> Vec<Option<f64>> {
    exponents.iter().map(|exponent| Some(exponent.exp())).collect()
}

fn chosen(of: &[(f64, &[f64])]) -> (Option<f64>, f64) {
    let trials: Vec<Trial> =
        of.iter().map(|(rate, exponents)| Trial::new(*rate, 80, powers(exponents))).collect();
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
    let one: [(f64, &[Option<f64>]); 3] =
        [(0.03, &[Some(0.001), None]), (0.01, &[Some(0.1), Some(0.1)]), (0.003, &[Some(0.2), Some(0.21)])];
    assert_eq!(Choice::of(&trials(&one)), Some(Choice { best: Some(0.01), chosen: 0.01, steps: 80 }));
    let all: [(f64, &[Option<f64>]); 2] = [(0.03, &[None, None]), (0.01, &[Some(0.1), None])];
    assert_eq!(Choice::of(&trials(&all)), Some(Choice { best: None, chosen: 0.01, steps: 80 }));
    assert_eq!(Choice::of(&[]), None);
}

#[test]
fn a_loss_of_zero_is_the_lowest_and_breaks_nothing() {
    let zero: [(f64, &[Option<f64>]); 3] = [
        (0.001, &[Some(1e-3), Some(1e-3), Some(1.1e-3)]),
        (0.003, &[Some(0.0), Some(0.0), Some(0.0)]),
        (0.01, &[Some(0.0), Some(0.0), Some(0.0)]),
    ];
    assert_eq!(Choice::of(&trials(&zero)), Some(Choice { best: Some(0.003), chosen: 0.003, steps: 80 }));
    assert_eq!(trials(&zero)[1].validation_loss, Some(0.0));
}

#[test]
fn the_loss_of_a_trial_is_the_geometric_mean() {
    let loss = |losses: &[Option<f64>]| Trial::new(0.001, 80, losses.to_vec()).validation_loss;
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
    let notes = |best: Option<f64>, chosen: f64| Choice { best, chosen, steps: 80 }.notes("unet", &rates);
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
    assert!(both[1].contains("in the trials of 80 steps is 0.01") && both[1].contains("upwards"), "{both:?}");
    assert!(notes(Some(0.01), 0.003)[0].contains("upwards"));
    assert!(notes(Some(0.003), 0.001)[0].contains("downwards"));
    assert_eq!(
        notes(None, 0.001),
        [
            "No learning rate of unet came through the trials of 80 steps without diverging; its runs use the smallest, 0.001. Widen tuning.learning_rates downwards."
        ]
    );
    let only = Choice { best: Some(0.001), chosen: 0.001, steps: 80 };
    assert!(only.notes("unet", &[0.001]).is_empty());
}

/// Places of the finalists among rates that are tried with one seed, with losses e^x; no x, no loss.
fn finalists_of(first_round: &[(f64, Option<f64>)], rates: usize) -> Vec<usize> {
    let trial = |(rate, exponent): &(f64, Option<f64>)| Trial::new(*rate, 40, vec![exponent.map(f64::exp)]);
    finalists(&first_round.iter().map(trial).collect::<Vec<_>>(), rates)
}

#[test]
fn the_best_rates_and_the_next_smaller_one_come_into_the_second_round() {
    // By their losses 0.01, 0.003, 0.001, 0.0003: the second is the next smaller one as well.
    let quick = [(0.0003, Some(-4.0)), (0.001, Some(-5.0)), (0.003, Some(-6.0)), (0.01, Some(-7.0))];
    assert_eq!(finalists_of(&quick, 2), [2, 3]);
    assert_eq!(finalists_of(&quick, 3), [1, 2, 3]);
    // The best is 0.003 and the second best a greater one: the next smaller goes before it, though it is third.
    let peak = [(0.0003, Some(-4.0)), (0.001, Some(-5.0)), (0.003, Some(-7.0)), (0.01, Some(-6.0))];
    assert_eq!(finalists_of(&peak, 2), [1, 2]);
    assert_eq!(finalists_of(&peak, 3), [1, 2, 3]);
    // It goes before all others even when it is last of all.
    let pit = [(0.0003, Some(-6.0)), (0.001, Some(-4.0)), (0.003, Some(-7.0)), (0.01, Some(-5.0))];
    assert_eq!(finalists_of(&pit, 2), [1, 2]);
    assert_eq!(finalists_of(&pit, 3), [0, 1, 2]);
    // The smallest rate has no smaller one beside it: the next best takes the place.
    let slow = [(0.0003, Some(-7.0)), (0.001, Some(-5.0)), (0.003, Some(-6.0))];
    assert_eq!(finalists_of(&slow, 2), [0, 2]);
    // Rates in any order: places are those of the study, and of equal losses the smaller rate is the better.
    let mixed = [(0.01, Some(-7.0)), (0.001, Some(-1.0)), (0.003, Some(-7.0)), (0.0003, Some(-2.0))];
    assert_eq!(finalists_of(&mixed, 2), [1, 2]);
}

#[test]
fn finalists_are_ranked_by_the_mean_logarithm_over_the_seeds() {
    // Means -5.0, -6.0 and -5.5, though the third has the lowest loss of all; 0.0003 is next below the best.
    let rates: [(f64, &[f64]); 3] = [(0.0003, &[-5.0, -5.0]), (0.001, &[-6.0, -6.0]), (0.003, &[-9.0, -2.0])];
    let trials: Vec<Trial> = rates.iter().map(|(rate, of)| Trial::new(*rate, 40, powers(of))).collect();
    assert_eq!(finalists(&trials, 2), [0, 1]);
    // By the mean of losses 0.003 would be last: e^-2 is 0.14.
    let rates: [(f64, &[f64]); 3] = [(0.001, &[-7.0, -6.0]), (0.003, &[-9.0, -2.0]), (0.01, &[-5.0, -5.0])];
    let trials: Vec<Trial> = rates.iter().map(|(rate, of)| Trial::new(*rate, 40, powers(of))).collect();
    assert_eq!(finalists(&trials, 2), [0, 1]);
}

#[test]
fn a_rate_that_diverged_is_no_finalist() {
    // 0.001 diverged: the next smaller rate that did not is 0.0003.
    let gap = [(0.0003, Some(-4.0)), (0.001, None), (0.003, Some(-7.0)), (0.01, Some(-6.0))];
    assert_eq!(finalists_of(&gap, 2), [0, 2]);
    let one = [(0.0003, Some(-4.0)), (0.001, None), (0.003, None), (0.01, None)];
    assert_eq!(finalists_of(&one, 2), [0]);
    assert_eq!(finalists_of(&[(0.0003, None), (0.001, None), (0.003, None)], 2), Vec::<usize>::new());
    // One of two seeds is enough to be out.
    let trials = [
        Trial::new(0.001, 40, vec![Some(0.1), Some(0.1)]),
        Trial::new(0.003, 40, vec![Some(0.01), None]),
        Trial::new(0.01, 40, vec![Some(0.2), Some(0.2)]),
    ];
    assert_eq!(finalists(&trials, 2), [0, 2]);
}

#[test]
fn the_second_round_alone_decides() {
    // After 40 steps 0.003 is ahead with both seeds; after 240, 0.001 is.
    let decided = |second: &[(f64, &[Option<f64>])]| {
        let mut all: Vec<Trial> = [(0.0003, [-3.0, -3.1]), (0.001, [-4.0, -4.1]), (0.003, [-5.0, -5.1])]
            .iter()
            .map(|(rate, exponents)| Trial::new(*rate, 40, powers(exponents)))
            .collect();
        all.extend(second.iter().map(|(rate, losses)| Trial::new(*rate, 240, losses.to_vec())));
        Choice::of(&all).unwrap()
    };
    let by = |best, chosen| Choice { best, chosen, steps: 240 };
    assert_eq!(
        decided(&[(0.001, &powers(&[-7.0, -7.2])), (0.003, &powers(&[-6.8, -6.9]))]),
        by(Some(0.001), 0.001)
    );
    // Differences 0.1 and -0.06: mean 0.02, standard deviation 0.08 x sqrt(2), standard error 0.08. Not told apart.
    assert_eq!(
        decided(&[(0.001, &powers(&[-6.9, -7.06])), (0.003, &powers(&[-7.0, -7.0]))]),
        by(Some(0.003), 0.001)
    );
    // Differences 0.1 and 0.06: mean 0.08, standard error 0.02. Told apart.
    assert_eq!(
        decided(&[(0.001, &powers(&[-6.9, -6.94])), (0.003, &powers(&[-7.0, -7.0]))]),
        by(Some(0.003), 0.003)
    );
    // A finalist that diverges in the longer trials is out; if all do, the smallest rate of all is taken.
    assert_eq!(
        decided(&[(0.001, &powers(&[-6.0, -6.0])), (0.003, &[Some(1e-4), None])]),
        by(Some(0.001), 0.001)
    );
    assert_eq!(decided(&[(0.001, &[None, None]), (0.003, &[Some(1e-4), None])]), by(None, 0.0003));
    // Without a second round the first decides.
    assert_eq!(decided(&[]), Choice { best: Some(0.003), chosen: 0.003, steps: 40 });
}

#[test]
fn notes_are_about_the_best_of_the_second_round() {
    let rates = [0.0003, 0.001, 0.003, 0.01];
    let mut all: Vec<Trial> = rates
        .iter()
        .zip([-3.0, -4.0, -5.0, -6.0])
        .map(|(rate, exponent)| Trial::new(*rate, 40, powers(&[exponent])))
        .collect();
    let after = |all: &[Trial]| Choice::of(all).unwrap().notes("unet", &rates);
    assert!(after(&all)[0].contains("which was chosen, is 0.01, the greatest"));
    // The greatest rate won the first round only: it is no longer worth a note.
    all.push(Trial::new(0.003, 240, powers(&[-8.0])));
    all.push(Trial::new(0.01, 240, powers(&[-7.0])));
    assert_eq!(after(&all), Vec::<String>::new());
    all[4] = Trial::new(0.003, 240, powers(&[-6.5]));
    assert_eq!(after(&all).len(), 1);
    assert!(after(&all)[0].contains("which was chosen, is 0.01, the greatest"));
}
