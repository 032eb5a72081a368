//! Environment files for tests, made of services that run the `actor` program.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::installation::Installation;

/// The program that services run.
const ACTOR: &str = env!("CARGO_BIN_EXE_actor");

/// A port that nothing listens on, and that no other test is given. It is below those that the
/// kernel takes for connections.
pub fn free_port() -> u16 {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    // Other runs of the tests begin elsewhere.
    let begin = std::process::id().wrapping_mul(97);
    let ports =
        std::iter::repeat_with(|| begin.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed)));
    let ports = ports.map(|number| 10_240 + (number % 20_480) as u16);
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    ports.take(20_480).find(is_free).unwrap()
}

/// Puts the actor program into a source folder of the project.
pub fn add_actor(installation: &Installation, folder: &str) {
    let folder = installation.project().join(folder);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(ACTOR, folder.join("actor")).unwrap();
}

/// A service that serves a greeting, as an entry of `services`.
pub fn server(name: &str, port: u16, greeting: &str) -> String {
    format!(
        r#"
  {name}:
    type: application
    source: {{ path: app }}
    build: {{ plugin: "builtin:static", with: {{ target: /app }} }}
    deploy: {{ with: {{ command: [/app/actor, serve], stop_grace: 2s }} }}
    ports: [{{ name: http, port: {port} }}]
    health: {{ http: {{ port: http, path: /healthz }}, interval: 50ms, within: 10s }}
    variables: {{ PORT: "{{{{{name}.port}}}}", GREETING: "{greeting}" }}
"#
    )
}

/// A job that runs the actor program with these words.
pub fn job(name: &str, words: &str) -> String {
    format!(
        r#"
  {name}:
    type: job
    source: {{ path: app }}
    build: {{ plugin: "builtin:static", with: {{ target: /app }} }}
    deploy: {{ with: {{ command: [/app/actor, {words}] }} }}
"#
    )
}

/// An installation with a file of these services, and the actor program in `app`.
pub fn with(services: &[String]) -> Installation {
    let installation = Installation::new();
    add_actor(&installation, "app");
    rewrite(&installation, services);
    installation
}

/// Replaces the environment file.
pub fn rewrite(installation: &Installation, services: &[String]) {
    let text = format!("name: test\nservices:{}", services.concat());
    installation.write("stagewright.yaml", &text);
}

/// What a server on that port answers; nothing when nobody does.
pub fn get(port: u16, path: &str) -> Option<String> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (_, body) = answer.split_once("\r\n\r\n")?;
    Some(body.to_owned())
}
