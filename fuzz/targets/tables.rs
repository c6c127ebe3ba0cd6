//! The tables beside images: `images.csv`, a table of tiles and one of cells, in a folder with two small fields.
#![no_main]

use foci_image::{Dataset, DatasetOptions, Plane, Workers, write_png_grey8};
use libfuzzer_sys::fuzz_target;
use std::path::PathBuf;
use std::sync::OnceLock;

/// A folder in memory where the system has one.
fn folder() -> &'static PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let place = if std::path::Path::new("/dev/shm").is_dir() { "/dev/shm".into() } else { std::env::temp_dir() };
        let folder = tempfile::tempdir_in(place).expect("a folder").keep();
        for (name, seed) in [("a", 3), ("b", 7)] {
            let data = (0..24 * 16).map(|at| (at * seed % 251) as f32).collect();
            let plane = Plane { width: 24, height: 16, data };
            write_png_grey8(&folder.join(format!("{name}.png")), &plane).expect("an image");
        }
        folder
    })
}

fuzz_target!(|bytes: &[u8]| {
    let folder = folder();
    let (images, tiles) = (folder.join("images.csv"), folder.join("tiles.csv"));
    std::fs::write(&images, bytes).expect("a table");
    let options = DatasetOptions::default();
    let _ = Dataset::open(folder, &options, &mut Workers::new(1));
    std::fs::remove_file(&images).expect("the table");
    std::fs::write(&tiles, bytes).expect("a table");
    let options = DatasetOptions { tiles_csv: Some("tiles.csv".into()), ..options };
    if let Ok(dataset) = Dataset::open(folder, &options, &mut Workers::new(1)) {
        for tile in &dataset.tiles {
            assert!(tile.x + tile.w <= 24 && tile.y + tile.h <= 16);
            assert!(dataset.fields[tile.field].path.starts_with(folder));
        }
    }
    std::fs::remove_file(&tiles).expect("the table");
    let cells = folder.join("cells");
    let _ = std::fs::create_dir(&cells);
    std::fs::write(cells.join("a.csv"), bytes).expect("a table");
    let options = DatasetOptions { class_column: Some("class".into()), ..DatasetOptions::default() };
    if let Ok(dataset) = Dataset::open(folder, &options, &mut Workers::new(1)) {
        assert!(dataset.object_classes().iter().all(|name| !name.is_empty()));
    }
    std::fs::remove_file(cells.join("a.csv")).expect("the table");
});
