//! The engine against PyTorch in float64: forward, losses, gradients, and ten steps of each optimiser.
//!
//! `tools/golden.py` writes the files in `tests/golden` and says what each tensor is. Two tensors agree if the
//! norm of their difference is less than 3e-5 of the norm of PyTorch's (measured: below 1e-6 for outputs and
//! gradients, 2.4e-5 for what ten steps changed). Steps of an optimiser are compared as what they changed, too, since
//! a parameter that hardly moves would agree whatever the optimiser did.
//!
//! All is compared with direct convolutions and as nets run, where most of the shipped ones use Winograd's tiles; but
//! steps of Adam only with direct ones. Its first steps go by the sign of a gradient, however small: where a gradient
//! is zero in truth (a channel that is active at a border only, of which one tap sees nothing but padding), tiles give
//! a rounding of zero, and Adam a whole step in its direction.
//! `cargo test --release -p foci-engine --test golden -- --nocapture` prints the largest error of each kind.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use foci_engine::{
    Adam, Loss, MeanAbsoluteError, MeanSquaredError, Mode, Optimiser, Parameters, PlanOptions, Session,
    SessionOptions, Sgd, Shape,
};
use foci_kernels::{Compute, Simd};
use foci_net::{Architecture, Net, solve};
use safetensors::SafeTensors;

const TOLERANCE: f64 = 3e-5;
/// Files of nets that are not shipped, which cover what those leave out: other activations, normalisation, pooling by averages.
const OTHERS: usize = 5;

fn shipped() -> Vec<&'static str> {
    Architecture::shipped_names().collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// A net with what PyTorch computed for it.
struct Golden {
    net: Net,
    shape: Shape,
    tensors: BTreeMap<String, Vec<f32>>,
    /// Optimiser, then setting, as written by the tool.
    settings: BTreeMap<String, BTreeMap<String, f64>>,
    steps: usize,
}

impl Golden {
    fn load(name: &str) -> Golden {
        let path = folder().join(format!("{name}.net.json"));
        let net = Net::from_json(&std::fs::read_to_string(&path).unwrap(), name).unwrap();
        let bytes = std::fs::read(folder().join(format!("{name}.safetensors"))).unwrap();
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let metadata = header.metadata().clone().unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let input = file.tensor("input").unwrap().shape().to_vec();
        let tensors = file.tensors().into_iter().map(|(name, tensor)| {
            let values = tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
            (name, values.collect())
        });
        Golden {
            net,
            shape: Shape { n: input[0], h: input[2], w: input[3] },
            tensors: tensors.collect(),
            settings: serde_json::from_str(&metadata["optimisers"]).unwrap(),
            steps: metadata["steps"].parse().unwrap(),
        }
    }

    fn parameters(&self) -> Parameters {
        let mut parameters = Parameters::zeros(&self.net);
        parameters.values = self.flat("initial", &parameters);
        parameters
    }

    /// All tensors `<kind>.<layer>.weight|bias`, in the order of the parameters.
    fn flat(&self, kind: &str, like: &Parameters) -> Vec<f32> {
        let name = |id: &str, part: &str| &self.tensors[&format!("{kind}.{id}.{part}")];
        let layers = like.layout.layers.iter();
        layers.flat_map(|l| [name(&l.id, "weight"), name(&l.id, "bias")]).flatten().copied().collect()
    }

    fn setting(&self, optimiser: &str, key: &str) -> f64 {
        self.settings[optimiser][key]
    }
}

/// Norm of the difference relative to the norm of what is expected.
fn error(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let square = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>();
    let pairs = found.iter().zip(expected);
    let difference = square(&mut pairs.map(|(f, e)| f64::from(*f) - f64::from(*e)));
    (difference / square(&mut expected.iter().map(|e| f64::from(*e)))).sqrt()
}

/// The largest error of any layer's weights or biases.
fn largest_error(found: &[f32], expected: &[f32], like: &Parameters) -> f64 {
    let parts = like.layout.layers.iter().flat_map(|layer| [layer.weight.clone(), layer.bias.clone()]);
    parts.map(|part| error(&found[part.clone()], &expected[part])).fold(0.0, f64::max)
}

/// A session with all of a golden file's parameters.
fn session(golden: &Golden, exact: bool, compute: &Compute) -> Session {
    let plan = PlanOptions { input_gradient: true, exact, ..PlanOptions::new(Mode::Training) };
    let options = SessionOptions { plan, memory_limit: None };
    let mut session = Session::with_options(&golden.net, golden.shape, options, compute).unwrap();
    session.set_parameters(&golden.parameters()).unwrap();
    session
}

