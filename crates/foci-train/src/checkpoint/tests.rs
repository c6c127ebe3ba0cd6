//! A checkpoint comes back as it was; one that is damaged is refused by the name of what is wrong.

use super::*;
use foci_engine::Adam;
use foci_net::{Architecture, solve};

fn net() -> Net {
    solve::for_weights(&Architecture::shipped("fcn").unwrap(), 5_000, 1, 1).unwrap()
}

fn weights(net: &Net, seed: u64) -> Weights {
    let now = Parameters::he(net, seed);
    Weights { before: now.values.iter().map(|value| value * 0.5).collect(), now }
}

/// A checkpoint after a step, as bytes.
fn written(net: &Net) -> (Vec<u8>, Weights, Adam, Position) {
    let place = tempfile::tempdir().unwrap();
    let mut weights = weights(net, 3);
    let mut optimiser = Adam::new(weights.now.values.len(), 0.0);
    let gradients = vec![0.25; weights.now.values.len()];
    optimiser.step(&mut weights.now.values, &gradients, 0.01).unwrap();
    let pace = Pace { best: 0.25, without_gain: 3, falls: 1, settled: false };
    let at = Position {
        step: 7,
        loss_sum: 0.5,
        loss_count: 2,
        seconds: 1.5,
        seconds_per_step: 0.1,
        diverged: false,
        pace,
    };
    write(place.path(), &at, &weights, &optimiser).unwrap();
    (std::fs::read(place.path().join(CHECKPOINT)).unwrap(), weights, optimiser, at)
}

fn restored(net: &Net, bytes: &[u8]) -> (Result<Position, TrainError>, Weights, Adam) {
    let mut weights = weights(net, 4);
    let mut optimiser = Adam::new(weights.now.values.len(), 0.0);
    let at = restore(bytes, Path::new("checkpoint"), &mut weights, &mut optimiser);
    (at, weights, optimiser)
}

/// The file with its head changed by `change`, the tensors as they are.
fn with_head(bytes: &[u8], change: impl FnOnce(&mut serde_json::Map<String, serde_json::Value>)) -> Vec<u8> {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut head: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    change(head.as_object_mut().unwrap());
    let head = head.to_string().into_bytes();
    [&(head.len() as u64).to_le_bytes(), &head[..], &bytes[8 + length..]].concat()
}

#[test]
fn a_checkpoint_comes_back_to_the_bit() {
    let net = net();
    let (bytes, weights, optimiser, at) = written(&net);
    let (read, read_weights, read_optimiser) = restored(&net, &bytes);
    assert_eq!(read.unwrap(), at);
    assert_eq!((read_weights.now.values, read_weights.before), (weights.now.values, weights.before));
    assert_eq!(read_optimiser, optimiser);
}

#[test]
fn one_from_before_there_was_patience_is_read() {
    let net = net();
    let (bytes, .., at) = written(&net);
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let older = safetensors::serialize(file.iter().filter(|(name, _)| *name != PACE), None).unwrap();
    assert_eq!(restored(&net, &older).0.unwrap(), Position { pace: Pace::default(), ..at });
}

#[test]
fn what_is_wrong_is_named() {
    let net = net();
    let (bytes, ..) = written(&net);
    let said = |bytes: &[u8]| restored(&net, bytes).0.unwrap_err().to_string();
    for cut in [0, 7, 30, bytes.len() / 2, bytes.len() - 1] {
        assert!(said(&bytes[..cut]).contains("is no checkpoint of this run"), "cut at {cut}");
    }
    let missing = with_head(&bytes, |head| {
        let value = head.remove(PARAMETERS).unwrap();
        head.insert("weights".into(), value);
    });
    assert!(said(&missing).contains(PARAMETERS), "{}", said(&missing));
    let extra = with_head(&bytes, |head| {
        let value = head.remove("optimiser.adam.steps").unwrap();
        head.insert("surplus".into(), value);
    });
    assert!(said(&extra).contains("surplus is nothing that a run has"), "{}", said(&extra));
    let overlapping = with_head(&bytes, |head| {
        let first = head[LAST_FINITE]["data_offsets"].clone();
        head[PARAMETERS]["data_offsets"] = first;
    });
    assert!(said(&overlapping).contains("is no checkpoint"), "{}", said(&overlapping));
    let other_type = with_head(&bytes, |head| head[PARAMETERS]["dtype"] = "I32".into());
    assert!(said(&other_type).contains("parameters is of type I32"), "{}", said(&other_type));

    let (_, mut weights, optimiser, at) = written(&net);
    weights.before[5] = f32::NAN;
    let place = tempfile::tempdir().unwrap();
    write(place.path(), &at, &weights, &optimiser).unwrap();
    let broken = said(&std::fs::read(place.path().join(CHECKPOINT)).unwrap());
    assert!(broken.contains("parameters_before holds the value NaN"), "{broken}");

    let larger = solve::for_weights(&Architecture::shipped("fcn").unwrap(), 8_000, 1, 1).unwrap();
    assert!(restored(&larger, &bytes).0.unwrap_err().to_string().contains("the net has"));
}
