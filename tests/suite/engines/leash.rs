//! A server that lives as long as whoever holds its leash.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// Starts the rest of its arguments, passes a signal on when standard input ends, and removes
/// the folder that is its first argument when the server has gone.
const KEEPER: &str = r#"
folder=$1; shift
exec 3<&0 # what runs in the background has no standard input
"$@" </dev/null 3<&- & server=$!
(read -r _ <&3 || :; kill "$server" 2>/dev/null) & ear=$!
wait "$server"; code=$?
kill "$ear" 2>/dev/null
[ -z "$folder" ] || rm -rf "$folder"
exit "$code"
"#;

/// Dropping it, or the end of this process in whatever way, asks the server to end.
pub struct Leash {
    keeper: Child,
}

impl Leash {
    /// Starts a server that says `ready` in its standard error when it can be talked to.
    /// `folder`, if any, is removed when it has ended.
    ///
    /// # Panics
    /// When the server ends before.
    pub fn start(command: &[&str], folder: &str, ready: &str) -> Self {
        let mut keeper = Command::new("bash")
            .args(["-c", KEEPER, "keeper", folder])
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(keeper.stderr.take().unwrap()).lines();
        let mut said = Vec::new();
        loop {
            let Some(Ok(line)) = lines.next() else {
                panic!("{command:?} has ended:\n{}", said.join("\n"));
            };
            if line.contains(ready) {
                break;
            }
            said.push(line);
        }
        // Nobody may block because nobody reads.
        std::thread::spawn(move || lines.count());
        Self { keeper }
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}
