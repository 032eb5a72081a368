//! What a `.dockerignore` leaves out of the context of a build.
//!
//! The rules are Docker's own, not git's: every pattern counts from the root of the context,
//! `**` stands for any number of directories, a directory takes all that is in it along, and
//! of several patterns the last that matches decides. See "`.dockerignore` file" in Docker's
//! documentation of build contexts.

use std::path::Path;

use super::Error;

/// Lines that are patterns.
const MOST_PATTERNS: usize = 10_000;
/// Bytes of a pattern.
const LONGEST: usize = 4096;

/// The patterns of a `.dockerignore`.
#[derive(Clone, Debug, Default)]
pub(super) struct Ignore {
    patterns: Vec<Pattern>,
}

#[derive(Clone, Debug)]
struct Pattern {
    /// `!`: what matches stays.
    keeps: bool,
    parts: Vec<Part>,
}

/// Between two `/`.
#[derive(Clone, Debug, PartialEq)]
enum Part {
    /// `**`: any number of directories.
    Any,
    Glob(Vec<char>),
}

impl Ignore {
    /// Reads the file.
    ///
    /// # Errors
    /// When it is unreasonably large.
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut patterns = Vec::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let line = line.trim();
            let (keeps, glob) = match line.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, line),
            };
            if glob.len() > LONGEST || patterns.len() == MOST_PATTERNS {
                let message = format!(
                    "`.dockerignore` has more than {MOST_PATTERNS} patterns, or one of more than {LONGEST} bytes"
                );
                return Err(Error::Invalid(message));
            }
            let parts = clean(glob);
            if !parts.is_empty() {
                patterns.push(Pattern { keeps, parts });
            }
        }
        Ok(Self { patterns })
    }

    /// Whether the path, relative to the context, is left out.
    pub(super) fn leaves_out(&self, path: &Path) -> bool {
        let names = names(path);
        let mut is_out = false;
        for pattern in &self.patterns {
            if pattern.keeps == is_out && pattern.matches(&names) {
                is_out = !pattern.keeps;
            }
        }
        is_out
    }

    /// Whether nothing below a directory that is left out can be kept, so that nobody has to
    /// look into it.
    pub(super) fn leaves_all_out(&self, directory: &Path) -> bool {
        let names = names(directory);
        let mut keeping = self.patterns.iter().filter(|pattern| pattern.keeps);
        !keeping.any(|pattern| pattern.may_match_below(&names))
    }
}

impl Pattern {
    /// Whether the path or a directory above it matches.
    fn matches(&self, names: &[Vec<char>]) -> bool {
        (1..=names.len()).any(|count| {
            names
                .get(..count)
                .is_some_and(|names| parts_match(&self.parts, names))
        })
    }

    fn may_match_below(&self, names: &[Vec<char>]) -> bool {
        let mut parts = self.parts.iter();
        for name in names {
            match parts.next() {
                Some(Part::Any) => return true,
                Some(Part::Glob(glob)) if glob_matches(glob, name) => {}
                _ => return false,
            }
        }
        true
    }
}

/// As Go's `filepath.Clean` leaves it, without a `/` at its beginning.
fn clean(glob: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    for part in glob.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            "**" => parts.push(Part::Any),
            part => parts.push(Part::Glob(part.chars().collect())),
        }
    }
    parts
}

fn names(path: &Path) -> Vec<Vec<char>> {
    path.iter()
        .map(|name| name.to_string_lossy().chars().collect())
        .collect()
}

fn parts_match(parts: &[Part], names: &[Vec<char>]) -> bool {
    match (parts.split_first(), names.split_first()) {
        (None, None) => true,
        // At the end `**` stands for what is in a directory, not for the directory.
        (Some((Part::Any, [])), _) => !names.is_empty(),
        (Some((Part::Any, rest)), first) => {
            parts_match(rest, names) || first.is_some_and(|(_, behind)| parts_match(parts, behind))
        }
        (Some((Part::Glob(glob), rest)), Some((name, behind))) => {
            glob_matches(glob, name) && parts_match(rest, behind)
        }
        _ => false,
    }
}

/// `*`, `?`, `[a-z]`, `[^a-z]` and `\` within one name. Time grows with the product of the
/// lengths only: of several `*` the last alone is ever tried again.
fn glob_matches(glob: &[char], name: &[char]) -> bool {
    let (mut at, mut in_name) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while in_name < name.len() {
        if glob.get(at) == Some(&'*') {
            star = Some((at, in_name));
            at += 1;
            continue;
        }
        let step = name
            .get(in_name)
            .and_then(|character| single(glob.get(at..).unwrap_or_default(), *character));
        match (step, star) {
            (Some(width), _) => {
                at += width;
                in_name += 1;
            }
            (None, Some((star_at, taken))) => {
                star = Some((star_at, taken + 1));
                at = star_at + 1;
                in_name = taken + 1;
            }
            (None, None) => return false,
        }
    }
    let rest = glob.get(at..).unwrap_or_default();
    rest.iter().all(|character| *character == '*')
}

