//! When the shim dies, the machine restarts, or an id is used again.

use std::time::Duration;

use stagewright_runtime::capability::process::{Condition, Launch};

use super::{Machine, await_end, is_there, kill, launch, shims};

const RUNS: &str =
    "setsid sh -c 'trap \"\" TERM; echo $$ > '$MAIL'; while :; do sleep 1000; done' &
echo $$ > $MAIL
exec sleep 1000";

#[tokio::test]
async fn a_release_whose_shim_was_killed_is_lost_and_can_still_be_stopped() {
    let machine = Machine::new();
    let mut mail = machine.mailbox();
    let release = machine.install("one", &format!("MAIL={}\n{RUNS}", mail.path.display()));
    let stop_grace = Duration::from_millis(200);
    release
        .start(&Launch {
            stop_grace,
            ..launch()
        })
        .await
        .unwrap();
    let pids = [mail.next_pid().await, mail.next_pid().await];
    let shim = shims(&release).into_iter().next().unwrap();
    kill(shim);
    await_end(shim);

    let state = release.state().unwrap();
    assert_eq!(state.condition, Condition::Lost, "{state:?}");
    assert!(pids.contains(&state.pid.unwrap()));
    release.stop().await.unwrap();
    for pid in pids {
        assert!(!is_there(pid), "{pid} is still there");
    }
    assert_eq!(release.state().unwrap().condition, Condition::Stopped);
}

#[tokio::test]
async fn starting_what_was_lost_never_makes_two_of_it() {
    let machine = Machine::new();
    let mut mail = machine.mailbox();
    let script = format!("echo $$ > {}\nexec sleep 1000", mail.path.display());
    let release = machine.install("one", &script);
    release.start(&launch()).await.unwrap();
    let first = mail.next_pid().await;
    let shim = shims(&release).into_iter().next().unwrap();
    kill(shim);
    await_end(shim);
    release.start(&launch()).await.unwrap();
    let second = mail.next_pid().await;
    assert!(!is_there(first) && is_there(second));
    let state = release.state().unwrap();
    assert_eq!(
        (state.condition, state.pid),
        (Condition::Running, Some(second))
    );
}

#[tokio::test]
async fn waiting_for_what_nobody_saw_end_is_an_error() {
    let machine = Machine::new();
    let release = machine.install("one", "exec sleep 1000");
    release.start(&launch()).await.unwrap();
    let pid = release.state().unwrap().pid.unwrap();
    let waiting = tokio::spawn({
        let release = release.clone();
        async move { release.wait().await }
    });
    let shim = shims(&release).into_iter().next().unwrap();
    kill(shim);
    await_end(shim);
    kill(pid);
    let error = waiting.await.unwrap().unwrap_err();
    assert_eq!(error.code(), "release.exit-unknown");
    assert_eq!(release.state().unwrap().condition, Condition::Exited);
}

/// Changes what the shim last wrote, as a machine that went down would have left it.
fn rewrite(
    release: &stagewright_runtime::capability::process::Release,
    change: impl Fn(&mut serde_json::Value),
) {
    let path = release.root().with_file_name("run").join("record.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut record: serde_json::Value = serde_json::from_str(&text).unwrap();
    change(&mut record);
    std::fs::write(path, record.to_string()).unwrap();
}

#[tokio::test]
async fn after_a_reboot_it_says_so_and_can_be_started_again() {
    let machine = Machine::new();
    let release = machine.install("one", "exec sleep 1000");
    release.start(&launch()).await.unwrap();
    release.stop().await.unwrap();
    rewrite(&release, |record| {
        record["condition"] = "running".into();
        record["boot_id"] = "another".into();
    });
    let state = release.state().unwrap();
    assert_eq!(state.condition, Condition::Exited);
    assert_eq!(state.detail, "not running since reboot");
    release.start_again(|_| None).await.unwrap();
    assert_eq!(release.state().unwrap().condition, Condition::Running);
}

#[tokio::test]
async fn a_stranger_with_the_id_of_a_lost_process_is_left_alone() {
    let machine = Machine::new();
    let release = machine.install("one", "exit 0");
    release.start(&launch()).await.unwrap();
    release.wait().await.unwrap();
    release.stop().await.unwrap();
    let mut stranger = std::process::Command::new("sleep")
        .arg("1000")
        .spawn()
        .unwrap();
    rewrite(&release, |record| {
        record["condition"] = "running".into();
        record["process"]["pid"] = stranger.id().into();
    });
    assert_eq!(release.state().unwrap().condition, Condition::Exited);
    release.stop().await.unwrap();
    assert!(
        stranger.try_wait().unwrap().is_none(),
        "a stranger was stopped"
    );
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}
