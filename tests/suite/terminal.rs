//! What a person sees: the live view, on a terminal of the kernel's.

use std::fs::File;
use std::io::Read;
use std::process::Stdio;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::environment::{free_port, job, server, with};

#[test]
fn a_terminal_shows_stages_slots_and_what_waits_and_then_the_result() {
    let installation = with(&[job("seed", "job"), server("web", free_port(), "one")]);
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let size = Winsize {
        ws_row: 40,
        ws_col: 120,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&terminal, size).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let far = File::options()
        .read(true)
        .write(true)
        .open(name.to_str().unwrap())
        .unwrap();

    let mut child = installation
        .command(&["deploy"])
        .stdout(Stdio::from(far))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut shown = Vec::new();
    let mut near = File::from(terminal);
    let mut buffer = [0; 4096];
    // The kernel answers with an error once nobody holds the other end.
    while let Ok(count) = near.read(&mut buffer) {
        shown.extend_from_slice(&buffer[..count]);
        if count == 0 {
            break;
        }
    }
    assert!(child.wait().unwrap().success());
    let shown = String::from_utf8_lossy(&shown);
    for words in [
        "test-1 · deploy · 0:0",
        "0.DEFAULT DATABASE",
        "build: 1 of 4 slots taken",
        "slot 1  web deploy",
        "web waits for stage",
        "test-1 succeeded in",
    ] {
        assert!(shown.contains(words), "{words}\n{shown}");
    }
    assert!(
        !shown.contains("\u{1b}[?25l"),
        "the cursor is left as it is"
    );
}
