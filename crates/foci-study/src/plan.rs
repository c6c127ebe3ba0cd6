//! The plan: a study fully resolved for the data at hand, written to the output folder before anything runs.
//!
//! It holds the graph of every net, the fingerprint of the data and the split, so it is enough to repeat the
//! study; a study that is resumed must resolve to the very same plan.

use crate::StudyError;
use crate::claim::Clause;
use crate::data::{PlannedData, SPECIMENS};
use crate::execute::read_json;
use crate::spec::{ArmSpec, StudySpec};
use foci_net::{Architecture, Net, NetError, Op, solve};
use foci_train::TrainingPlan;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::Path;

/// Name of the plan in the output folder.
const PLAN: &str = "plan.json";
/// First seed of the trials that choose a learning rate; the runs count their seeds from 0 and never reach it.
const TRIAL_SEED: u64 = 1 << 32;

/// A study, resolved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Version of foci that resolved it.
    pub foci: String,
    /// The specification.
    pub spec: StudySpec,
    /// The nets at the budget of the study.
    pub arms: Vec<PlannedArm>,
    /// Images, split and fingerprint.
    pub data: PlannedData,
}

/// An arm with its net at the budget of the study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedArm {
    /// The arm as specified.
    #[serde(flatten)]
    pub arm: ArmSpec,
    /// Name of the architecture.
    pub architecture: String,
    /// The resolved net, as in `net.json`.
    pub graph: Value,
}

impl PlannedArm {
    /// The net of the arm.
    ///
    /// # Errors
    /// [`StudyError::Net`] if the graph does not hold together.
    pub fn net(&self) -> Result<Net, StudyError> {
        Net::from_json(&self.graph.to_string(), &self.arm.name).map_err(|error| self.wrong(&error))
    }

    /// The net as it is trained, with the dropouts and heads of the arm.
    ///
    /// # Errors
    /// As [`PlannedArm::net`]; also if the net has no place for them.
    pub fn training_net(&self) -> Result<Net, StudyError> {
        self.net()?.regularised(&self.arm.regularisation()).map_err(|error| self.wrong(&error))
    }

    fn wrong(&self, error: &NetError) -> StudyError {
        StudyError::Net { arm: self.arm.name.clone(), reason: error.to_string() }
    }
}

/// The arm whose pretraining an arm begins with: the first pretrained one with the same net; nothing if it begins with random weights.
pub(crate) fn pretraining_of(arms: &[PlannedArm], index: usize) -> Option<usize> {
    let is_alike = |other: &PlannedArm| other.arm.pretrained && other.graph == arms[index].graph;
    if arms[index].arm.pretrained { arms.iter().position(is_alike) } else { None }
}

/// Resolves every net of a study. It needs no data, so a mistyped net is told before any image is read.
///
/// # Errors
/// [`StudyError::Net`] if an architecture is wrong or cannot be brought to the budget.
pub fn resolve_arms(spec: &StudySpec) -> Result<Vec<PlannedArm>, StudyError> {
    let resolve = |arm: &ArmSpec| {
        let wrong = |reason: String| StudyError::Net { arm: arm.name.clone(), reason };
        let architecture = Architecture::load(&arm.net)
            .map_err(|error| wrong(error.to_string()))?
            .with(arm.activation, arm.normalisation);
        let net = solve::for_weights(&architecture, spec.weights, 1, spec.channels())
            .map_err(|error| wrong(error.to_string()))?;
        net.regularised(&arm.regularisation()).map_err(|error| wrong(error.to_string()))?;
        let graph = serde_json::from_str(&net.to_json(None)).map_err(|error| wrong(error.to_string()))?;
        Ok(PlannedArm { arm: arm.clone(), architecture: net.name, graph })
    };
    let arms = spec.arms.iter().map(resolve).collect::<Result<Vec<_>, StudyError>>()?;
    check_layers(spec, &arms)?;
    Ok(arms)
}

/// A claim about layers that a net does not have could never be decided.
fn check_layers(spec: &StudySpec, arms: &[PlannedArm]) -> Result<(), StudyError> {
    for claim in &spec.claims {
        for clause in &claim.all {
            let Clause::Gradient { gradient, smaller, larger } = clause else { continue };
            let Some(planned) = arms.iter().find(|planned| planned.arm.name == *gradient) else { continue };
            let net = planned.net()?;
            let layers: Vec<&str> = net
                .nodes
                .iter()
                .filter(|node| matches!(node.op, Op::Conv { .. } | Op::ConvTransposed { .. }))
                .map(|node| node.id.as_str())
                .collect();
            if let Some(missing) = smaller.iter().chain(larger).find(|name| !layers.contains(&name.as_str()))
            {
                return Err(StudyError::Net {
                    arm: gradient.clone(),
                    reason: format!(
                        "claim '{}' names layer '{missing}', which it does not have; its layers are {}",
                        claim.id,
                        layers.join(", ")
                    ),
                });
            }
        }
    }
    Ok(())
}

impl Plan {
    /// The training plan of a run.
    pub fn run(&self, arm: &ArmSpec, seed: u64, learning_rate: f64) -> TrainingPlan {
        TrainingPlan {
            class_weights: self.data.class_weights.clone(),
            ..self.spec.training_plan(arm, seed, learning_rate, self.spec.training.steps)
        }
    }

    /// The training plan of a trial of a learning rate; the seeds of trials are counted from 0 by themselves, and are the
    /// same in both rounds. Only the validation at its end is asked for: ten on the way would take a fifth of the time.
    pub fn trial(&self, arm: &ArmSpec, seed: u64, learning_rate: f64, steps: u64) -> TrainingPlan {
        TrainingPlan {
            validate_every: steps,
            checkpoint_every: steps,
            gradient_batches: 0,
            class_weights: self.data.class_weights.clone(),
            ..self.spec.training_plan(arm, TRIAL_SEED + seed, learning_rate, steps)
        }
    }

