//! What programs, other versions of this one, and torn disks leave or say: outputs of jobs,
//! files of releases, frames on sockets.

use std::io::Write;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use stagewright_fuzz::{Finding, Shape, Target, Verdict};

use super::protocol::{Order, Reply, Request};
use super::record::{Layout, Meta, Record, load};
use super::wire::{Inbox, MAX_FRAME};
use super::{Launch, outputs};

#[test]
fn job_outputs() -> Result<(), Finding> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("output.json");
    let target = Target::new("job-outputs", Shape::Json)
        .seed(r#"{"schema_version": "3", "token": {"value": "hunter2", "sensitive": true}}"#)
        .seed(r#"{"a": "hunter2", "b.c-d_e": {"value": ""}}"#)
        .seed("")
        .words(&[
            "value",
            "sensitive",
            "hunter2",
            "a",
            "b",
            "\"a\": 1,",
            "\"a\": \"x\",",
        ]);
    target.run(|input| {
        std::fs::write(&path, input).unwrap();
        match outputs::read(&path) {
            Ok(found) => {
                for (at, output) in found.iter().enumerate() {
                    let others = &found[..at];
                    assert!(
                        others.iter().all(|other| other.name != output.name),
                        "{found:?}"
                    );
                    assert!(!output.name.is_empty() && output.name.len() <= 128);
                    assert!(output.name.bytes().all(|byte| byte.is_ascii_graphic()));
                    assert!(!output.value.contains('\0'), "no variable can hold it");
                }
                Verdict::Accepted
            }
            Err(error) => {
                assert_eq!(error.code(), "job.outputs-invalid");
                Verdict::Refused
            }
        }
    })?;
    Ok(())
}

fn identity() -> Value {
    json!({ "pid": 4242, "started": 99_887_766 })
}

#[test]
fn release_files() -> Result<(), Finding> {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::new(folder.path());
    std::fs::create_dir(layout.run()).unwrap();
    let meta = json!({
        "version": 1, "step_id": "shop-1/api/deploy", "reference": "layout:a@sha256:0",
        "sequence": 7, "image": super::ImageDefaults::default(),
    });
    let record = json!({
        "version": 1, "step_id": "shop-1/api/deploy", "boot_id": "x", "shim": identity(),
        "process": identity(), "condition": "running", "exit": null, "restarts": 0,
        "detail": "", "stop_grace_ms": 10_000, "keep_running": true,
    });
    let launch = json!({
        "argv": ["/app/run"], "working_directory": "", "variables": [
            { "name": "A", "value": { "text": "x" } },
            { "name": "T", "value": { "secret": { "name": "token" } } },
        ],
        "ports": [{ "name": "http", "number": 80, "protocol": "tcp" }],
        "socket_activation": false, "keep_running": true,
        "stop_grace": { "secs": 10, "nanos": 0 }, "reason": "deploy",
    });
    let read = |input: &[u8]| {
        for path in [layout.meta(), layout.record(), layout.launch()] {
            std::fs::write(path, input).unwrap();
        }
        let told = [
            load::<Meta>(&layout.meta()).map(drop),
            load::<Record>(&layout.record()).map(drop),
            load::<Launch>(&layout.launch()).map(drop),
        ];
        for error in told.iter().filter_map(|one| one.as_ref().err()) {
            assert_eq!(error.code(), "process.damaged");
            assert!(error.to_string().contains(".json"), "{error}");
        }
        Verdict::from(told.iter().any(Result::is_ok))
    };
    Target::new("release-files", Shape::Json)
        .seeds([meta, record, launch].map(|file| file.to_string()))
        .words(&[
            "pid",
            "condition",
            "exit",
            "signal",
            "code",
            "stop_grace",
            "secs",
            "nanos",
        ])
        .run(read)?;
    Ok(())
}

/// Sends bytes through a socket and reads frames until there are no more. Were all good?
fn receive_all<T: DeserializeOwned>(bytes: &[u8]) -> bool {
    let (near, far) = UnixStream::pair().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // The other side may have had enough.
            let _ = (&near).write_all(bytes);
            let _ = near.shutdown(Shutdown::Write);
        });
        let mut inbox = Inbox::new(MAX_FRAME);
        let mut good = false;
        let all = loop {
            match inbox.take::<T>() {
                Ok(Some(_)) => good = true,
                Ok(None) => match inbox.fill(&far) {
                    Ok(0) => break good,
                    Ok(_) => {}
                    Err(_) => break false,
                },
                Err(error) => {
                    assert!(!error.to_string().contains("hunter2"), "{error}");
                    break false;
                }
            }
        };
        let _ = far.shutdown(Shutdown::Both);
        all
    })
}

fn frame(body: &Value) -> Vec<u8> {
    let text = json!({ "version": 1, "body": body }).to_string();
    let length = u32::try_from(text.len()).unwrap().to_be_bytes();
    [length.as_slice(), text.as_bytes()].concat()
}

#[test]
fn frames() -> Result<(), Finding> {
    let program = json!({
        "path": "/bin/x", "argv": ["x"], "environment": [["T", "hunter2"]],
        "directory": "/", "listeners": ["http"],
    });
    let bodies = [
        json!("Stop"),
        json!({ "Execute": { "path": "/bin/x", "argv": [], "timeout_ms": 5 } }),
        json!({ "Started": { "pid": 7 } }),
        json!({ "Listeners": [{ "name": "http", "port": 80 }] }),
        json!({ "Failed": { "Unkillable": [1, 2] } }),
        json!({ "Become": program }),
        json!({ "Once": { "program": program, "stop_grace_ms": 1 } }),
    ];
    let two = [frame(&bodies[0]), frame(&bodies[1])].concat();
    Target::new("frames", Shape::Bytes)
        .seeds(bodies.iter().map(frame))
        .seed(two)
        .words(&[
            "\"version\":1",
            "\"version\":2",
            "hunter2",
            "Stop",
            "Wait",
            "null",
        ])
        .run(|input| {
            let understood = [
                receive_all::<Request>(input),
                receive_all::<Reply>(input),
                receive_all::<Order>(input),
            ];
            Verdict::from(understood.contains(&true))
        })?;
    Ok(())
}
