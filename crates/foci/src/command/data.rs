//! `foci data`: make specimens, look through a folder, cut tiles.

use crate::arguments::{Channel, CheckArguments, Kind, SynthArguments, TileArguments};
use crate::exit::Failure;
use crate::progress::Progress;
use crate::terminal;
use foci_image::synth::{SpecimenKind, SpecimenOptions, write_specimens};
use foci_image::{
    Dataset, DatasetOptions, ImageError, Loader, write_labels, write_png_grey8, write_png_grey16,
    write_tiff_f32, write_whole, write_whole_folder,
};
use foci_study::TileSize;
use std::path::Path;

/// `foci data synth`.
pub fn synth(flags: &SynthArguments) -> Result<(), Failure> {
    let kind = match flags.kind {
        Kind::Mixed => SpecimenKind::Mixed,
        Kind::Few => SpecimenKind::Few,
        Kind::Many => SpecimenKind::Many,
    };
    let options = SpecimenOptions {
        width: flags.size.width,
        height: flags.size.height,
        seed: flags.seed,
        ..SpecimenOptions::of_kind(kind)
    };
    free_folder(&flags.out)?;
    let written = write_whole_folder(&flags.out, |fresh| {
        write_specimens(fresh, flags.count, &options).map_err(foci_study::StudyError::from)
    })?;
    let nuclei: usize = written.iter().map(|specimen| specimen.cells.iter().sum::<usize>()).sum();
    let foci: usize = written.iter().map(|specimen| specimen.foci).sum();
    terminal::print(&format!(
        "{} specimens of {} x {} pixels with {nuclei} nuclei and {foci} foci in {}\n",
        written.len(),
        options.width,
        options.height,
        flags.out.display()
    ))
}

/// `foci data check`.
pub fn check(flags: &CheckArguments) -> Result<(), Failure> {
    let report = foci_image::check(&flags.folder, &options(flags.reading.tile, flags.reading.channel))
        .map_err(Failure::input)?;
    if flags.json {
        terminal::print_json(&report)?;
    } else {
        terminal::print(&format!("{report}\n"))?;
    }
    if report.usable {
        return Ok(());
    }
    Err(Failure::input(anyhow::anyhow!(
        "{} cannot be used before these problems are solved",
        flags.folder.display()
    )))
}

/// `foci data tile`: raw counts, so that nothing is lost that a later normalisation might want, and a table that
/// keeps the tiles of a field together in every later split.
pub fn tile(flags: &TileArguments) -> Result<(), Failure> {
    let dataset =
        Dataset::open(&flags.folder, &options(Some(flags.tile), flags.channel)).map_err(Failure::input)?;
    free_folder(&flags.out)?;
    write_whole_folder(&flags.out, |fresh| cut(&dataset, fresh))?;
    for field in &dataset.left_out {
        eprintln!("{} is left out: {}", field.name, field.reason);
    }
    terminal::print(&format!(
        "{} tiles of {} fields in {}\n",
        dataset.tiles.len(),
        dataset.fields.len(),
        flags.out.display()
    ))
}

/// Writes every tile with its labels and its true foci, where it has them.
fn cut(dataset: &Dataset, out: &Path) -> Result<(), Failure> {
    for part in ["images", "masks", "foci"] {
        let folder = out.join(part);
        std::fs::create_dir(&folder).map_err(|source| ImageError::Write { path: folder.clone(), source })?;
    }
    let mut loader = Loader::new(dataset);
    let mut progress = Progress::new(dataset.tiles.len() as f64, false);
    let mut table = String::from("name,group\n");
    for (index, tile) in dataset.tiles.iter().enumerate() {
        progress.begin(&tile.name);
        let field = &dataset.fields[tile.field];
        let raw = loader.raw_tile(index)?;
        let file =
            |folder: &str, extension: &str| out.join(folder).join(format!("{}.{extension}", tile.name));
        match field.bits {
            8 => write_png_grey8(&file("images", "png"), &raw)?,
            16 => write_png_grey16(&file("images", "png"), &raw)?,
            _ => write_tiff_f32(&file("images", "tif"), &raw)?,
        }
        if let Some(labels) = loader.tile_labels(index)? {
            write_labels(&file("masks", "png"), &labels)?;
        }
        if let Some(foci) = loader.tile_foci(index)? {
            let rows: String = foci.iter().map(|focus| format!("{},{}\n", focus.x, focus.y)).collect();
            write_whole(&file("foci", "csv"), format!("x,y\n{rows}").as_bytes())?;
        }
        table.push_str(&format!("{},{}\n", quoted(&tile.name), quoted(&field.group)));
        progress.advance(1.0);
    }
    progress.finish();
    Ok(write_whole(&out.join("images.csv"), table.as_bytes())?)
}

/// A cell of a table, quoted as RFC 4180 wants it.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

fn options(tile: Option<TileSize>, channel: Option<Channel>) -> DatasetOptions {
    DatasetOptions {
        tile: tile.map(|tile| (tile.width, tile.height)),
        channel: terminal::channel(channel),
        ..DatasetOptions::default()
    }
}

/// Refuses a folder that holds something: what is in it might be lost among new files.
fn free_folder(folder: &Path) -> Result<(), Failure> {
    if std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Failure::input(anyhow::anyhow!(
            "{} is not empty; choose another folder with --out",
            folder.display()
        )));
    }
    Ok(())
}
