use std::process::Command;
use std::sync::LazyLock;
use std::thread;

use wasmparser::{Encoding, Parser, Payload};

use super::*;

/// A folder in the target folder of these tests, where the shared one is found as it is from a
/// build script.
fn output() -> tempfile::TempDir {
    let program = std::env::current_exe().unwrap();
    tempfile::tempdir_in(program.parent().unwrap()).unwrap()
}

fn build(folder: &str) -> Result<(tempfile::TempDir, Components)> {
    let output = output();
    let components = Guests::in_folders(Path::new(folder), output.path())?.build()?;
    Ok((output, components))
}

/// The built-in plugins, compiled once for all tests.
static PLUGINS: LazyLock<(tempfile::TempDir, Components)> =
    LazyLock::new(|| build("../../plugins").unwrap());

/// The names of what a component imports and exports.
fn surface(component: &[u8]) -> (Vec<String>, Vec<String>) {
    let mut imports = Vec::new();
    let mut exports = Vec::new();
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(component) {
        match payload.unwrap() {
            Payload::Version { encoding, .. } => {
                assert!(depth > 0 || encoding == Encoding::Component);
                depth += 1;
            }
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 1 => imports.extend(
                section
                    .into_iter()
                    .map(|import| import.unwrap().name.name.to_owned()),
            ),
            Payload::ComponentExportSection(section) if depth == 1 => exports.extend(
                section
                    .into_iter()
                    .map(|export| export.unwrap().name.name.to_owned()),
            ),
            _ => {}
        }
    }
    (imports, exports)
}

#[test]
fn every_built_in_plugin_is_a_component_with_a_role_and_without_wasi() {
    let (_, plugins) = &*PLUGINS;
    let names: Vec<&str> = plugins
        .components
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "command",
            "docker",
            "dockerfile",
            "image",
            "layout",
            "process",
            "registry",
            "static"
        ]
    );
    for plugin in &plugins.components {
        let (imports, exports) = surface(&fs::read(&plugin.file).unwrap());
        let ours = |name: &String| name.starts_with("stagewright:plugin/");
        assert!(imports.iter().all(ours), "{}: {imports:?}", plugin.name);
        let role = match plugin.name.as_str() {
            "layout" | "registry" => "stagewright:plugin/publisher@0.1.0",
            "docker" | "process" => "stagewright:plugin/deployer@0.1.0",
            _ => "stagewright:plugin/builder@0.1.0",
        };
        let mut expected = [
            role.to_owned(),
            "stagewright:plugin/plugin@0.1.0".to_owned(),
        ];
        expected.sort();
        let mut exports = exports;
        exports.sort();
        assert_eq!(exports, expected, "{}", plugin.name);
    }
}

#[test]
fn components_do_not_know_the_folders_that_they_were_compiled_in() {
    let (_, plugins) = &*PLUGINS;
    let home = std::env::var("HOME").unwrap();
    let root = plugins
        .sources
        .iter()
        .find(|file| file.ends_with("Cargo.lock"))
        .unwrap();
    let root = root.parent().unwrap().display().to_string();
    for plugin in &plugins.components {
        let bytes = fs::read(&plugin.file).unwrap();
        for path in [&home, &root] {
            let path = format!("{path}/");
            let found = bytes
                .windows(path.len())
                .any(|part| part == path.as_bytes());
            assert!(!found, "{} knows {path}", plugin.name);
        }
    }
}

#[test]
fn the_sources_are_those_of_the_plugins_the_sdk_and_the_contract() {
    let (_, plugins) = &*PLUGINS;
    for end in [
        "plugins/process/src/lib.rs",
        "plugins/process/Cargo.toml",
        "plugins/static/src/with.schema.json",
        "sdk/src/lib.rs",
        "wit/types.wit",
        "Cargo.lock",
    ] {
        assert!(
            plugins.sources.iter().any(|file| file.ends_with(end)),
            "{end}"
        );
    }
    for source in &plugins.sources {
        assert!(source.exists(), "{}", source.display());
    }
}

