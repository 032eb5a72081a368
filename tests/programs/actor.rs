//! A program that tests deploy: says what it is told to, in one of a few ways.
//!
//! `actor serve`: answers every request on `$PORT` with `$GREETING`, and `/pid` with its process
//! id; with a fifo as `$GATE` it takes a byte from there before it begins.
//! `actor job NAME=VALUE…`: answers with outputs; `NAME!=VALUE` is a sensitive one, and turned round, so that it stands
//! in no file that was written by hand. `actor fail CODE`: says why and ends.
//! `actor flaky TIMES [NAME]`: fails so often first, counted under that name. `actor note`: adds
//! the reason why it runs to the file `reasons` in its data folder. `actor hang`: never ends, nor
//! do its children. `actor mute`: lets everybody in on `$PORT` and never says a word.
//!
//! With a file as `$ACCOUNT` it writes there which release began to run, and whether another
//! process of the same release runs at that time.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let _presence = match sign_in() {
        Ok(presence) => presence,
        Err(error) => {
            say(&format!("cannot sign in: {error}"));
            return ExitCode::FAILURE;
        }
    };
    match words.as_slice() {
        ["serve"] => serve(),
        ["job", outputs @ ..] => job(outputs),
        ["fail", code] => {
            say("this was bound to fail");
            ExitCode::from(code.parse::<u8>().unwrap_or(1))
        }
        ["flaky", times] => flaky(times, "failures"),
        ["flaky", times, name] => flaky(times, name),
        ["note"] => note(),
        ["hang"] => hang(),
        ["mute"] => mute(),
        _ => ExitCode::from(64),
    }
}

fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

/// Writes down that this release runs. The file that this answers with is locked for as long as
/// the process lives: who finds it locked is a second one.
fn sign_in() -> std::io::Result<Option<File>> {
    let account = setting("ACCOUNT");
    if account.is_empty() {
        return Ok(None);
    }
    let release = setting("STAGEWRIGHT_RELEASE");
    let release = release.rsplit('/').next().unwrap_or_default();
    let presence = File::create(format!("{account}.{release}"))?;
    let what = match presence.try_lock() {
        Ok(()) => "run",
        Err(_) => "double",
    };
    let mut account = OpenOptions::new().create(true).append(true).open(account)?;
    account.write_all(format!("{what} {release}\n").as_bytes())?;
    Ok(Some(presence))
}

fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn serve() -> ExitCode {
    let gate = setting("GATE");
    if !gate.is_empty()
        && let Err(error) = File::open(&gate).and_then(|mut gate| gate.read_exact(&mut [0]))
    {
        say(&format!("cannot pass {gate}: {error}"));
        return ExitCode::FAILURE;
    }
    let address = format!("127.0.0.1:{}", setting("PORT"));
    let listener = match TcpListener::bind(&address) {
        Ok(listener) => listener,
        Err(error) => {
            say(&format!("cannot listen on {address}: {error}"));
            return ExitCode::FAILURE;
        }
    };
    say(&format!("listening on {address}"));
    for stream in listener.incoming().flatten() {
        // A visitor that went away is no concern of the next one.
        let _ = answer(stream);
    }
    ExitCode::SUCCESS
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut request = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    let mut path = String::new();
    while request.read_line(&mut line)? > 2 {
        if path.is_empty() {
            path = line.split(' ').nth(1).unwrap_or("/").to_owned();
        }
        line.clear();
    }
    let is_sick = path == "/healthz" && setting("SICK") == "yes";
    let status = if is_sick {
        "503 Service Unavailable"
    } else {
        "200 OK"
    };
    let body = match path.as_str() {
        "/pid" => std::process::id().to_string(),
        _ => setting("GREETING"),
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn job(outputs: &[&str]) -> ExitCode {
    let fields = outputs.iter().filter_map(|output| {
        let (name, value) = output.split_once('=')?;
        Some(match name.strip_suffix('!') {
            Some(name) => {
                let value: String = value.chars().rev().collect();
                format!(r#""{name}":{{"value":"{value}","sensitive":true}}"#)
            }
            None => format!(r#""{name}":"{value}""#),
        })
    });
    let text = format!("{{{}}}", fields.collect::<Vec<_>>().join(","));
    match std::fs::write(setting("STAGEWRIGHT_OUTPUT"), text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("cannot write outputs: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Fails so many times, counted in the data folder, before it succeeds.
fn flaky(times: &str, name: &str) -> ExitCode {
    let file = format!("{}/{name}", setting("STAGEWRIGHT_DATA"));
    let before = std::fs::read_to_string(&file).unwrap_or_default().len();
    if before >= times.parse().unwrap_or(0) {
        return ExitCode::SUCCESS;
    }
    match std::fs::write(&file, "x".repeat(before + 1)) {
        Ok(()) => say("not this time"),
        Err(error) => say(&format!("cannot count: {error}")),
    }
    ExitCode::FAILURE
}

fn note() -> ExitCode {
    let file = format!("{}/reasons", setting("STAGEWRIGHT_DATA"));
    let noted = File::options().append(true).create(true).open(&file);
    match noted.and_then(|mut file| writeln!(file, "{}", setting("STAGEWRIGHT_REASON"))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("cannot write {file}: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// A child in a session of its own, which only a supervisor that looks for all descendants
/// finds, and this process itself.
fn hang() -> ExitCode {
    let spawned = Command::new("setsid").args(["sleep", "86400"]).spawn();
    say(if spawned.is_ok() {
        "hanging"
    } else {
        "hanging alone"
    });
    loop {
        std::thread::park();
    }
}

/// Connections are held, so that none of them ends.
fn mute() -> ExitCode {
    let Ok(listener) = TcpListener::bind(format!("127.0.0.1:{}", setting("PORT"))) else {
        return ExitCode::FAILURE;
    };
    let held: Vec<TcpStream> = listener.incoming().flatten().collect();
    ExitCode::from(u8::from(held.is_empty()))
}
