//! Data folders of every layout, and every way in which one can be wrong.

// A test that cannot set up its own files has failed.
#![allow(clippy::unwrap_used)]

mod support;

use foci_image::dataset::{Layout, Part, Point};
use foci_image::{
    ChannelChoice, Dataset, DatasetOptions, ExactFormat, Fingerprint, ImageError, LabelImage, Loader, Plane,
    Workers, check, field_files, read_plane, write_png_grey16, write_tiff_f32,
};
use std::path::Path;
use support::{field, image, mask, text};
use tempfile::{TempDir, tempdir};

fn open(folder: &TempDir) -> Result<Dataset, ImageError> {
    open_with(folder.path(), &DatasetOptions::default())
}

fn open_with(folder: &Path, options: &DatasetOptions) -> Result<Dataset, ImageError> {
    Dataset::open(folder, options, &mut Workers::default())
}

fn tiled(width: usize, height: usize) -> DatasetOptions {
    DatasetOptions { tile: Some((width, height)), ..DatasetOptions::default() }
}

fn names(dataset: &Dataset) -> Vec<&str> {
    dataset.fields.iter().map(|field| field.name.as_str()).collect()
}

/// The message of the error, which must name `part` of the path.
fn message(result: Result<Dataset, ImageError>, part: &str) -> String {
    let message = result.expect_err("must be an error").to_string();
    assert!(message.contains(part), "{message}");
    message
}

#[test]
fn a_folder_of_images() {
    let folder = tempdir().unwrap();
    for (seed, name) in ["b.png", "a.png", "c.PNG"].iter().enumerate() {
        image(folder.path(), name, &field(20, 10, seed as u32));
    }
    text(folder.path(), ".hidden.png", "no image");
    text(folder.path(), "notes.txt", "no image");
    let dataset = open(&folder).unwrap();
    assert_eq!((dataset.layout, names(&dataset)), (Layout::Flat, vec!["a", "b", "c"]));
    assert!(dataset.fields.iter().all(|field| field.mask.is_none() && field.group == field.name));
    assert_eq!(dataset.tiles.len(), 3);
    assert_eq!((dataset.tiles[1].name.as_str(), dataset.tiles[1].w, dataset.tiles[1].h), ("b", 20, 10));
}

#[test]
fn images_and_masks_with_tables_of_specimens() {
    let folder = tempdir().unwrap();
    for name in ["x-1", "x-2"] {
        image(folder.path(), &format!("images/{name}.png"), &field(20, 10, 1));
        mask(folder.path(), &format!("masks/{name}.png"), 20, 10);
    }
    text(folder.path(), "foci/x-1.csv", "x,y,brightness\n3.5,2,9\n10.0,9.25,4\n9.4999,0,1\n");
    text(folder.path(), "cells/x-1.csv", "label,class\n1,few\n");
    let dataset = open_with(folder.path(), &tiled(10, 10)).unwrap();
    assert_eq!((dataset.layout, dataset.tiles.len()), (Layout::ImagesAndMasks, 4));
    assert_eq!(dataset.fields[0].objects, Some(2));
    assert!(dataset.fields[0].cells.is_some() && dataset.fields[1].foci.is_none());
    let mut loader = Loader::new(&dataset);
    // The pixel of column 10 begins at 9.5.
    let left = [Point { x: 3.5, y: 2.0 }, Point { x: 9.4999, y: 0.0 }];
    assert_eq!(loader.tile_foci(0).unwrap().unwrap(), left);
    assert_eq!(loader.tile_foci(1).unwrap().unwrap(), [Point { x: 0.0, y: 9.25 }]);
    assert_eq!(loader.tile_foci(2).unwrap(), None);
    assert_eq!(loader.tile_labels(0).unwrap().unwrap().objects(), 2);
    assert_eq!(loader.tile_labels(1).unwrap().unwrap(), LabelImage::zeros(10, 10));
}

