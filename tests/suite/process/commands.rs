//! Commands that run to their end, and all the ways in which they do not get there.

use std::time::Duration;

use stagewright_runtime::capability::process::{Command, Exit, Runner, Source};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Mailbox, await_end, is_there, shim};

fn runner() -> Runner {
    let passed = vec![
        ("PATH".to_owned(), std::env::var("PATH").unwrap()),
        ("HOME".to_owned(), "/home/of/nobody".to_owned()),
    ];
    Runner::new(shim(), passed)
}

fn script(text: &str) -> Command {
    Command {
        argv: ["sh", "-c", text].map(str::to_owned).into(),
        directory: "/".into(),
        variables: Vec::new(),
        stop_grace: Some(Duration::from_millis(200)),
        deadline: None,
        force: CancellationToken::new(),
    }
}

async fn run(command: &Command) -> (Exit, Vec<(Source, String)>) {
    let mut lines = Vec::new();
    let cancel = CancellationToken::new();
    let exit = runner()
        .run(command, &cancel, &mut |source, line| {
            lines.push((source, line.to_owned()))
        })
        .await
        .unwrap();
    (exit, lines)
}

/// A build that ignores requests, with a descendant that got away; it tells both pids.
fn stubborn(mail: &Mailbox) -> Command {
    let mail = mail.path.display();
    script(&format!(
        "trap '' TERM; (setsid sh -c 'echo $$ > {mail}; exec sleep 1000' &); echo $$ > {mail}; while :; do sleep 1000; done"
    ))
}

#[tokio::test]
async fn a_command_sees_what_is_passed_and_nothing_else() {
    let mut command = script("env; echo oops >&2; pwd; exit 3");
    command
        .variables
        .push(("GIVEN".to_owned(), "yes".to_owned()));
    command.directory = "/usr".into();
    let (exit, lines) = run(&command).await;
    assert_eq!(
        exit,
        Exit {
            code: Some(3),
            signal: None
        }
    );
    assert!(lines.contains(&(Source::Error, "oops".to_owned())));
    assert!(lines.contains(&(Source::Output, "/usr".to_owned())));
    assert!(lines.contains(&(Source::Output, "HOME=/home/of/nobody".to_owned())));
    let variables = lines
        .iter()
        .filter_map(|(_, line)| Some(line.split_once('=')?.0));
    let mut names: Vec<_> = variables.collect();
    names.sort_unstable();
    // The shell sets PWD and its like by itself.
    names.retain(|name| !["PWD", "OLDPWD", "SHLVL", "_"].contains(name));
    assert_eq!(names, ["GIVEN", "HOME", "PATH"]);
}

#[tokio::test]
async fn a_torrent_on_both_streams_arrives_whole() {
    let (exit, lines) = run(&script("seq 200000 & seq 200000 >&2; wait; printf end")).await;
    assert_eq!(exit.code, Some(0));
    assert_eq!(lines.len(), 400_001);
    assert_eq!(
        lines
            .iter()
            .filter(|(source, _)| *source == Source::Error)
            .count(),
        200_000
    );
    assert!(lines.contains(&(Source::Output, "end".to_owned())));
}

#[tokio::test]
async fn a_signal_is_told_from_a_code() {
    let (exit, _) = run(&script("kill -9 $$")).await;
    assert_eq!(
        exit,
        Exit {
            code: None,
            signal: Some(9)
        }
    );
}

#[tokio::test]
async fn cancelling_ends_the_whole_tree() {
    let folder = tempfile::tempdir().unwrap();
    let mut mail = Mailbox::new(folder.path().join("mail"));
    let cancel = CancellationToken::new();
    let running = tokio::spawn({
        let (command, cancel) = (stubborn(&mail), cancel.clone());
        async move { runner().run(&command, &cancel, &mut |_, _| {}).await }
    });
    let pids = [mail.next_pid().await, mail.next_pid().await];
    cancel.cancel();
    let error = running.await.unwrap().unwrap_err();
    assert_eq!(error.code(), "process.cancelled");
    for pid in pids {
        assert!(!is_there(pid), "{pid} is still there");
    }
}

