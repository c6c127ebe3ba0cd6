//! Writes a report with invented figures and pictures, to see what a report looks like.
//!
//!     cargo run --release -p foci-study --example sample_report -- /tmp/sample.html
//!
//! Nothing in it was measured: nuclei are drawn by formula, "reconstructions" are blurred copies.
#![forbid(unsafe_code)]

use foci_image::Plane;
use foci_study::report::{PictureSet, Reconstruction, Region, ReportInput, render, summary_text};
use foci_study::results::{
    Budget, Circumstances, ClaimVerdict, Comparison, Curve, NetSummary, Results, RunSummary, Trial, Verdict,
};
use std::collections::BTreeMap;
use std::io::Write;

/// An invented net: name, architecture, control, noise, blur radius of its pictures, seconds per step, bytes to train.
struct Invented {
    name: &'static str,
    architecture: &'static str,
    control: bool,
    noise: f64,
    blur: f64,
    seconds: f64,
    bytes: u64,
    receptive_field: usize,
    metrics: [f64; 10],
}

const KEYS: [&str; 10] = [
    "boundary_contrast",
    "detail_cutoff",
    "foci_precision",
    "foci_recall",
    "ms_ssim",
    "psnr",
    "ssim",
    "band_error_below_1_32",
    "band_error_1_16",
    "band_error_1_4",
];

const NETS: [Invented; 6] = [
    Invented {
        name: "fcn",
        architecture: "fcn",
        control: false,
        noise: 0.0,
        blur: 3.2,
        seconds: 0.21,
        bytes: 182 << 20,
        receptive_field: 76,
        metrics: [0.31, 0.092, 0.71, 0.34, 0.941, 35.4, 0.902, 0.012, 0.35, 0.97],
    },
    Invented {
        name: "atrous",
        architecture: "atrous",
        control: false,
        noise: 0.0,
        blur: 1.5,
        seconds: 0.83,
        bytes: 611 << 20,
        receptive_field: 63,
        metrics: [0.74, 0.164, 0.88, 0.79, 0.978, 38.9, 0.939, 0.006, 0.11, 0.81],
    },
    Invented {
        name: "unet",
        architecture: "unet",
        control: false,
        noise: 0.0,
        blur: 0.35,
        seconds: 0.35,
        bytes: 297 << 20,
        receptive_field: 76,
        metrics: [0.985, 0.489, 0.991, 0.987, 0.9991, 51.2, 0.997, 0.0003, 0.002, 0.013],
    },
    Invented {
        name: "atrous-unet",
        architecture: "atrous-unet",
        control: false,
        noise: 0.0,
        blur: 0.36,
        seconds: 0.42,
        bytes: 318 << 20,
        receptive_field: 91,
        metrics: [0.983, 0.487, 0.99, 0.984, 0.999, 50.9, 0.9968, 0.0003, 0.002, 0.014],
    },
    Invented {
        name: "unet-no-outer-skip",
        architecture: "unet-no-outer-skip",
        control: true,
        noise: 0.0,
        blur: 1.25,
        seconds: 0.33,
        bytes: 281 << 20,
        receptive_field: 76,
        metrics: [0.79, 0.189, 0.9, 0.83, 0.981, 39.6, 0.934, 0.005, 0.08, 0.74],
    },
    Invented {
        name: "unet-denoise",
        architecture: "unet",
        control: true,
        noise: 0.1,
        blur: 1.0,
        seconds: 0.35,
        bytes: 297 << 20,
        receptive_field: 76,
        metrics: [0.82, 0.212, 0.86, 0.81, 0.979, 38.1, 0.929, 0.007, 0.09, 0.69],
    },
];

/// Noise that is the same in every run of the program: a hash of a counter, about standard normal.
fn noise(counter: u64) -> f64 {
    let uniform = |counter: u64| {
        let mut x = counter.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    };
    (0..4).map(|part| uniform(4 * counter + part) - 0.5).sum::<f64>() * 3f64.sqrt()
}