#[test]
fn two_builds_at_once_make_the_same_bytes_and_a_third_compiles_nothing() {
    let (_, plugins) = &*PLUGINS;
    let both: Vec<_> = thread::scope(|scope| {
        let builds = [(); 2].map(|()| scope.spawn(|| build("../../plugins").unwrap()));
        builds
            .into_iter()
            .map(|build| build.join().unwrap())
            .collect()
    });
    for (_, again) in both {
        for (first, second) in plugins.components.iter().zip(&again.components) {
            assert_eq!(
                fs::read(&first.file).unwrap(),
                fs::read(&second.file).unwrap()
            );
        }
    }
    let folder = output();
    let made = shared(folder.path()).join("guests/wasm32-unknown-unknown/guest");
    let stamp = |name: &str| made.join(name).metadata().unwrap().modified().unwrap();
    let before = stamp("stagewright_plugin_layout.wasm");
    build("../../plugins").unwrap();
    assert_eq!(before, stamp("stagewright_plugin_layout.wasm"));
}

#[test]
fn the_table_compiles_and_holds_the_components() {
    let (output, plugins) = &*PLUGINS;
    plugins.write_table("builtin.rs").unwrap();
    let program = output.path().join("table.rs");
    let source = "static TABLE: &[(&str, &[u8])] = include!(\"builtin.rs\");\n\
                  fn main() { for (name, bytes) in TABLE { println!(\"{name} {}\", bytes.len()) } }";
    fs::write(&program, source).unwrap();
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let compiled = Command::new(rustc)
        .args(["--edition=2024", "table.rs"])
        .current_dir(output.path())
        .status()
        .unwrap();
    assert!(compiled.success());
    let said = Command::new(output.path().join("table"))
        .output()
        .unwrap()
        .stdout;
    let expected: String = plugins
        .components
        .iter()
        .map(|it| format!("{} {}\n", it.name, it.file.metadata().unwrap().len()))
        .collect();
    assert_eq!(String::from_utf8(said).unwrap(), expected);
}

#[test]
fn a_guest_that_does_not_compile_is_an_error_in_the_words_of_the_compiler() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    };
    let workspace = "[workspace]\nmembers = [\"guests/*\"]\nresolver = \"3\"\n\
                     [profile.guest]\ninherits = \"release\"\n";
    write("Cargo.toml", workspace);
    write(
        "Cargo.lock",
        "version = 4\n\n[[package]]\nname = \"broken\"\nversion = \"0.1.0\"\n",
    );
    write(
        "guests/broken/Cargo.toml",
        "[package]\nname = \"broken\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
         [lib]\ncrate-type = [\"cdylib\"]\n",
    );
    write("guests/broken/src/lib.rs", "fn half( {}");
    let guests = Guests::in_folders(&folder.path().join("guests"), folder.path()).unwrap();
    let error = guests.build().unwrap_err().to_string();
    assert!(error.contains("guests/broken/src/lib.rs:1"), "{error}");
}

#[test]
fn a_folder_without_guests_is_an_error_that_names_it() {
    let error = build("src").unwrap_err().to_string();
    assert!(error.contains("sdk/build/src"), "{error}");
    assert!(
        build("no-such-folder")
            .unwrap_err()
            .to_string()
            .contains("no-such-folder")
    );
}

#[test]
fn dependencies_are_read_with_spaces_in_their_names() {
    let text = "/t/guest.wasm: /a/src/lib.rs /b\\ c/with.json\n\n/a/src/lib.rs:\n";
    assert_eq!(
        dependencies(text),
        [
            PathBuf::from("/a/src/lib.rs"),
            PathBuf::from("/b c/with.json")
        ]
    );
    assert!(dependencies("").is_empty());
}

#[test]
fn the_shared_folder_is_the_marked_one() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("target/debug/build/x/out");
    fs::create_dir_all(&output).unwrap();
    assert_eq!(shared(&output), output);
    fs::write(folder.path().join("target/CACHEDIR.TAG"), "").unwrap();
    assert_eq!(shared(&output), folder.path().join("target"));
}