/// Errors of one net by what was compared.
fn errors(golden: &Golden, exact: bool, compute: &Compute) -> BTreeMap<String, f64> {
    let mut errors = BTreeMap::new();
    let mut session = session(golden, exact, compute);
    let start = golden.parameters();
    let (input, target) = (&golden.tensors["input"], &golden.tensors["target"]);
    let mut d_output = vec![0.0; target.len()];
    let losses: [(&str, &dyn Loss); 2] = [("mse", &MeanSquaredError), ("l1", &MeanAbsoluteError)];
    for (name, loss) in losses {
        let output = session.forward(compute, input).unwrap();
        errors.insert("output".to_owned(), error(output, &golden.tensors["output"]));
        let value = loss.evaluate(output, target, &mut d_output).unwrap();
        errors
            .insert(format!("{name} loss"), error(&[value as f32], &golden.tensors[&format!("loss.{name}")]));
        let gradients = session.backward(compute, &d_output).unwrap();
        let found = largest_error(&gradients.values, &golden.flat(name, &start), &start);
        errors.insert(format!("{name} gradient"), found);
        if name == "mse" {
            let by_input = session.input_gradient(compute).unwrap();
            errors.insert("mse gradient by input".to_owned(), error(&by_input, &golden.tensors["mse.input"]));
        }
    }
    let count = start.values.len();
    let decay = |kind| golden.setting(kind, "weight_decay") as f32;
    let optimisers: [(&str, Box<dyn Optimiser>); 3] = [
        ("adam", Box::new(Adam::new(count, decay("adam")))),
        ("adamw", Box::new(Adam::decoupled(count, decay("adamw")))),
        ("sgd", Box::new(Sgd::new(count, golden.setting("sgd", "momentum") as f32, decay("sgd")))),
    ];
    for (kind, mut optimiser) in optimisers.into_iter().filter(|(kind, _)| exact || *kind == "sgd") {
        let mut parameters = golden.parameters();
        for _ in 0..golden.steps {
            session.set_parameters(&parameters).unwrap();
            let output = session.forward(compute, input).unwrap();
            MeanSquaredError.evaluate(output, target, &mut d_output).unwrap();
            let gradients = session.backward(compute, &d_output).unwrap();
            let rate = golden.setting(kind, "learning_rate") as f32;
            optimiser.step(&mut parameters.values, &gradients.values, rate).unwrap();
        }
        let change =
            |end: &[f32]| -> Vec<f32> { end.iter().zip(&start.values).map(|(e, s)| e - s).collect() };
        let expected = golden.flat(kind, &start);
        errors.insert(format!("{kind} parameters"), largest_error(&parameters.values, &expected, &start));
        let changes = error(&change(&parameters.values), &change(&expected));
        errors.insert(format!("{kind} change"), changes);
    }
    errors
}

fn names() -> Vec<String> {
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = files
        .filter_map(|file| file.to_str().unwrap().strip_suffix(".safetensors").map(str::to_owned))
        .collect();
    names.sort();
    names
}

fn check(names: &[String], simd: Simd, threads: usize) {
    let compute = Compute::new(threads, simd).unwrap();
    let mut failures = Vec::new();
    for name in names {
        let golden = Golden::load(name);
        let ways = [("direct", true), ("as nets run", false)];
        let all =
            ways.map(|(way, exact)| errors(&golden, exact, &compute).into_iter().map(move |e| (way, e)));
        for (way, (what, error)) in all.into_iter().flatten() {
            eprintln!("{simd:?} {name:<22} {way:<12} {what:<22} {error:.1e}");
            // Written so that an undefined error fails.
            if !matches!(error.partial_cmp(&TOLERANCE), Some(std::cmp::Ordering::Less)) {
                failures.push(format!("{name}, {way}: {what} differs by {error:.1e}"));
            }
        }
    }
    assert!(failures.is_empty(), "more than {TOLERANCE:.0e}:\n{}", failures.join("\n"));
}

#[test]
fn agrees_with_pytorch() {
    assert_eq!(names().len(), shipped().len() + OTHERS);
    for simd in [Simd::Avx512, Simd::Avx2].into_iter().filter(|simd| simd.supported()) {
        check(&names(), simd, 2);
    }
}

/// Plain loops are twenty times slower: only the nets that cover the operations.
#[test]
fn agrees_with_pytorch_without_vectors() {
    let names: Vec<String> = names().into_iter().filter(|name| !shipped().contains(&name.as_str())).collect();
    assert_eq!(names.len(), OTHERS);
    check(&names, Simd::Scalar, 1);
}

/// The comparison says something of tiles: they are used at this size.
#[test]
fn most_shipped_nets_use_tiles() {
    let compute = Compute::new(2, Simd::best()).unwrap();
    let by_tiles = shipped().into_iter().filter(|name| {
        let golden = Golden::load(name);
        let gradients = |exact| {
            let mut session = session(&golden, exact, &compute);
            session.forward(&compute, &golden.tensors["input"]).unwrap();
            session.backward(&compute, &golden.tensors["target"]).unwrap().values.clone()
        };
        gradients(true) != gradients(false)
    });
    assert!(by_tiles.count() > 3);
}

/// The files are of the nets as they are shipped today; if this fails, run `python tools/golden.py`.
#[test]
fn golden_nets_are_the_shipped_ones() {
    for name in shipped() {
        let net = solve::for_weights(&Architecture::shipped(name).unwrap(), 5000, 1, 1).unwrap();
        assert_eq!(Golden::load(name).net, net, "{name}");
    }
}