#[tokio::test]
async fn by_force_it_is_killed_in_the_middle_of_its_grace() {
    // A shell that waits for a program in the foreground would answer only after it.
    let text = "trap 'echo asked' TERM; echo begun; while :; do sleep 1000 & wait; done";
    let mut command = script(text);
    command.stop_grace = Some(Duration::from_secs(3600));
    let (cancel, force) = (CancellationToken::new(), command.force.clone());
    let mut react = |_: Source, line: &str| match line {
        "begun" => cancel.cancel(),
        _ => force.cancel(),
    };
    let error = runner().run(&command, &cancel, &mut react).await;
    assert_eq!(error.unwrap_err().code(), "process.cancelled");
}

#[tokio::test]
async fn by_force_alone_it_is_killed_at_once() {
    let mut command = script("trap '' TERM; echo begun; while :; do sleep 1000; done");
    command.stop_grace = Some(Duration::from_secs(3600));
    let (cancel, force) = (CancellationToken::new(), command.force.clone());
    let mut react = |_: Source, _: &str| {
        force.cancel();
        cancel.cancel();
    };
    let error = runner().run(&command, &cancel, &mut react).await;
    assert_eq!(error.unwrap_err().code(), "process.cancelled");
}

#[tokio::test]
async fn the_deadline_ends_the_whole_tree() {
    let folder = tempfile::tempdir().unwrap();
    let mut mail = Mailbox::new(folder.path().join("mail"));
    let mut command = stubborn(&mail);
    command.deadline = Some(Instant::now() + Duration::from_secs(2));
    let cancel = CancellationToken::new();
    let error = runner()
        .run(&command, &cancel, &mut |_, _| {})
        .await
        .unwrap_err();
    assert_eq!(error.code(), "process.timed-out");
    for pid in [mail.next_pid().await, mail.next_pid().await] {
        assert!(!is_there(pid), "{pid} is still there");
    }
}

#[tokio::test]
async fn forgetting_a_command_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut mail = Mailbox::new(folder.path().join("mail"));
    let running = tokio::spawn({
        let command = stubborn(&mail);
        async move {
            runner()
                .run(&command, &CancellationToken::new(), &mut |_, _| {})
                .await
        }
    });
    let pids = [mail.next_pid().await, mail.next_pid().await];
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    for pid in pids {
        await_end(pid);
    }
}

#[tokio::test]
async fn what_a_command_leaves_running_is_ended_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut mail = Mailbox::new(folder.path().join("mail"));
    let text = format!("setsid sleep 1000 & echo $! > {}", mail.path.display());
    let (exit, _) = run(&script(&text)).await;
    assert_eq!(exit.code, Some(0));
    assert!(!is_there(mail.next_pid().await));
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let mut command = script("");
    command.argv = vec!["no-such-program".to_owned()];
    let cancel = CancellationToken::new();
    let error = runner()
        .run(&command, &cancel, &mut |_, _| {})
        .await
        .unwrap_err();
    assert_eq!(error.code(), "process.not-found");
    assert!(error.to_string().contains("`no-such-program`"), "{error}");
    command.argv = vec!["sh".to_owned()];
    command.directory = "/no/such/folder".into();
    let error = runner()
        .run(&command, &cancel, &mut |_, _| {})
        .await
        .unwrap_err();
    assert!(error.to_string().contains("/no/such/folder"), "{error}");
}

#[tokio::test]
async fn versions_are_the_first_line() {
    let cancel = CancellationToken::new();
    let version = runner().version("env", &cancel).await.unwrap();
    assert!(
        version.contains("coreutils") && !version.contains('\n'),
        "{version}"
    );
    let error = runner().version("false", &cancel).await;
    assert!(error.is_ok() || error.unwrap_err().code() == "process.invalid");
    assert_eq!(
        runner().version("none", &cancel).await.unwrap_err().code(),
        "process.not-found"
    );
}
