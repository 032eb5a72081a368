//! Starting, stopping, and starting again.

use std::time::{Duration, Instant};

use stagewright_runtime::capability::process::{Condition, Exit, Launch};

use super::{Machine, await_end, is_there, launch, shims};

/// Two processes that try to get away: one leads its own session, one is an orphan twice over.
const RUNAWAYS: &str = "setsid sh -c 'echo $$ > '$MAIL'; exec sleep 1000' &
(setsid sh -c '(sh -c \"echo \\$\\$ > '$MAIL'; exec sleep 1000\" &) &' &)";

#[tokio::test]
async fn stopping_ends_the_daemonised_too() {
    let machine = Machine::new();
    let mut mail = machine.mailbox();
    let script = format!("MAIL={}\n{RUNAWAYS}\nexec sleep 1000", mail.path.display());
    let release = machine.install("one", &script);
    assert_eq!(release.state().unwrap().condition, Condition::Installed);
    release.start(&launch()).await.unwrap();
    let pids = [mail.next_pid().await, mail.next_pid().await];
    let main = release.state().unwrap().pid.unwrap();
    assert!(pids.iter().all(|pid| is_there(*pid)) && is_there(main));

    release.stop().await.unwrap();
    for pid in pids.into_iter().chain([main]) {
        assert!(!is_there(pid), "{pid} is still there");
    }
    assert!(shims(&release).is_empty(), "a shim was left");
    let state = release.state().unwrap();
    assert_eq!(state.condition, Condition::Stopped);
    assert_eq!(state.exit.unwrap().signal, Some(15));
    release.stop().await.unwrap();
}

#[tokio::test]
async fn who_ignores_the_request_is_killed_after_the_grace() {
    let machine = Machine::new();
    let mut mail = machine.mailbox();
    let script = format!(
        "trap '' TERM; echo ready > {}; while :; do sleep 1000; done",
        mail.path.display()
    );
    let release = machine.install("one", &script);
    let stop_grace = Duration::from_millis(300);
    release
        .start(&Launch {
            stop_grace,
            ..launch()
        })
        .await
        .unwrap();
    mail.next().await;
    let begin = Instant::now();
    release.stop().await.unwrap();
    assert!(begin.elapsed() >= stop_grace);
    assert_eq!(release.state().unwrap().exit.unwrap().signal, Some(9));
}

#[tokio::test]
async fn who_ends_in_good_order_is_not_kept_waiting() {
    let machine = Machine::new();
    let mut mail = machine.mailbox();
    let script = format!(
        "trap 'exit 7' TERM; sh -c 'echo ready > {}; exec sleep 1000' & wait",
        mail.path.display()
    );
    let release = machine.install("one", &script);
    let keep_running = true;
    release
        .start(&Launch {
            keep_running,
            ..launch()
        })
        .await
        .unwrap();
    mail.next().await;
    release.stop().await.unwrap();
    let state = release.state().unwrap();
    assert_eq!((state.condition, state.restarts), (Condition::Stopped, 0));
    assert_eq!(
        state.exit,
        Some(Exit {
            code: Some(7),
            signal: None
        })
    );
}

#[tokio::test]
async fn a_crash_is_started_again_with_growing_pauses_and_counted() {
    let machine = Machine::new();
    let mut mail = machine.mailbox();
    let script = format!("echo $$ > {}\nexit 3", mail.path.display());
    let release = machine.install("one", &script);
    let begin = Instant::now();
    let keep_running = true;
    release
        .start(&Launch {
            keep_running,
            ..launch()
        })
        .await
        .unwrap();
    for _ in 0..4 {
        mail.next_pid().await;
    }
    assert!(begin.elapsed() >= Duration::from_millis(100 + 200 + 400));
    let state = release.state().unwrap();
    assert!(state.restarts >= 3, "{state:?}");
    assert_eq!(state.exit.unwrap().code, Some(3));
    assert_eq!(
        release.wait().await.unwrap_err().code(),
        "release.kept-running"
    );

    release.stop().await.unwrap();
    let state = release.state().unwrap();
    assert_eq!(state.condition, Condition::Stopped);
    assert!(
        release
            .tail(200)
            .unwrap()
            .iter()
            .any(|line| line.contains("exit code 3"))
    );
}

