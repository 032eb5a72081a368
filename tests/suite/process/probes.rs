//! Probes of real listeners: ours, a stranger's, and none.

use stagewright_runtime::capability::probe::{self, Error};
use stagewright_runtime::capability::process::{Launch, Port, Release};

use super::{Machine, free_port, launch, serving};

/// Waits until the release takes connections. There is no event for that on Linux, so it is
/// asked again, in the pace of a health gate.
pub(super) async fn ready(release: &Release, port: u16) {
    let mut pace = tokio::time::interval(std::time::Duration::from_millis(20));
    let begin = std::time::Instant::now();
    loop {
        pace.tick().await;
        match probe::tcp(release, port, 20_000).await {
            Ok(()) => return,
            Err(error) => assert_eq!(error.code(), "probe.unreachable", "{error}"),
        }
        assert!(
            begin.elapsed() < super::PATIENCE,
            "it does not become ready"
        );
    }
}

async fn started(machine: &Machine, way: &str) -> (Release, u16) {
    let port = free_port();
    let release = machine.install("one", "");
    release.start(&serving(way, port)).await.unwrap();
    ready(&release, port).await;
    (release, port)
}

#[tokio::test]
async fn http_answers_with_its_status() {
    let machine = Machine::new();
    let (release, port) = started(&machine, "http").await;
    assert_eq!(
        probe::http(&release, port, "/healthz", 20_000)
            .await
            .unwrap(),
        200
    );
    assert_eq!(
        probe::http(&release, port, "/else", 20_000).await.unwrap(),
        404
    );
    let error = probe::grpc(&release, port, "", 500).await.unwrap_err();
    assert!(
        ["probe.answer", "probe.unreachable"].contains(&error.code()),
        "{error}"
    );
    let error = probe::tcp(&release, free_port(), 20_000).await.unwrap_err();
    assert_eq!(error.code(), "probe.not-declared");
}

#[tokio::test]
async fn grpc_answers_with_its_health() {
    let machine = Machine::new();
    let (release, port) = started(&machine, "grpc").await;
    assert_eq!(
        probe::grpc(&release, port, "", 20_000).await.unwrap(),
        "SERVING"
    );
    assert_eq!(
        probe::grpc(&release, port, "sick", 20_000).await.unwrap(),
        "NOT_SERVING"
    );
    assert_eq!(
        probe::grpc(&release, port, "none", 20_000).await.unwrap(),
        "SERVICE_UNKNOWN"
    );
    let error = probe::http(&release, port, "/", 20_000).await.unwrap_err();
    assert!(
        ["probe.answer", "probe.unreachable"].contains(&error.code()),
        "{error}"
    );
}

#[tokio::test]
async fn who_takes_connections_and_never_answers_is_not_ready() {
    let machine = Machine::new();
    let (release, port) = started(&machine, "mute").await;
    for error in [
        probe::http(&release, port, "/", 300).await.unwrap_err(),
        probe::grpc(&release, port, "", 300).await.unwrap_err(),
    ] {
        assert_eq!(error.code(), "probe.unreachable", "{error}");
        assert!(
            error.is_transient() && error.to_string().contains("300 ms"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_stranger_on_the_port_is_never_taken_for_the_release() {
    let machine = Machine::new();
    let port = free_port();
    let release = machine.install("one", "exec sleep 1000");
    let ports = serving("http", port).ports;
    release.start(&Launch { ports, ..launch() }).await.unwrap();
    let error = probe::tcp(&release, port, 20_000).await.unwrap_err();
    assert_eq!(error.code(), "probe.unreachable");
    let stranger = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let error = probe::tcp(&release, port, 20_000).await.unwrap_err();
    assert_eq!(error.code(), "probe.foreign-listener");
    assert!(
        error.to_string().contains(&std::process::id().to_string()),
        "{error}"
    );
    drop(stranger);
    release.stop().await.unwrap();
    let error = probe::tcp(&release, port, 20_000).await.unwrap_err();
    assert_eq!(error.code(), "probe.not-running");
}

#[tokio::test]
async fn programs_run_beside_the_release_in_its_environment() {
    let machine = Machine::new();
    let release = machine.install("one", "exec sleep 1000");
    let mut launch = launch();
    launch.ports = vec![Port {
        name: "udp".to_owned(),
        number: 53,
        protocol: "udp".to_owned(),
    }];
    launch.variables = vec![stagewright_runtime::capability::process::Variable {
        name: "COLOUR".to_owned(),
        value: stagewright_runtime::capability::process::Value::Text("green".to_owned()),
    }];
    release.start(&launch).await.unwrap();
    let exec = |text: &str, timeout_ms: u32| {
        let argv = ["sh", "-c", text].map(str::to_owned);
        let release = release.clone();
        async move { probe::exec(&release, &argv, timeout_ms).await }
    };
    assert_eq!(
        exec("test $COLOUR = green", 20_000).await.unwrap().code,
        Some(0)
    );
    assert_eq!(exec("exit 9", 20_000).await.unwrap().code, Some(9));
    let error = exec("sleep 1000", 200).await.unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. }), "{error}");
    let error = probe::exec(&release, &["/none".to_owned()], 1000)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "process.not-found");
    let state = release.state().unwrap();
    assert!(state.condition.is_live(), "a probe ended the release");
    release.stop().await.unwrap();
    assert_eq!(
        exec("true", 1000).await.unwrap_err().code(),
        "release.not-running"
    );
}
