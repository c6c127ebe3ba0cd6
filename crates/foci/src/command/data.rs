//! `foci data`: make specimens, look through a folder, cut tiles.

use crate::arguments::{Channel, CheckArguments, Kind, SynthArguments, TileArguments};
use crate::exit::Failure;
use crate::progress::Progress;
use crate::terminal;
use foci_image::synth::{SpecimenKind, SpecimenOptions, write_specimens};
use foci_image::{Dataset, DatasetOptions, Loader, write_labels, write_png_grey16};
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
    let written = write_specimens(&flags.out, flags.count, &options).map_err(Failure::input)?;
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

/// `foci data tile`: raw counts, so that nothing is lost that a later normalisation might want.
pub fn tile(flags: &TileArguments) -> Result<(), Failure> {
    let dataset =
        Dataset::open(&flags.folder, &options(Some(flags.tile), flags.channel)).map_err(Failure::input)?;
    free_folder(&flags.out)?;
    for part in ["images", "masks"] {
        let folder = flags.out.join(part);
        std::fs::create_dir_all(&folder)
            .map_err(|error| Failure::input(anyhow::anyhow!("cannot make {}: {error}", folder.display())))?;
    }
    let mut loader = Loader::new(&dataset);
    let mut progress = Progress::new(dataset.tiles.len() as f64, false);
    for (index, tile) in dataset.tiles.iter().enumerate() {
        progress.begin(&tile.name);
        let field = dataset.load_raw(tile.field).map_err(Failure::working)?;
        let raw = field.rectangle(tile.x, tile.y, tile.w, tile.h);
        let raw = raw
            .ok_or_else(|| Failure::working(anyhow::anyhow!("tile {} lies outside its field", tile.name)))?;
        write_png_grey16(&flags.out.join("images").join(format!("{}.png", tile.name)), &raw)
            .map_err(Failure::working)?;
        if let Some(labels) = loader.tile_labels(index).map_err(Failure::working)? {
            write_labels(&flags.out.join("masks").join(format!("{}.png", tile.name)), &labels)
                .map_err(Failure::working)?;
        }
        progress.advance(1.0);
    }
    progress.finish();
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
