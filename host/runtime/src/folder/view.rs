//! Which part of a folder is shown.
//!
//! A service is built from some sub-trees of a larger tree; what lies beside them is none of
//! its business. The view decides on real places only, after links have been resolved, so
//! that a link cannot show what the view hides.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The visible part. The default shows everything.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    /// Sub-trees that are shown; `None` is the whole folder.
    parts: Option<Vec<PathBuf>>,
    /// Names that are shown nowhere.
    hidden: Vec<OsString>,
}

/// What a view makes of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// It is shown, with all that is in it.
    Whole,
    /// A directory on the way to something that is shown.
    Passage,
    /// As if it were not there.
    Hidden,
}

impl View {
    pub(crate) fn of(&self, place: &Path) -> Sight {
        if place
            .iter()
            .any(|part| self.hidden.iter().any(|name| name == part))
        {
            return Sight::Hidden;
        }
        match &self.parts {
            None => Sight::Whole,
            Some(parts) if parts.iter().any(|part| place.starts_with(part)) => Sight::Whole,
            Some(parts) if parts.iter().any(|part| part.starts_with(place)) => Sight::Passage,
            Some(_) => Sight::Hidden,
        }
    }

    pub(crate) fn limited_to(&self, parts: Vec<PathBuf>) -> Self {
        Self {
            parts: Some(parts),
            hidden: self.hidden.clone(),
        }
    }

    pub(crate) fn without(&self, name: OsString) -> Self {
        let mut hidden = self.hidden.clone();
        hidden.push(name);
        Self {
            parts: self.parts.clone(),
            hidden,
        }
    }

    /// What is left of the view for a directory that it shows as a whole.
    pub(crate) fn below(&self, place: &Path) -> Self {
        debug_assert_eq!(self.of(place), Sight::Whole);
        Self {
            parts: None,
            hidden: self.hidden.clone(),
        }
    }
}
