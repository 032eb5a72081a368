//! What a person sees: the live view, on a terminal of the kernel's.

use std::fs::File;
use std::io::Read;
use std::process::{Child, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::environment::{free_port, job, rewrite, server, with};
use crate::gate::Gate;
use crate::installation::Installation;

/// A run of the program on a terminal, and what that has shown.
struct Terminal {
    child: Child,
    near: File,
    shown: String,
}

impl Terminal {
    fn new(installation: &Installation, arguments: &[&str]) -> Self {
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
        let mut options = File::options();
        let far = options.read(true).write(true).open(name.to_str().unwrap());
        let mut command = installation.command(arguments);
        command
            .stdout(Stdio::from(far.unwrap()))
            .stderr(Stdio::null());
        Self {
            child: command.spawn().unwrap(),
            near: File::from(terminal),
            shown: String::new(),
        }
    }

    /// Reads on until all of these words were shown.
    fn until(&mut self, words: &[&str]) {
        while !words.iter().all(|words| self.shown.contains(words)) {
            assert!(self.read(), "{words:?} in\n{}", self.shown);
        }
    }

    /// False at the end: the kernel answers with an error once nobody holds the other end.
    fn read(&mut self) -> bool {
        let mut buffer = [0; 4096];
        let count = self.near.read(&mut buffer).unwrap_or(0);
        self.shown
            .push_str(&String::from_utf8_lossy(&buffer[..count]));
        count > 0
    }
}

#[test]
fn a_terminal_shows_stages_slots_and_what_waits_and_then_the_result() {
    let installation = with(&[]);
    let (mut builds, mut deploys) = (
        Gate::new(&installation, "builds"),
        Gate::new(&installation, "deploys"),
    );
    let build = r#"build: { plugin: "builtin:static", with: { target: /app } }"#;
    let gated = format!(
        "build: {{ with: {{ steps: [{}], outputs: [actor] }} }}",
        builds.step()
    );
    let web = server("web", free_port(), "one");
    assert!(web.contains(build));
    let web = web.replace(build, &gated).replace(
        "GREETING",
        &format!(r#"GATE: "{}", GREETING"#, deploys.path()),
    );
    rewrite(&installation, &[job("seed", "job"), web]);

    let mut terminal = Terminal::new(&installation, &["deploy"]);
    terminal.until(&[
        "test-1 · deploy · 0:0",
        "0.DEFAULT DATABASE           no services",
        "1.DEFAULT JOB                1 done",
        "build: 1 of 4 slots taken",
        "slot 1  web build 0:0",
    ]);
    builds.admit(1);
    terminal.until(&["deploy: 1 of 4 slots taken", "slot 1  web deploy 0:0"]);
    deploys.admit(1);
    terminal.until(&["test-1 succeeded in "]);
    while terminal.read() {}
    assert!(terminal.child.wait().unwrap().success());
}
