//! Images that others have pushed: deployed, mirrored by digest, built upon.

use std::path::Path;

use serde_json::{Value, json};

use super::{inspected, installation, pushed, reference, skopeo};
use crate::engines::Registry;
use crate::environment::{free_port, get};
use crate::installation::Installation;

/// Deploys the actor once from a layout, and copies its image with skopeo.
fn by_skopeo(host: &str, name: &str, options: &[&str]) {
    let port = free_port();
    let service = crate::environment::server("web", port, "source");
    let installation = crate::environment::with(&[service]);
    installation.succeed(&["deploy"]);
    let from = format!("oci:{}/images:test/web", installation.state().display());
    let to = format!("docker://{host}/{name}");
    let copy = ["copy", "--quiet", "--dest-tls-verify=false", &from, &to];
    skopeo(&[&copy, options].concat());
}

/// A service of an image that exists, mirrored to a repository of the registry.
fn mirrored(port: u16, image: &str, host: &str) -> String {
    let service = pushed(
        "web",
        port,
        "mirrored",
        &format!("{host}/mirror/{{service}}"),
    );
    let lines = service.lines().filter(|line| !line.contains("build:"));
    let lines = lines.map(|line| match line.contains("source:") {
        true => format!("    image: \"{image}\"\n"),
        false => format!("{line}\n"),
    });
    lines
        .collect::<String>()
        .replace("application", "container")
}

/// The image is deployed, and mirrored with the digest that it has.
fn is_mirrored(registry: &Registry, image: &str, digest: &str) -> Installation {
    let (host, port) = (registry.host(), free_port());
    let installation = installation(&[mirrored(port, image, &host)], &[&host]);
    let run = installation.succeed(&["deploy", "--output", "json"]);
    assert_eq!(get(port, "/").unwrap(), "mirrored");
    let own = reference(&run, "push");
    assert_eq!(own, format!("{host}/mirror/web@{digest}"));
    let told = inspected(&format!("{host}/mirror/web:latest"));
    assert_eq!(told["Digest"], digest, "{told}");
    // What another repository of the registry has is taken from there.
    assert!(run.stdout.contains("0 of "), "{run}");
    let again = installation.succeed(&["deploy"]);
    assert!(again.stdout.contains("unchanged"), "{again}");
    installation
}

#[test]
fn an_image_of_docker_s_own_kind_is_mirrored_by_digest() {
    let registry = Registry::open();
    let host = registry.host();
    by_skopeo(&host, "source/app:1", &["--format", "v2s2"]);
    let image = format!("{host}/source/app:1");
    let told = inspected(&image);
    is_mirrored(&registry, &image, told["Digest"].as_str().unwrap());
}

#[test]
fn a_tag_that_was_moved_is_noticed() {
    let registry = Registry::open();
    let host = registry.host();
    by_skopeo(&host, "source/app:1", &["--format", "v2s2"]);
    let image = format!("{host}/source/app:1");
    let first = inspected(&image)["Digest"].as_str().unwrap().to_owned();
    let installation = is_mirrored(&registry, &image, &first);
    by_skopeo(&host, "source/app:1", &["--format", "oci"]);
    let second = inspected(&image)["Digest"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    let plan = installation.succeed(&["plan"]);
    assert!(plan.stdout.contains(&format!("image {image}")), "{plan}");
    let run = installation.succeed(&["deploy", "--output", "json"]);
    assert_eq!(
        reference(&run, "push"),
        format!("{host}/mirror/web@{second}")
    );
}

#[test]
fn of_an_index_the_image_for_this_machine_is_taken() {
    let registry = Registry::open();
    let host = registry.host();
    by_skopeo(&host, "source/one:1", &["--format", "oci"]);
    let folder = tempfile::tempdir().unwrap();
    let layout = folder.path().join("layout");
    let from = format!("docker://{host}/source/one:1");
    let to = format!("oci:{}:one", layout.display());
    skopeo(&["copy", "--quiet", "--src-tls-verify=false", &from, &to]);
    let own = index_of(&layout);
    let from = format!("oci:{}:many", layout.display());
    let to = format!("docker://{host}/source/many:1");
    let copy = [
        "copy",
        "--quiet",
        "--all",
        "--dest-tls-verify=false",
        &from,
        &to,
    ];
    skopeo(&copy);
    is_mirrored(&registry, &format!("{host}/source/many:1"), &own);
}

/// Makes an index of two platforms out of the one image of a layout; answers with the digest of
/// that for this machine.
fn index_of(layout: &Path) -> String {
    let read = |path: &str| -> Value {
        serde_json::from_slice(&std::fs::read(layout.join(path)).unwrap()).unwrap()
    };
    let write = |value: &Value| {
        let text = serde_json::to_vec(value).unwrap();
        let digest = stagewright_runtime::capability::images::Digest::of(&text);
        std::fs::write(layout.join("blobs/sha256").join(digest.hex()), &text).unwrap();
        (digest.to_string(), text.len())
    };
    let blob = |digest: &str| format!("blobs/sha256/{}", digest.strip_prefix("sha256:").unwrap());
    let mut index = read("index.json");
    let own = index["manifests"][0].clone();
    let digest = own["digest"].as_str().unwrap().to_owned();
    let mut manifest = read(&blob(&digest));
    let mut config = read(&blob(manifest["config"]["digest"].as_str().unwrap()));
    let (os, architecture) = (config["os"].clone(), config["architecture"].clone());
    config["architecture"] = json!("s390x");
    let (of_config, size) = write(&config);
    manifest["config"]["digest"] = json!(of_config);
    manifest["config"]["size"] = json!(size);
    let (other, other_size) = write(&manifest);
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let (many, size) = write(&json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [
            { "mediaType": kind, "digest": other, "size": other_size,
              "platform": { "os": os, "architecture": "s390x" } },
            { "mediaType": kind, "digest": digest, "size": own["size"],
              "platform": { "os": os, "architecture": architecture } },
        ],
    }));
    index["manifests"].as_array_mut().unwrap().push(json!({
        "mediaType": "application/vnd.oci.image.index.v1+json", "digest": many, "size": size,
        "annotations": { "org.opencontainers.image.ref.name": "many" },
    }));
    std::fs::write(layout.join("index.json"), index.to_string()).unwrap();
    digest
}

#[test]
fn an_image_of_a_registry_is_built_upon_and_pulled_once() {
    let registry = Registry::open();
    let (host, port) = (registry.host(), free_port());
    by_skopeo(&host, "bases/actor:1", &["--format", "v2s2"]);
    // The program comes from the base alone.
    let base = format!("{{ target: /pages, base: \"{host}/bases/actor:1\" }}");
    let service =
        crate::environment::server("web", port, "based").replace("{ target: /app }", &base);
    let installation = installation(&[service.replace("path: app", "path: pages")], &[&host]);
    installation.write("pages/hello.txt", "hello");
    let run = installation.succeed(&["deploy"]);
    assert!(run.stdout.contains("pulling from"), "{run}");
    assert_eq!(get(port, "/").unwrap(), "based");
    let again = installation.succeed(&["deploy"]);
    assert!(again.stdout.contains("unchanged"), "{again}");
    installation.write("pages/hello.txt", "hello again");
    let changed = installation.succeed(&["deploy"]);
    assert!(!changed.stdout.contains("pulling from"), "{changed}");
}
