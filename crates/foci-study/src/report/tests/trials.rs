//! The table of trials: which rate was chosen and why, in one round and in two.

use super::*;

/// The part of the page about learning rates.
fn section(results: &Results) -> String {
    let html = page(&input(results, Vec::new()));
    let section = &html[html.find("<h3>Learning rates tried</h3>").expect("the trials")..];
    section[..section.find("</table>").expect("their table")].to_string()
}

#[test]
fn the_chosen_learning_rate_is_shown_and_why() {
    let mut results = study(&["plain", "close", "lost"], 2);
    let one = section(&results);
    assert!(one.contains("kept the rate with the lowest loss") && !one.contains("standard error"));
    assert!(one.contains("<td>diverged</td><td>0.001 ⚠ the best is the smallest tried</td>"), "{one}");

    // Of the second net the smaller rate is better with one of the two seeds.
    let trials = |rates: [[Option<f64>; 2]; 2]| {
        vec![Trial::new(0.001, 40, rates[0].to_vec()), Trial::new(0.003, 40, rates[1].to_vec())]
    };
    results.nets[0].trials = trials([[Some(0.02), Some(0.02)], [Some(0.01), Some(0.01)]]);
    results.nets[1].trials = trials([[Some(0.004), Some(0.009)], [Some(0.001), Some(0.01)]]);
    results.nets[2].trials = trials([[None, Some(0.02)], [None, None]]);
    let two = section(&results);
    assert!(two.contains("geometric mean of 2 seeds") && two.contains("standard error"), "{two}");
    for row in [
        "<td>0.0200</td><td>0.0100</td><td>0.003 ⚠ the best is the greatest tried</td>",
        // The square roots of 0.004 x 0.009 and 0.001 x 0.01.
        "<td>0.00600</td><td>0.00316</td><td>0.001, not told apart from the best, 0.003 ⚠ the best is the greatest tried</td>",
        "<td>1 of 2 diverged</td><td>2 of 2 diverged</td><td>0.001, for want of a better one</td>",
    ] {
        assert!(two.contains(row), "no {row} in {two}");
    }
    assert!(!two.contains("two rounds") && !two.contains("<th scope=\"col\">steps</th>"));
}

#[test]
fn both_rounds_of_trials_are_shown() {
    let mut results = study(&["slow", "close", "lost"], 2);
    let trial = |rate: f64, steps: u64, losses: [Option<f64>; 2]| Trial::new(rate, steps, losses.to_vec());
    let first = |last: Option<f64>| {
        vec![
            trial(0.001, 40, [last.map(|loss| 3.0 * loss); 2]),
            trial(0.003, 40, [last.map(|loss| 2.0 * loss); 2]),
            trial(0.01, 40, [last; 2]),
        ]
    };
    for (net, losses) in results.nets.iter_mut().zip([Some(0.02), Some(0.02), None]) {
        net.trials = first(losses);
    }
    results.nets[0].trials.push(trial(0.003, 240, [Some(0.002), Some(0.002)]));
    results.nets[0].trials.push(trial(0.01, 240, [Some(0.003), Some(0.003)]));
    results.nets[1].trials.push(trial(0.003, 240, [Some(0.004), Some(0.009)]));
    results.nets[1].trials.push(trial(0.01, 240, [Some(0.001), Some(0.01)]));
    let html = page(&input(&results, Vec::new()));
    // Over the figures of the net itself, where nobody misses it; the other two have no best rate at an end.
    assert_eq!(html.matches("<small class=\"alarm\">⚠ best learning rate is the greatest tried").count(), 1);
    assert!(!html.contains("is the smallest tried"));
    assert!(html.contains("with up to 10 trials for each net"));
    let two = section(&results);
    for words in ["two rounds", "tried for 40 steps", "anew for 240 steps", "one standard error"] {
        assert!(two.contains(words), "no {words} in {two}");
    }
    for row in [
        "slow</th><td>40</td><td>0.0600</td><td>0.0400</td><td>0.0200</td><td>for the second round: 0.003 and 0.01</td>",
        "slow</th><td>240</td><td>–</td><td>0.00200</td><td>0.00300</td><td>0.003</td>",
        "close</th><td>240</td><td>–</td><td>0.00600</td><td>0.00316</td><td>0.003, not told apart from the best, 0.01 ⚠ the best is the greatest tried</td>",
        "lost</th><td>40</td><td>2 of 2 diverged</td><td>2 of 2 diverged</td><td>2 of 2 diverged</td><td>0.001, for want of a better one</td>",
    ] {
        assert!(two.contains(row), "no {row} in {two}");
    }
    assert!(!two.contains("lost</th><td>240"));
    // With one seed there is no standard error.
    for net in &mut results.nets {
        net.trials.iter_mut().for_each(|trial| trial.validation_losses.truncate(1));
    }
    let one = section(&results);
    assert!(
        one.contains("The rate with the lowest loss in them is chosen") && one.contains("two rounds"),
        "{one}"
    );
    assert!(!one.contains("standard error") && !one.contains("geometric"), "{one}");
}
