//! Everything that the template needs, gathered and put into words.

use super::answer::{Answer, answer, deciding_measure};
use super::curves;
use super::factors::{self, Factors};
use super::forest::{self, Forest};
use super::heat::{self, Heat};
use super::judged::{self, JudgedView};
use super::labels::{self, Labels};
use super::methods;
use super::optics::{self, Optics};
use super::pictures::{self, TileView};
use super::scatter::{self, Point};
use super::stress::{self, Stress};
use super::tables::{self, Plain, Row};
use super::transfer;
use super::trials::{self, Trials};
use super::{ReportError, ReportInput, facts, findings, format, palette};
use crate::results::{Results, Verdict};
use serde::Serialize;

/// An arm in legends and heads of columns.
#[derive(Debug, Serialize)]
struct Arm {
    name: String,
    key_svg: String,
    control: bool,
    about: String,
    diverged: String,
    /// The best learning rate lies at an end of those tried.
    edge: String,
}

/// A claim with its verdict in words.
#[derive(Debug, Serialize)]
struct Claim {
    id: String,
    statement: String,
    verdict: &'static str,
    sign: &'static str,
    evidence: String,
}

/// Content of the page; fields that end in `svg`, and the addresses of pictures, are markup made by this module.
#[derive(Debug, Serialize)]
pub struct Page {
    css: &'static str,
    script: &'static str,
    study: String,
    task: &'static str,
    headline: String,
    supporting: Vec<String>,
    warnings: Vec<String>,
    arms: Vec<Arm>,
    question: &'static str,
    gain: &'static str,
    tiles: Vec<TileView>,
    judged: Vec<JudgedView>,
    /// Whether a method without a net stands among the pictures.
    has_method_pictures: bool,
    /// Whether a method learnt from the masks of few fields.
    baselines_of_few: bool,
    /// Classes of pixels with their colours.
    class_colours: Vec<(String, String)>,
    has_faults: bool,
    /// Whether objects are of classes that are told apart.
    has_classes: bool,
    baselines: Plain,
    /// Each net minus each method in the measure that decides, whose name is beside it.
    against_baselines: Plain,
    deciding: String,
    measured: Vec<Row>,
    forests: Vec<Forest>,
    optics: Optics,
    stress: Stress,
    transfer: Plain,
    labels: Labels,
    factors: Vec<Factors>,
    variants: usize,
    costs: Vec<Row>,
    scatters: Vec<String>,
    scatter_of: String,
    overview_svg: String,
    overview_shows: &'static str,
    panels: Vec<(usize, String)>,
    averaged: bool,
    heat: Vec<Heat>,
    trials: Trials,
    runs: Plain,
    claims: Vec<Claim>,
    fingerprint: Vec<(String, String)>,
    setup: Vec<(String, String)>,
    notes: Vec<String>,
    command: String,
    /// A name that `--explain` knows.
    example: String,
    limits: Vec<String>,
    version: String,
    weights: String,
    seeds: usize,
    any_best: bool,
    any_diverged: bool,
}

/// Names of all arms, those of the results first, then any that only pictures or curves have.
struct Names(Vec<String>);

impl Names {
    fn of(input: &ReportInput, results: &Results) -> Names {
        let known = results.nets.iter().map(|net| &net.name);
        let pictured = input.pictures.iter().flat_map(|set| set.reconstructions.iter().map(|one| &one.net));
        let compared = results.comparisons.iter().flat_map(|comparison| [&comparison.a, &comparison.b]);
        let drawn = results.curves.iter().map(|curve| &curve.net);
        let mut names: Vec<String> = Vec::new();
        for name in known.chain(pictured).chain(compared).chain(drawn) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        Names(names)
    }

    fn place(&self, name: &str) -> usize {
        self.0.iter().position(|known| known == name).unwrap_or(0)
    }
}