/// Nuclei with bright foci on a hazy ground, and the centre of a nucleus that touches another, with its radius.
fn specimen(width: usize, height: usize, seed: u64) -> (Plane, [usize; 3]) {
    let mut nuclei = Vec::new();
    for index in 0..16u64 {
        let random = |part: u64| 0.5 + 0.28 * noise(seed * 1000 + index * 10 + part);
        let (x, y) = (width as f64 * random(1), height as f64 * random(2));
        let radius = 26.0 + 18.0 * random(3);
        nuclei.push((x, y, radius, 0.45 + 0.35 * random(4), index));
        if index % 4 == 0 {
            nuclei.push((x + 1.75 * radius, y + 0.6 * radius, radius, 0.5, index + 100));
        }
    }
    let (x, y, radius, ..) = nuclei[5];
    let middle = [x, y, radius].map(|value| value as usize);
    let mut data = vec![0.0f32; width * height];
    for (place, value) in data.iter_mut().enumerate() {
        let (x, y) = ((place % width) as f64, (place / width) as f64);
        let mut light = 0.05 + 0.03 * (x / width as f64);
        for &(cx, cy, radius, level, id) in &nuclei {
            let distance = ((x - cx).powi(2) / 1.2 + (y - cy).powi(2)).sqrt();
            if distance > 1.6 * radius {
                continue;
            }
            let inside = 1.0 / (1.0 + ((distance - radius) / 1.6).exp());
            let mut texture =
                1.0 + 0.08 * (0.31 * x + 0.12 * y + id as f64).sin() * (0.23 * y - 0.17 * x).cos();
            for spot in 0..7u64 {
                let random = |part: u64| noise(id * 97 + spot * 7 + part + seed);
                let (sx, sy) = (cx + 0.42 * radius * random(1), cy + 0.42 * radius * random(2));
                texture += 1.1 * (-((x - sx).powi(2) + (y - sy).powi(2)) / 7.0).exp();
            }
            light = f64::max(light, 0.05 + level * inside * texture * 0.6);
        }
        *value = (light + 0.012 * noise(seed << 32 | place as u64)) as f32;
    }
    (Plane { width, height, data }, middle)
}

/// A copy without its fine detail.
fn blurred(plane: &Plane, sigma: f64) -> Plane {
    let radius = (3.0 * sigma).ceil() as i64;
    let kernel: Vec<f64> = (-radius..=radius).map(|x| (-0.5 * (x as f64 / sigma).powi(2)).exp()).collect();
    let total: f64 = kernel.iter().sum();
    let pass = |source: &[f32], dx: i64, dy: i64| -> Vec<f32> {
        (0..source.len())
            .map(|place| {
                let (x, y) = ((place % plane.width) as i64, (place / plane.width) as i64);
                let at = |offset: i64| {
                    let x = (x + dx * offset).clamp(0, plane.width as i64 - 1) as usize;
                    let y = (y + dy * offset).clamp(0, plane.height as i64 - 1) as usize;
                    f64::from(source[y * plane.width + x])
                };
                let sum: f64 = kernel.iter().zip(-radius..).map(|(weight, offset)| weight * at(offset)).sum();
                (sum / total) as f32
            })
            .collect()
    };
    let data = pass(&pass(&plane.data, 1, 0), 0, 1);
    Plane { width: plane.width, height: plane.height, data }
}

