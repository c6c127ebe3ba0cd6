use super::*;

fn close(found: &[f32], expected: &[f64]) {
    for (&found, &expected) in found.iter().zip(expected) {
        assert!(
            (f64::from(found) - expected).abs() < 1e-6 * expected.abs().max(0.1),
            "{found}, not {expected}"
        );
    }
}

#[test]
fn first_adam_step_is_the_learning_rate_whatever_the_gradient() {
    let mut adam = Adam::new(3, 0.0);
    let mut parameters = [1.0, 1.0, 1.0];
    adam.step(&mut parameters, &[1e-3, -50.0, 0.0], 0.1).unwrap();
    // Moments are corrected to g and g^2: the step is lr g / (|g| + 1e-8).
    close(&parameters, &[0.900_001, 1.1, 1.0]);
}

#[test]
fn two_adam_steps_by_hand() {
    let settings = AdamSettings { beta1: 0.5, beta2: 0.75, epsilon: 0.5, ..AdamSettings::default() };
    let mut adam = Adam::with_settings(1, settings);
    let mut parameters = [1.0];
    adam.step(&mut parameters, &[2.0], 1.0).unwrap();
    // m = 1, v = 1; m' = 1 / 0.5 = 2, v' = 1 / 0.25 = 4; 1 - 2 / (2 + 0.5) = 0.2.
    close(&parameters, &[0.2]);
    adam.step(&mut parameters, &[-4.0], 1.0).unwrap();
    // m = -1.5, v = 4.75; m' = -1.5 / 0.75 = -2, v' = 4.75 / 0.4375 = 10.857143; + 2 / (3.2950182 + 0.5).
    close(&parameters, &[0.2 + 2.0 / 3.795_018_2]);
}

#[test]
fn weight_decay_is_on_the_parameters_or_on_the_gradients() {
    let step = |decoupled| {
        let settings = AdamSettings { weight_decay: 0.5, decoupled, ..AdamSettings::default() };
        let mut adam = Adam::with_settings(1, settings);
        let mut parameters = [2.0];
        adam.step(&mut parameters, &[1.0], 0.1).unwrap();
        parameters
    };
    close(&step(true), &[2.0 * (1.0 - 0.05) - 0.1]);
    close(&step(false), &[2.0 - 0.1]);
}

#[test]
fn two_momentum_steps_by_hand() {
    let mut sgd = Sgd::new(1, 0.9, 0.1);
    let mut parameters = [1.0];
    sgd.step(&mut parameters, &[0.4], 0.1).unwrap();
    // v = 0.4 + 0.1 = 0.5; p = 0.95. Then v = 0.45 + 0.4 + 0.095 = 0.945; p = 0.8555.
    close(&parameters, &[0.95]);
    sgd.step(&mut parameters, &[0.4], 0.1).unwrap();
    close(&parameters, &[0.8555]);
}

#[test]
fn a_break_changes_no_bit() {
    let gradients = |i: i32| [0.3 * i as f32, -0.7, 0.01 * (i * i) as f32];
    let optimisers: [fn() -> Box<dyn Optimiser>; 2] =
        [|| Box::new(Adam::new(3, 0.0)), || Box::new(Sgd::new(3, 0.9, 0.0))];
    for make in optimisers {
        let (mut whole, mut broken) = (make(), make());
        let (mut a, mut b) = ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]);
        for i in 0..10 {
            whole.step(&mut a, &gradients(i), 0.01).unwrap();
            broken.step(&mut b, &gradients(i), 0.01).unwrap();
            let state = broken.state();
            broken = make();
            broken.restore(&state).unwrap();
        }
        assert_eq!(a.map(f32::to_bits), b.map(f32::to_bits));
    }
}

#[test]
fn counts_survive_as_two_halves() {
    for count in [0, 1, (1 << 24) - 1, 1 << 24, (1 << 48) - 1] {
        let [high, low] = halves(count);
        assert_eq!(whole(high, low), Some(count));
    }
    assert_eq!(whole(f32::NAN, 0.0), None);
}

#[test]
fn a_state_of_another_size_or_kind_is_refused() {
    let mut state = Adam::new(2, 0.0).state();
    assert!(Adam::new(3, 0.0).restore(&state).is_err());
    assert!(Sgd::new(2, 0.9, 0.0).restore(&state).is_err());
    state.insert(STEPS.to_owned(), vec![0.5, 1.0]);
    assert!(Adam::new(2, 0.0).restore(&state).is_err());
    assert!(Sgd::new(2, 0.9, 0.0).step(&mut [0.0; 2], &[0.0; 3], 0.1).is_err());
}

#[test]
fn clipping_keeps_direction_and_returns_the_norm() {
    let mut gradients = [3.0, -4.0];
    assert_eq!(clip_gradient_norm(&mut gradients, 1.0), 5.0);
    close(&gradients, &[0.6, -0.8]);
    let mut gradients = [3.0, -4.0];
    assert_eq!(clip_gradient_norm(&mut gradients, 10.0), 5.0);
    assert_eq!(gradients, [3.0, -4.0]);
    let mut gradients = [f32::NAN, 1.0];
    assert!(clip_gradient_norm(&mut gradients, 1.0).is_nan());
    assert_eq!(gradients[1], 1.0);
    assert_eq!(clip_gradient_norm(&mut [0.0; 2], 0.0), 0.0);
}
