//! How things end: exit codes, outputs, what was printed, and why something did not begin.

use stagewright_runtime::capability::process::{Condition, Exit, Launch};

use super::{Machine, launch};

#[tokio::test]
async fn a_job_ends_with_its_code_its_outputs_and_its_last_words() {
    let machine = Machine::new();
    let release = machine.install(
        "one",
        r#"echo out; echo err >&2
echo "$STAGEWRIGHT_ENVIRONMENT/$STAGEWRIGHT_SERVICE $STAGEWRIGHT_REASON"
echo '{"url":"http://x","token":{"value":"t","sensitive":true}}' > $STAGEWRIGHT_OUTPUT
exit 4"#,
    );
    release.start(&launch()).await.unwrap();
    assert_eq!(
        release.wait().await.unwrap(),
        Exit {
            code: Some(4),
            signal: None
        }
    );
    assert_eq!(release.state().unwrap().condition, Condition::Exited);
    assert_eq!(release.wait().await.unwrap().code, Some(4), "asked again");
    let outputs = release.outputs().unwrap();
    assert_eq!(format!("{outputs:?}"), "[url=http://x, token=…]");
    assert_eq!(release.tail(2).unwrap(), ["err", "shop/api deploy"]);

    // A second run begins without the outputs of the first.
    let argv = ["sh", "-c", "exit 0"].map(str::to_owned).into();
    release.start(&Launch { argv, ..launch() }).await.unwrap();
    assert_eq!(release.wait().await.unwrap().code, Some(0));
    assert!(release.outputs().unwrap().is_empty());
}

#[tokio::test]
async fn what_a_job_leaves_running_is_ended_with_it() {
    let machine = Machine::new();
    let mut mail = machine.mailbox();
    let script = format!("setsid sleep 1000 &\necho $! > {}", mail.path.display());
    let release = machine.install("one", &script);
    release.start(&launch()).await.unwrap();
    assert_eq!(release.wait().await.unwrap().code, Some(0));
    assert!(!super::is_there(mail.next_pid().await));
}

#[tokio::test]
async fn a_program_that_cannot_run_is_told_before_start_returns() {
    let machine = Machine::new();
    let release = machine.install("one", "");
    let start = |word: &str| {
        let argv = vec![word.to_owned()];
        let release = release.clone();
        async move {
            release
                .start(&Launch { argv, ..launch() })
                .await
                .unwrap_err()
        }
    };
    assert_eq!(start("/app/none").await.code(), "process.not-found");
    assert_eq!(
        start("/bin/sh").await.code(),
        "process.not-found",
        "of the image, not the machine"
    );
    assert_eq!(start("no-such-program").await.code(), "process.not-found");

    let script = release.root().join("app/run");
    std::fs::write(script, "#!/no/such/interpreter\n").unwrap();
    let error = start("/app/run").await;
    assert_eq!(error.code(), "process.not-executable");
    assert!(error.to_string().contains("interpreter"), "{error}");
    assert_eq!(release.state().unwrap().condition, Condition::Exited);
    assert!(super::shims(&release).is_empty());
}

#[tokio::test]
async fn a_torrent_of_output_does_not_hold_a_program_up() {
    let machine = Machine::new();
    let release = machine.install("one", "yes 0123456789abcdef | head -n 500000; echo last");
    release.start(&launch()).await.unwrap();
    assert_eq!(release.wait().await.unwrap().code, Some(0));
    assert_eq!(release.tail(1).unwrap(), ["last"]);
    let sizes = std::fs::read_dir(release.log()).unwrap();
    let total: u64 = sizes
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum();
    assert!((3 << 20..5 << 20).contains(&total), "{total}");
}
