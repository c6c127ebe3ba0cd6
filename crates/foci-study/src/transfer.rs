//! Other specimens than those that the nets were trained on: another cell line, another day, another microscope.
//!
//! Where a study trains on some fields only (`[transfer]`), held-out fields of the same kind are its test fields as in any
//! study, and held-out fields of the other kinds are measured besides, once, with the same measures. Runs that diverged are
//! left out.

use crate::StudyError;
use crate::data::TestTile;
use crate::execute::{Executed, read_json, run_folder, write_json};
use crate::measure::TestBench;
use crate::plan::Plan;
use crate::results::RunTransfer;
use crate::study::Observer;
use foci_kernels::Compute;
use std::path::Path;

/// Measures every run on the fields of other kinds; none if the study trains on all.
pub(crate) fn test_all(
    plan: &Plan,
    others: &[TestTile],
    executed: &Executed,
    out: &Path,
    compute: &Compute,
    observer: &mut dyn Observer,
) -> Result<Vec<RunTransfer>, StudyError> {
    if others.is_empty() {
        return Ok(Vec::new());
    }
    let bench = TestBench::new(&plan.spec, others, compute.threads(), observer)?;
    let mut all = Vec::new();
    for run in executed.sound_runs(None) {
        let (net, seed) = (&run.summary.net, run.summary.seed);
        let record = run_folder(out, net, seed).join("transfer.json");
        if let Some(done) = read_json(&record)? {
            all.push(done);
            continue;
        }
        let model = executed.model(net, seed)?;
        let arm = plan.arms.iter().find(|planned| planned.arm.name == *net);
        let noise = arm.map_or(0.0, |planned| planned.arm.input_noise);
        let what = format!("{net}, seed {seed}, other specimens");
        let measured = bench.measure(&model, noise, compute, &what, observer)?;
        let found = RunTransfer { net: net.clone(), seed, metrics: measured.means, fields: measured.fields };
        write_json(&record, &found)?;
        all.push(found);
    }
    Ok(all)
}
