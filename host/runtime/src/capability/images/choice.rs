//! Which manifest of a layout is meant: by tag or digest, then by platform.

use std::collections::BTreeSet;

use oci_spec::image::{ANNOTATION_REF_NAME, Arch, Descriptor, ImageIndex, MediaType, Os};
use serde::Deserialize;

use super::draft::describe;
use super::layout::{Layout, is_index};
use super::reference::Selector;
use super::{Digest, ImageError};

/// Indexes inside indexes.
const DEEPEST: usize = 3;
/// Manifests that are looked at.
const MOST_MANIFESTS: usize = 100_000;
/// Nested indexes that are read.
const MOST_INDEXES: usize = 64;
/// Tags or platforms that an error message lists.
const MOST_SHOWN: usize = 10;

/// What tells a manifest from an index, when nothing else does.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    media_type: Option<MediaType>,
    manifests: Option<serde::de::IgnoredAny>,
}

/// The descriptor of the one manifest that is meant.
pub(crate) fn choose(layout: &Layout, selector: &Selector) -> Result<Descriptor, ImageError> {
    let candidates = match selector {
        Selector::Digest(digest) => vec![by_digest(layout, *digest)?],
        Selector::Tag(tag) => by_tag(layout, tag)?,
        Selector::Only => layout.index()?.manifests().clone(),
    };
    let mut search = Search {
        layout,
        leaves: Vec::new(),
        indexes: 0,
    };
    search.flatten(candidates, 0)?;
    let leaves = search.leaves;
    if leaves.is_empty() {
        return Err(ImageError::NotFound {
            what: "image".to_owned(),
            place: layout.label().to_owned(),
        });
    }
    let fitting = for_this_machine(layout, &leaves)?;
    let digests: BTreeSet<&str> = fitting.iter().map(|leaf| leaf.digest().as_ref()).collect();
    match (fitting.first(), digests.len()) {
        (Some(leaf), 1) => Ok((*leaf).clone()),
        _ => Err(ImageError::Ambiguous {
            place: layout.label().to_owned(),
            choices: told_apart(&fitting),
        }),
    }
}

fn by_digest(layout: &Layout, digest: Digest) -> Result<Descriptor, ImageError> {
    let text = layout.document_of(digest)?;
    let document: Document = layout.parse(&text, &digest.to_string())?;
    let media_type = document.media_type.unwrap_or(match document.manifests {
        Some(_) => MediaType::ImageIndex,
        None => MediaType::ImageManifest,
    });
    describe(media_type, digest, text.len() as u64)
}

fn by_tag(layout: &Layout, tag: &str) -> Result<Vec<Descriptor>, ImageError> {
    let all = layout.index()?.manifests().clone();
    let (found, others): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|manifest| tag_of(manifest) == Some(tag));
    if found.is_empty() {
        let tags = listed(others.iter().filter_map(tag_of).map(str::to_owned));
        let what = if tags.is_empty() {
            format!("image tagged `{tag}`")
        } else {
            format!("image tagged `{tag}` (only {tags})")
        };
        return Err(ImageError::NotFound {
            what,
            place: layout.label().to_owned(),
        });
    }
    Ok(found)
}

/// Manifests, found through indexes inside indexes.
struct Search<'a> {
    layout: &'a Layout,
    leaves: Vec<Descriptor>,
    indexes: usize,
}

impl Search<'_> {
    fn flatten(&mut self, candidates: Vec<Descriptor>, depth: usize) -> Result<(), ImageError> {
        for candidate in candidates {
            if !is_index(candidate.media_type()) {
                self.leaves.push(candidate);
                self.bound(self.leaves.len(), MOST_MANIFESTS, "manifests")?;
                continue;
            }
            self.indexes += 1;
            self.bound(self.indexes, MOST_INDEXES, "nested indexes")?;
            self.bound(depth + 1, DEEPEST, "indexes inside one another")?;
            let text = self.layout.document(&candidate)?;
            let nested: ImageIndex = self.layout.parse(&text, candidate.digest().as_ref())?;
            self.flatten(nested.manifests().clone(), depth + 1)?;
        }
        Ok(())
    }

    fn bound(&self, count: usize, limit: usize, unit: &'static str) -> Result<(), ImageError> {
        if count <= limit {
            return Ok(());
        }
        let what = format!("the index of {}", self.layout.label());
        Err(ImageError::TooLarge {
            what,
            limit: limit as u64,
            unit,
        })
    }
}

/// Those that name the platform of this machine; else those that name none.
fn for_this_machine<'a>(
    layout: &Layout,
    leaves: &'a [Descriptor],
) -> Result<Vec<&'a Descriptor>, ImageError> {
    let (os, architecture) = (Os::default(), Arch::default());
    let named = leaves.iter().filter(|leaf| {
        let platform = leaf.platform().as_ref();
        platform.is_some_and(|platform| {
            *platform.os() == os && *platform.architecture() == architecture
        })
    });
    let named: Vec<_> = named.collect();
    if !named.is_empty() {
        return Ok(named);
    }
    let silent: Vec<_> = leaves
        .iter()
        .filter(|leaf| leaf.platform().is_none())
        .collect();
    if !silent.is_empty() {
        return Ok(silent);
    }
    let platforms = leaves.iter().filter_map(|leaf| leaf.platform().as_ref());
    let platforms =
        listed(platforms.map(|platform| format!("{}/{}", platform.os(), platform.architecture())));
    Err(ImageError::Unsupported {
        what: format!("this machine ({os}/{architecture})"),
        reason: format!("the image in {} is for {platforms}", layout.label()),
    })
}

fn tag_of(manifest: &Descriptor) -> Option<&str> {
    manifest
        .annotations()
        .as_ref()?
        .get(ANNOTATION_REF_NAME)
        .map(String::as_str)
}

fn told_apart(manifests: &[&Descriptor]) -> String {
    listed(manifests.iter().map(|manifest| {
        tag_of(manifest)
            .unwrap_or(manifest.digest().as_ref())
            .to_owned()
    }))
}

fn listed(names: impl Iterator<Item = String>) -> String {
    let names: BTreeSet<String> = names.collect();
    let mut text = names
        .iter()
        .take(MOST_SHOWN)
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > MOST_SHOWN {
        text += ", …";
    }
    text
}
