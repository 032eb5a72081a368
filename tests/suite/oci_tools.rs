//! What is kept in the host's image layout is read by programs of others: skopeo and umoci.
//! They have to be there; `tests/run.sh --without oci-tools` leaves this group out.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::environment::{job, with};
use crate::installation::Installation;

/// Runs a program of others, and answers with what it printed.
fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| {
        panic!("cannot run `{program}` ({error}): install it, or say --without oci-tools")
    });
    assert!(
        output.status.success(),
        "{program} {arguments:?} {output:?}"
    );
    String::from_utf8(output.stdout).unwrap()
}

/// An installation that keeps the image of a job, and the image's digest.
fn deployed() -> (Installation, String) {
    let service = job("web", "job, version=7").replace(
        "{ target: /app }",
        "{ target: /app, command: [/app/actor, job, version=7] }",
    );
    let installation = with(&[service]);
    installation.write("app/pages/hello.txt", "hello\n");
    symlink("pages/hello.txt", installation.project().join("app/link")).unwrap();
    let run = installation.succeed(&["deploy", "--output", "json"]);
    let pushed = run
        .json()
        .into_iter()
        .find(|event| event["event"] == "step.ended" && event["step"] == "push");
    let reference = pushed.unwrap()["reference"].as_str().unwrap().to_owned();
    let (name, digest) = reference.split_once('@').unwrap();
    assert_eq!(name, "layout:test/web");
    (installation, digest.to_owned())
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

#[test]
fn skopeo_finds_the_image_by_its_name_with_the_digest_of_the_events() {
    let (installation, digest) = deployed();
    let image = format!("oci:{}/images:test/web", installation.state().display());
    let told: Value = serde_json::from_str(&run("skopeo", &["inspect", &image])).unwrap();
    assert_eq!(told["Digest"], digest, "{told}");
    assert_eq!(told["Os"], "linux", "{told}");
    assert_eq!(told["Layers"].as_array().unwrap().len(), 1, "{told}");
    let told = run("skopeo", &["inspect", "--config", &image]);
    let told: Value = serde_json::from_str(&told).unwrap();
    let words = [&told["config"]["Entrypoint"], &told["config"]["Cmd"]];
    let words: Vec<&Value> = words
        .into_iter()
        .flat_map(|part| part.as_array().into_iter().flatten())
        .collect();
    assert_eq!(words, ["/app/actor", "job", "version=7"], "{told}");
}

#[test]
fn umoci_unpacks_the_image_with_its_files_and_modes() {
    let (installation, _) = deployed();
    let image = format!("{}/images:test/web", installation.state().display());
    let bundle = installation.project().join("bundle");
    let target = bundle.display().to_string();
    run(
        "umoci",
        &["unpack", "--rootless", "--image", &image, &target],
    );
    let app = bundle.join("rootfs/app");
    let source = installation.project().join("app");
    for name in ["actor", "pages/hello.txt"] {
        let same =
            std::fs::read(app.join(name)).unwrap() == std::fs::read(source.join(name)).unwrap();
        assert!(same, "{name} is another");
    }
    assert_eq!(mode(&app.join("actor")), 0o755);
    assert_eq!(mode(&app.join("pages/hello.txt")), 0o644);
    assert_eq!(mode(&app.join("pages")), 0o755);
    let link = std::fs::read_link(app.join("link")).unwrap();
    assert_eq!(link, Path::new("pages/hello.txt"));
    let mut names: Vec<String> = std::fs::read_dir(&app)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["actor", "link", "pages"]);
}

#[test]
fn umoci_unpacks_an_image_of_several_layers() {
    let service = job("web", "job, version=7");
    let installation = with(&[service]);
    for number in 0..30 {
        let text = format!("line of file {number:02}\n").repeat(100_000);
        installation.write(&format!("app/pages/{number}.txt"), &text);
    }
    installation.succeed(&["deploy"]);
    let image = format!("{}/images:test/web", installation.state().display());
    let told: Value =
        serde_json::from_str(&run("skopeo", &["inspect", &format!("oci:{image}")])).unwrap();
    assert!(told["Layers"].as_array().unwrap().len() > 1, "{told}");
    let bundle = installation.project().join("bundle");
    let target = bundle.display().to_string();
    run(
        "umoci",
        &["unpack", "--rootless", "--image", &image, &target],
    );
    let source = installation.project().join("app/pages");
    for number in 0..30 {
        let name = format!("{number}.txt");
        let unpacked = std::fs::read(bundle.join("rootfs/app/pages").join(&name));
        assert!(
            unpacked.unwrap() == std::fs::read(source.join(&name)).unwrap(),
            "{name} is another"
        );
    }
}
