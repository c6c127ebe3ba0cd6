//! The contact sheet of predicted objects or classes: `index.html`, every image with its outlines or colours, and what its table says of it.
//!
//! It is made of what lies in the folder (label images, pictures, tables), so it shows what an earlier part of an interrupted
//! prediction wrote as well. Pictures are linked, not copied into it: the folder is handed on as a whole.

use crate::command::predict_objects::{CLASS, FOCI, PROBABILITY_OF};
use crate::command::{predict_classes, predict_objects};
use crate::exit::Failure;
use foci_segment::outlines::class_colour;
use std::fmt::Write;
use std::path::Path;

/// What the page looks like; a grid that fits a phone and a desk, light or dark as the reader has it.
const STYLE: &str = "\
:root { color-scheme: light dark; --line: #8884 }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 84rem; padding: 0 1rem }
h1 { font-size: 1.35rem; margin: 0 0 .2rem }
p { margin: 0 0 1.2rem; opacity: .8 }
main { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)) }
figure { border: 1px solid var(--line); border-radius: 6px; margin: 0; overflow: hidden }
img { background: #000; display: block; height: 13rem; object-fit: contain; width: 100% }
figcaption { display: flex; gap: .6rem; justify-content: space-between; padding: .4rem .6rem }
.sign { border-radius: 50%; display: inline-block; height: .7em; margin: 0 .35em 0 .2em; width: .7em }
figcaption a { overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
@media print { main { grid-template-columns: repeat(3, 1fr) } figure { break-inside: avoid } }
";

/// What a sheet shows.
#[derive(Debug, Clone, Copy)]
pub struct Sheet {
    pictures: &'static str,
    tables: &'static str,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Objects,
    Classes,
}

impl Sheet {
    /// Of outlined objects.
    pub const OBJECTS: Sheet =
        Sheet { pictures: predict_objects::PICTURES, tables: predict_objects::TABLES, kind: Kind::Objects };
    /// Of coloured classes.
    pub const CLASSES: Sheet =
        Sheet { pictures: predict_classes::PICTURES, tables: predict_classes::TABLES, kind: Kind::Classes };

    /// Writes the sheet of all images in `out`, in the order of their names; `maker` is the model or method.
    pub fn write(self, out: &Path, maker: &str) -> Result<(), Failure> {
        let Sheet { pictures, tables, kind } = self;
        let mut figures = String::new();
        let (mut images, mut all) = (0, 0);
        let mut classes: Vec<(usize, String)> = Vec::new();
        for name in names(out)? {
            // A label image that somebody else put there has neither table nor picture.
            let Ok(table) = std::fs::read_to_string(out.join(tables).join(format!("{name}.csv"))) else {
                continue;
            };
            images += 1;
            let caption = match kind {
                Kind::Objects => {
                    let objects = table.lines().count().saturating_sub(1);
                    all += objects;
                    let (names, counts) = of_classes(&table);
                    if !names.is_empty() {
                        classes = names.into_iter().enumerate().collect();
                    }
                    let said =
                        if counts.is_empty() { format!("{objects} objects") } else { counts.join(", ") };
                    match foci_of(&table) {
                        Some(foci) => format!("{said}, {foci} foci"),
                        None => said,
                    }
                }
                Kind::Classes => {
                    classes = coloured(&table);
                    shares(&table)
                }
            };
            let (name, link) = (escaped(&name), linked(&name));
            let _ = writeln!(
                figures,
                "<figure><a href=\"{pictures}/{link}.png\"><img src=\"{pictures}/{link}.png\" loading=\"lazy\" \
                 alt=\"{name} with {pictures}\"></a><figcaption><a href=\"{tables}/{link}.csv\">{name}</a>\
                 <span>{}</span></figcaption></figure>",
                escaped(&caption)
            );
        }
        let (title, word) = match kind {
            Kind::Objects => (format!("{all} objects in {images} images"), "Outlined"),
            Kind::Classes => (format!("Classes in {images} images"), "Coloured"),
        };
        let page = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
             content=\"width=device-width\"><title>{title}</title><style>\n{STYLE}</style></head><body>\n<h1>{title}</h1>\n\
             <p>{word} by {}. A picture opens at full size; a name opens its table.{}</p>\n<main>\n{figures}</main>\n\
             </body></html>\n",
            escaped(maker),
            legend(&classes)
        );
        Ok(foci_image::write_whole(&out.join("index.html"), page.as_bytes())?)
    }
}

/// Names of the label images in a folder, in order.
fn names(out: &Path) -> Result<Vec<String>, Failure> {
    let failed = |error: std::io::Error| {
        Failure::Working(anyhow::anyhow!("cannot read {} for its contact sheet: {error}", out.display()))
    };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(out).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "tif" || extension == "png") {
            names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}

/// Of a table of objects that are told apart the names of the classes, in their order, and in words how many there are of each that
/// occurs.
fn of_classes(table: &str) -> (Vec<String>, Vec<String>) {
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let Ok(head) = reader.headers().cloned() else { return Default::default() };
    let names: Vec<String> =
        head.iter().filter_map(|column| column.strip_prefix(PROBABILITY_OF)).map(String::from).collect();
    let Some(place) = head.iter().position(|column| column == CLASS) else { return (names, Vec::new()) };
    let told: Vec<String> =
        reader.records().filter_map(|row| row.ok()?.get(place).map(String::from)).collect();
    let count = |name: &String| told.iter().filter(|told| *told == name).count();
    let counts = names.iter().map(|name| (count(name), name)).filter(|(count, _)| *count > 0);
    let counts = counts.map(|(count, name)| format!("{count} {name}")).collect();
    (names, counts)
}

/// Of a table of objects in which foci were counted their number.
fn foci_of(table: &str) -> Option<usize> {
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let place = reader.headers().ok()?.iter().position(|column| column == FOCI)?;
    Some(reader.records().filter_map(|row| row.ok()?.get(place)?.parse::<usize>().ok()).sum())
}

/// Of a table of classes the number and the name of each class but the first, which leaves the image as it is.
fn coloured(table: &str) -> Vec<(usize, String)> {
    let rows = csv::Reader::from_reader(table.as_bytes()).into_records();
    rows.skip(1)
        .filter_map(|row| row.ok().and_then(|row| Some((row.get(0)?.parse().ok()?, row.get(1)?.into()))))
        .collect()
}

/// Which colour is which class, by its number.
fn legend(classes: &[(usize, String)]) -> String {
    let sign = |(number, name): &(usize, String)| {
        let [red, green, blue] = class_colour(*number);
        format!(
            "<span class=\"sign\" style=\"background: rgb({red} {green} {blue})\"></span>{}",
            escaped(name)
        )
    };
    let signs: Vec<String> = classes.iter().map(sign).collect();
    if signs.is_empty() { String::new() } else { format!(" Colours: {}.", signs.join(", ")) }
}

/// Of a table of classes the share of each class but the first that occurs.
fn shares(table: &str) -> String {
    let rows = csv::Reader::from_reader(table.as_bytes()).into_records();
    let of_row = |row: csv::StringRecord| {
        let share: f64 = row.get(3)?.parse().ok()?;
        (share > 0.0).then(|| format!("{} {:.2} %", row.get(1).unwrap_or_default(), 100.0 * share))
    };
    let shares: Vec<String> = rows.skip(1).filter_map(|row| of_row(row.ok()?)).collect();
    if shares.is_empty() { "nothing found".into() } else { shares.join(", ") }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A file's name in an address: everything but letters, digits and a few signs by its bytes.
fn linked(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let sign = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    name.bytes().map(sign).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_in_text_and_addresses() {
        assert_eq!(escaped("a<b>&\"c\""), "a&lt;b&gt;&amp;&quot;c&quot;");
        assert_eq!(linked("field 1#ü"), "field%201%23%C3%BC");
    }

    #[test]
    fn classes_are_told_by_their_share() {
        let table = "class,name,area,share,highest_probability\n0,ground,90,0.9,1\n1,\"a, b\",10,0.1,0.9\n2,c,0,0,0.1\n";
        assert_eq!(shares(table), "a, b 10.00 %");
        assert_eq!(coloured(table), [(1, "a, b".into()), (2, "c".into())]);
        assert!(legend(&coloured(table)).contains("rgb(86 180 233)"), "as the class is tinted");
        assert_eq!(shares("class,name,area,share,highest_probability\n0,ground,9,1,1\n"), "nothing found");
    }

    #[test]
    fn objects_that_are_told_apart_are_counted_class_by_class() {
        let table = "label,class,class_probability,probability_few,probability_a<b\n1,a<b,0.9,0.1,0.9\n2,few,0.8,0.8,0.2\n3,few,1,1,0\n";
        let (names, counts) = of_classes(table);
        assert_eq!((names.join("|"), counts.join("|")), ("few|a<b".into(), "2 few|1 a<b".into()));
        let classes: Vec<(usize, String)> = names.into_iter().enumerate().collect();
        assert!(legend(&classes).contains("</span>a&lt;b") && legend(&classes).contains("rgb(230 159 0)"));
        assert_eq!(of_classes("label,area\n1,5\n"), Default::default());
        assert_eq!(legend(&[]), "");
    }

    #[test]
    fn the_sheet_counts_what_lies_in_the_folder() {
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir(place.path().join("objects")).unwrap();
        for (name, table) in [("b", "label\n1\n2\n"), ("a", "label\n")] {
            std::fs::write(place.path().join(format!("{name}.tif")), "").unwrap();
            std::fs::write(place.path().join(format!("objects/{name}.csv")), table).unwrap();
        }
        Sheet::OBJECTS.write(place.path(), "otsu").unwrap();
        let page = std::fs::read_to_string(place.path().join("index.html")).unwrap();
        assert!(page.contains("<h1>2 objects in 2 images</h1>") && page.contains("Outlined by otsu"));
        assert!(page.find("outlines/a.png").unwrap() < page.find("outlines/b.png").unwrap());
        assert!(page.contains("<span>0 objects</span>") && page.contains("<span>2 objects</span>"));
    }
}
