//! What guests say must not reach a terminal as it was said.

use std::path::Path;

use crate::installation::{Installation, Run};

/// What one file of a log may have: a generation of 4 MiB, and the line that ended it.
const LARGEST_LOG: usize = (4 << 20) + (64 << 10);

/// A character that would disturb a terminal or the order of letters.
fn disturbs(character: char) -> bool {
    let is_mark = matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    is_mark || (character.is_control() && !matches!(character, '\n' | '\t'))
}

fn check(what: &str, text: &str) {
    if let Some(at) = text.find(disturbs) {
        let near: String = text[at..].chars().take(40).collect();
        panic!("{what} holds {near:?}");
    }
}

/// Looks at what a run has printed.
pub fn is_shown_safely(run: &Run) {
    check("standard output", &run.stdout);
    check("standard error", &run.stderr);
}

/// Looks at everything that the program shows of the environment `test`, and at its logs.
pub fn is_harmless(installation: &Installation, run: &Run) {
    is_shown_safely(run);
    for arguments in [
        &["logs", "test"][..],
        &["logs", "test", "--output", "json"],
        &["status", "test"],
        &["status", "test", "--output", "json"],
        &["history", "test"],
    ] {
        let shown = installation.run(arguments);
        check(
            &format!("{arguments:?}"),
            &(shown.stdout.clone() + &shown.stderr),
        );
        assert_eq!(shown.code, Some(0), "{arguments:?} {}", shown.stderr);
        if arguments.contains(&"json") {
            assert!(!shown.json().is_empty(), "{arguments:?}");
        }
    }
    let mut logs = 0;
    walk(&installation.state().join("logs"), &mut |path| {
        let text = String::from_utf8(std::fs::read(path).unwrap()).unwrap();
        check(&path.display().to_string(), &text);
        assert!(text.len() <= LARGEST_LOG, "{} is too large", path.display());
        logs += 1;
    });
    assert!(logs > 0, "there are logs");
}

fn walk(folder: &Path, visit: &mut impl FnMut(&Path)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => walk(&path, visit),
            false => visit(&path),
        }
    }
}