fn results() -> Results {
    let diverges = |net: &Invented, seed: u64| net.name == "atrous" && seed == 2;
    let mut runs = Vec::new();
    for (place, net) in NETS.iter().enumerate() {
        for seed in 0..3u64 {
            let metrics = KEYS.iter().zip(net.metrics).enumerate().map(|(index, (key, value))| {
                let drop = if diverges(net, seed) { 0.9 } else { 1.0 };
                let spread = 1.0 + 0.006 * noise(seed * 100 + place as u64 * 10 + index as u64);
                (
                    key.to_string(),
                    if value > 0.98 { (value * drop).min(value * spread) } else { value * spread * drop },
                )
            });
            runs.push(RunSummary {
                net: net.name.into(),
                seed,
                fold: 4,
                steps: 500,
                seconds: net.seconds * 520.0,
                seconds_per_step: net.seconds * (1.0 + 0.02 * noise(seed)),
                seconds_per_megapixel: net.seconds * 0.9,
                learning_rate: 0.003,
                diverged: diverges(net, seed),
                metrics: metrics.collect(),
            });
        }
    }
    let mut comparisons = Vec::new();
    for (index, key) in KEYS.iter().enumerate() {
        for (place, a) in NETS.iter().enumerate() {
            for b in &NETS[..place] {
                let mean = |net: &str| {
                    let of = runs.iter().filter(|run: &&RunSummary| run.net == net);
                    of.map(|run| run.metrics[*key]).sum::<f64>() / 3.0
                };
                let difference = mean(a.name) - mean(b.name);
                let half = 0.12 * difference.abs() + 0.004 * a.metrics[index];
                let certain = difference.abs() > half;
                comparisons.push(Comparison {
                    a: a.name.into(),
                    b: b.name.into(),
                    metric: key.to_string(),
                    difference,
                    ci: [difference - half, difference + half],
                    p: if certain { 0.0004 } else { 0.31 },
                    p_adjusted: if certain { 0.012 } else { 0.62 },
                    probability_a_better: if difference > 0.0 {
                        0.5 + 0.5 * (difference / half).min(1.0) * 0.98
                    } else {
                        0.5 - 0.5 * (-difference / half).min(1.0) * 0.98
                    },
                });
            }
        }
    }
    let nets = NETS.iter().enumerate().map(|(place, net)| NetSummary {
        name: net.name.into(),
        architecture: net.architecture.into(),
        control: net.control,
        input_noise: net.noise,
        pretrained: false,
        labelled: None,
        variant_of: None,
        settings: Vec::new(),
        layers: 8,
        weights: 66_900 + 53 * place as u64,
        macs_per_pixel: 8400.0 * net.seconds / 0.35 * (1.0 + 0.1 * noise(place as u64)),
        receptive_field: net.receptive_field,
        train_bytes: net.bytes,
        infer_bytes: net.bytes / 5,
        largest_train_side: (586.0 * (8589934592.0 / net.bytes as f64).sqrt()) as usize,
        largest_infer_side: (586.0 * (8589934592.0 * 5.0 / net.bytes as f64).sqrt()) as usize,
        seconds_per_step: 0.35,
        seconds_per_megapixel: 0.4,
        trials: [(40, [0.001, 0.003, 0.01].as_slice()), (240, &[0.001, 0.003])]
            .iter()
            .flat_map(|&(steps, rates)| {
                rates.iter().map(move |&rate: &f64| {
                    let loss = |seed: u64| {
                        let far = (0.5 + 0.09 * place as f64 * (rate / 0.003).ln().abs())
                            * (0.5 * noise(seed + (rate * 1e4) as u64 + place as u64 + steps)).exp();
                        (rate < 0.01 || place % 2 == 1).then_some(0.16 / steps as f64 * far)
                    };
                    Trial::new(rate, steps, (0..3).map(loss).collect())
                })
            })
            .collect(),
    });
    Results {
        foci: "0.1.0".into(),
        study: "INVENTED SAMPLE, nothing here was measured".into(),
        task: "reconstruct".into(),
        seeds: 3,
        data: serde_json::json!({
            "fields": 100, "tiles": 400, "tile_size": [672, 512], "bits": 8,
            "intensities": { "lowest": 3, "highest": 255, "mean": 21.48 },
            "split": { "train": (0..60).collect::<Vec<_>>(), "validation": (60..80).collect::<Vec<_>>(), "test": (80..100).collect::<Vec<_>>(), "seed": 0 },
            "sha256": "not a hash: this is a sample",
        }),
        budget: Budget { weights: 67_000 },
        nets: nets.collect(),
        runs,
        pretrainings: Vec::new(),
        baselines: Vec::new(),
        signals: Vec::new(),
        middle: Vec::new(),
        optics: Vec::new(),
        stress: Vec::new(),
        transfer: Vec::new(),
        comparisons,
        baseline_comparisons: Vec::new(),
        claims: claims(),
        curves: curves(),
        notes: vec![
            "This page is a sample: every figure, curve and picture in it is invented.".into(),
            "Left out: field gnf-017 (blank: all pixels are 0).".into(),
        ],
        setup: [
            ("seeds", "3 (0, 1, 2)"),
            ("training", "500 steps of 4 crops of 192 × 192 pixels"),
            ("loss", "mean squared error"),
            ("fields", "60 for training, 20 for validation, 20 for test"),
        ]
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .to_vec(),
        circumstances: Circumstances {
            command: "foci study studies/article.toml --data <folder> --out <folder>".into(),
            processor: "2 threads, AVX2".into(),
        },
    }
}

