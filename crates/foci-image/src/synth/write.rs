//! Specimens on disk, in the layout that foci reads: `images/<name>.png`, `masks/<name>.png` (16-bit labels),
//! `foci/<name>.csv`, `cells/<name>.csv`, `images.csv`, and the options in `specimens.json` and `README.md`.
//!
//! `images.csv` is written last: where it is, everything else is whole.

use std::fmt::Write as _;
use std::path::Path;

use super::layout::CellClass;
use super::options::{SpecimenOptions, SynthError};
use super::random::{Random, Stage};
use super::scene::{Specimen, generate};
use crate::{ImageError, Workers, disk, write_labels, write_png_grey8, write_png_grey16, write_whole};

/// What was written for one field.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct WrittenSpecimen {
    /// Name of the field, such as `mixed-00`.
    pub name: String,
    /// The seed it was made from.
    pub seed: u64,
    /// Cells of the classes few, many and mitotic.
    pub cells: [usize; 3],
    /// Foci in all.
    pub foci: usize,
    /// Pairs of touching nuclei.
    pub touching_pairs: usize,
}

/// Makes `count` specimens and writes them to `dir`, which is created where it does not exist. Fields differ by
/// their seed only, which is derived from `options.seed`; field k is the same whatever `count` is. The watcher of the
/// workers counts fields.
///
/// # Errors
/// [`SynthError`] where an option is outside its range, a file cannot be written, or the watcher ends the work.
pub fn write_specimens(
    dir: &Path,
    count: usize,
    options: &SpecimenOptions,
    workers: &mut Workers,
) -> Result<Vec<WrittenSpecimen>, SynthError> {
    options.check()?;
    for folder in ["images", "masks", "foci", "cells"] {
        let path = dir.join(folder);
        disk::create_folder(&path).map_err(|source| ImageError::Write { path: path.clone(), source })?;
    }
    let digits = count.saturating_sub(1).to_string().len().max(2);
    let mut seeds = Random::new(options.seed, Stage::Series);
    let planned: Vec<(String, u64)> = (0..count)
        .map(|index| {
            let name = format!("{}-{index:0digits$}", options.kind().name());
            // 53 bits, so that the seed survives being read as a JSON number.
            (name, (seeds.uniform() * (1u64 << 53) as f64) as u64)
        })
        .collect();
    let written = workers.map(&planned, |(name, seed)| {
        let specimen = generate(&SpecimenOptions { seed: *seed, ..options.clone() })?;
        write_one(dir, name, &specimen, options.bits)?;
        let class = |class| specimen.cells.iter().filter(|cell| cell.class == class).count();
        Ok::<_, SynthError>(WrittenSpecimen {
            name: name.clone(),
            seed: *seed,
            cells: [class(CellClass::Few), class(CellClass::Many), class(CellClass::Mitotic)],
            foci: specimen.foci.len(),
            touching_pairs: specimen.touching.len(),
        })
    })?;
    let record = serde_json::json!({
        "made_by": concat!("foci ", env!("CARGO_PKG_VERSION")),
        "count": count,
        "kind": options.kind(),
        "options": options,
        "seeds": written.iter().map(|field| field.seed).collect::<Vec<_>>(),
    });
    write_text(&dir.join("specimens.json"), &format!("{record:#}\n"))?;
    write_text(&dir.join("README.md"), &readme(count, options))?;
    write_text(&dir.join("images.csv"), &table(options, &written))?;
    Ok(written)
}

fn write_one(dir: &Path, name: &str, specimen: &Specimen, bits: u32) -> Result<(), SynthError> {
    let write_image = if bits == 8 { write_png_grey8 } else { write_png_grey16 };
    let image = dir.join("images").join(format!("{name}.png"));
    write_image(&image, &specimen.image)?;
    let mask = dir.join("masks").join(format!("{name}.png"));
    write_labels(&mask, &specimen.labels)?;

    let mut foci = String::from("x,y,brightness,nucleus\n");
    for focus in &specimen.foci {
        // Writing to a String cannot fail.
        let _ = writeln!(foci, "{:.3},{:.3},{:.3},{}", focus.x, focus.y, focus.brightness, focus.nucleus);
    }
    write_text(&dir.join("foci").join(format!("{name}.csv")), &foci)?;

    let mut cells = String::from("label,class,x,y,area,foci,defocused,touching\n");
    for cell in &specimen.cells {
        let touching: Vec<String> = cell.touching.iter().map(u32::to_string).collect();
        let _ = writeln!(
            cells,
            "{},{},{:.3},{:.3},{},{},{},{}",
            cell.label,
            cell.class.name(),
            cell.x,
            cell.y,
            cell.area,
            cell.foci,
            u8::from(cell.defocused),
            touching.join(" ")
        );
    }
    write_text(&dir.join("cells").join(format!("{name}.csv")), &cells)
}

fn table(options: &SpecimenOptions, written: &[WrittenSpecimen]) -> String {
    let mut text = String::from("name,group,width,height,nuclei,few,many,mitotic,foci,touching_pairs,seed\n");
    for field in written {
        let [few, many, mitotic] = field.cells;
        let _ = writeln!(
            text,
            "{0},{0},{1},{2},{3},{few},{many},{mitotic},{4},{5},{6}",
            field.name,
            options.width,
            options.height,
            few + many + mitotic,
            field.foci,
            field.touching_pairs,
            field.seed
        );
    }
    text
}

fn readme(count: usize, options: &SpecimenOptions) -> String {
    format!(
        "# Synthetic fluorescence specimens\n\n\
         {count} field(s) of {}x{} pixels, {} bits, made by `foci data synth --kind {} --count {count} \
         --size {}x{} --seed {}`; all options are in `specimens.json`. Simulated: no cell was ever imaged.\n\n\
         | file | content |\n|---|---|\n\
         | `images/<name>.png` | raw counts |\n\
         | `masks/<name>.png` | 16-bit labels, 0 = background, 1..N = nuclei; touching nuclei are 1-3 pixels apart |\n\
         | `foci/<name>.csv` | `x,y` of each focus in pixels (centre of the top left pixel = 0,0; y down), \
         `brightness` = height of its peak above the chromatin in counts before noise, `nucleus` = label |\n\
         | `cells/<name>.csv` | `label`, `class` (few, many or mitotic), centroid `x,y`, `area` in pixels, number of \
         `foci`, `defocused` (0 or 1), labels it is `touching` (separated by blanks) |\n\
         | `images.csv` | one line per field; each field is a `group` of its own |\n",
        options.width,
        options.height,
        options.bits,
        options.kind().name(),
        options.width,
        options.height,
        options.seed
    )
}

fn write_text(path: &Path, text: &str) -> Result<(), SynthError> {
    Ok(write_whole(path, text.as_bytes())?)
}
