//! What must not be there: the arrows between the crates, and the absences that
//! `host/ARCHITECTURE.md` promises.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The text of all Rust files of a folder, tests left out, with their paths.
fn sources(folder: &str) -> Vec<(String, String)> {
    fn collect(folder: &Path, found: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() && name != "tests" {
                collect(&path, found);
            } else if name.ends_with(".rs") && name != "tests.rs" {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text
                    .split("#[cfg(test)]\nmod tests {")
                    .next()
                    .unwrap()
                    .to_owned();
                found.push((path.display().to_string(), code));
            }
        }
    }
    let mut found = Vec::new();
    collect(&root().join(folder), &mut found);
    assert!(!found.is_empty(), "{folder} has sources");
    found
}

/// The names under `[dependencies]` of a crate.
fn dependencies(folder: &str) -> Vec<String> {
    let manifest = std::fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
    let section = manifest.split("\n[dependencies]").nth(1).unwrap();
    let section = section.split("\n[").next().unwrap();
    let names = section
        .lines()
        .filter_map(|line| line.split(['.', ' ', '=']).next());
    names
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

#[test]
fn crates_depend_on_each_other_in_one_direction() {
    for (folder, ours) in [
        ("host/pipeline", &[][..]),
        ("host/runtime", &["stagewright-pipeline"]),
        ("host/journal", &[]),
        (
            "host",
            &[
                "stagewright-journal",
                "stagewright-pipeline",
                "stagewright-runtime",
            ],
        ),
        ("sdk", &[]),
        ("plugins/command", &["stagewright-sdk"]),
        ("plugins/image", &["stagewright-sdk"]),
        ("plugins/layout", &["stagewright-sdk"]),
        ("plugins/process", &["stagewright-sdk"]),
        ("plugins/static", &["stagewright-sdk"]),
    ] {
        let mut found = dependencies(folder);
        found.retain(|name| name.starts_with("stagewright"));
        found.sort();
        assert_eq!(found, ours, "dependencies of {folder}");
    }
}

#[test]
fn the_core_has_no_io_no_clock_and_no_async() {
    let forbidden = dependencies("host/pipeline");
    for name in ["tokio", "wasmtime", "rusqlite", "rustix", "futures"] {
        assert!(
            !forbidden.iter().any(|dependency| dependency == name),
            "{name}"
        );
    }
    for (path, code) in sources("host/pipeline/src") {
        for word in [
            "std::fs",
            "std::net",
            "std::process",
            "std::thread",
            "std::env",
            "SystemTime",
            "Instant::now",
            "async ",
            "println!",
        ] {
            assert!(!code.contains(word), "{path} has {word}");
        }
    }
}

#[test]
fn cap_std_is_behind_one_module_and_unsafe_code_in_one_place() {
    for (path, code) in sources("host/runtime/src") {
        let names_it = code.contains("cap_std::");
        assert!(
            !names_it || path.contains("/folder"),
            "{path} names cap_std"
        );
        let allows = code.contains("allow(unsafe_code")
            || code.contains("expect(unsafe_code")
            || code.contains("\n    unsafe_code,");
        let may = path.ends_with("/bindings.rs") || path.ends_with("component/precompiled.rs");
        assert!(!allows || may, "{path} allows unsafe code");
    }
    for folder in [
        "host/src",
        "sdk/build/src",
        "host/journal/src",
        "host/pipeline/src",
    ] {
        for (path, code) in sources(folder) {
            assert!(!code.contains("unsafe {"), "{path} has unsafe code");
        }
    }
}

#[test]
fn only_one_module_of_the_host_prints_and_only_one_composes() {
    for (path, code) in sources("host/src") {
        let prints = code.contains("stdout()") || code.contains("stderr()");
        let may = path.contains("/cli/print.rs") || path.contains("/cli/view");
        assert!(!prints || may, "{path} prints");
        let composes = code.contains("SqliteJournal::open") || code.contains("Runtime::new(");
        assert!(
            !composes || path.ends_with("/compose.rs"),
            "{path} composes"
        );
    }
}
