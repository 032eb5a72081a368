//! A way to a registry that breaks, and a registry that does: never a tag that stands for half
//! an image, nothing sent twice that has arrived, and a clear word in the end.

use std::process::Child;

use super::{error, inspected, installation, noise, pushed, reference};
use crate::engines::{Asked, Fault, Proxy, Registry};
use crate::environment::{free_port, get};
use crate::installation::{Installation, Run};
use crate::tmpfs;

/// Bytes of a layer that is sent in chunks.
const LARGE: usize = 12 << 20;
/// Bytes of a layer that is sent in two chunks.
const TWO_CHUNKS: usize = 20 << 20;

/// An installation with one service, which is pushed through a proxy, with a layer of at least
/// so many bytes.
fn behind(proxy: &Proxy, port: u16, bytes: usize) -> Installation {
    let host = proxy.host();
    let repository = format!("{host}/team/web");
    let service = pushed("web", port, "arrived", &repository);
    let service = service.replace(
        "stop_grace: 2s } }",
        "stop_grace: 2s } }\n    retry: { max: 0 }",
    );
    let installation = installation(&[service], &[&host]);
    std::fs::write(installation.project().join("app/noise"), noise(bytes)).unwrap();
    installation
}

fn has_arrived(registry: &Registry, port: u16, run: &Run) {
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(get(port, "/").unwrap(), "arrived");
    let told = inspected(&format!("{}/team/web:latest", registry.host()));
    let own = reference(run, "push");
    assert_eq!(told["Digest"], own.split_once('@').unwrap().1, "{told}");
}

fn deploy(installation: &Installation) -> Run {
    installation.run(&["deploy", "--output", "json"])
}

#[test]
fn a_busy_registry_is_asked_again_when_it_wants_to_be() {
    let registry = Registry::open();
    let proxy = Proxy::before(&registry.host(), |asked| match asked.before {
        0 if asked.method == "PUT" => {
            Fault::Answer("503 Service Unavailable", "retry-after: 1\r\n")
        }
        0 if asked.method == "POST" => Fault::Answer("429 Too Many Requests", "retry-after: 0\r\n"),
        1 if asked.method == "POST" => Fault::Answer("500 Internal Server Error", ""),
        _ => Fault::None,
    });
    let port = free_port();
    let installation = behind(&proxy, port, 10);
    let run = deploy(&installation);
    has_arrived(&registry, port, &run);
    assert!(
        run.stdout.contains("answers with 429; trying again"),
        "{run}"
    );
}

#[test]
fn a_registry_that_wants_to_be_left_alone_for_long_is_left_to_the_retries_of_the_step() {
    let registry = Registry::open();
    let proxy = Proxy::before(&registry.host(), |asked| match asked.method.as_str() {
        "POST" => Fault::Answer("429 Too Many Requests", "retry-after: 3600\r\n"),
        _ => Fault::None,
    });
    let installation = behind(&proxy, free_port(), 10);
    let told = error(&deploy(&installation), "push");
    assert_eq!(told["code"], "registry.unavailable", "{told}");
}

fn count(proxy: &Proxy, method: &str) -> usize {
    let asked = proxy.asked().into_iter();
    asked.filter(|one| one.starts_with(method)).count()
}

#[test]
fn an_upload_goes_on_with_the_chunk_that_went_wrong() {
    let registry = Registry::open();
    let proxy = Proxy::before(&registry.host(), |asked| match asked.before {
        1 if asked.method == "PATCH" => Fault::Answer("502 Bad Gateway", ""),
        _ => Fault::None,
    });
    let port = free_port();
    let installation = behind(&proxy, port, TWO_CHUNKS);
    let run = deploy(&installation);
    has_arrived(&registry, port, &run);
    // One upload for the layer and one for the configuration; of the layer one chunk twice.
    let asked = proxy.asked();
    assert_eq!(count(&proxy, "POST"), 2, "{asked:?}");
    assert_eq!(count(&proxy, "PATCH"), 3, "{asked:?}");
}

#[test]
fn a_connection_that_breaks_in_the_middle_of_a_chunk_breaks_no_image() {
    let registry = Registry::open();
    let half = LARGE as u64 / 2;
    let proxy = Proxy::before(&registry.host(), move |asked| match asked {
        Asked {
            method, before: 0, ..
        } if method == "PATCH" => Fault::CutRequest(half),
        _ => Fault::None,
    });
    let port = free_port();
    let installation = behind(&proxy, port, LARGE);
    let run = deploy(&installation);
    has_arrived(&registry, port, &run);
    assert!(count(&proxy, "PATCH") >= 2, "{:?}", proxy.asked());
}

