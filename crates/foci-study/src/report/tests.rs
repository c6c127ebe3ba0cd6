//! The page as a whole: hostile names, missing pieces, well-formed markup, nothing from outside.

use super::answer::{answer, deciding_measure};
use super::*;
use crate::results::*;
use foci_image::Plane;
use std::collections::BTreeMap;

mod instruments;
mod trials;

/// A study with the given nets; detail cut-offs fall from net to net by a tenth of a cycle per pixel.
pub(super) fn study(names: &[&str], seeds: u64) -> Results {
    let net = |name: &&str| NetSummary {
        name: name.to_string(),
        architecture: name.to_string(),
        control: false,
        input_noise: 0.0,
        pretrained: false,
        labelled: None,
        variant_of: None,
        settings: Vec::new(),
        layers: 8,
        weights: 60_012,
        macs_per_pixel: 1234.5,
        receptive_field: 61,
        train_bytes: 100 << 20,
        infer_bytes: 20 << 20,
        largest_train_side: 4000,
        largest_infer_side: 9000,
        seconds_per_step: 0.35,
        seconds_per_megapixel: 0.4,
        trials: vec![Trial::new(0.001, 40, vec![Some(0.004)]), Trial::new(0.01, 40, vec![None])],
    };
    let runs = names.iter().enumerate().flat_map(|(place, name)| {
        (0..seeds).map(move |seed| RunSummary {
            net: name.to_string(),
            seed,
            fold: 4,
            steps: 500,
            seconds: 180.0,
            seconds_per_step: 0.35,
            seconds_per_megapixel: 0.4,
            learning_rate: 0.001,
            diverged: false,
            metrics: BTreeMap::from([
                ("detail_cutoff".to_string(), 0.5 - 0.1 * place as f64),
                ("psnr".to_string(), 40.0 - place as f64 + 0.5 * seed as f64),
            ]),
        })
    });
    Results {
        foci: "0.1.0".into(),
        study: "test".into(),
        task: "reconstruct".into(),
        seeds: seeds as usize,
        data: serde_json::json!({ "fields": 12 }),
        budget: Budget { weights: 60_000 },
        nets: names.iter().map(net).collect(),
        runs: runs.collect(),
        pretrainings: Vec::new(),
        baselines: Vec::new(),
        signals: Vec::new(),
        middle: Vec::new(),
        optics: Vec::new(),
        stress: Vec::new(),
        transfer: Vec::new(),
        comparisons: Vec::new(),
        baseline_comparisons: Vec::new(),
        claims: Vec::new(),
        curves: curves(names),
        notes: vec!["a note".into()],
        setup: vec![("threads".into(), "2".into())],
        circumstances: Circumstances { command: "foci study".into(), processor: String::new() },
    }
}

/// A comparison of two nets in detail cut-off; certain if the interval leaves zero out.
fn comparison(a: &str, b: &str, difference: f64, half: f64) -> Comparison {
    let p = if difference.abs() > half { 0.004 } else { 0.4 };
    Comparison {
        a: a.into(),
        b: b.into(),
        metric: "detail_cutoff".into(),
        difference,
        ci: [difference - half, difference + half],
        p,
        p_adjusted: p,
        probability_a_better: 0.9,
    }
}

fn pictures(nets: &[&str]) -> Vec<PictureSet> {
    let plane = |shift: f32| Plane {
        width: 12,
        height: 9,
        data: (0..108).map(|i| i as f32 / 108.0 + shift).collect(),
    };
    let one = |(place, net): (usize, &&str)| Reconstruction {
        net: net.to_string(),
        plane: plane(0.1 * place as f32),
        metrics: BTreeMap::from([("psnr".to_string(), 31.5)]),
    };
    vec![PictureSet {
        tile: "tile-1".into(),
        original: plane(0.0),
        reconstructions: nets.iter().enumerate().map(one).collect(),
        foci: Some(Region { x: 2, y: 2, width: 4, height: 4 }),
        boundary: Some(Region { x: 10, y: 8, width: 40, height: 40 }),
    }]
}

fn curves(nets: &[&str]) -> Vec<Curve> {
    let curve = |net: &&str| Curve {
        net: net.to_string(),
        seed: 0,
        training: (1..300).map(|step| (step, 1.0 / step as f64)).collect(),
        validation: vec![(100, 0.02), (200, 0.01)],
        diverged: false,
    };
    nets.iter().map(curve).collect()
}

fn input<'a>(results: &'a Results, pictures: Vec<PictureSet>) -> ReportInput<'a> {
    ReportInput { results, pictures, judged: Vec::new(), optics: Vec::new() }
}

