//! The plugins that are in memory, by what they are and by how they were asked for.
//!
//! What is behind the name of a built-in plugin, or behind a digest, never changes while the
//! host runs, so such a reference is followed to its bytes once; a file is read each time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;

use super::reference::Reference;
use crate::component::Digest;
use crate::plugin::Loaded;

/// Plugins that are held in memory; beyond these, what nobody uses is let go.
const MOST: usize = 256;

/// A digest, and under which built-in name it came, which decides its grants.
pub(super) type Key = (Digest, Option<String>);

/// The place of one plugin, empty until it is loaded.
pub(super) type Place = Arc<OnceCell<Arc<Loaded>>>;

/// What is in memory.
#[derive(Default)]
pub(super) struct Shelf {
    contents: Mutex<Contents>,
}

#[derive(Default)]
struct Contents {
    /// By what they are.
    places: HashMap<Key, Place>,
    /// By references that always lead to the same.
    names: HashMap<Reference, Place>,
}

impl Shelf {
    /// The place of what a reference leads to; `None` when it may lead elsewhere the next time.
    pub(super) fn named(&self, reference: &Reference) -> Option<Place> {
        if matches!(reference, Reference::File(_)) {
            return None;
        }
        let mut contents = self.contents();
        Some(Arc::clone(
            contents.names.entry(reference.clone()).or_default(),
        ))
    }

    /// The place of a plugin.
    pub(super) fn place(&self, key: Key) -> Place {
        Arc::clone(self.contents().places.entry(key).or_default())
    }

    /// What there is, after room was made where that is needed.
    fn contents(&self) -> MutexGuard<'_, Contents> {
        let mut contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        if contents.places.len().max(contents.names.len()) >= MOST {
            contents.tidy();
        }
        contents
    }
}

impl Contents {
    /// Lets go of what is neither being loaded nor held by somebody else.
    fn tidy(&mut self) {
        self.names.retain(|_, place| Arc::strong_count(place) > 1);
        self.places.retain(|_, place| {
            let is_held = |loaded: &Arc<Loaded>| Arc::strong_count(loaded) > 1;
            Arc::strong_count(place) > 1 || place.get().is_some_and(is_held)
        });
    }
}
