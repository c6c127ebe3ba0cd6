//! Which channel of an image is taken.
//!
//! Fluorescence is one channel at a time, but files are often saved in colour. Where nobody says which
//! channel is meant it is guessed by a rule that can be told in one sentence, and told.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::common::Raster;
use crate::{ImageError, Plane};

/// Channel of an image to use. As text (in files and on the command line): `guess`, `red`, `green`, `blue`,
/// `luminance`, or a number from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "NameOrNumber")]
pub enum ChannelChoice {
    /// Grey if all channels are equal; the only channel with signal if there is just one; otherwise
    /// luminance for red-green-blue images and the first channel for others. What was guessed is told.
    #[default]
    Guess,
    /// Channel by number, from 0.
    Index(usize),
    /// Red, the first of at least three.
    Red,
    /// Green, the second of at least three.
    Green,
    /// Blue, the third of at least three.
    Blue,
    /// 0.299 red + 0.587 green + 0.114 blue (ITU-R BT.601); a grey image as it is.
    Luminance,
}

impl FromStr for ChannelChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "guess" => Ok(Self::Guess),
            "red" => Ok(Self::Red),
            "green" => Ok(Self::Green),
            "blue" => Ok(Self::Blue),
            "luminance" => Ok(Self::Luminance),
            _ => text.parse().map(Self::Index).map_err(|_| {
                format!("no channel '{text}': use guess, red, green, blue, luminance or a number from 0")
            }),
        }
    }
}

impl fmt::Display for ChannelChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Guess => f.write_str("guess"),
            Self::Index(index) => write!(f, "{index}"),
            Self::Red => f.write_str("red"),
            Self::Green => f.write_str("green"),
            Self::Blue => f.write_str("blue"),
            Self::Luminance => f.write_str("luminance"),
        }
    }
}

impl From<ChannelChoice> for String {
    fn from(choice: ChannelChoice) -> Self {
        choice.to_string()
    }
}

/// A channel in a file that a person writes: numbers need no quotes.
#[derive(Deserialize)]
#[serde(untagged)]
enum NameOrNumber {
    Number(usize),
    Name(String),
}

impl TryFrom<NameOrNumber> for ChannelChoice {
    type Error = String;

    fn try_from(choice: NameOrNumber) -> Result<Self, String> {
        match choice {
            NameOrNumber::Number(index) => Ok(Self::Index(index)),
            NameOrNumber::Name(name) => name.parse(),
        }
    }
}

/// A channel counts as dark if its range is below this share of the strongest channel's range: what
/// colour conversion leaves behind.
const DARK: f64 = 0.02;

/// Takes the channel out, with a note if it was a guess.
pub(super) fn choose(
    path: &Path,
    raster: &Raster,
    choice: ChannelChoice,
) -> Result<(Plane, Option<&'static str>), ImageError> {
    let plane = |data| Plane { width: raster.width, height: raster.height, data };
    let missing = |asked: String| ImageError::NoSuchChannel {
        path: path.to_path_buf(),
        asked,
        channels: raster.colours,
    };
    let index = match choice {
        ChannelChoice::Guess => {
            let (data, note) = guess(raster);
            return Ok((plane(data), note));
        }
        ChannelChoice::Luminance if raster.colours >= 3 => return Ok((plane(luminance(raster)), None)),
        ChannelChoice::Luminance if raster.colours == 1 => 0,
        ChannelChoice::Luminance => return Err(missing("luminance".to_string())),
        ChannelChoice::Index(index) if index < raster.colours => index,
        ChannelChoice::Index(index) => return Err(missing(index.to_string())),
        ChannelChoice::Red if raster.colours >= 3 => 0,
        ChannelChoice::Green if raster.colours >= 3 => 1,
        ChannelChoice::Blue if raster.colours >= 3 => 2,
        ChannelChoice::Red => return Err(missing("red".to_string())),
        ChannelChoice::Green => return Err(missing("green".to_string())),
        ChannelChoice::Blue => return Err(missing("blue".to_string())),
    };
    Ok((plane(raster.samples.channel(index, raster.channels)), None))
}

fn guess(raster: &Raster) -> (Vec<f32>, Option<&'static str>) {
    let channel = |c| raster.samples.channel(c, raster.channels);
    if raster.colours == 1 {
        return (channel(0), None);
    }
    if first_difference(raster).is_none() {
        return (channel(0), Some("all its channels are equal: read as grey"));
    }
    let ranges: Vec<f64> = (0..raster.colours).map(|c| range(&channel(c))).collect();
    let strongest = ranges.iter().copied().fold(0.0, f64::max);
    let mut lit = (0..raster.colours).filter(|&c| ranges[c] > DARK * strongest);
    if let (Some(only), None) = (lit.next(), lit.next()) {
        let note = match (raster.rgb, only) {
            (true, 0) => "only red carries signal: red is used",
            (true, 1) => "only green carries signal: green is used",
            (true, 2) => "only blue carries signal: blue is used",
            (_, 0) => "only channel 0 carries signal: it is used",
            (_, 1) => "only channel 1 carries signal: it is used",
            _ => "only one channel carries signal: it is used",
        };
        return (channel(only), Some(note));
    }
    if raster.rgb {
        (luminance(raster), Some("is in colour: luminance is used; say which channel if one is meant"))
    } else {
        (channel(0), Some("has several channels: channel 0 is used; say which if another is meant"))
    }
}

fn range(values: &[f32]) -> f64 {
    let (low, high) =
        values.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v)));
    f64::from(high) - f64::from(low)
}

fn luminance(raster: &Raster) -> Vec<f32> {
    let value = |pixel: usize, c: usize| raster.samples.at(pixel * raster.channels + c);
    (0..raster.width * raster.height)
        .map(|pixel| (0.299 * value(pixel, 0) + 0.587 * value(pixel, 1) + 0.114 * value(pixel, 2)) as f32)
        .collect()
}

/// First pixel whose channels (opacity aside) are not all equal.
pub(super) fn first_difference(raster: &Raster) -> Option<usize> {
    (0..raster.width * raster.height).find(|pixel| {
        let base = pixel * raster.channels;
        let first = raster.samples.at(base);
        (1..raster.colours).any(|c| raster.samples.at(base + c) != first)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_written_as_people_say_it() {
        let read = |json: &str| serde_json::from_str::<ChannelChoice>(json);
        assert_eq!(read("\"green\"").unwrap(), ChannelChoice::Green);
        assert_eq!(read("2").unwrap(), ChannelChoice::Index(2));
        assert_eq!("2".parse(), Ok(ChannelChoice::Index(2)));
        assert!(read("\"mauve\"").unwrap_err().to_string().contains("luminance or a number"));
        assert_eq!(serde_json::to_string(&ChannelChoice::Index(2)).unwrap(), "\"2\"");
        assert_eq!(read("\"2\"").unwrap(), ChannelChoice::Index(2));
    }
}
