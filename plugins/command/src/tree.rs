//! Which parts of a source tree are copied to be built in: all but the caches.
//!
//! A developer's own `target` can be a hundred times larger than the source and is of no use
//! here, since the cache of that name takes its place.

use stagewright_sdk::Failure;
use stagewright_sdk::workspace::Entry;

/// The largest subtrees that together are the whole tree without `left_out`. `list` answers
/// with the entries of a folder, `.` being the root.
pub(crate) fn parts(
    left_out: &[String],
    mut list: impl FnMut(&str) -> Result<Vec<Entry>, Failure>,
) -> Result<Vec<String>, Failure> {
    let mut parts = Vec::new();
    let mut folders = vec![".".to_owned()];
    while let Some(folder) = folders.pop() {
        if !left_out.iter().any(|path| inside(path, &folder)) {
            parts.push(folder);
            continue;
        }
        for entry in list(&folder)? {
            if left_out.contains(&entry.path) {
                continue;
            }
            match entry.kind == "directory" && left_out.iter().any(|it| inside(it, &entry.path)) {
                true => folders.push(entry.path),
                false => parts.push(entry.path),
            }
        }
    }
    parts.sort_unstable();
    Ok(parts)
}

fn inside(path: &str, folder: &str) -> bool {
    let rest = path.strip_prefix(folder);
    folder == "." || rest.is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree by its files; folders are those that files are in.
    fn list<'a>(files: &'a [&'a str]) -> impl FnMut(&str) -> Result<Vec<Entry>, Failure> + 'a {
        |folder| {
            let prefix = match folder {
                "." => String::new(),
                folder => format!("{folder}/"),
            };
            let mut entries: Vec<Entry> = Vec::new();
            for file in files.iter().filter_map(|file| file.strip_prefix(&prefix)) {
                let (name, kind) = match file.split_once('/') {
                    Some((name, _)) => (name, "directory"),
                    None => (file, "file"),
                };
                let path = format!("{prefix}{name}");
                if entries.iter().all(|entry| entry.path != path) {
                    let kind = kind.to_owned();
                    entries.push(Entry {
                        path,
                        kind,
                        size: 0,
                        executable: false,
                    });
                }
            }
            Ok(entries)
        }
    }

    #[test]
    fn without_caches_the_whole_tree_is_one_part() {
        let parts = parts(&[], |_| unreachable!()).unwrap();
        assert_eq!(parts, ["."]);
    }

    #[test]
    fn what_stands_beside_a_cache_is_copied_and_the_cache_is_not() {
        let files = [
            "api/Cargo.toml",
            "api/src/main.rs",
            "api/target/debug/api",
            "api/targets/x",
            "libs/kit/lib.rs",
        ];
        let parts = parts(&["api/target".to_owned()], list(&files)).unwrap();
        assert_eq!(parts, ["api/Cargo.toml", "api/src", "api/targets", "libs"]);
    }

    #[test]
    fn a_cache_that_the_source_does_not_have_changes_nothing_of_what_is_copied() {
        let parts = parts(&["web/node_modules".to_owned()], list(&["web/a.js", "b"])).unwrap();
        assert_eq!(parts, ["b", "web/a.js"]);
    }

    #[test]
    fn a_source_that_cannot_be_read_is_a_failure() {
        let failure = Failure::new("workspace.io", "No.");
        let result = parts(&["target".to_owned()], |_| Err(failure.clone()));
        assert_eq!(result, Err(failure));
    }
}