fn claims() -> Vec<ClaimVerdict> {
    let claim = |id: &str, statement: &str, verdict, evidence: &str| ClaimVerdict {
        id: id.into(),
        statement: statement.into(),
        verdict,
        evidence: evidence.into(),
    };
    vec![
        claim(
            "fcn-loses-spots-and-boundaries",
            "The pooled fully convolutional net loses spots and boundaries that the other nets keep.",
            Verdict::Supported,
            "foci_recall: atrous − fcn +45.0 points (+39.4 to +50.6), unet − fcn +64.7 points (+56.5 to +72.9). Invented.",
        ),
        claim(
            "unet-middle-learns-less",
            "The middle layers of the U-Net get smaller gradients than its outer layers.",
            Verdict::Undecided,
            "No instrument yet: gradient norms by layer during training.",
        ),
        claim(
            "atrous-unet-beats-both",
            "The atrous U-Net keeps more detail than the atrous net and the U-Net.",
            Verdict::Refuted,
            "psnr: atrous-unet − unet −0.30 dB (−0.54 to −0.06). Invented.",
        ),
    ]
}

fn pictures() -> Vec<PictureSet> {
    (0..3u64)
        .map(|index| {
            let (original, [x, y, radius]) = specimen(672, 512, 11 + index);
            let reconstructions = NETS
                .iter()
                .map(|net| Reconstruction {
                    net: net.name.into(),
                    plane: blurred(&original, net.blur),
                    metrics: BTreeMap::from([
                        ("psnr".to_string(), net.metrics[5] + noise(index)),
                        ("detail_cutoff".to_string(), net.metrics[1]),
                    ]),
                })
                .collect();
            PictureSet {
                tile: format!("invented-{index:02}"),
                original,
                reconstructions,
                foci: Some(Region {
                    x: x.saturating_sub(32),
                    y: y.saturating_sub(24),
                    width: 64,
                    height: 48,
                }),
                boundary: (index != 1).then_some(Region {
                    x: (x + radius).saturating_sub(36),
                    y: (y + radius / 3).saturating_sub(24),
                    width: 64,
                    height: 48,
                }),
            }
        })
        .collect()
}

fn curves() -> Vec<Curve> {
    let mut curves = Vec::new();
    for (place, net) in NETS.iter().enumerate() {
        for seed in 0..3u64 {
            let diverged = net.name == "atrous" && seed == 2;
            let last = if diverged { 260 } else { 500 };
            let floor = 10f64.powf(-net.metrics[5] / 10.0) * 1.5;
            let loss = |step: u64, jitter: f64| {
                let fall =
                    0.08 * (-(step as f64) / 12.0).exp() + 0.004 * (-(step as f64) / 90.0).exp() + floor;
                let blow = if diverged && step > 230 { 1.2f64.powf((step - 230) as f64) } else { 1.0 };
                fall * blow * (jitter * noise(step * 31 + seed * 7 + place as u64)).exp()
            };
            curves.push(Curve {
                net: net.name.into(),
                seed,
                training: (1..=last).map(|step| (step, loss(step, 0.25))).collect(),
                validation: (1..=last / 50).map(|part| (part * 50, 1.15 * loss(part * 50, 0.05))).collect(),
                diverged,
            });
        }
    }
    curves
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path =
        std::env::args().nth(1).ok_or("say where to write the sample, for example /tmp/sample.html")?;
    let results = results();
    let input =
        ReportInput { results: &results, pictures: pictures(), judged: Vec::new(), optics: Vec::new() };
    std::fs::write(&path, render(&input)?)?;
    write!(std::io::stdout(), "{}", summary_text(&results))?;
    Ok(())
}
