//! What a person sees: the live view, on a terminal of the kernel's.

use std::fs::File;
use std::io::Read;
use std::process::{Child, Command, Stdio};

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
        Self::of(Self::command(installation, arguments))
    }

    fn command(installation: &Installation, arguments: &[&str]) -> Command {
        let mut command = installation.command(arguments);
        command.env("TERM", "xterm").env_remove("NO_COLOR");
        command
    }

    fn of(mut command: Command) -> Self {
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
        command
            .stdout(Stdio::from(far.unwrap()))
            .stderr(Stdio::null());
        Self {
            child: command.spawn().unwrap(),
            near: File::from(terminal),
            shown: String::new(),
        }
    }

    /// All that is shown, to the end of a run that succeeds.
    fn all(mut self) -> String {
        while self.read() {}
        assert!(self.child.wait().unwrap().success(), "{}", self.shown);
        self.shown
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

    let mut terminal = Terminal::new(&installation, &["deploy", "--color", "never"]);
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
    assert!(!is_coloured(&terminal.all()));
}

/// Is there a colour of a state in it (ECMA-48, SGR)?
fn is_coloured(shown: &str) -> bool {
    (30..=97).any(|code| shown.contains(&format!("\u{1b}[{code}m")))
}

#[test]
fn states_have_colours_on_a_terminal_and_where_they_are_asked_for() {
    let installation = with(&[job("seed", "job")]);
    let green = |word: &str| format!("\u{1b}[32m{word}\u{1b}[0m");
    let shown = Terminal::new(&installation, &["deploy"]).all();
    for words in ["succeeded", "1 done", "1 succeeded"] {
        assert!(shown.contains(&green(words)), "{words}\n{shown}");
    }
    let shown = Terminal::new(&installation, &["history"]).all();
    assert!(shown.contains("\u{1b}[32msucceeded  "), "{shown}");
    let shown = Terminal::new(&installation, &["status", "--color", "never"]).all();
    assert!(!is_coloured(&shown), "{shown}");

    // Neither a pipe nor a person who wants none gets any; who asks for them does.
    assert!(!is_coloured(&installation.succeed(&["status"]).stdout));
    let asked = installation
        .succeed(&["--color", "always", "status"])
        .stdout;
    assert!(asked.contains(&green("completed   ")), "{asked}");
    let mut unwanted = Terminal::command(&installation, &["status"]);
    unwanted.env("NO_COLOR", "1");
    let shown = Terminal::of(unwanted).all();
    assert!(!is_coloured(&shown), "{shown}");
}