#[tokio::test]
async fn who_is_left_of_a_crashed_process_goes_before_it_starts_again() {
    let machine = Machine::new();
    let mut mail = machine.mailbox();
    let script = format!(
        "setsid sleep 1000 &\necho $! > {}\nexit 3",
        mail.path.display()
    );
    let release = machine.install("one", &script);
    let keep_running = true;
    release
        .start(&Launch {
            keep_running,
            ..launch()
        })
        .await
        .unwrap();
    let first = mail.next_pid().await;
    mail.next_pid().await;
    assert!(!is_there(first), "two generations at the same time");
    release.stop().await.unwrap();
}

#[tokio::test]
async fn starting_what_runs_changes_nothing() {
    let machine = Machine::new();
    let release = machine.install("one", "exec sleep 1000");
    let (one, other) = (launch(), launch());
    let (first, second) = tokio::join!(release.start(&one), release.start(&other));
    first.unwrap();
    second.unwrap();
    let pid = release.state().unwrap().pid;
    release.start(&launch()).await.unwrap();
    assert_eq!(release.state().unwrap().pid, pid);
    assert_eq!(shims(&release).len(), 1, "two shims look after one release");
}

#[tokio::test]
async fn a_killed_host_leaves_its_services_running_and_a_new_one_finds_them() {
    let machine = Machine::new();
    let release = machine.install("one", "exec sleep 1000");
    let mut host = std::process::Command::new(super::PEER)
        .args([
            "host".as_ref(),
            machine.folder.path().as_os_str(),
            super::PROGRAM.as_ref(),
        ])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = [0; 8];
    std::io::Read::read_exact(host.stdout.as_mut().unwrap(), &mut said).unwrap();
    assert_eq!(&said, b"started\n");
    let before = release.state().unwrap();
    host.kill().unwrap();
    host.wait().unwrap();

    let after = super::service(machine.folder.path());
    let release = after.releases().unwrap().remove(0);
    assert_eq!(release.state().unwrap(), before);
    assert_eq!(before.condition, Condition::Running);
    let pid = before.pid.unwrap();
    assert!(is_there(pid));
    release.stop().await.unwrap();
    await_end(pid);
}

#[tokio::test]
async fn removing_stops_and_leaves_the_data() {
    let machine = Machine::new();
    let mut mail = machine.mailbox();
    let script = format!(
        "echo kept > $STAGEWRIGHT_DATA/file\necho ready > {}\nexec sleep 1000",
        mail.path.display()
    );
    let release = machine.install("one", &script);
    release.start(&launch()).await.unwrap();
    mail.next().await;
    let error = machine.service.remove_data().unwrap_err();
    assert_eq!(error.code(), "release.data-in-use");
    release.remove().await.unwrap();
    assert!(machine.service.releases().unwrap().is_empty());
    let folder = release
        .root()
        .parent()
        .unwrap()
        .parent()
        .unwrap()
        .to_owned();
    assert_eq!(
        std::fs::read_dir(folder).unwrap().count(),
        0,
        "files were left"
    );
    let file = machine.service.data().join("file");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "kept\n");
    machine.service.remove_data().unwrap();
    assert!(!file.exists());
}

#[tokio::test]
async fn who_forks_all_the_time_is_ended_too() {
    let machine = Machine::new();
    let mut mail = machine.mailbox();
    let script = format!(
        "trap '' TERM\nwhile :; do setsid sleep 1000 & echo $! > {}; done",
        mail.path.display()
    );
    let release = machine.install("one", &script);
    let stop_grace = Duration::from_millis(50);
    let launch = Launch {
        stop_grace,
        ..launch()
    };
    release.start(&launch).await.unwrap();
    let mut pids = vec![mail.next_pid().await];
    let stop = release.stop();
    tokio::pin!(stop);
    // It goes on until the mail is full or it is ended.
    loop {
        tokio::select! {
            stopped = &mut stop => break stopped.unwrap(),
            pid = mail.next_pid() => pids.push(pid),
        }
    }
    pids.retain(|pid| is_there(*pid));
    assert!(pids.is_empty(), "{pids:?} are still there");
}
