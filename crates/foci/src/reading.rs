//! How images are read: the channel and the page that were said, and what is told where they were guessed.

use crate::arguments::{Channel, ImageArguments, ReadingArguments};
use foci_image::{ChannelChoice, DatasetOptions, Reading};
use std::collections::BTreeSet;
use std::path::Path;

/// How a data folder is to be read.
pub fn dataset_options(flags: &ReadingArguments) -> DatasetOptions {
    let Reading { channel, page } = of_files(&flags.image);
    DatasetOptions {
        tile: flags.tile.map(|tile| (tile.width, tile.height)),
        tiles_csv: flags.tiles.clone(),
        channel,
        page,
        ..DatasetOptions::default()
    }
}

/// Which part of each file is to be used.
pub fn of_files(flags: &ImageArguments) -> Reading {
    Reading { channel: channel(flags.channel), page: flags.page }
}

/// The channel to use.
pub fn channel(choice: Option<Channel>) -> ChannelChoice {
    match choice {
        None => ChannelChoice::Guess,
        Some(Channel::Red) => ChannelChoice::Red,
        Some(Channel::Green) => ChannelChoice::Green,
        Some(Channel::Blue) => ChannelChoice::Blue,
        Some(Channel::Luminance) => ChannelChoice::Luminance,
    }
}

/// What a model remembers of its training images and nobody said otherwise, for a person to know.
pub fn remembered(said: Reading, trained: Reading) -> Vec<String> {
    let mut lines = Vec::new();
    if said.channel == ChannelChoice::Guess && trained.channel != ChannelChoice::Guess {
        lines.push(format!(
            "channel {} of images in colour is used, as in training; --channel says another",
            trained.channel
        ));
    }
    if let (None, Some(page)) = (said.page, trained.page) {
        lines.push(format!("page {page} of files with several is used, as in training; --page says another"));
    }
    lines
}

/// What readers note of files, each note told once: a folder of a thousand images has a thousand times the same.
#[derive(Debug, Default)]
pub struct Notes {
    told: BTreeSet<String>,
}

impl Notes {
    /// The lines to tell of a file: those of its notes that no file before it had.
    pub fn fresh(&mut self, path: &Path, notes: &[String]) -> Vec<String> {
        let fresh = notes.iter().filter(|note| self.told.insert(note.to_string()));
        fresh.map(|note| format!("{}: {note} (told once)", path.display())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_told_of_the_first_file_that_has_it() {
        let mut notes = Notes::default();
        let [colour, pages] = ["is in colour", "has 3 pages"].map(String::from);
        let fresh = notes.fresh(Path::new("a.tif"), std::slice::from_ref(&colour));
        assert_eq!(fresh, ["a.tif: is in colour (told once)"]);
        assert_eq!(notes.fresh(Path::new("b.tif"), &[colour, pages]), ["b.tif: has 3 pages (told once)"]);
    }
}
