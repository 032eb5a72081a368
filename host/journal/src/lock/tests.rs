//! One at a time, for as long as a process lives.

use std::process::{Command, Stdio};

use super::*;

#[test]
fn one_at_a_time_and_the_other_is_told_who() {
    let locks = tempfile::tempdir().unwrap();
    let held = EnvironmentLock::acquire(locks.path(), "shop", "deploy shop").unwrap();
    let error = EnvironmentLock::acquire(locks.path(), "shop", "stop shop").unwrap_err();
    let LockError::Held { holder, .. } = &error else {
        panic!("{error}");
    };
    let Holder {
        pid,
        since,
        command,
    } = holder.clone().unwrap();
    assert_eq!((pid, command.as_str()), (process::id(), "deploy shop"));
    assert!(OffsetDateTime::parse(&since, &Rfc3339).is_ok(), "{since}");
    assert!(
        error
            .to_string()
            .contains(&format!("held by pid {pid} since {since}"))
    );

    let other = EnvironmentLock::acquire(locks.path(), "blog", "deploy blog");
    assert!(other.is_ok());
    drop(held);
    assert!(EnvironmentLock::acquire(locks.path(), "shop", "stop shop").is_ok());
}

#[test]
fn a_lock_ends_with_its_process_and_not_before() {
    let locks = tempfile::tempdir().unwrap();
    let path = locks.path().join("shop");
    // The other process locks the file that it has as its standard output, and says so by
    // ending its standard error, which it then holds no longer.
    let file = File::create(&path).unwrap();
    let mut other = Command::new("/bin/sh")
        .args(["-c", "flock --exclusive 1 && exec 2>&- && read line"])
        .stdin(Stdio::piped())
        .stdout(file)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut complaint = String::new();
    let mut stderr = other.stderr.take().unwrap();
    stderr.read_to_string(&mut complaint).unwrap();
    assert_eq!(complaint, "", "flock(1) of util-linux is needed");

    let refused = EnvironmentLock::acquire(locks.path(), "shop", "deploy").unwrap_err();
    assert!(
        refused.to_string().contains("held by another process"),
        "{refused}"
    );

    other.kill().unwrap();
    other.wait().unwrap();
    assert!(EnvironmentLock::acquire(locks.path(), "shop", "deploy").is_ok());
}

#[test]
fn a_lock_whose_file_was_replaced_is_known_to_be_lost() {
    let locks = tempfile::tempdir().unwrap();
    let held = EnvironmentLock::acquire(locks.path(), "shop", "deploy").unwrap();
    held.verify().unwrap();
    fs::remove_file(locks.path().join("shop")).unwrap();
    let lost = held.verify();
    assert!(matches!(lost, Err(LockError::Replaced { .. })), "{lost:?}");
    let other = EnvironmentLock::acquire(locks.path(), "shop", "stop").unwrap();
    assert!(matches!(held.verify(), Err(LockError::Replaced { .. })));
    drop(held);
    other.verify().unwrap();
}

#[test]
fn names_do_not_leave_the_folder() {
    let locks = tempfile::tempdir().unwrap();
    for name in ["", "..", "../shop", "a/b", ".hidden"] {
        let refused = EnvironmentLock::acquire(locks.path(), name, "deploy");
        assert!(matches!(refused, Err(LockError::InvalidName(_))), "{name}");
    }
}

#[test]
fn a_long_command_is_cut_where_a_character_ends() {
    let locks = tempfile::tempdir().unwrap();
    let command = "ü".repeat(5000);
    let _held = EnvironmentLock::acquire(locks.path(), "shop", &command).unwrap();
    let error = EnvironmentLock::acquire(locks.path(), "shop", "stop").unwrap_err();
    assert!(error.to_string().contains("üü"), "{error}");
}