#[test]
fn classes_of_objects_are_those_of_their_table_and_else_of_the_image() {
    let folder = tempdir().unwrap();
    for name in ["a", "b", "c"] {
        image(folder.path(), &format!("{name}.png"), &field(20, 10, 1));
    }
    text(folder.path(), "images.csv", "name,kind\na,line\nb,line\nc,\n");
    text(folder.path(), "cells/a.csv", "label,kind\n3,few\n9, many \n4,\n");
    text(folder.path(), "cells/b.csv", "label,area\n3,12\n");
    let asked =
        |column: &str| DatasetOptions { class_column: Some(column.into()), ..DatasetOptions::default() };
    let dataset = open_with(folder.path(), &asked("kind")).unwrap();
    assert_eq!(dataset.object_classes(), ["few", "line", "many"]);
    let class =
        |field: usize, label| dataset.fields[field].classes.as_ref().and_then(|classes| classes.of(label));
    assert_eq!([3, 4, 9, 1].map(|label| class(0, label)), [Some("few"), None, Some("many"), None]);
    assert_eq!((class(1, 3), class(2, 3)), (Some("line"), None), "no such column in b, an empty cell for c");
    // Nobody asked, nobody answers; and other classes make other data.
    let plain = open(&folder).unwrap();
    assert!(plain.object_classes().is_empty());
    assert!(open_with(folder.path(), &asked("colour")).unwrap().object_classes().is_empty());
    let print = |dataset: &Dataset| Fingerprint::of(dataset, None).sha256;
    assert_ne!(print(&plain), print(&dataset));
    text(folder.path(), "cells/a.csv", "label,kind\n3,few\n9,few\n");
    assert_ne!(print(&open_with(folder.path(), &asked("kind")).unwrap()), print(&dataset));
    for (table, words) in [
        ("label,kind\n0,few\n", "label '0'"),
        ("label,kind\n-3,few\n", "label '-3'"),
        ("label,kind\n3,few\n3,few\n", "label 3 stands twice"),
        ("kind\nfew\n", "no column 'label'"),
    ] {
        text(folder.path(), "cells/a.csv", table);
        assert!(message(open_with(folder.path(), &asked("kind")), "a.csv").contains(words), "{words}");
    }
}

#[test]
fn cellpose_names() {
    let folder = tempdir().unwrap();
    for name in ["p.png", "q_img.png", "r.png", "p_flows.png", "lone.png"] {
        image(folder.path(), name, &field(8, 8, 3));
    }
    for name in ["p_masks.png", "q_masks.png", "r_cp_masks.png"] {
        mask(folder.path(), name, 8, 8);
    }
    let dataset = open(&folder).unwrap();
    assert_eq!((dataset.layout, names(&dataset)), (Layout::Cellpose, vec!["lone", "p", "q", "r"]));
    let masked: Vec<bool> = dataset.fields.iter().map(|field| field.mask.is_some()).collect();
    assert_eq!(masked, [false, true, true, true]);
    assert!(dataset.notes.iter().any(|note| note.contains("flows")), "{:?}", dataset.notes);
}

