//! `foci data`: make specimens, look through a folder, cut tiles.

use crate::arguments::{CheckArguments, Kind, SynthArguments, TileArguments, TransplantArguments};
use crate::exit::Failure;
use crate::progress::{READING, watched};
use crate::{reading, terminal};
use foci_image::dataset::quoted;
use foci_image::synth::{SpecimenKind, SpecimenOptions, write_specimens};
use foci_image::transplant::{self, TransplantOptions};
use foci_image::{
    Dataset, DatasetOptions, ExactFormat, ImageError, LeftOut, Loader, Reading, Workers, disk, write_labels,
    write_whole, write_whole_folder,
};
use foci_study::data::remarks;
use std::path::Path;

/// `foci data synth`.
pub fn synth(flags: &SynthArguments, threads: Option<usize>) -> Result<(), Failure> {
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
    let written = watched("making specimens", threads, flags.json, |workers| {
        write_whole_folder(&flags.out, |fresh| write_specimens(fresh, flags.count, &options, workers))
            .map_err(foci_study::StudyError::from)
    })?;
    if flags.json {
        return terminal::print_json(&serde_json::json!({ "folder": flags.out, "specimens": written }));
    }
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
pub fn check(flags: &CheckArguments, threads: Option<usize>) -> Result<(), Failure> {
    let options = reading::dataset_options(&flags.reading);
    let report =
        watched(READING, threads, flags.json, |workers| foci_image::check(&flags.folder, &options, workers))?;
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
pub fn tile(flags: &TileArguments, threads: Option<usize>) -> Result<(), Failure> {
    let Reading { channel, page } = reading::of_files(&flags.image);
    let options = DatasetOptions {
        tile: Some((flags.tile.width, flags.tile.height)),
        channel,
        page,
        ..DatasetOptions::default()
    };
    free_folder(&flags.out)?;
    let dataset =
        watched(READING, threads, flags.json, |workers| Dataset::open(&flags.folder, &options, workers))?;
    watched("cutting tiles", threads, flags.json, |workers| {
        write_whole_folder(&flags.out, |fresh| cut(&dataset, fresh, workers))
    })?;
    for remark in remarks(&dataset.left_out, &dataset.notes) {
        eprintln!("{remark}");
    }
    if dataset.fields.iter().any(|field| field.cells.is_some()) {
        eprintln!(
            "tables of cells are not cut: tiles have no classes of objects; foci train --tile cuts and keeps them"
        );
    }
    if flags.json {
        return terminal::print_json(&serde_json::json!({
            "folder": flags.out,
            "tiles": dataset.tiles.iter().map(|tile| &tile.name).collect::<Vec<_>>(),
            "left_out": dataset.left_out,
            "notes": dataset.notes,
        }));
    }
    terminal::print(&format!(
        "{} tiles of {} fields in {}\n",
        dataset.tiles.len(),
        dataset.fields.len(),
        flags.out.display()
    ))
}

/// `foci data transplant`.
pub fn transplant(flags: &TransplantArguments, threads: Option<usize>) -> Result<(), Failure> {
    let Reading { channel, page } = reading::of_files(&flags.image);
    let class_column = Some(flags.object_classes.clone());
    let options = DatasetOptions { channel, page, class_column, ..DatasetOptions::default() };
    free_folder(&flags.out)?;
    let mut dataset =
        watched(READING, threads, flags.json, |workers| Dataset::open(&flags.folder, &options, workers))?;
    dataset.tell_objects_apart();
    let options = TransplantOptions { each: flags.each, flat: flags.flat, seed: flags.seed };
    let exchanged = watched("exchanging objects", threads, flags.json, |workers| {
        write_whole_folder(&flags.out, |fresh| transplant::transplant(&dataset, options, fresh, workers))
            .map_err(foci_study::StudyError::from)
    })?;
    let left_out: Vec<LeftOut> = dataset.left_out.iter().cloned().chain(exchanged.left_out).collect();
    for remark in remarks(&left_out, &dataset.notes) {
        eprintln!("{remark}");
    }
    let received = exchanged.fields;
    if flags.json {
        return terminal::print_json(
            &serde_json::json!({ "folder": flags.out, "fields": received, "left_out": left_out }),
        );
    }
    let laid: usize = received.iter().map(|field| 2 * field.of_each).sum();
    terminal::print(&format!(
        "{laid} objects laid into {} fields in {}\n",
        received.len(),
        flags.out.display()
    ))
}

/// Writes every tile with its labels and its true foci, where it has them; the table last.
fn cut(dataset: &Dataset, out: &Path, workers: &mut Workers) -> Result<(), Failure> {
    for part in ["images", "masks", "foci"] {
        let folder = out.join(part);
        disk::create_folder(&folder).map_err(|source| ImageError::Write { path: folder.clone(), source })?;
    }
    let format = ExactFormat::of(dataset);
    let lines: Vec<String> =
        dataset.each_tile(workers, |loader, index| cut_one(dataset, loader, index, format, out))?;
    let table = format!("name,group\n{}", lines.concat());
    Ok(write_whole(&out.join("images.csv"), table.as_bytes())?)
}

/// Writes one tile; returns its line of the table.
fn cut_one(
    dataset: &Dataset,
    loader: &mut Loader,
    index: usize,
    format: ExactFormat,
    out: &Path,
) -> Result<String, Failure> {
    let tile = &dataset.tiles[index];
    let field = &dataset.fields[tile.field];
    let raw = loader.raw_tile(index)?;
    let file = |folder: &str, extension: &str| out.join(folder).join(format!("{}.{extension}", tile.name));
    format.write(&out.join("images"), &tile.name, &raw)?;
    if let Some(labels) = loader.tile_labels(index)? {
        write_labels(&file("masks", "png"), &labels)?;
    }
    if let Some(foci) = loader.tile_foci(index)? {
        let rows: String = foci.iter().map(|focus| format!("{},{}\n", focus.x, focus.y)).collect();
        write_whole(&file("foci", "csv"), format!("x,y\n{rows}").as_bytes())?;
    }
    Ok(format!("{},{}\n", quoted(&tile.name), quoted(&field.group)))
}

/// Refuses a folder that holds something: what is in it might be lost among new files.
fn free_folder(folder: &Path) -> Result<(), Failure> {
    if foci_image::holds_files(folder).is_ok_and(|held| held) {
        return Err(Failure::input(anyhow::anyhow!(
            "{} is not empty; choose another folder with --out",
            folder.display()
        )));
    }
    Ok(())
}
