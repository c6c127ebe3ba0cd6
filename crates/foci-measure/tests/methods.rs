//! Intervals of differences to methods without seeds hold what they promise: simulated studies of four nets and one method.
#![allow(clippy::unwrap_used)] // a failed step is a failed test, in helpers as in tests

mod common;

use common::Normal;
use foci_measure::measure::Better;
use foci_measure::stats::{ComparisonOptions, Scores, compare_with_fixed, mean_interval};

const NETS: usize = 4;
const STUDIES: usize = 800;

/// A study: scores of nets, and of a method that they are all better than by 1. Standard deviations of the difference to the method from field to field, of each net from
/// seed to seed on all fields alike, and of each score by itself.
fn study(
    [fields, seeds]: [usize; 2],
    [between_fields, between_seeds, rest]: [f64; 3],
    normal: &mut Normal,
) -> (Vec<Vec<Vec<f64>>>, Vec<f64>) {
    // Fields differ by far more than a net from a method; that must cancel.
    let method: Vec<f64> = (0..fields).map(|_| 30.0 + 5.0 * normal.draw()).collect();
    let mut net = |_| -> Vec<Vec<f64>> {
        let luck: Vec<f64> = (0..seeds).map(|_| between_seeds * normal.draw()).collect();
        let mut row = |level: &f64| {
            let effect = level + 1.0 + between_fields * normal.draw();
            luck.iter().map(|luck| effect + luck + rest * normal.draw()).collect()
        };
        method.iter().map(&mut row).collect()
    };
    ((0..NETS).map(&mut net).collect(), method)
}

/// Whether the interval of Student's t over the fields' mean differences holds 1, seeds taken as they are.
fn by_fields_alone(net: &[Vec<f64>], method: &[f64]) -> bool {
    let difference = |(row, own): (&Vec<f64>, &f64)| row.iter().sum::<f64>() / row.len() as f64 - own;
    let differences: Vec<f64> = net.iter().zip(method).map(difference).collect();
    mean_interval(&differences, 0.05).is_some_and(|[low, high]| low <= 1.0 && 1.0 <= high)
}

#[test]
fn nineteen_of_twenty_intervals_hold_the_difference_to_a_method() {
    for (size, spread) in [
        ([20, 3], [1.0, 0.03, 0.1]),
        ([20, 3], [0.1, 0.5, 0.1]),
        ([20, 3], [0.6, 0.2, 0.3]),
        ([10, 2], [0.6, 0.2, 0.3]),
        ([50, 3], [0.6, 0.2, 0.3]),
    ] {
        let mut normal = Normal::new(7 + size[0] as u64);
        let (mut held, mut held_by_fields, mut p_below) = (0, 0, 0);
        for _ in 0..STUDIES {
            let (nets, method) = study(size, spread, &mut normal);
            let scores = Scores::new(&nets).unwrap();
            for (net, table) in nets.iter().enumerate() {
                let options = ComparisonOptions::default();
                let found = compare_with_fixed(&scores, net, &method, Better::Higher, &options).unwrap();
                held += usize::from(found.interval[0] <= 1.0 && 1.0 <= found.interval[1]);
                // The same scores against a method that is as good: p is of "no difference".
                let equal: Vec<f64> = method.iter().map(|score| score + 1.0).collect();
                let none = compare_with_fixed(&scores, net, &equal, Better::Higher, &options).unwrap();
                p_below += usize::from(none.p < 0.05);
                held_by_fields += usize::from(by_fields_alone(table, &method));
            }
        }
        let all = (NETS * STUDIES) as f64;
        let [share, naive, false_findings] = [held, held_by_fields, p_below].map(|count| count as f64 / all);
        println!(
            "{size:?} {spread:?}: {share:.3} hold, {naive:.3} by fields alone, p < .05 in {false_findings:.3}"
        );
        // 93 to 98 % within three standard errors of independent studies.
        let error = (0.05 * 0.95 / STUDIES as f64).sqrt();
        assert!(share > 0.93 - 3.0 * error && share < 0.98 + 3.0 * error, "{size:?} {spread:?}: {share}");
        // The control: who takes seeds as they are promises too much where seeds vary.
        assert!(spread[1] < 0.1 || naive < share - 0.03, "{size:?} {spread:?}: {naive}");
        assert!((share + false_findings - 1.0).abs() < 1e-9, "one statement");
    }
}
