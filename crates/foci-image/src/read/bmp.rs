//! Windows bitmaps: a header, colours, and rows of pixels from the bottom up.
//!
//! Read by ourselves: without compression a bitmap is little more than its rows, and the crates that read it either bring
//! colour management along or fill what a cut-off file lacks with black. Run-length coded ones are refused by name.
//! Source: Microsoft, "Bitmap Storage" (BITMAPFILEHEADER, BITMAPCOREHEADER, BITMAPINFOHEADER, BITMAPV5HEADER).

use std::path::Path;

use super::common::{FileFormat, Raster, Samples, check_size};
use crate::ImageError;

/// Where the header of the bitmap begins, after that of the file.
const HEADER: usize = 14;
/// Length of the header of OS/2, with sizes of 16 bits and colours of three bytes.
const CORE: usize = 12;
/// Masks of red, green and blue follow the first 40 bytes of a header, within it or after it.
const MASKS: usize = HEADER + 40;

/// Decodes a whole file: one channel where all its colours are greys, or else red, green and blue; 8 bits each.
pub(super) fn decode(path: &Path, bytes: &[u8]) -> Result<Raster, ImageError> {
    let unreadable = |reason: String| ImageError::unreadable(path, FileFormat::Bmp.name(), reason);
    let header = Header::of(bytes).map_err(unreadable)?;
    check_size(path, bytes.len(), header.width, header.height, 1)?;
    let rows = header.rows(bytes).map_err(unreadable)?;
    let pixels = header.width * header.height;
    let mut notes = Vec::new();
    let (channels, samples) = if header.bits <= 8 {
        let table = header.table(bytes).map_err(unreadable)?;
        let is_grey = table.iter().all(|[red, green, blue]| red == green && green == blue);
        let channels = if is_grey { 1 } else { 3 };
        if !is_grey {
            notes.push(super::common::COLOUR_TABLE);
        }
        check_size(path, bytes.len(), header.width, header.height, channels)?;
        let mut samples = Vec::with_capacity(channels * pixels);
        for row in rows {
            for index in header.indices(row) {
                let missing = || unreadable(format!("colour {index} of a table of {}", table.len()));
                samples.extend(&table.get(index).ok_or_else(missing)?[..channels]);
            }
        }
        (channels, samples)
    } else {
        check_size(path, bytes.len(), header.width, header.height, 3)?;
        let colours = header.colours(bytes).map_err(unreadable)?;
        let mut samples = Vec::with_capacity(3 * pixels);
        for row in rows {
            for pixel in row.chunks_exact(header.bits / 8).take(header.width) {
                samples.extend(colours.map(|colour| colour.of(number(pixel))));
            }
        }
        (3, samples)
    };
    let size = [header.width, header.height];
    Ok(Raster { notes, ..Raster::of_integers(FileFormat::Bmp, size, channels, 8, Samples::U8(samples)) })
}

struct Header {
    /// Length of the bitmap's header.
    length: usize,
    /// Where the pixels begin.
    pixels: usize,
    width: usize,
    height: usize,
    from_top: bool,
    /// Bits of a pixel: 1, 2, 4, 8, 16, 24 or 32.
    bits: usize,
    /// Whether masks say where the colours of a pixel are.
    masked: bool,
    /// Colours in the table, as the header has it; 0 for all that a pixel can name.
    colours: usize,
}

impl Header {
    fn of(bytes: &[u8]) -> Result<Header, String> {
        let half = |at| word(bytes, at, 2);
        let full = |at| word(bytes, at, 4);
        let (pixels, length) = (full(10)? as usize, full(HEADER)? as usize);
        let (width, height, bits, compression, colours);
        if length == CORE {
            (width, height) = (half(18)?.into(), half(20)?.into());
            (bits, compression, colours) = (half(24)?, 0, 0);
        } else if matches!(length, 40 | 52 | 56 | 64 | 108 | 124) {
            (width, height) = (i64::from(full(18)? as i32), i64::from(full(22)? as i32));
            (bits, compression, colours) = (half(28)?, full(30)?, full(46)? as usize);
        } else {
            return Err(format!(
                "a header of {length} bytes; those of 12, 40, 52, 56, 64, 108 and 124 are known"
            ));
        }
        let masked = match compression {
            0 => false,
            3 | 6 => true,
            1 | 2 => return Err("its pixels are run-length coded: save it as PNG or TIFF".to_owned()),
            other => return Err(format!("compression {other}: save it as PNG or TIFF")),
        };
        if !matches!((bits, masked), (1 | 2 | 4 | 8 | 24, false) | (16 | 32, _)) {
            let with = if masked { " with masks of colours" } else { "" };
            return Err(format!(
                "{bits} bits for each pixel{with}; 1, 2, 4, 8, 16, 24 and 32 are known, masks with 16 and 32"
            ));
        }
        if pixels < HEADER + length {
            return Err(format!("its pixels would begin at byte {pixels}, within the header"));
        }
        let width = usize::try_from(width).map_err(|_| format!("a width of {width} pixels"))?;
        let rows =
            usize::try_from(height.unsigned_abs()).map_err(|_| format!("a height of {height} pixels"))?;
        let (from_top, bits) = (height < 0, bits as usize);
        Ok(Header { length, pixels, width, height: rows, from_top, bits, masked, colours })
    }