#[test]
fn a_folder_for_each_image_with_one_object_in_each_mask() {
    let folder = tempdir().unwrap();
    let root = folder.path();
    for name in ["id2", "id1"] {
        image(root, &format!("{name}/images/{name}.png"), &field(4, 2, 5));
    }
    let object = |data: [f32; 8]| Plane { width: 4, height: 2, data: data.to_vec() };
    image(root, "id1/masks/aa.png", &object([255.0, 255.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]));
    image(root, "id1/masks/bb.png", &object([0.0, 255.0, 255.0, 0.0, 0.0, 0.0, 0.0, 255.0]));
    let dataset = open(&folder).unwrap();
    assert_eq!((dataset.layout, names(&dataset)), (Layout::FolderPerImage, vec!["id1", "id2"]));
    assert_eq!(dataset.fields[0].objects, Some(2));
    // The overlap stays with the first.
    assert_eq!(dataset.load_labels(0).unwrap().unwrap().data, [1, 1, 2, 0, 0, 0, 0, 2]);
    assert_eq!(dataset.load_labels(1).unwrap(), None);
    assert_eq!(
        dataset.notes.iter().filter(|note| note.starts_with("id1: masks of objects overlap")).count(),
        1,
        "{:?}",
        dataset.notes
    );
    // The same object once more, and a file without one.
    image(root, "id1/masks/cc.png", &object([0.0, 0.0, 255.0, 0.0, 0.0, 0.0, 0.0, 255.0]));
    image(root, "id1/masks/dd.png", &object([0.0; 8]));
    let dataset = open(&folder).unwrap();
    assert_eq!(dataset.fields[0].objects, Some(2));
    for words in ["id1: masks of objects lie wholly under others", "id1: files of masks are empty"] {
        assert!(dataset.notes.iter().any(|note| note.starts_with(words)), "{words}: {:?}", dataset.notes);
    }
}

#[test]
fn masks_without_objects_are_told_and_numbers_in_pieces_too() {
    let folder = tempdir().unwrap();
    let write = |name: &str, labels: &Plane| {
        image(folder.path(), &format!("images/{name}.png"), &field(6, 3, 1));
        image(folder.path(), &format!("masks/{name}.png"), labels);
    };
    let notes = || check(folder.path(), &DatasetOptions::default(), &mut Workers::new(1)).unwrap().notes;
    let tells = |words: &str| notes().iter().any(|note| note.contains(words));
    write("a", &nuclei([0; 3]));
    assert!(tells("a: no objects in the mask; nothing can be learnt"), "{:?}", notes());
    write("b", &nuclei([1, 2, 1]));
    assert!(tells("a: no objects in the mask; used as background"), "{:?}", notes());
    assert!(
        tells("1 mask(s) have numbers in several pieces, first 1 of b: right for classes"),
        "{:?}",
        notes()
    );
}

/// Nuclei of a field: the first two touch at a corner, the third lies apart.
fn nuclei(numbers: [u8; 3]) -> Plane {
    let [a, b, c] = numbers.map(f32::from);
    let rows = [[a, a, 0.0, 0.0, c, c], [a, a, 0.0, 0.0, c, c], [0.0, 0.0, b, 0.0, 0.0, 0.0]];
    Plane { width: 6, height: 3, data: rows.concat() }
}

#[test]
fn masks_with_one_number_for_all_objects_are_told_apart_by_their_pieces() {
    let folder = tempdir().unwrap();
    let write = |masks: &[(&str, Plane)]| {
        for (name, labels) in masks {
            image(folder.path(), &format!("images/{name}.png"), &field(6, 3, 1));
            image(folder.path(), &format!("masks/{name}.png"), labels);
        }
        let mut dataset = open(&folder).unwrap();
        let before = dataset.notes.len();
        dataset.tell_objects_apart();
        let labels = dataset.load_labels(0).unwrap().unwrap().data;
        (dataset.notes[before..].to_vec(), labels)
    };
    let apart = [1, 1, 0, 0, 2, 2, 1, 1, 0, 0, 2, 2, 0, 0, 1, 0, 0, 0];
    let (notes, labels) = write(&[("a", nuclei([255; 3])), ("b", nuclei([0, 9, 0])), ("c", nuclei([0; 3]))]);
    assert_eq!(labels, apart, "a corner joins");
    assert!(notes.len() == 1 && notes[0].contains("one number for all objects, 255 in a"), "{notes:?}");
    let checked = || check(folder.path(), &DatasetOptions::default(), &mut Workers::new(1)).unwrap().notes;
    let doubts = || checked().iter().filter(|note| note.contains(" in a: right for a class")).count();
    assert_eq!(doubts(), 1, "{:?}", checked());
    // Two of three in one piece: that may be one object in the third, too.
    let (notes, labels) = write(&[("c", nuclei([0, 7, 0]))]);
    assert_eq!(labels, nuclei([255; 3]).data.iter().map(|&value| value as u32).collect::<Vec<_>>());
    assert!(notes.len() == 1 && notes[0].contains("1 mask(s)"), "{notes:?}");
    // Numbers that differ mean objects; one in pieces is told and left.
    let (notes, labels) = write(&[("a", nuclei([3, 5, 3]))]);
    assert_eq!(labels, [3, 3, 0, 0, 3, 3, 3, 3, 0, 0, 3, 3, 0, 0, 5, 0, 0, 0]);
    assert!(notes[0].contains("first object 3 of a; each number counts as one"), "{notes:?}");
    assert_eq!(doubts(), 0, "{:?}", checked());
    let (notes, _) = write(&[("a", nuclei([3, 5, 4]))]);
    assert!(notes.is_empty(), "{notes:?}");
}