#[test]
fn a_tag_never_stands_for_half_an_image() {
    let registry = Registry::open();
    let broken = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let seen = std::sync::Arc::clone(&broken);
    let proxy = Proxy::before(&registry.host(), move |asked| {
        let is_broken = seen.load(std::sync::atomic::Ordering::SeqCst);
        match asked.method.as_str() {
            "PUT" if is_broken && asked.path.contains("/manifests/") => {
                Fault::Answer("400 Bad Request", "")
            }
            _ => Fault::None,
        }
    });
    let port = free_port();
    let installation = behind(&proxy, port, 10);
    let first = deploy(&installation);
    has_arrived(&registry, port, &first);
    let before = registry.tag("team/web", "latest").unwrap();

    broken.store(true, std::sync::atomic::Ordering::SeqCst);
    installation.write("app/more", "more");
    let failed = deploy(&installation);
    assert_eq!(
        error(&failed, "push")["code"],
        "registry.rejected",
        "{failed}"
    );
    assert_eq!(registry.tag("team/web", "latest").unwrap(), before);
    assert_eq!(get(port, "/").unwrap(), "arrived", "what ran goes on");

    broken.store(false, std::sync::atomic::Ordering::SeqCst);
    let uploads = || {
        proxy
            .asked()
            .iter()
            .filter(|one| one.starts_with("POST"))
            .count()
    };
    let sent = uploads();
    let again = deploy(&installation);
    has_arrived(&registry, port, &again);
    assert_eq!(uploads(), sent, "what has arrived is not sent again");
}

#[test]
fn a_layer_that_breaks_off_is_pulled_on() {
    let registry = Registry::open();
    let half = LARGE as u64 / 2;
    let port = free_port();
    let straight = installation(
        &[pushed(
            "web",
            port,
            "there",
            &format!("{}/team/web", registry.host()),
        )],
        &[&registry.host()],
    );
    std::fs::write(straight.project().join("app/noise"), noise(LARGE)).unwrap();
    straight.succeed(&["deploy"]);
    drop(straight);

    let proxy = Proxy::before(&registry.host(), move |asked| {
        let is_blob = asked.method == "GET" && asked.path.contains("/blobs/sha256:");
        match asked.before {
            // The configuration comes first.
            1 if is_blob => Fault::CutAnswer(half),
            _ => Fault::None,
        }
    });
    let host = proxy.host();
    let service = crate::environment::server("web", port, "arrived");
    let lines = service.lines().filter(|line| !line.contains("build:"));
    let lines = lines.map(|line| match line.contains("source:") {
        true => format!("    image: \"{host}/team/web:latest\"\n"),
        false => format!("{line}\n"),
    });
    let service = lines
        .collect::<String>()
        .replace("application", "container");
    let installation = installation(&[service], &[&host]);
    let run = deploy(&installation);
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(get(port, "/").unwrap(), "arrived");
    assert!(run.stdout.contains("trying again"), "{run}");
}

#[test]
fn a_full_disk_of_the_registry_is_told_and_gone_on_with_when_there_is_space() {
    tmpfs::with(64 << 20, |disk| {
        let registry = Registry::on(disk.path());
        let proxy = Proxy::before(&registry.host(), |_| Fault::None);
        let port = free_port();
        let installation = behind(&proxy, port, LARGE);
        let ballast = disk.fill_but(1 << 20);
        let failed = deploy(&installation);
        assert_eq!(failed.code, Some(1), "{failed}");
        let told = error(&failed, "push");
        assert_eq!(told["code"], "registry.unavailable", "{told}");
        assert!(told["message"].as_str().unwrap().contains("500"), "{told}");
        assert_eq!(registry.tag("team/web", "latest"), None);
        drop(ballast);
        let run = deploy(&installation);
        has_arrived(&registry, port, &run);
    });
}

/// Deploys and is killed when a request is held.
fn killed(installation: &Installation, proxy: &Proxy) {
    let mut host: Child = installation.command(&["deploy"]).spawn().unwrap();
    proxy.wait_until_one_is_held();
    host.kill().unwrap();
    host.wait().unwrap();
}

#[test]
fn a_host_that_is_killed_in_the_middle_of_a_push_goes_on_with_it() {
    let registry = Registry::open();
    let proxy = Proxy::before(&registry.host(), |asked| match asked.method.as_str() {
        "PATCH" if asked.before == 0 => Fault::Hold,
        _ => Fault::None,
    });
    let port = free_port();
    let installation = behind(&proxy, port, LARGE);
    killed(&installation, &proxy);
    assert_eq!(registry.tag("team/web", "latest"), None);
    let run = installation.run(&["resume", "--output", "json"]);
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(get(port, "/").unwrap(), "arrived");
    let built = run.json().into_iter().filter(|event| {
        event["event"] == "step.started" && event["step"] == "build" && event["attempt"] == 2
    });
    assert_eq!(built.count(), 0, "the build had ended\n{run}");
}

#[test]
fn a_push_that_is_cancelled_ends_and_leaves_no_tag() {
    let registry = Registry::open();
    let proxy = Proxy::before(&registry.host(), |asked| match asked.method.as_str() {
        "PATCH" => Fault::Hold,
        _ => Fault::None,
    });
    let installation = behind(&proxy, free_port(), LARGE);
    let mut deploy = installation.command(&["deploy"]);
    let mut host = deploy.stdout(std::process::Stdio::null()).spawn().unwrap();
    proxy.wait_until_one_is_held();
    installation.succeed(&["cancel"]);
    assert_eq!(host.wait().unwrap().code(), Some(3));
    assert_eq!(registry.tag("team/web", "latest"), None);
    let history = installation.succeed(&["history", "--output", "json"]);
    assert!(history.stdout.contains("cancelled"), "{history}");
}