    /// The plan in the folder of a study.
    ///
    /// # Errors
    /// [`StudyError::Data`] if the folder holds none, [`StudyError::Damaged`] if it cannot be understood.
    pub(crate) fn of_folder(folder: &Path) -> Result<Plan, StudyError> {
        read_json(&folder.join(PLAN))?.ok_or_else(|| StudyError::Data {
            folder: folder.into(),
            reason: format!("it holds no {PLAN}; give the folder of a study, as `foci study --out` left it"),
        })
    }

    /// Writes the plan to the output folder, or holds it against the one that is there.
    ///
    /// # Errors
    /// [`StudyError::OutputInUse`] if the folder holds another study, with the first difference.
    pub fn settle(&self, out: &Path) -> Result<(), StudyError> {
        let path = out.join(PLAN);
        let damaged =
            |error: serde_json::Error| StudyError::Damaged { path: path.clone(), reason: error.to_string() };
        let json = serde_json::to_string_pretty(self).map_err(damaged)?;
        let mut there = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice::<Value>(&bytes).map_err(damaged)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(foci_image::write_whole(&path, json.as_bytes())?);
            }
            Err(source) => return Err(StudyError::File { action: "read", path, source }),
        };
        // What an older plan does not say has the value that was then the only one.
        if let Ok(plan) = Plan::deserialize(&there) {
            there = serde_json::to_value(plan).map_err(damaged)?;
        }
        let mut now: Value = serde_json::from_str(&json).map_err(damaged)?;
        // The same images may be reached by another path: what they are is in the fingerprint.
        for plan in [&mut there, &mut now] {
            plan["data"]["source"] = Value::Null;
        }
        match first_difference(&there, &now, String::new()) {
            None => Ok(()),
            Some(place) => Err(StudyError::OutputInUse {
                folder: out.into(),
                reason: format!(
                    "it holds another study, which differs at {place}; repeat the command that began it, or choose another folder with --out"
                ),
            }),
        }
    }
}

/// Sees to it that the output folder is there, and is either empty or holds a study to be resumed.
///
/// # Errors
/// [`StudyError::OutputInUse`] says what is in it; [`StudyError::File`] if it cannot be made.
pub(crate) fn check_folder(out: &Path, resume: bool) -> Result<(), StudyError> {
    let in_use = |reason: &str| Err(StudyError::OutputInUse { folder: out.into(), reason: reason.into() });
    let failed = |action: &'static str| move |source| StudyError::File { action, path: out.into(), source };
    if out.exists() && !out.is_dir() {
        return in_use("it is a file; choose a folder with --out");
    }
    foci_image::disk::create_folder(out).map_err(failed("write"))?;
    if out.join(PLAN).exists() {
        return if resume {
            Ok(())
        } else {
            in_use(
                "it holds a study already; add --resume to go on with it, or choose another folder with --out",
            )
        };
    }
    for entry in std::fs::read_dir(out).map_err(failed("read"))? {
        let name = entry.map_err(failed("read"))?.file_name();
        // What a program that was killed had begun to write is no file.
        if foci_image::is_unfinished(&name) {
            continue;
        }
        // Specimens are there without a plan if the study was stopped while it made or read them.
        if name != SPECIMENS && name != format!(".{SPECIMENS}.part").as_str() {
            return in_use("it is not empty and holds no study; choose another folder with --out");
        }
        if !resume {
            return in_use(
                "a study was begun in it; add --resume to go on with it, or choose another folder with --out",
            );
        }
    }
    Ok(())
}

/// Removes what a study that was killed had begun to write in its folder and in those of its runs.
pub(crate) fn tidy_up(out: &Path) {
    foci_image::remove_unfinished(out);
    for entry in std::fs::read_dir(out).into_iter().flatten().flatten() {
        foci_image::remove_unfinished(&entry.path());
        for run in std::fs::read_dir(entry.path()).into_iter().flatten().flatten() {
            foci_image::remove_unfinished(&run.path());
        }
    }
}

/// Where two JSON values first differ, as `a.b[2]: 1 there, 2 now`.
fn first_difference(there: &Value, now: &Value, place: String) -> Option<String> {
    match (there, now) {
        (Value::Object(left), Value::Object(right)) => {
            let keys: std::collections::BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            keys.into_iter().find_map(|key| {
                let place = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
                first_difference(
                    left.get(key).unwrap_or(&Value::Null),
                    right.get(key).unwrap_or(&Value::Null),
                    place,
                )
            })
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => left
            .iter()
            .zip(right)
            .enumerate()
            .find_map(|(index, (left, right))| first_difference(left, right, format!("{place}[{index}]"))),
        _ if there == now => None,
        _ => Some(format!("{place}: {} there, {} now", brief(there), brief(now))),
    }
}

fn brief(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() > 60 { text.chars().take(57).chain("...".chars()).collect() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_difference_is_named_by_its_place() {
        let left = json!({"a": [1, 2], "b": {"c": "x"}});
        assert_eq!(first_difference(&left, &left.clone(), String::new()), None);
        let right = json!({"a": [1, 3], "b": {"c": "x"}});
        assert_eq!(first_difference(&left, &right, String::new()).unwrap(), "a[1]: 2 there, 3 now");
        let missing = json!({"a": [1, 2], "b": {}});
        assert_eq!(first_difference(&left, &missing, String::new()).unwrap(), "b.c: \"x\" there, null now");
    }
}
