//! Study files: those that ship are sound, and what is wrong with others is told.

#![allow(clippy::unwrap_used)]

use foci_study::StudySpec;
use foci_study::claim::Clause;
use foci_study::spec::SecondRoundSpec;
use std::path::Path;

fn shipped(name: &str) -> StudySpec {
    StudySpec::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../studies").join(name)).unwrap()
}

/// All files in `studies/`.
fn all_shipped() -> Vec<StudySpec> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../studies");
    let names =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut studies: Vec<String> = names.filter(|name| name.ends_with(".toml")).collect();
    studies.sort();
    assert!(studies.len() > 10, "{studies:?}");
    studies.iter().map(|name| shipped(name)).collect()
}

#[test]
fn the_shipped_studies_name_nets_that_reach_their_budget() {
    for spec in all_shipped() {
        for arm in &spec.arms {
            let architecture = foci_net::Architecture::load(&arm.net).unwrap();
            let net = foci_net::solve::for_weights(&architecture, spec.weights, 1, spec.channels()).unwrap();
            let off = net.weights() as f64 / spec.weights as f64 - 1.0;
            assert!(off.abs() <= 0.005, "{}: {off}", arm.name);
        }
    }
}

#[test]
fn methods_are_called_after_what_is_special_about_them() {
    let names = |study: &str| -> Vec<String> {
        shipped(study).baselines.iter().map(foci_study::spec::BaselineSpec::name).collect()
    };
    assert_eq!(names("segment.toml")[5..], ["pixel-classifier", "pixel-classifier-400000-pixels"]);
    assert_eq!(names("pretraining.toml")[..2], ["pixel-classifier-5", "pixel-classifier-10"]);
}

#[test]
fn dilution_varies_one_thing_at_a_time_in_three_depths() {
    let spec = shipped("dilution.toml");
    let bases: Vec<&str> =
        spec.arms.iter().filter(|arm| arm.variant_of.is_none()).map(|arm| arm.name.as_str()).collect();
    assert_eq!(bases, ["unet", "unet-14", "unet-20"]);
    assert_eq!(spec.arms.len(), 3 * 7);
    let plans = foci_study::plan::resolve_arms(&spec).unwrap();
    let layers = |name: &str| plans.iter().find(|arm| arm.arm.name == name).unwrap().net().unwrap().layers();
    assert_eq!(["unet", "unet-14", "unet-20-group-norm"].map(layers), [8, 14, 20]);
}

#[test]
fn the_article_has_four_nets_two_controls_and_three_seeds() {
    let spec = shipped("article.toml");
    let of = |control: bool| spec.arms.iter().filter(|arm| arm.control == control).count();
    assert_eq!((of(false), of(true), spec.seeds), (4, 3, 3));
    let measured = |clause: &Clause| !matches!(clause, Clause::Pending { .. });
    assert!(spec.claims.iter().filter(|claim| claim.all.iter().all(measured)).count() >= 7);
}

const SOUND: &str = r#"
name = "s"
weights = 5_000
seeds = 1
[training]
steps = 10
[tuning]
learning_rates = [1e-3]
steps = 5
[[arm]]
net = "fcn"
[[arm]]
net = "some/where/my-net.toml"
"#;

fn message(text: &str) -> String {
    StudySpec::parse(text, "my.toml").unwrap_err().to_string()
}

#[test]
fn a_net_file_is_looked_for_beside_the_study() {
    let place = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(place.path().join("some/where")).unwrap();
    let (study, net) = (place.path().join("my.toml"), place.path().join("some/where/my-net.toml"));
    std::fs::write(&study, SOUND).unwrap();
    // Not there: the path is left as it is, for the folder in which the program runs.
    assert_eq!(StudySpec::load(&study).unwrap().arms[1].net, "some/where/my-net.toml");
    std::fs::write(&net, "").unwrap();
    let spec = StudySpec::load(&study).unwrap();
    assert_eq!(Path::new(&spec.arms[1].net), net);
    assert_eq!(spec.arms[1].name, "my-net");
}

#[test]
fn an_arm_is_called_after_its_net() {
    let spec = StudySpec::parse(SOUND, "my.toml").unwrap();
    let names: Vec<&str> = spec.arms.iter().map(|arm| arm.name.as_str()).collect();
    assert_eq!(names, ["fcn", "my-net"]);
}

#[test]
fn a_rate_is_tried_once_unless_the_study_says_how_often() {
    assert_eq!(StudySpec::parse(SOUND, "my.toml").unwrap().tuning.seeds, 1);
    let text = SOUND.replace("steps = 5", "steps = 5\nseeds = 4");
    assert_eq!(StudySpec::parse(&text, "my.toml").unwrap().tuning.seeds, 4);
}

#[test]
fn a_second_round_is_held_if_the_study_asks_for_it() {
    assert_eq!(StudySpec::parse(SOUND, "my.toml").unwrap().tuning.second_round, None);
    assert_eq!(StudySpec::quick().unwrap().tuning.second_round, None);
    for (spec, rates, steps) in [(StudySpec::standard().unwrap(), 2, 120), (shipped("article.toml"), 2, 140)]
    {
        assert_eq!(spec.tuning.second_round, Some(SecondRoundSpec { rates, steps }));
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let second = |rates: usize, steps: u64| {
        let rounds = format!("steps = 5\n[tuning.second_round]\nrates = {rates}\nsteps = {steps}");
        SOUND.replace("[1e-3]", "[1e-3, 3e-3, 1e-2]").replace("steps = 5", &rounds)
    };
    assert!(StudySpec::parse(&second(2, 6), "my.toml").is_ok());
    let cases = [
        (second(0, 6), "second_round.rates is 0"),
        (second(1, 6), "second_round.rates is 1"),
        (second(3, 6), "fewer than the 3"),
        (second(2, 5), "second_round.steps is 5"),
        (second(2, 2_000_000_000), "tuning.second_round: "),
        (second(2, 6).replace("rates = 2", "rates = 2\nseeds = 2"), "unknown field `seeds`"),
        (SOUND.replace("seeds = 1", "seeds = 0"), "seeds is 0"),
        (SOUND.replace("weights", "wieghts"), "my.toml:3"),
        (SOUND.replace("\"fcn\"", "\"my-net\""), "two arms are called 'my-net'"),
        (SOUND.replace("steps = 5", "steps = 5\nseeds = 0"), "tuning.seeds is 0"),
        (SOUND.replace("steps = 5", "steps = 5\nseeds = 1001"), "tuning.seeds is 1001"),
        (SOUND.replace("[1e-3]", "[]"), "learning_rates is empty"),
        (SOUND.replace("[1e-3]", "[-1.0]"), "-1"),
        (SOUND.replace("name = \"s\"", "name = \"../s\""), "'../s'"),
        (
            format!(
                "{SOUND}\n[[claim]]\nid = \"c\"\nstatement = \"s\"\nall = [{{ measure = \"psnr\", better = \"unet\", worse = \"fcn\" }}]\n"
            ),
            "'unet'",
        ),
        (
            format!(
                "{SOUND}\n[[claim]]\nid = \"c\"\nstatement = \"s\"\nall = [{{ measure = \"beauty\", better = \"my-net\", worse = \"fcn\" }}]\n"
            ),
            "'beauty'",
        ),
        (SOUND.replace("seeds = 1", "seeds = 1\ntile = \"wide\""), "672x512"),
    ];
    for (text, word) in cases {
        let message = message(&text);
        assert!(message.contains(word) && message.starts_with("my.toml"), "no '{word}' in: {message}");
    }
}
