//! Writes specimens to a folder: `cargo run --release -p foci-image --example specimens -- DIR KIND COUNT [WxH]`.

use foci_image::synth::{SpecimenKind, SpecimenOptions, write_specimens};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [dir, kind, count, rest @ ..] = arguments.as_slice() else {
        return Err("usage: specimens DIR mixed|few|many COUNT [WxH]".into());
    };
    let mut options = SpecimenOptions::of_kind(kind.parse::<SpecimenKind>()?);
    if let Some((width, height)) = rest.first().and_then(|size| size.split_once('x')) {
        (options.width, options.height) = (width.parse()?, height.parse()?);
    }
    let started = std::time::Instant::now();
    let written = write_specimens(std::path::Path::new(dir), count.parse()?, &options)?;
    eprintln!("{} fields in {:.2} s", written.len(), started.elapsed().as_secs_f64());
    Ok(())
}
