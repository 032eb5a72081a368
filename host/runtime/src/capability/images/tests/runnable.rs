//! Programs that run on this machine, and those that do not.

use std::ffi::OsStr;

use super::super::*;
use super::*;

fn check(place: &Place, program: &str) -> Result<(), ImageError> {
    check_runnable(&place.path("release"), program, OsStr::new("/usr/bin:/bin"))
}

fn reason(place: &Place, program: &str) -> String {
    let error = check(place, program).unwrap_err();
    assert_eq!(error.code(), "image.not-runnable");
    assert!(error.hint().is_some());
    error.to_string()
}

fn script(place: &Place, first_line: &str) {
    place.put("release/app/run", &format!("{first_line}\necho\n"));
    make_executable(&place.path("release/app/run"));
}

/// This test program, in the release; and where its loader is.
fn own_program(place: &Place) -> Vec<u8> {
    let program = fs::read(std::env::current_exe().unwrap()).unwrap();
    fs::create_dir_all(place.path("release/app")).unwrap();
    fs::write(place.path("release/app/run"), &program).unwrap();
    make_executable(&place.path("release/app/run"));
    program
}

#[test]
fn a_program_that_was_built_on_this_machine_runs() {
    let place = Place::new();
    own_program(&place);
    check(&place, "/app/run").unwrap();
    std::os::unix::fs::symlink("run", place.path("release/app/link")).unwrap();
    check(&place, "/app/link").unwrap();
}

#[test]
fn a_program_that_brings_its_own_loader_is_refused() {
    let place = Place::new();
    let program = own_program(&place);
    let name = b"/lib64/ld-linux-x86-64.so.2\0";
    let Some(at) = program
        .windows(name.len())
        .position(|window| window == name)
    else {
        // On other machines the loader has another name, and the next test stands for both.
        return;
    };
    place.put("release/lib64/ld-linux-x86-64.so.2", "");
    assert!(reason(&place, "/app/run").contains("of its own image"));
    fs::remove_dir_all(place.path("release/lib64")).unwrap();
    let mut moved = program;
    moved[at + 1..at + 4].copy_from_slice(b"odd");
    fs::write(place.path("release/app/run"), moved).unwrap();
    assert!(reason(&place, "/app/run").contains("/odd64/ld-linux"));
}

#[test]
fn programs_for_other_processors_and_broken_ones_are_refused() {
    let place = Place::new();
    let mut program = own_program(&place);
    program[18..20].copy_from_slice(&[0xf3, 0xff]);
    fs::write(place.path("release/app/run"), &program).unwrap();
    assert!(reason(&place, "/app/run").contains("processor"));
    for length in [4, 5, 16, 40, 100] {
        fs::write(place.path("release/app/run"), &program[..length]).unwrap();
        reason(&place, "/app/run");
    }
    fs::write(place.path("release/app/run"), "just text").unwrap();
    assert!(reason(&place, "/app/run").contains("neither"));
    fs::write(place.path("release/app/run"), "").unwrap();
    reason(&place, "/app/run");
}

#[test]
fn scripts_need_an_interpreter_of_this_machine() {
    let place = Place::new();
    for good in [
        "#!/bin/sh",
        "#! /bin/sh -e",
        "#!/usr/bin/env sh",
        "#!/usr/bin/env -S sh -e",
    ] {
        script(&place, good);
        check(&place, "/app/run").unwrap();
    }
    for bad in [
        "#!/opt/image/python",
        "#!sh",
        "#!/usr/bin/env no-such-interpreter",
        "#!",
        "#!/etc",
    ] {
        script(&place, bad);
        assert!(reason(&place, "/app/run").contains("interpreter"), "{bad}");
    }
}

#[test]
fn what_is_not_there_or_not_executable_is_refused_and_path_lookups_are_left_alone() {
    let place = Place::new();
    script(&place, "#!/bin/sh");
    assert!(reason(&place, "/app/absent").contains("absent"));
    assert!(reason(&place, "/../../bin/sh").contains("leads out"));
    fs::set_permissions(
        place.path("release/app/run"),
        fs::Permissions::from_mode(0o644),
    )
    .unwrap();
    assert!(reason(&place, "/app/run").contains("executable"));
    check(&place, "python3").unwrap();
}
