//! The images of `foci predict MODEL`, from their files to what is written of each, whoever answers them.

use crate::arguments::PredictArguments;
use crate::command::predict::{Predicted, files, hold, missing, sort_out, tell_left_out, why_not_written};
use crate::command::predict_maker::{Learnt, Maker};
use crate::command::predict_objects::Told;
use crate::command::predict_sheet::Sheet;
use crate::command::{predict_classes, predict_objects};
use crate::exit::Failure;
use crate::progress::watched;
use crate::reading::{self, Notes};
use crate::terminal;
use foci_image::{FolderLock, Reading, read_plane_as_others, write_tiff_f32};
use foci_train::{Task, TrainError, diameters_px};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// The images whose predictions are to be made, and the folder for them, which is this process's own.
pub struct Images<'a> {
    flags: &'a PredictArguments,
    learnt: Learnt<'a>,
    /// Channel and page as the flags say them.
    said: Reading,
    pairs: Vec<Predicted>,
    sheet: Option<Sheet>,
    _lock: FolderLock,
}

impl<'a> Images<'a> {
    /// Looks for the images, and makes the folders for what is predicted of them.
    pub fn of(flags: &'a PredictArguments, learnt: Learnt<'a>) -> Result<Images<'a>, Failure> {
        let inputs = files(&flags.inputs)?;
        let lock = hold(&flags.out)?;
        let pairs = missing(inputs, flags)?;
        let sheet = match learnt.task {
            Task::Reconstruct => None,
            Task::Semantic => {
                predict_classes::make_folders(&flags.out)?;
                Some(Sheet::CLASSES)
            }
            Task::Instances => {
                predict_objects::make_folders(&flags.out)?;
                Some(Sheet::OBJECTS)
            }
        };
        let said = Reading { channel: reading::channel(flags.channel), page: flags.page };
        reading::remembered(said, learnt.reading).iter().for_each(|line| eprintln!("{line}"));
        Ok(Images { flags, learnt, said, pairs, sheet, _lock: lock })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.pairs.len()
    }

    /// Predicts all of them, shared out among so many makers.
    pub fn answer<M: Maker + Send>(
        &self,
        teams: usize,
        maker: impl Fn(usize) -> M + Sync,
    ) -> Result<(), Failure> {
        let Images { flags, learnt, pairs, .. } = self;
        let idle: Mutex<Vec<M>> = Mutex::new((0..teams).map(&maker).collect());
        let take = || idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let put_back = |maker| idle.lock().unwrap_or_else(PoisonError::into_inner).push(maker);
        let (done, told) = (AtomicUsize::new(0), Mutex::new(Notes::default()));
        let name = flags.model.display().to_string();
        let predicted = watched(&format!("{name} on images"), Some(teams), flags.json, |workers| {
            workers.map(pairs, |pair| {
                // There are as many as threads; one more would only take turns with the first.
                let mut maker = take().unwrap_or_else(|| maker(0));
                let tell = |notes: &[String]| {
                    let fresh = told.lock().unwrap_or_else(PoisonError::into_inner).fresh(&pair.input, notes);
                    fresh.iter().for_each(|line| terminal::tell(line));
                };
                let diameters = self.predict(pair, &mut maker, &tell);
                put_back(maker);
                done.fetch_add(usize::from(matches!(diameters, Ok(Ok(_)))), Ordering::Relaxed);
                diameters
            })
        });
        let done = done.into_inner();
        if predicted.is_err() && done > 0 {
            eprintln!("{done} images are predicted, the rest are not; go on with --resume");
        }
        let (predicted, left_out) = sort_out(pairs, predicted?);
        let mut diameters: Vec<f64> = predicted.iter().flat_map(|(_, of_image)| of_image).copied().collect();
        let scales = flags.scales.clone().unwrap_or_default();
        let scales = learnt.knows_scales.then_some(&scales);
        if let Some(line) = learnt.seen.remark_on_sizes(&mut diameters, scales) {
            eprintln!("{line}");
        }
        let mut see = String::new();
        if let Some(sheet) = self.sheet {
            sheet.write(&flags.out, &name)?;
            see = format!("; see {}", flags.out.join("index.html").display());
        }
        if flags.json {
            terminal::print_json(&predicted.iter().map(|(pair, _)| pair).collect::<Vec<_>>())?;
        } else {
            let count = predicted.len();
            terminal::print(&format!("{count} images predicted in {}{see}\n", flags.out.display()))?;
        }
        tell_left_out(pairs.len(), &left_out)
    }

    /// Reads an image, predicts it, and writes what there is of it; returns the diameters of its objects, if it has any, or why this image is left out.
    fn predict(
        &self,
        pair: &Predicted,
        maker: &mut impl Maker,
        tell: &dyn Fn(&[String]),
    ) -> Result<Result<Vec<f64>, String>, Failure> {
        let Learnt { task, classes, reading, seen, .. } = self.learnt;
        let (plane, info) = match read_plane_as_others(&pair.input, self.said, reading) {
            Ok(read) => read,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let remarks = [seen.remark_on_bits(info.bits), seen.remark_on_channels(info.several_channels)];
        tell(&info.notes.into_iter().chain(remarks.into_iter().flatten()).collect::<Vec<_>>());
        let mut diameters = Vec::new();
        let failed = |error: TrainError| Failure::from(error).about(pair.input.display());
        match task {
            // The result has the input's scale again; 32-bit floats lose nothing of it.
            Task::Reconstruct => {
                let image = maker.image(&plane).map_err(failed)?;
                write_tiff_f32(&pair.output, &image).map_err(Failure::working)?;
            }
            Task::Semantic => {
                let map = maker.classes(&plane).map_err(failed)?;
                predict_classes::write(pair, &plane, &map, classes)?;
            }
            Task::Instances => {
                let found = maker.objects(&plane).map_err(failed)?;
                if let Some(reason) = why_not_written(&pair.output, &found.labels) {
                    return Ok(Err(reason));
                }
                diameters.extend(diameters_px(&found.labels.data));
                let told = Told { objects: &found.classes, names: classes };
                predict_objects::write(pair, &plane, &found.labels, &told, self.flags.foci)?;
            }
        }
        Ok(Ok(diameters))
    }
}
