//! Secrets from a program of the operator's: a password manager, a vault's client.
//!
//! The program is asked for one secret at a time, by name, and answers on its standard output.
//! What it answers is kept for a moment only, since one deployment asks for the same secret
//! many times. Neither its output nor its complaints are ever quoted: a secret could be in
//! them.

use std::collections::HashMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use stagewright_runtime::SecretText;
use stagewright_runtime::record::Failure;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio::sync::OnceCell;

/// What stands for the name of the secret in the words of the command.
const NAME: &str = "{name}";
/// How long the program may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest answer, in bytes.
const LONGEST: u64 = 64 << 10;
/// How long an answer counts.
const KEPT: Duration = Duration::from_secs(30);

/// One answer, or the question that is being asked.
type Answer = Arc<OnceCell<SecretText>>;

/// Asks the program.
pub(super) struct SecretCommand {
    words: Vec<String>,
    answers: Mutex<HashMap<String, (Instant, Answer)>>,
}

impl SecretCommand {
    /// `words`: the program and its arguments, in which `{name}` stands for the secret's name.
    pub(super) fn new(words: Vec<String>) -> Self {
        Self {
            words,
            answers: Mutex::default(),
        }
    }

    /// What the program answers.
    pub(super) async fn ask(&self, name: &str) -> Result<SecretText, Failure> {
        let answer = self.answer(name);
        answer
            .get_or_try_init(|| async { self.run(name).await })
            .await
            .cloned()
    }

    fn answer(&self, name: &str) -> Answer {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.retain(|_, (asked, _)| asked.elapsed() < KEPT);
        let entry = answers.entry(name.to_owned());
        let (_, answer) = entry.or_insert_with(|| (Instant::now(), Answer::default()));
        Arc::clone(answer)
    }

    async fn run(&self, name: &str) -> Result<SecretText, Failure> {
        let mut words = self.words.iter().map(|word| word.replace(NAME, name));
        let program = words.next().unwrap_or_default();
        let failed = |why: String| {
            let message = format!("`{program}` could not be asked for the secret `{name}`: {why}");
            Failure::new("secrets.command", message)
                .hint("run the command under `secrets` of the operator's configuration by hand")
        };
        let mut child = Command::new(&program)
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        let mut family = Family(child.id());
        match tokio::time::timeout(PATIENCE, answer_of(&mut child)).await {
            Err(_) => Err(failed(format!("no answer after {} s", PATIENCE.as_secs()))),
            Ok(Err(why)) => Err(failed(why)),
            Ok(Ok(text)) => {
                family.0 = None;
                Ok(SecretText::new(text))
            }
        }
    }
}

/// What it printed, without the end of the line.
async fn answer_of(child: &mut Child) -> Result<String, String> {
    let output = child.stdout.take().ok_or("it has no output")?;
    let mut bytes = Vec::new();
    let read = output.take(LONGEST + 1).read_to_end(&mut bytes).await;
    read.map_err(|error| error.to_string())?;
    if bytes.len() as u64 > LONGEST {
        return Err(format!("it answered with more than {LONGEST} bytes"));
    }
    let status = child.wait().await.map_err(|error| error.to_string())?;
    if !status.success() {
        return Err(format!("it ended with {status}"));
    }
    let mut text = String::from_utf8(bytes).map_err(|_| "its answer is no UTF-8 text")?;
    let end = text.trim_end_matches(['\n', '\r']).len();
    text.truncate(end);
    Ok(text)
}

/// The program and what it started, ended when nobody waits for its answer any more. Emptied
/// when it has answered.
struct Family(Option<u32>);

impl Drop for Family {
    fn drop(&mut self) {
        let group = self.0.and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        if let Some(group) = group {
            // It may have ended by itself in this moment.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> SecretCommand {
        let words = ["sh", "-c", script, "ask", NAME];
        SecretCommand::new(words.map(str::to_owned).to_vec())
    }

    #[tokio::test]
    async fn the_program_is_told_the_name_and_answers_with_the_value() {
        let secrets = shell("echo \"value of $1\"");
        let value = secrets.ask("api-token").await.unwrap();
        assert_eq!(value.expose(), "value of api-token");
    }

    #[tokio::test]
    async fn it_is_asked_once_in_a_while_and_not_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("asked");
        let secrets = shell(&format!("echo x >> {}; echo secret", file.display()));
        for _ in 0..3 {
            secrets.ask("one").await.unwrap();
        }
        secrets.ask("two").await.unwrap();
        assert_eq!(std::fs::read_to_string(file).unwrap().lines().count(), 2);
    }

    #[tokio::test]
    async fn what_it_says_when_it_fails_is_not_passed_on() {
        let secrets = shell("echo hunter2; echo hunter2 >&2; exit 3");
        let failure = secrets.ask("api-token").await.unwrap_err();
        assert_eq!(failure.code, "secrets.command");
        assert!(failure.message.contains("exit status: 3"), "{failure:?}");
        assert!(!format!("{failure:?}").contains("hunter2"));
    }

    #[tokio::test]
    async fn an_answer_without_end_is_cut_off() {
        let secrets = shell("yes");
        let failure = secrets.ask("api-token").await.unwrap_err();
        assert!(failure.message.contains("65536 bytes"), "{failure:?}");
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named() {
        let secrets = SecretCommand::new(vec!["no-such-vault".into()]);
        let failure = secrets.ask("api-token").await.unwrap_err();
        assert!(failure.message.contains("no-such-vault"), "{failure:?}");
    }
}