#[test]
fn the_table_of_images_gives_groups_folds_and_parts() {
    let folder = tempdir().unwrap();
    for name in ["a", "b", "c", "d"] {
        image(folder.path(), &format!("{name}.png"), &field(8, 8, 1));
    }
    let table = "\u{feff}image,note,group,fold,split,slide\na.png,,g1,0,train,s\nb,,g1,1,val,s\nc,,,,drop,t\ngone,,,,test,t\n";
    text(folder.path(), "images.csv", table);
    let dataset = open(&folder).unwrap();
    let rows: Vec<_> =
        dataset.fields.iter().map(|f| (f.name.as_str(), f.group.as_str(), f.fold, f.part)).collect();
    let expected = [
        ("a", "g1", Some(0), Some(Part::Train)),
        ("b", "g1", Some(1), Some(Part::Validation)),
        ("d", "d", None, None),
    ];
    assert_eq!(rows, expected);
    assert_eq!(dataset.left_out[0].name, "c");
    assert!(dataset.notes.iter().any(|note| note.contains("not here") && note.contains("gone")));
    let by_slide = DatasetOptions { group_column: "slide".to_string(), ..DatasetOptions::default() };
    assert_eq!(open_with(folder.path(), &by_slide).unwrap().fields[1].group, "s");

    for (broken, expected) in [
        ("name,fold\na,1\nb,x\n", "line 3: fold 'x'"),
        ("name,split\na,often\n", "line 2: split 'often'"),
        ("file,split\na,test\n", "line 1: no column 'name'"),
        ("name\na\na\n", "line 3: 'a' already stands in line 2"),
        ("name,fold\na\n", "line 2"),
    ] {
        text(folder.path(), "images.csv", broken);
        let message = message(open(&folder), "images.csv");
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn no_table_leads_out_of_the_folder() {
    let place = tempdir().unwrap();
    image(place.path(), "secret.png", &field(8, 8, 3));
    std::fs::create_dir(place.path().join("data")).unwrap();
    let root = place.path().join("data");
    image(&root, "a.png", &field(8, 8, 1));
    let absolute = place.path().join("secret.png").display().to_string();
    for name in ["../secret", "../secret.png", "images/../../secret.png", &absolute] {
        text(&root, "images.csv", &format!("name,split\na,train\n{name},test\n"));
        let dataset = open_with(&root, &DatasetOptions::default()).unwrap();
        assert_eq!(names(&dataset), ["a"]);
        assert!(dataset.notes.iter().any(|note| note.contains("not here") && note.contains("secret")));
        std::fs::remove_file(root.join("images.csv")).unwrap();
        text(&root, "tiles.csv", &format!("tile,image,x,y,w,h\nt,{name},0,0,5,5\n"));
        let options = DatasetOptions { tiles_csv: Some("tiles.csv".into()), ..DatasetOptions::default() };
        let message = message(open_with(&root, &options), "tiles.csv");
        assert!(message.contains("line 2: no image"), "{message}");
    }
}

#[test]
fn a_table_of_tiles_is_followed_and_checked() {
    let folder = tempdir().unwrap();
    image(folder.path(), "a.png", &field(20, 10, 1));
    image(folder.path(), "b.png", &field(20, 10, 2));
    text(folder.path(), "tiles.csv", "tile,image,x,y,w,h,more\nlast,a,15,5,5,5,0\nfirst,a.png,0,0,7,3,0\n");
    let options = DatasetOptions { tiles_csv: Some("tiles.csv".into()), ..DatasetOptions::default() };
    let dataset = open_with(folder.path(), &options).unwrap();
    let tiles: Vec<_> = dataset.tiles.iter().map(|t| (t.name.as_str(), t.x, t.y, t.w, t.h)).collect();
    assert_eq!(tiles, [("last", 15, 5, 5, 5), ("first", 0, 0, 7, 3)]);
    assert!(dataset.left_out[0].name == "b" && dataset.left_out[0].reason.contains("no line"));

    for (line, expected) in [
        ("t,a,16,5,5,5", "line 2: the tile reaches outside of 'a', which has 20 x 10"),
        ("t,c,0,0,5,5", "line 2: no image 'c'"),
        ("t,a,0,0,5,0", "line 2: a tile of 5 x 0"),
        ("t,a,-1,0,5,5", "line 2: x '-1'"),
        ("t,a,18446744073709551615,0,5,5", "line 2: the tile reaches outside"),
        ("t,a,0,0,5,5\nt,a,5,0,5,5", "line 3: 't' already stands in line 2"),
    ] {
        text(folder.path(), "tiles.csv", &format!("tile,image,x,y,w,h\n{line}\n"));
        let message = message(open_with(folder.path(), &options), "tiles.csv");
        assert!(message.contains(expected), "{message}");
    }
    let missing = DatasetOptions { tiles_csv: Some("none.csv".into()), ..DatasetOptions::default() };
    message(open_with(folder.path(), &missing), "none.csv");
}

#[test]
fn blank_saturated_and_small_fields_are_left_out_by_name() {
    let folder = tempdir().unwrap();
    let flat = |value: f32| Plane { width: 20, height: 10, data: vec![value; 200] };
    let mut bright = flat(255.0);
    bright.data[..50].fill(3.0);
    image(folder.path(), "black.png", &flat(0.0));
    image(folder.path(), "bright.png", &bright);
    image(folder.path(), "good.png", &field(20, 10, 1));
    image(folder.path(), "small.png", &field(19, 30, 1));
    let dataset = open_with(folder.path(), &tiled(20, 10)).unwrap();
    assert_eq!(names(&dataset), ["good"]);
    let reasons: Vec<_> =
        dataset.left_out.iter().map(|left| (left.name.as_str(), left.reason.as_str())).collect();
    assert_eq!(reasons[0], ("black", "blank: all its pixels are 0"));
    assert_eq!(reasons[1], ("bright", "saturated: 75 % of its pixels are at 255 (limit 50 %)"));
    assert!(reasons[2].0 == "small" && reasons[2].1.contains("19 x 30") && reasons[2].1.contains("20 x 10"));
    assert_eq!(dataset.tiles[0].field, 0);
    let all = DatasetOptions { saturated_limit: 1.0, ..tiled(20, 10) };
    assert_eq!(names(&open_with(folder.path(), &all).unwrap()), ["bright", "good"]);

    // Nothing but blank fields, nothing but small ones.
    let only = tempdir().unwrap();
    image(only.path(), "black.png", &flat(0.0));
    let text = message(open(&only), "all 1 field(s) were left out");
    assert!(text.contains("black: blank"), "{text}");
    image(only.path(), "large.png", &field(30, 30, 1));
    let text = message(open_with(only.path(), &tiled(31, 8)), "31 x 8");
    assert!(text.contains("large with 30 x 30"), "{text}");
    message(open_with(only.path(), &tiled(0, 8)), "0 x 8");
}

#[test]
fn oddities_are_told() {
    let folder = tempdir().unwrap();
    image(folder.path(), "a.png", &field(8, 8, 1));
    let dataset = open(&folder).unwrap();
    assert!(dataset.notes.iter().any(|note| note.contains("only one field, a")), "{:?}", dataset.notes);
    write_png_grey16(&folder.path().join("b.png"), &field(8, 8, 2)).unwrap();
    let dataset = open(&folder).unwrap();
    assert!(dataset.notes.iter().any(|n| n.contains("8 bits in a, 16 bits in b")), "{:?}", dataset.notes);
}

#[test]
fn the_smallest_kind_of_file_that_holds_every_value_is_for_all_fields() {
    let folder = tempdir().unwrap();
    let root = folder.path();
    let kind = || ExactFormat::of(&open(&folder).unwrap());
    let float = |name: &str, values: [f32; 4]| {
        write_tiff_f32(&root.join(name), &Plane { width: 2, height: 2, data: values.to_vec() }).unwrap();
    };
    image(root, "a.png", &field(8, 8, 1));
    assert_eq!(kind(), ExactFormat::Png8);
    // Whole numbers are whole numbers, whatever the file; a dark file of 16 bits stays one.
    write_png_grey16(&root.join("b.png"), &field(8, 8, 2)).unwrap();
    assert_eq!(kind(), ExactFormat::Png16);
    float("c.tif", [0.0, 1.0, 65535.0, 300.0]);
    assert_eq!(kind(), ExactFormat::Png16);
    for values in [[0.0, 1.0, 65536.0, 2.0], [-1.0, 0.0, 1.0, 2.0], [0.0, 0.25, 0.5, 1.0]] {
        float("c.tif", values);
        assert_eq!(kind(), ExactFormat::TiffFloat, "{values:?}");
    }
    // A name with a dot keeps what is behind it.
    let plane = field(8, 8, 3);
    for (kind, name) in [(ExactFormat::Png8, "x.y-t0.png"), (ExactFormat::TiffFloat, "x.y-t0.tif")] {
        let path = kind.write(root, "x.y-t0", &plane).unwrap();
        assert_eq!(path, root.join(name));
        assert_eq!(read_plane(&path, ChannelChoice::Guess).unwrap().0, plane);
    }
}

#[test]
fn folders_that_hold_no_images() {
    let folder = tempdir().unwrap();
    assert!(message(open(&folder), "no images found").contains("it is empty"));
    text(folder.path(), "stack.czi", "");
    text(folder.path(), "train/stack.czi", "");
    let text = message(open(&folder), &folder.path().display().to_string());
    assert!(text.contains("1 file(s) with .czi") && text.contains("1 folder(s): train"), "{text}");
    let missing = folder.path().join("missing");
    message(open_with(&missing, &DatasetOptions::default()), "missing: not a folder");
}

#[test]
fn masks_that_do_not_fit() {
    let folder = tempdir().unwrap();
    image(folder.path(), "images/a.png", &field(20, 10, 1));
    mask(folder.path(), "masks/a.png", 10, 20);
    let text = message(open(&folder), "a.png");
    assert!(text.contains("10 x 20") && text.contains("20 x 10"), "{text}");
    mask(folder.path(), "masks/a.png", 20, 10);
    mask(folder.path(), "masks/b.png", 20, 10);
    message(open(&folder), "b.png: mask without an image");
    image(folder.path(), "images/b.png", &field(20, 10, 1));
    assert!(open(&folder).is_ok());
    image(folder.path(), "images/a.bmp", &field(20, 10, 1));
    message(open(&folder), "both would be the field 'a'");
}

#[test]
fn no_file_of_a_folder_is_passed_over_in_silence() {
    let folder = tempdir().unwrap();
    let root = folder.path();
    for name in ["p.png", "p_flows.png", "lone.png"] {
        image(root, name, &field(8, 8, 3));
    }
    mask(root, "p_masks.png", 8, 8);
    let files = field_files(root).unwrap();
    let names: Vec<&str> = files.fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!((names, files.fields[1].mask.is_some()), (vec!["lone", "p"], true));
    assert!(files.notes.len() == 1 && files.notes[0].contains("1 file(s) hold flows"), "{:?}", files.notes);
    image(root, "lone.bmp", &field(8, 8, 4));
    let message = field_files(root).unwrap_err().to_string();
    assert!(message.contains("lone.bmp") && message.contains("lone.png"), "{message}");
    mask(root, "lost_masks.png", 8, 8);
    let message = field_files(root).unwrap_err().to_string();
    assert!(message.contains("1 more file(s)"), "{message}");
}

#[test]
fn unreadable_files_are_errors_and_the_check_lists_them_all() {
    let folder = tempdir().unwrap();
    for name in ["a", "b", "c", "d"] {
        image(folder.path(), &format!("{name}.png"), &field(20, 10, 1));
    }
    for name in ["b.png", "d.png"] {
        let path = folder.path().join(name);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    }
    let text = message(open(&folder), "b.png: unreadable PNG");
    assert!(text.contains("1 more file(s)") && text.contains("foci data check"), "{text}");
    let report = check(folder.path(), &DatasetOptions::default(), &mut Workers::default()).unwrap();
    assert!(!report.usable && report.problems.len() == 2 && report.problems[1].contains("d.png"));
    assert_eq!(report.fingerprint.fields, 2);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["fingerprint"]["images"][1]["name"], "c");
    assert!(report.to_string().contains("problem"), "{report}");
}

#[test]
fn a_fingerprint_knows_the_images_again_and_nothing_else() {
    let make = |seed: u32| {
        let folder = tempdir().unwrap();
        image(folder.path(), "a.png", &field(20, 10, 1));
        image(folder.path(), "b.png", &field(20, 10, seed));
        folder
    };
    let print = |folder: &TempDir, options: &DatasetOptions| {
        Fingerprint::of(&open_with(folder.path(), options).unwrap(), None)
    };
    let (one, same, other) = (make(2), make(2), make(3));
    let whole = DatasetOptions::default();
    assert_eq!(print(&one, &whole), print(&same, &whole));
    assert_ne!(print(&one, &whole).sha256, print(&other, &whole).sha256);
    assert_ne!(print(&one, &whole).sha256, print(&one, &tiled(10, 10)).sha256);
    let print = print(&one, &tiled(10, 10));
    assert_eq!((print.fields, print.tiles, print.groups), (2, 4, 2));
    assert_eq!(print.tile_sizes.get("10x10"), Some(&4));
    let json = serde_json::to_string(&print).unwrap();
    assert_eq!(serde_json::from_str::<Fingerprint>(&json).unwrap(), print);
}

#[test]
fn a_file_that_changes_after_opening_is_an_error() {
    let folder = tempdir().unwrap();
    image(folder.path(), "images/a.png", &field(20, 10, 1));
    mask(folder.path(), "masks/a.png", 20, 10);
    let dataset = open_with(folder.path(), &tiled(10, 10)).unwrap();
    let mut loader = Loader::new(&dataset);
    loader.tile(0).unwrap();
    image(folder.path(), "images/a.png", &field(20, 10, 2));
    // The field is kept, so its other tile still belongs to the same image.
    loader.tile(1).unwrap();
    assert!(matches!(Loader::new(&dataset).tile(1), Err(ImageError::Changed { .. })));
    assert!(matches!(loader.tile(2), Err(ImageError::NoSuch { what: "tile", index: 2, count: 2 })));
}
