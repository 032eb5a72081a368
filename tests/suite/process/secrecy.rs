//! What must not be seen is not seen, and what must not be inherited is not inherited.

use std::path::Path;

use rustix::io::{FdFlags, fcntl_setfd};
use stagewright_runtime::capability::process::{Launch, Secret, Value, Variable};

use super::{Machine, launch};

const SECRET: &str = "correct-horse-battery-staple";

fn with_secret() -> Launch {
    Launch {
        variables: vec![Variable {
            name: "TOKEN".to_owned(),
            value: Value::Secret {
                name: "api-token".to_owned(),
                value: Secret::new(SECRET.to_owned()),
            },
        }],
        ..launch()
    }
}

fn holds_secret(bytes: &[u8]) -> bool {
    bytes
        .windows(SECRET.len())
        .any(|window| window == SECRET.as_bytes())
}

fn search(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            search(&entry.path());
        } else if kind.is_file() {
            let bytes = std::fs::read(entry.path()).unwrap();
            assert!(
                !holds_secret(&bytes),
                "{} holds the secret",
                entry.path().display()
            );
        }
    }
}

#[tokio::test]
async fn secrets_reach_the_process_and_neither_argv_nor_disk() {
    let machine = Machine::new();
    let mut mail = machine.mailbox();
    let script = format!(
        "echo ${{#TOKEN}} > {}; exec sleep 1000",
        mail.path.display()
    );
    let release = machine.install("one", &script);
    let launch = with_secret();
    assert!(!format!("{launch:?}").contains(SECRET));
    release.start(&launch).await.unwrap();
    assert_eq!(mail.next().await, SECRET.len().to_string());
    let pid = release.state().unwrap().pid.unwrap();
    for pid in super::shims(&release).into_iter().chain([pid]) {
        let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap();
        assert!(
            !words.is_empty() && !holds_secret(&words),
            "argv of {pid} holds the secret"
        );
    }
    search(machine.folder.path());

    // Without a shim that remembers them, secrets have to be given again.
    release.stop().await.unwrap();
    let error = release.start_again(|_| None).await.unwrap_err();
    assert_eq!(error.code(), "release.secret-missing");
    let give = |name: &str| (name == "api-token").then(|| Secret::new("shorter".to_owned()));
    release.start_again(give).await.unwrap();
    assert_eq!(mail.next().await, "7");
}

#[tokio::test]
async fn a_crashed_process_gets_its_secrets_again_from_its_shim() {
    let machine = Machine::new();
    let mut mail = machine.mailbox();
    let script = format!("echo ${{#TOKEN}} > {}; exit 1", mail.path.display());
    let release = machine.install("one", &script);
    release
        .start(&Launch {
            keep_running: true,
            ..with_secret()
        })
        .await
        .unwrap();
    for _ in 0..3 {
        assert_eq!(mail.next().await, SECRET.len().to_string());
    }
}

/// Whole, in two writes with a word to the test between them, in base64 and URL-encoded.
const CHATTY: &str = r#"
echo "whole: $TOKEN"
printf 'halves: correct-horse'; echo between > "$MAIL"; read go < "$GATE"; echo '-battery-staple'
printf 'encoded: '; printf 'user:%s' "$TOKEN" | base64
echo 'escaped: p%26ss%20w%2Frd'
echo 'line: MIIEvQIBADAN, address: tcp://me:p&ss w/rd@db'
printf 'unfinished: correct-horse-batt'
"#;

#[tokio::test]
async fn what_a_program_prints_of_its_secrets_is_never_written() {
    let machine = Machine::new();
    let mut mail = machine.mailbox();
    let gate = machine.folder.path().join("gate");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, &gate, fifo, mode, 0).unwrap();
    let release = machine.install("one", CHATTY);
    let text = |name: &str, path: &Path| Variable {
        name: name.to_owned(),
        value: Value::Text(path.display().to_string()),
    };
    let secret = |name: &str, value: Secret| Variable {
        name: name.to_owned(),
        value: Value::Secret {
            name: name.to_lowercase(),
            value,
        },
    };
    let key = "-----BEGIN-----\nMIIEvQIBADAN\n-----END-----\n".to_owned();
    let address = Secret::new("tcp://me:p&ss w/rd@db".to_owned());
    let variables = vec![
        text("MAIL", &mail.path),
        text("GATE", &gate),
        secret("TOKEN", Secret::new(SECRET.to_owned())),
        secret("KEY", Secret::new(key)),
        secret("ADDRESS", address.with_parts(vec!["p&ss w/rd".to_owned()])),
    ];
    let launch = Launch {
        variables,
        ..launch()
    };
    release.start(&launch).await.unwrap();
    assert_eq!(mail.next().await, "between");
    std::fs::write(&gate, "go\n").unwrap();
    release.wait().await.unwrap();

    let printed = [
        "whole: ***",
        "halves: ***",
        "encoded: dXNlcjp***",
        "escaped: ***",
        "line: ***, address: ***",
        "unfinished: correct-horse-batt",
    ];
    let log = release.root().parent().unwrap().join("log/current");
    let written = std::fs::read_to_string(&log).unwrap();
    assert_eq!(written.lines().collect::<Vec<_>>(), printed);
    search(machine.folder.path());
}

#[tokio::test]
async fn files_that_are_open_in_the_host_are_not_open_in_its_services() {
    let machine = Machine::new();
    let path = machine.folder.path().join("held");
    let held = std::fs::File::create(&path).unwrap();
    fcntl_setfd(&held, FdFlags::empty()).unwrap();
    let release = machine.install("one", "ls -l /proc/$$/fd | sed 's/.* -> //'");
    release.start(&launch()).await.unwrap();
    release.wait().await.unwrap();
    let open = release.tail(200).unwrap();
    assert!(!open.iter().any(|file| file.contains("held")), "{open:?}");
    let script = release.root().join("app/run").display().to_string();
    for file in &open {
        let expected = ["/dev/null", "total 0", &script].contains(&file.as_str());
        assert!(expected || file.starts_with("pipe:["), "{open:?}");
    }
}

#[tokio::test]
async fn the_folder_of_a_release_is_for_this_user_alone() {
    use std::os::unix::fs::PermissionsExt;
    let machine = Machine::new();
    let release = machine.install("one", "umask > $STAGEWRIGHT_DATA/umask; exec sleep 1000");
    release.start(&launch()).await.unwrap();
    let folder = release.root().parent().unwrap().to_owned();
    for path in [
        "",
        "run",
        "run/ctl.sock",
        "run/record.json",
        "run/launch.json",
        "log/current",
    ] {
        let mode = std::fs::metadata(folder.join(path))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o077, 0, "{path} can be used by others");
    }
}