/// Renders and checks what holds for every page.
fn page(input: &ReportInput) -> String {
    let html = render(input).unwrap();
    check_tags(&html);
    // Packed pictures may hold any letters; the words that must not occur are looked for outside of them.
    let mut parts = html.split("base64,");
    let mut text = parts.next().unwrap_or_default().to_string();
    parts.for_each(|part| text.push_str(&part[part.find('"').unwrap_or(0)..]));
    for word in ["http:", "https:", "@import", "url(", "<link", "<iframe", "NaN", "inf "] {
        assert!(!text.contains(word), "the page contains {word}");
    }
    for (place, _) in html.match_indices("src=\"") {
        assert!(html[place + 5..].starts_with("data:image/png;base64,"), "a picture from outside the file");
    }
    html
}

/// Every element that opens closes again, in order, and no identifier comes twice.
fn check_tags(html: &str) {
    const VOID: [&str; 3] = ["meta", "img", "br"];
    let mut open: Vec<&str> = Vec::new();
    let mut rest = html.strip_prefix("<!DOCTYPE html>").expect("a page starts with its document type");
    while let Some(start) = rest.find('<') {
        let end = start + rest[start..].find('>').expect("a tag without an end");
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        let name = tag.trim_start_matches('/').split([' ', '\n', '/']).next().unwrap_or("");
        assert!(!name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric()), "odd tag <{tag}>");
        assert_eq!(tag.matches('"').count() % 2, 0, "odd quotes in <{tag}>");
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "closed out of order");
        } else if name == "style" || name == "script" {
            let close = rest.find(&format!("</{name}>")).expect("raw text without an end");
            rest = &rest[close + name.len() + 3..];
        } else if !tag.ends_with('/') && !VOID.contains(&name) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "never closed: {open:?}");
    let mut identifiers: Vec<&str> = html
        .match_indices(" id=\"")
        .map(|(place, _)| html[place + 5..].split('"').next().unwrap_or(""))
        .collect();
    let all = identifiers.len();
    identifiers.sort_unstable();
    identifiers.dedup();
    assert_eq!(identifiers.len(), all, "an identifier comes twice");
}

#[test]
fn a_whole_report_has_its_sections_in_order() {
    let names = ["unet", "fcn"];
    let mut results = study(&names, 3);
    results.comparisons.push(comparison("unet", "fcn", 0.1, 0.03));
    results.claims.push(ClaimVerdict {
        id: "unet-keeps-most".into(),
        statement: "The U-Net keeps most.".into(),
        verdict: Verdict::Supported,
        evidence: "0.1".into(),
    });
    let html = page(&input(&results, pictures(&names)));
    let sections = ["pictures", "measures", "comparisons", "cost", "training", "claims", "data", "limits"];
    let places: Vec<usize> =
        sections.iter().map(|id| html.find(&format!("<section id=\"{id}\">")).expect("a section")).collect();
    assert!(places.is_sorted());
    // Original, two reconstructions, two differences; two crops of three pictures each.
    assert_eq!(html.matches("<img").count(), 5 + 6);
    assert!(html.contains("supported"));
}

#[test]
fn hostile_names_are_only_text() {
    let bad = "<script>alert(\"x\")</script>&'</style>{{ 7*7 }}";
    let names = [bad, "fcn"];
    let mut results = study(&names, 2);
    results.study = bad.into();
    results.foci = bad.into();
    results.data = serde_json::json!({ bad: bad });
    results.comparisons.push(comparison(bad, "fcn", 0.1, 0.03));
    results.runs[0].metrics.insert(bad.into(), 1.0);
    results.claims.push(ClaimVerdict {
        id: bad.into(),
        statement: bad.into(),
        verdict: Verdict::Refuted,
        evidence: bad.into(),
    });
    let mut pictures = pictures(&names);
    pictures[0].tile = bad.into();
    results.circumstances = Circumstances { command: bad.into(), processor: bad.into() };
    results.notes = vec![bad.into()];
    results.setup = vec![(bad.into(), bad.into())];
    let input = input(&results, pictures);
    let html = page(&input);
    assert!(!html.contains("<script>alert"));
    assert!(!html.contains("alert(\"x\")"));
    assert!(html.contains("&lt;script&gt;alert"));
    assert!(html.contains("{{ 7*7 }}"), "a template in a name must not be run");
    assert_eq!(html.matches("<script>").count(), 1);
}

