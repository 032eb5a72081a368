//! Processes of the embedded default, with the real program as shim: what is started, what
//! survives, and that nothing is left.

mod commands;
mod handover;
mod loss;
mod outcome;
mod probes;
mod secrecy;
mod supervision;

use std::collections::HashSet;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use stagewright_runtime::capability::process::{
    ImageDefaults, Launch, Port, Release, Service, Settings, Supervisor, pass_through,
};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::unix::pipe;

use crate::environment::free_port;

/// The program whose hidden verb is the shim.
const PROGRAM: &str = env!("CARGO_BIN_EXE_stagewright-under-test");
/// A program that listens, and one that plays a host which is going to be killed.
const PEER: &str = env!("CARGO_BIN_EXE_peer");
/// Longer than anything here takes, and shorter than anybody's patience.
const PATIENCE: Duration = Duration::from_secs(60);

/// A machine's worth of releases; whatever still runs is stopped with it.
struct Machine {
    folder: TempDir,
    service: Service,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let service = service(folder.path());
        Self { folder, service }
    }

    /// A release whose image has the script as `/app/run`, and the peer as `/app/peer`.
    fn install(&self, step_id: &str, script: &str) -> Release {
        let image = ImageDefaults {
            argv: vec!["/app/run".to_owned()],
            ..ImageDefaults::default()
        };
        self.service
            .install(step_id, "sha256:0", image, |root| -> std::io::Result<()> {
                std::fs::create_dir_all(root.join("app"))?;
                std::fs::hard_link(PEER, root.join("app/peer"))
                    .or_else(|_| std::fs::copy(PEER, root.join("app/peer")).map(drop))?;
                let run = root.join("app/run");
                std::fs::write(&run, format!("#!/bin/sh\n{script}\n"))?;
                std::fs::set_permissions(&run, PermissionsExt::from_mode(0o755))
            })
            .unwrap()
    }

    /// A place where processes leave words, one a line: `echo word > PATH`.
    fn mailbox(&self) -> Mailbox {
        Mailbox::new(self.folder.path().join("mail"))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let releases = self.service.releases().unwrap_or_default();
        let stop = move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            for release in releases {
                runtime.block_on(release.stop()).unwrap();
            }
        };
        // Not on this thread, which may drive a runtime already.
        std::thread::spawn(stop).join().unwrap();
    }
}

/// The service `api` of `shop`, as a host that was just started sees it.
fn service(folder: &Path) -> Service {
    let supervisor = Supervisor::new(Settings {
        releases: folder.join("releases"),
        data: folder.join("data"),
        shim: shim(),
        passed: pass_through(std::env::vars_os()),
    });
    supervisor.service("shop", "api").unwrap()
}

fn shim() -> Vec<OsString> {
    vec![PROGRAM.into(), "shim".into()]
}

fn launch() -> Launch {
    Launch {
        argv: Vec::new(),
        working_directory: String::new(),
        variables: Vec::new(),
        ports: Vec::new(),
        socket_activation: false,
        keep_running: false,
        stop_grace: Duration::from_secs(30),
        reason: "deploy".to_owned(),
    }
}

/// The peer listening on that port, in one of its ways.
fn serving(way: &str, number: u16) -> Launch {
    Launch {
        argv: ["/app/peer", way, &number.to_string()]
            .map(str::to_owned)
            .into(),
        ports: vec![Port {
            name: "main".to_owned(),
            number,
            protocol: "tcp".to_owned(),
        }],
        ..launch()
    }
}

/// Words that processes leave for the test, so that it never has to guess when they are ready.
struct Mailbox {
    path: PathBuf,
    lines: tokio::io::Lines<BufReader<pipe::Receiver>>,
}

impl Mailbox {
    fn new(path: PathBuf) -> Self {
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &path,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        )
        .unwrap();
        let receiver = pipe::OpenOptions::new()
            .read_write(true)
            .open_receiver(&path);
        let lines = BufReader::new(receiver.unwrap()).lines();
        Self { path, lines }
    }

    async fn next(&mut self) -> String {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line());
        line.await.expect("no word came").unwrap().unwrap()
    }

    async fn next_pid(&mut self) -> u32 {
        self.next().await.trim().parse().unwrap()
    }
}

/// Waits until the process is gone; it may be gone already.
fn await_end(pid: u32) {
    let pid = Pid::from_raw(pid.cast_signed()).unwrap();
    let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else {
        return;
    };
    let mut files = [PollFd::new(&handle, PollFlags::IN)];
    let patience = Timespec::try_from(PATIENCE).unwrap();
    assert_eq!(
        poll(&mut files, Some(&patience)).unwrap(),
        1,
        "{pid:?} does not end"
    );
}

fn is_there(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|line| !line.rsplit_once(") ").unwrap().1.starts_with(['Z', 'X']))
}

/// Process ids of the shims of a release: whoever was started with its folder.
fn shims(release: &Release) -> HashSet<u32> {
    let folder = release.root().parent().unwrap().to_owned();
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let command = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let mut words = command.split(|byte| *byte == 0);
        let is_shim = words.any(|word| word == folder.as_os_str().as_encoded_bytes());
        is_shim.then_some(pid)
    });
    processes.collect()
}

fn kill(pid: u32) {
    let pid = Pid::from_raw(pid.cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}
