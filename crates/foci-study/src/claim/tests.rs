//! Verdicts from evidence that is written down here.

use super::*;

fn comparison(a: &str, b: &str, low: f64, high: f64, p: f64) -> Comparison {
    Comparison {
        a: a.into(),
        b: b.into(),
        metric: "psnr".into(),
        difference: (low + high) / 2.0,
        ci: [low, high],
        p,
        p_adjusted: p,
        probability_a_better: 0.5,
    }
}

fn verdict(comparisons: &[Comparison]) -> Verdict {
    let clause = Clause::Measure { measure: "psnr".into(), better: "x".into(), worse: "y".into() };
    let claim = ClaimSpec { id: "c".into(), statement: "x beats y".into(), all: vec![clause] };
    decide(&claim, Evidence { nets: &[], comparisons, signals: &[], middle: &[], optics: &[] }).verdict
}

#[test]
fn an_interval_on_one_side_decides_whichever_way_round_it_was_compared() {
    assert_eq!(verdict(&[comparison("x", "y", 0.5, 1.5, 0.01)]), Verdict::Supported);
    assert_eq!(verdict(&[comparison("y", "x", -1.5, -0.5, 0.01)]), Verdict::Supported);
    assert_eq!(verdict(&[comparison("x", "y", -1.5, -0.5, 0.01)]), Verdict::Refuted);
    assert_eq!(verdict(&[comparison("y", "x", 0.5, 1.5, 0.01)]), Verdict::Refuted);
}

#[test]
fn an_interval_over_zero_or_missing_evidence_decides_nothing() {
    assert_eq!(verdict(&[comparison("x", "y", -0.5, 1.5, 0.01)]), Verdict::Undecided);
    assert_eq!(verdict(&[comparison("x", "y", 0.5, 1.5, 0.2)]), Verdict::Undecided);
    assert_eq!(verdict(&[]), Verdict::Undecided);
}

#[test]
fn one_refuted_clause_refutes_the_claim() {
    let clause = |better: &str, worse: &str| Clause::Measure {
        measure: "psnr".into(),
        better: better.into(),
        worse: worse.into(),
    };
    let claim =
        ClaimSpec { id: "c".into(), statement: "s".into(), all: vec![clause("x", "y"), clause("x", "z")] };
    let comparisons = [comparison("x", "y", 0.5, 1.5, 0.01), comparison("x", "z", -2.0, -1.0, 0.01)];
    assert_eq!(
        decide(
            &claim,
            Evidence { nets: &[], comparisons: &comparisons, signals: &[], middle: &[], optics: &[] }
        )
        .verdict,
        Verdict::Refuted
    );
}