#[test]
fn missing_pieces_leave_a_whole_page() {
    let nothing = study(&[], 0);
    page(&input(&nothing, Vec::new()));
    let one = study(&["only"], 1);
    let html = page(&input(&one, pictures(&["only"])));
    assert!(html.contains("only was the only net to be ranked"));
    assert!(html.contains("Only one seed was run"));

    let names: Vec<String> = (0..9)
        .map(|place| format!("a-net-with-a-name-far-too-long-for-any-table-or-figure-{place}"))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let many = study(&names, 1);
    page(&input(&many, pictures(&names)));

    let mut bare = study(&["a", "b"], 2);
    bare.runs.iter_mut().for_each(|run| run.metrics.clear());
    bare.nets.iter_mut().for_each(|net| net.trials.clear());
    bare.data = serde_json::Value::Null;
    bare.curves.clear();
    let html = page(&input(&bare, Vec::new()));
    assert!(html.contains("it has no answer"));
    assert!(html.contains("kept no pictures"));

    let mut partial = study(&["a", "b"], 2);
    partial.runs[0].metrics.remove("psnr");
    partial.runs[1].metrics.remove("psnr");
    assert!(page(&input(&partial, Vec::new())).contains("not measured"));
}

#[test]
fn one_seed_is_explained_where_its_p_values_stand() {
    let explained = |seeds: u64| {
        let mut results = study(&["a", "b"], seeds);
        results.comparisons = vec![comparison("a", "b", 0.1, 0.05)];
        let html = page(&input(&results, Vec::new()));
        let section = &html[html.find("<section id=\"comparisons\">").unwrap_or(0)..];
        let section = &section[..section.find("</section>").unwrap_or(0)];
        section.contains("p is 1 for every difference by design")
    };
    assert!(explained(1));
    assert!(!explained(2));
}

#[test]
fn diverged_runs_are_shown_and_marked() {
    let mut results = study(&["a", "b"], 3);
    results.runs[1].diverged = true;
    results.curves[0].diverged = true;
    results.curves[0].training.push((300, f64::INFINITY));
    results.curves[1].training.clear();
    let html = page(&input(&results, Vec::new()));
    assert!(html.contains("1 of 3 runs diverged"));
    assert!(html.contains("seed 0 diverged"));
    assert!(html.contains("<td>diverged</td>"));
}

#[test]
fn pictures_with_bad_values_are_drawn_and_wrong_sizes_refused() {
    let results = study(&["a"], 1);
    let mut broken = pictures(&["a"]);
    broken[0].reconstructions[0].plane.data[5] = f32::NAN;
    broken[0].reconstructions[0].plane.data[6] = f32::INFINITY;
    page(&input(&results, broken));

    let mut small = pictures(&["a"]);
    small[0].reconstructions[0].plane = Plane { width: 2, height: 1, data: vec![0.0; 2] };
    let error = render(&input(&results, small)).unwrap_err().to_string();
    assert!(error.contains("tile-1") && error.contains("2x1") && error.contains("12x9"), "{error}");
}

#[test]
fn best_is_said_only_with_evidence() {
    let shows_best =
        |results: &Results| page(&input(results, Vec::new())).contains("<span class=\"tag\">best");
    let mut results = study(&["a", "b", "c"], 2);
    assert!(!shows_best(&results), "no comparison at all");
    results.comparisons = vec![comparison("a", "b", 0.1, 0.2), comparison("c", "a", -0.2, 0.05)];
    assert!(!shows_best(&results), "b is not beaten");
    results.comparisons[0] = comparison("a", "b", 0.1, 0.05);
    assert!(shows_best(&results));
    results.comparisons[0].p_adjusted = 0.06;
    assert!(!shows_best(&results), "the adjusted p-value is too large");
}