impl Page {
    /// Gathers the content of the page.
    ///
    /// # Errors
    /// Those of [`pictures::prepare`].
    pub fn prepare(input: &ReportInput) -> Result<Page, ReportError> {
        let all = input.results;
        // Variants would crowd out what is shown side by side; they have tables of their own.
        let results = &all.bases();
        let names = Names::of(input, results);
        let place = |name: &str| names.place(name);
        let Answer { headline, supporting, warnings } = answer(all);
        let charts = curves::draw(&results.curves, &names.0, place);
        let measured = tables::measured(results);
        let deciding = deciding_measure(results);
        let first = measured.first().and_then(|row| row.cells.first());
        let example = first.map_or("NET.MEASURE".into(), |cell| cell.id.clone());
        let any_best = measured.iter().any(|row| row.cells.iter().any(|cell| cell.best));
        let (scatter_of, scatters) = scatters(results);
        Ok(Page {
            css: include_str!("../../templates/report.css"),
            script: include_str!("../../templates/report.js"),
            study: results.study.clone(),
            task: match results.task.as_str() {
                "reconstruct" => "giving the image back (reconstruction)",
                "semantic" => "telling classes of pixels apart (semantic segmentation)",
                "instances" => "outlining and separating objects (instance segmentation)",
                _ => "the task named in results.json",
            },
            question: match results.task.as_str() {
                "semantic" => "Which net tells the classes apart?",
                "instances" if results.tells_objects_apart() => "Which net tells the objects apart?",
                "instances" => "Which net outlines the objects?",
                _ => "Which net keeps the detail?",
            },
            gain: if results.task == "reconstruct" { "more detail for less" } else { "better for less" },
            headline,
            supporting,
            warnings,
            arms: names.0.iter().enumerate().map(|(index, name)| arm(results, index, name)).collect(),
            tiles: pictures::prepare(&input.pictures, place)?,
            judged: judged::prepare(&input.judged, place)?,
            has_method_pictures: input
                .judged
                .iter()
                .flat_map(|set| &set.answers)
                .any(|answer| !answer.is_net),
            baselines_of_few: all.baselines.iter().any(|method| method.labelled.is_some()),
            class_colours: judged::colours_of(&input.judged),
            has_faults: results.task == "instances",
            has_classes: results.tells_objects_apart(),
            baselines: methods::measured(all),
            against_baselines: deciding
                .as_ref()
                .map_or_else(Plain::default, |measure| methods::compared(results, measure)),
            deciding: deciding.map_or_else(String::new, |measure| measure.name),
            measured,
            forests: forest::prepare(results, place),
            stress: stress::prepare(results, place),
            transfer: transfer::prepare(all),
            labels: labels::prepare(all),
            factors: factors::prepare(all),
            variants: all.nets.len() - results.nets.len(),
            optics: optics::prepare(&input.optics, results, place)?,
            costs: tables::costs(results),
            scatters,
            scatter_of,
            overview_svg: charts.overview,
            overview_shows: charts.shows,
            panels: charts.panels,
            averaged: charts.averaged,
            heat: heat::draw(&results.signals, &names.0, place),
            trials: trials::gather(all),
            runs: tables::runs(all),
            claims: all.claims.iter().map(claim).collect(),
            fingerprint: facts::fingerprint(&results.data),
            setup: setup(all),
            notes: all.notes.clone(),
            command: all.circumstances.command.clone(),
            example,
            limits: facts::limits(all),
            version: results.foci.clone(),
            weights: format::count(results.budget.weights),
            seeds: results.seeds,
            any_best,
            any_diverged: all.runs.iter().any(|run| run.diverged),
        })
    }
}

fn arm(results: &Results, index: usize, name: &str) -> Arm {
    let net = results.nets.iter().find(|net| net.name == name);
    let mut about = Vec::new();
    if let Some(net) = net {
        if net.architecture != net.name {
            about.push(format!("architecture {}", net.architecture));
        }
        if let Some(fields) = net.labelled {
            let noun = if fields == 1 { "field" } else { "fields" };
            about.push(format!("learns from the masks of {fields} {noun}"));
        }
        if net.pretrained {
            about.push("pretrained without masks".into());
        }
        if net.input_noise > 0.0 {
            about
                .push(format!("has to remove noise of standard deviation {}", format::tick(net.input_noise)));
        }
    }
    let diverged = match findings::diverged(results, name) {
        (_, 0) => String::new(),
        (runs, diverged) => format!("{diverged} of {runs} runs diverged"),
    };
    Arm {
        name: name.to_string(),
        key_svg: palette::key(index),
        control: net.is_some_and(|net| net.control),
        about: about.join("; "),
        diverged,
        edge: net
            .and_then(trials::edge)
            .map_or(String::new(), |end| format!("best learning rate is the {end} tried")),
    }
}

fn claim(claim: &crate::results::ClaimVerdict) -> Claim {
    let (verdict, sign) = match claim.verdict {
        Verdict::Supported => ("supported", "✓"),
        Verdict::Refuted => ("refuted", "✗"),
        Verdict::Undecided => ("undecided", "?"),
    };
    Claim {
        id: claim.id.clone(),
        statement: claim.statement.clone(),
        verdict,
        sign,
        evidence: claim.evidence.clone(),
    }
}

/// The set-up, and what it ran on.
fn setup(results: &Results) -> Vec<(String, String)> {
    let processor = &results.circumstances.processor;
    let ran_on = (!processor.is_empty()).then(|| ("Processor".to_string(), processor.clone()));
    results.setup.iter().cloned().chain(ran_on).collect()
}

/// The deciding measure against time and memory: its name and the charts.
fn scatters(results: &Results) -> (String, Vec<String>) {
    let Some(measure) = deciding_measure(results) else {
        return (String::new(), Vec::new());
    };
    let points = |cost: &dyn Fn(&str, u64) -> Option<f64>| -> Vec<Point> {
        let nets = results.nets.iter().enumerate();
        nets.filter_map(|(arm, net)| {
            let spread = findings::spread(results, &net.name, &measure.key)?;
            let cost = cost(&net.name, net.train_bytes)?;
            let range = [spread.low, spread.high];
            Some(Point { arm, name: net.name.clone(), cost, value: spread.mean, range })
        })
        .collect()
    };
    let time = points(&|net, _| findings::seconds_per_step(results, net));
    let memory = points(&|_, bytes| Some(bytes as f64 / (1 << 20) as f64));
    let charts = [
        scatter::draw(&time, &measure, "time for a training step, seconds"),
        scatter::draw(&memory, &measure, "memory to train on one tile, MiB"),
    ];
    (measure.name.clone(), charts.into_iter().filter(|chart| !chart.is_empty()).collect())
}