    /// Rows from the top down, each with the bytes that fill it up to a multiple of four.
    fn rows<'a>(&self, bytes: &'a [u8]) -> Result<impl Iterator<Item = &'a [u8]> + use<'a>, String> {
        let row = (self.width * self.bits).div_ceil(32) * 4;
        let (height, from_top) = (self.height, self.from_top);
        let here = bytes.get(self.pixels..).unwrap_or_default();
        let Some(pixels) = here.get(..row * height) else {
            return Err(format!("cut off: {} bytes of pixels, {} needed", here.len(), row * height));
        };
        Ok((0..height).map(move |y| {
            let at = if from_top { y } else { height - 1 - y };
            &pixels[at * row..][..row]
        }))
    }

    /// The table of colours: red, green, blue.
    fn table(&self, bytes: &[u8]) -> Result<Vec<[u8; 3]>, String> {
        let most = 1 << self.bits;
        let colours = if self.colours == 0 { most } else { self.colours.min(most) };
        let entry = if self.length == CORE { 3 } else { 4 };
        let table = bytes.get(HEADER + self.length..).and_then(|table| table.get(..colours * entry));
        let table = table.ok_or_else(|| format!("cut off within its table of {colours} colours"))?;
        Ok(table.chunks_exact(entry).map(|entry| [entry[2], entry[1], entry[0]]).collect())
    }

    /// Numbers of colours in a row; the first pixel is in the highest bits of a byte.
    fn indices<'a>(&self, row: &'a [u8]) -> impl Iterator<Item = usize> + use<'a> {
        let (bits, in_byte) = (self.bits, 8 / self.bits);
        let of =
            move |x: usize| row[x / in_byte] >> (8 - bits * (x % in_byte + 1)) & (0xff >> (8 - bits)) as u8;
        (0..self.width).map(move |x| of(x).into())
    }

    /// Where red, green and blue are in a pixel.
    fn colours(&self, bytes: &[u8]) -> Result<[Bits; 3], String> {
        let masks = match (self.masked, self.bits) {
            (true, _) => [word(bytes, MASKS, 4)?, word(bytes, MASKS + 4, 4)?, word(bytes, MASKS + 8, 4)?],
            (false, 16) => [0x7c00, 0x03e0, 0x001f],
            (false, _) => [0x00ff_0000, 0x0000_ff00, 0x0000_00ff],
        };
        // One piece of bits within the pixel.
        let is_mask = |mask: u32| {
            let bits = mask.checked_shr(mask.trailing_zeros()).unwrap_or(0);
            bits != 0 && bits.count_ones() == bits.trailing_ones() && u64::from(mask) >> self.bits == 0
        };
        if let Some(mask) = masks.into_iter().find(|&mask| !is_mask(mask)) {
            return Err(format!(
                "{mask:x} says where a colour is in a pixel of {} bits, and cannot",
                self.bits
            ));
        }
        Ok(masks.map(|mask| Bits { mask, shift: mask.trailing_zeros() }))
    }
}

/// The bits of one colour in a pixel.
#[derive(Clone, Copy)]
struct Bits {
    mask: u32,
    shift: u32,
}

impl Bits {
    /// The colour's value in a pixel, its full range spread over 0..=255.
    fn of(self, pixel: u32) -> u8 {
        let (value, most) =
            (u64::from((pixel & self.mask) >> self.shift), u64::from(self.mask >> self.shift));
        ((value * 255 + most / 2) / most) as u8
    }
}

/// The number of so many bytes at a place of the file.
fn word(bytes: &[u8], at: usize, length: usize) -> Result<u32, String> {
    bytes.get(at..at + length).map(number).ok_or_else(|| format!("cut off after {} bytes", bytes.len()))
}