#[test]
fn the_answer_is_honest() {
    let plain = |results: &Results| answer(results).headline.replace(['\u{a0}', '\u{202f}'], " ");
    let cost = " A training step of a takes 0.35 s and 100 MiB, against 0.35 s and 100 MiB for b.";
    let mut results = study(&["a", "b", "c"], 2);
    results.comparisons = vec![comparison("b", "a", -0.1, 0.05), comparison("a", "c", 0.2, 0.05)];
    assert_eq!(
        plain(&results),
        format!(
            "a keeps the most fine detail of the 3 nets at 60 000 weights: it reaches a detail cut-off of 0.500 cycles/pixel \
             (a period of 2.0 pixels), 0.100 cycles/pixel above b (95 % interval 0.050 to 0.150).{cost}"
        )
    );
    results.comparisons[0] = comparison("b", "a", -0.1, 0.125);
    assert_eq!(
        plain(&results),
        format!(
            "At 60 000 weights a and b keep the most fine detail, and the study does not decide between them: a reaches a \
             detail cut-off of 0.500 cycles/pixel (a period of 2.0 pixels), 0.100 cycles/pixel above b (95 % interval −0.025 \
             to 0.225); a keeps more than c.{cost}"
        )
    );
    results.comparisons[1] = comparison("a", "c", 0.2, 0.3);
    assert!(
        plain(&results)
            .starts_with("Undecided: at 60 000 weights the study does not tell a, b and c apart: ")
    );
    results.comparisons.clear();
    assert!(plain(&results).contains("no comparison with b and c that could tell it from chance"));
    // A method that needs no net is named, ahead or not.
    let method = |value: f64| BaselineSummary {
        name: "otsu".into(),
        metrics: BTreeMap::from([("detail_cutoff".to_string(), value)]),
        seconds_per_megapixel: 0.1,
        labelled: None,
        training_seconds: None,
    };
    let first = |results: &Results| answer(results).warnings[0].replace(['\u{a0}', '\u{202f}'], " ");
    results.baselines = vec![method(0.6)];
    assert!(
        first(&results).starts_with(
            "No net is as good as otsu, a method without a net, which reaches a detail cut-off of 0.600"
        ),
        "{}",
        first(&results)
    );
    results.baselines = vec![method(0.4), BaselineSummary { name: "worse".into(), ..method(0.3) }];
    assert!(
        first(&results)
            .starts_with("Of the methods without a net the best, otsu, reaches a detail cut-off of 0.400")
    );
    // Where nets and methods were compared, the interval is told, and whether it decides.
    let against = |difference: f64, half: f64| BaselineComparison {
        baseline: 0,
        comparison: comparison("a", "otsu", difference, half),
    };
    results.baseline_comparisons = vec![against(0.1, 0.05)];
    assert!(first(&results).ends_with(
        "otsu, reaches a detail cut-off of 0.400 cycles/pixel (a period of 2.5 pixels): a is 0.100 cycles/pixel above otsu (95 % interval 0.050 to 0.150)."
    ), "{}", first(&results));
    results.baseline_comparisons = vec![against(0.05, 0.1)];
    assert!(
        first(&results).contains("does not tell a from it: a is 0.050 cycles/pixel above otsu"),
        "{}",
        first(&results)
    );
    results.baselines[0] = method(0.6);
    results.baseline_comparisons = vec![against(-0.1, 0.05)];
    assert!(first(&results).contains("the net with the best mean, a, is 0.100"), "{}", first(&results));
    // Of all nets it is said only if all are behind for certain.
    for net in ["b", "c"] {
        let comparison = comparison(net, "otsu", -0.2, 0.05);
        results.baseline_comparisons.push(BaselineComparison { baseline: 0, comparison });
    }
    assert!(
        first(&results).contains("No net is as good as otsu")
            && first(&results)
                .contains("the best, a, is 0.100 cycles/pixel below otsu (95 % interval 0.050 to 0.150)"),
        "{}",
        first(&results)
    );
    let page = page(&input(&results, Vec::new())).replace('\u{2212}', "-");
    assert!(page.contains("a minus it") && page.contains("-0.100 (-0.150 to -0.050)"), "{page}");
    // One that learnt from fewer masks is no measure of a net that learnt from all.
    results.baselines[0].labelled = Some(5);
    assert!(first(&results).contains("worse, reaches a detail cut-off of 0.300"), "{}", first(&results));
    // A control arm is never the answer.
    results.nets[0].control = true;
    assert!(plain(&results).starts_with("b has the best mean"));
}

#[test]
fn a_measure_at_its_ceiling_decides_nothing() {
    let mut results = study(&["fcn", "unet", "atrous"], 1);
    assert_eq!(deciding_measure(&results).unwrap().key, "detail_cutoff");
    // Two nets pass everything up to the Nyquist frequency: only the next measure can tell them apart.
    for (run, cutoff) in results.runs.iter_mut().zip([0.1, 0.5, 0.4999]) {
        run.metrics.insert("detail_cutoff".into(), cutoff);
    }
    assert_eq!(deciding_measure(&results).unwrap().key, "psnr");
}

#[test]
fn the_terminal_gets_a_table_of_eighty_columns() {
    let names = ["unet", "a-net-with-a-name-far-too-long-for-a-terminal"];
    let mut results = study(&names, 2);
    results.nets[1].control = true;
    for run in &mut results.runs {
        for (key, value) in
            [("foci_recall", 0.981), ("boundary_contrast", 1.021), ("ssim", 0.99123), ("mystery", 5.0)]
        {
            run.metrics.insert(key.into(), value);
        }
    }
    results.nets.iter_mut().for_each(|net| net.train_bytes = 1 << 40);
    let text = summary_text(&results);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let first: Vec<&str> = text.lines().nth(1).unwrap_or_default().split_whitespace().collect();
    // PSNR: the mean of 40.0 and 40.5.
    assert_eq!(first, ["unet", "0.500", "98.1", "%", "102.1", "%", "40.25", "0.9912", "0.35", "1.00", "TiB"]);
    assert!(text.contains("a-net-with-a-name…*"));
    assert!(text.contains("* control arm, not ranked"));
    assert!(text.ends_with('\n'));
}