/// How much of the pattern stands for this one character. `None`: it does not match.
fn single(glob: &[char], character: char) -> Option<usize> {
    match glob {
        ['?', ..] => Some(1),
        ['\\', escaped, ..] => (*escaped == character).then_some(2),
        ['[', rest @ ..] => class(rest, character).map(|width| width + 1),
        [plain, ..] => (*plain == character).then_some(1),
        [] => None,
    }
}

/// The rest of a class behind its `[`.
fn class(rest: &[char], character: char) -> Option<usize> {
    let negated = matches!(rest.first(), Some('^' | '!'));
    let mut at = usize::from(negated);
    let mut is_in = false;
    loop {
        let low = match rest.get(at)? {
            ']' if at > usize::from(negated) => break,
            '\\' => {
                at += 1;
                *rest.get(at)?
            }
            plain => *plain,
        };
        at += 1;
        let mut high = low;
        if rest.get(at) == Some(&'-') && rest.get(at + 1).is_some_and(|next| *next != ']') {
            high = *rest.get(at + 1)?;
            at += 2;
        }
        is_in |= (low..=high).contains(&character);
    }
    (is_in != negated).then_some(at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(file: &str, paths: &[&str]) -> Vec<String> {
        let ignore = Ignore::parse(file).unwrap();
        let kept = paths
            .iter()
            .filter(|path| !ignore.leaves_out(Path::new(path)));
        kept.map(|path| (*path).to_owned()).collect()
    }

    #[test]
    fn patterns_count_from_the_root_and_take_along_what_is_in_a_directory() {
        let paths = ["a", "sub/a", "node_modules", "node_modules/x/y", "b"];
        assert_eq!(kept("a\n/node_modules/\n", &paths), ["sub/a", "b"]);
        assert_eq!(
            kept("**/a\n", &paths),
            ["node_modules", "node_modules/x/y", "b"]
        );
        assert_eq!(kept("# a\n\n  b  \n.\n", &["a", "b"]), ["a"]);
    }

    #[test]
    fn the_last_pattern_that_matches_decides() {
        let paths = ["a.md", "README.md", "docs/README.md"];
        assert_eq!(
            kept("*.md\n!README.md", &paths),
            ["README.md", "docs/README.md"]
        );
        assert_eq!(
            kept("*.md\n!README.md\nREADME*", &paths),
            ["docs/README.md"]
        );
        let paths = ["out", "out/a", "out/keep/b"];
        assert_eq!(kept("out\n!out/keep", &paths), ["out/keep/b"]);
    }

    #[test]
    fn two_stars_are_any_number_of_directories() {
        let paths = ["a", "b/a", "b/c/a", "b/x"];
        assert_eq!(kept("b/**/a", &paths), ["a", "b/x"]);
        assert_eq!(kept("b/**", &["b", "b/x", "b/x/y"]), ["b"]);
        assert!(kept("**", &["a", "b/c"]).is_empty());
        assert_eq!(kept("**\n!b/c", &["a", "b", "b/c"]), ["b/c"]);
        assert_eq!(kept("a/../b", &["a", "b"]), ["a"]);
    }

    #[test]
    fn within_a_name_there_are_wildcards_and_classes() {
        let paths = ["temp1", "temp2", "temps", "temp-"];
        assert_eq!(kept("temp?", &paths), Vec::<String>::new());
        assert_eq!(kept("temp[0-9]", &paths), ["temps", "temp-"]);
        assert_eq!(kept("temp[^0-9]", &paths), ["temp1", "temp2"]);
        assert_eq!(kept("t*m*[s-]", &paths), ["temp1", "temp2"]);
        assert_eq!(kept("a\\*", &["a*", "ab"]), ["ab"]);
        assert_eq!(kept("[", &["[", "a"]), ["[", "a"]);
        let long = "a".repeat(200);
        assert_eq!(kept(&"a*".repeat(50), &[&long]).len(), 0);
        assert_eq!(kept(&format!("{}b", "a*".repeat(50)), &[&long]).len(), 1);
    }

    #[test]
    fn a_directory_is_looked_into_only_when_something_in_it_may_be_kept() {
        let ignore = Ignore::parse("node_modules\nout\n!out/keep").unwrap();
        assert!(ignore.leaves_all_out(Path::new("node_modules")));
        assert!(!ignore.leaves_all_out(Path::new("out")));
        assert!(!ignore.leaves_all_out(Path::new("out/keep")));
        assert!(ignore.leaves_all_out(Path::new("out/other")));
    }
}