/// A little-endian number.
fn number(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |number, &byte| number << 8 | u32::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bitmap of width 3 and height 2 or, from the top, -2; `after` is what stands between header and pixels.
    fn file(height: i32, bits: u16, compression: u32, colours: u32, after: &[u8], pixels: &[u8]) -> Vec<u8> {
        let mut file = b"BM".to_vec();
        file.extend([0; 8]);
        file.extend((54 + after.len() as u32).to_le_bytes());
        file.extend([40u32.to_le_bytes(), 3i32.to_le_bytes(), height.to_le_bytes()].concat());
        file.extend([1u16.to_le_bytes(), bits.to_le_bytes()].concat());
        file.extend([compression, 0, 0, 0, colours, 0].map(u32::to_le_bytes).concat());
        file.extend(after);
        file.extend(pixels);
        file
    }

    fn read(file: &[u8]) -> Result<(usize, Vec<u8>), String> {
        let raster = decode(Path::new("x.bmp"), file).map_err(|error| error.to_string())?;
        assert_eq!((raster.width, raster.height), (3, 2));
        match raster.samples {
            Samples::U8(samples) => Ok((raster.channels, samples)),
            _ => Err("not of 8 bits".to_owned()),
        }
    }

    #[test]
    fn rows_stand_on_their_heads_unless_the_height_is_negative() {
        let pixels = [3, 2, 1, 6, 5, 4, 9, 8, 7, 0, 0, 0, 13, 12, 11, 16, 15, 14, 19, 18, 17, 0, 0, 0];
        let (lower, upper) = ([1, 2, 3, 4, 5, 6, 7, 8, 9], [11, 12, 13, 14, 15, 16, 17, 18, 19]);
        assert_eq!(read(&file(2, 24, 0, 0, &[], &pixels)), Ok((3, [upper, lower].concat())));
        assert_eq!(read(&file(-2, 24, 0, 0, &[], &pixels)), Ok((3, [lower, upper].concat())));
    }

    #[test]
    fn tables_of_greys_are_one_channel_and_others_three() {
        let grey = [0, 0, 0, 0, 200, 200, 200, 0];
        let bits = [0b0110_0000, 0, 0, 0, 0b1000_0000, 0, 0, 0];
        assert_eq!(read(&file(2, 1, 0, 2, &grey, &bits)), Ok((1, vec![200, 0, 0, 0, 200, 200])));
        let coloured = [0, 0, 0, 0, 30, 20, 10, 0];
        let nibbles = [0x01, 0x10, 0, 0, 0, 0, 0, 0];
        let black = [0; 9];
        let expected = [&black[..], &[0, 0, 0, 10, 20, 30, 10, 20, 30]].concat();
        assert_eq!(read(&file(2, 4, 0, 2, &coloured, &nibbles)), Ok((3, expected)));
        let error = read(&file(2, 8, 0, 2, &grey, &[0, 1, 2, 0, 0, 0, 0, 0])).unwrap_err();
        assert!(error.contains("colour 2 of a table of 2"), "{error}");
    }

    #[test]
    fn masks_say_where_colours_are_and_spread_them() {
        let masks = [0xf800u32, 0x07e0, 0x001f].map(u32::to_le_bytes).concat();
        let word = |red: u16, green: u16, blue: u16| (red << 11 | green << 5 | blue).to_le_bytes();
        let row = [word(31, 0, 0), word(0, 63, 31), word(16, 32, 1), [0, 0]].concat();
        let light = [255, 0, 0, 0, 255, 255, 132, 130, 8];
        let pixels = [row.clone(), row].concat();
        assert_eq!(read(&file(2, 16, 3, 0, &masks, &pixels)), Ok((3, [light, light].concat())));
        // Without masks the fourth byte of 32 bits means nothing.
        let plain = [1, 2, 3, 99, 4, 5, 6, 0, 7, 8, 9, 255].repeat(2);
        assert_eq!(read(&file(2, 32, 0, 0, &[], &plain)), Ok((3, [3, 2, 1, 6, 5, 4, 9, 8, 7].repeat(2))));
    }

    #[test]
    fn what_is_not_known_or_not_there_is_told() {
        let told = |file: &[u8], part: &str| {
            let error = read(file).unwrap_err();
            assert!(error.contains("x.bmp") && error.contains(part), "{error}");
        };
        told(&file(2, 8, 1, 0, &[0; 1024], &[0; 8]), "run-length coded");
        told(&file(2, 24, 5, 0, &[], &[0; 24]), "compression 5");
        told(&file(2, 7, 0, 0, &[], &[0; 24]), "7 bits");
        told(&file(2, 24, 0, 0, &[], &[0; 23]), "23 bytes of pixels, 24 needed");
        told(&file(2, 16, 3, 0, &[0; 12], &[0; 16]), "0 says where a colour is");
        for mask in [0x00ff_0000u32, 5] {
            let masks = [mask, 0x07e0, 0x001f].map(u32::to_le_bytes).concat();
            told(&file(2, 16, 3, 0, &masks, &[0; 16]), "and cannot");
        }
        told(&file(2, 24, 3, 0, &[0; 12], &[0; 24]), "masks with 16 and 32");
        let mut within = file(2, 24, 0, 0, &[], &[0; 24]);
        within[10] = 20;
        told(&within, "within the header");
        told(&file(0, 24, 0, 0, &[], &[]), "holds nothing");
        told(&file(2, 8, 0, 0, &[0; 8], &[]), "cut off");
        told(b"BM", "cut off after 2 bytes");
    }
}
