//! How the program ends: 0 done, 1 failed while working, 2 unusable input, 130 interrupted.

use std::process::ExitCode;

/// A failure, sorted by whose turn it is to act.
#[derive(Debug)]
pub enum Failure {
    /// Something went wrong while working: exit code 1.
    Working(anyhow::Error),
    /// What was given cannot be used: exit code 2, as for a flag that does not exist.
    Input(anyhow::Error),
    /// Ctrl-C: exit code 130.
    Interrupted(anyhow::Error),
}

impl Failure {
    /// Unusable input.
    pub fn input(error: impl Into<anyhow::Error>) -> Failure {
        Failure::Input(error.into())
    }

    /// A failure while working.
    pub fn working(error: impl Into<anyhow::Error>) -> Failure {
        Failure::Working(error.into())
    }

    /// The same with what it happened to, a file mostly, before it.
    pub fn about(self, what: impl std::fmt::Display) -> Failure {
        let what = what.to_string();
        match self {
            Failure::Working(error) => Failure::Working(error.context(what)),
            Failure::Input(error) => Failure::Input(error.context(what)),
            Failure::Interrupted(error) => Failure::Interrupted(error.context(what)),
        }
    }

    /// Says what happened on standard error and gives the exit code.
    pub fn tell(self) -> ExitCode {
        let (code, word, error) = match self {
            Failure::Working(error) => (1, "error", error),
            Failure::Input(error) => (2, "error", error),
            Failure::Interrupted(error) => (130, "stopped", error),
        };
        let mut words = error.to_string();
        // Library errors name their cause themselves; what they leave out is added.
        for cause in error.chain().skip(1).map(ToString::to_string) {
            if !words.contains(&cause) {
                words = format!("{words}: {cause}");
            }
        }
        eprintln!("{word}: {words}");
        ExitCode::from(code)
    }
}

impl From<foci_study::StudyError> for Failure {
    fn from(error: foci_study::StudyError) -> Failure {
        match error {
            error if error.is_interruption() => Failure::Interrupted(error.into()),
            error if error.is_unusable_input() => Failure::Input(error.into()),
            error => Failure::Working(error.into()),
        }
    }
}

impl From<foci_optics::OpticsError> for Failure {
    fn from(error: foci_optics::OpticsError) -> Failure {
        match error {
            foci_optics::OpticsError::Interrupted(interrupted) => interrupted.into(),
            error if error.is_unusable_input() => Failure::Input(error.into()),
            error => Failure::Working(error.into()),
        }
    }
}

impl From<foci_image::Interrupted> for Failure {
    fn from(interrupted: foci_image::Interrupted) -> Failure {
        Failure::Interrupted(interrupted.into())
    }
}

impl From<foci_image::ImageError> for Failure {
    fn from(error: foci_image::ImageError) -> Failure {
        match error {
            foci_image::ImageError::Write { .. } => Failure::Working(error.into()),
            foci_image::ImageError::Interrupted(interrupted) => interrupted.into(),
            error => Failure::Input(error.into()),
        }
    }
}

impl From<foci_train::TrainError> for Failure {
    fn from(error: foci_train::TrainError) -> Failure {
        match error {
            foci_train::TrainError::Interrupted { .. } => Failure::Interrupted(error.into()),
            foci_train::TrainError::Image(error) => error.into(),
            error if error.is_unusable_input() => Failure::Input(error.into()),
            error => Failure::Working(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use foci_image::{ImageError, Interrupted};
    use foci_train::TrainError;

    #[test]
    fn whoever_watched_and_asked_for_the_end_is_told_so_however_deep_it_was() {
        let of_image = TrainError::Image(ImageError::Interrupted(Interrupted));
        assert!(matches!(Failure::from(of_image), Failure::Interrupted(_)));
        let of_pixels = TrainError::from(Interrupted);
        assert!(matches!(Failure::from(of_pixels), Failure::Interrupted(_)));
    }
}
