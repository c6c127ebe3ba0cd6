//! Small TIFF files put together byte by byte (TIFF 6.0, section 2), for the kinds that no encoder at hand
//! writes.

/// Tags used by the tests, with their numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    Width = 256,
    Height = 257,
    Bits = 258,
    Photometric = 262,
    Samples = 277,
    Planar = 284,
    ColourMap = 320,
    SampleFormat = 339,
}

/// A little-endian file of one page, uncompressed, one strip for each of `strips`. Photometric is 1 (black
/// is zero) unless given; the strips hold all rows.
pub fn tiff(tags: &[(Tag, Vec<u32>)], strips: &[&[u8]]) -> Vec<u8> {
    const COMPRESSION: u16 = 259;
    const STRIP_OFFSETS: u16 = 273;
    const ROWS_PER_STRIP: u16 = 278;
    const STRIP_BYTES: u16 = 279;
    const LONG: u16 = 4;
    const SHORT: u16 = 3;
    let mut file = b"II*\0\0\0\0\0".to_vec();
    let mut offsets = Vec::new();
    for strip in strips {
        offsets.push(file.len() as u32);
        file.extend_from_slice(strip);
    }
    let height = tags.iter().find(|(tag, _)| *tag == Tag::Height).map_or(1, |(_, value)| value[0]);
    let mut entries: Vec<(u16, u16, Vec<u32>)> = tags
        .iter()
        .map(|(tag, values)| {
            let kind = if matches!(tag, Tag::Width | Tag::Height) { LONG } else { SHORT };
            (*tag as u16, kind, values.clone())
        })
        .collect();
    entries.push((COMPRESSION, SHORT, vec![1]));
    entries.push((STRIP_OFFSETS, LONG, offsets));
    entries.push((ROWS_PER_STRIP, LONG, vec![height]));
    entries.push((STRIP_BYTES, LONG, strips.iter().map(|strip| strip.len() as u32).collect()));
    if !tags.iter().any(|(tag, _)| *tag == Tag::Photometric) {
        entries.push((Tag::Photometric as u16, SHORT, vec![1]));
    }
    entries.sort();
    // Values of more than four bytes lie before the directory and are pointed to.
    let mut directory = (entries.len() as u16).to_le_bytes().to_vec();
    for (tag, kind, values) in entries {
        let mut bytes: Vec<u8> = values
            .iter()
            .flat_map(|v| {
                if kind == SHORT { (*v as u16).to_le_bytes().to_vec() } else { v.to_le_bytes().to_vec() }
            })
            .collect();
        if bytes.len() > 4 {
            let at = file.len() as u32;
            file.extend_from_slice(&bytes);
            bytes = at.to_le_bytes().to_vec();
        }
        bytes.resize(4, 0);
        directory.extend_from_slice(&tag.to_le_bytes());
        directory.extend_from_slice(&kind.to_le_bytes());
        directory.extend_from_slice(&(values.len() as u32).to_le_bytes());
        directory.extend_from_slice(&bytes);
    }
    directory.extend_from_slice(&0u32.to_le_bytes());
    let at = file.len() as u32;
    file[4..8].copy_from_slice(&at.to_le_bytes());
    file.extend_from_slice(&directory);
    file
}
