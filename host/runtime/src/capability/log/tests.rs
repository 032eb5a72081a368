use std::time::Duration;

use super::*;
use crate::limits::Size;

#[derive(Default)]
struct Collected {
    lines: Mutex<Vec<LogLine>>,
    progress: Mutex<Vec<Progress>>,
}

impl Sink for Collected {
    fn line(&self, line: LogLine) {
        self.lines.lock().unwrap().push(line);
    }
    fn progress(&self, progress: Progress) {
        self.progress.lock().unwrap().push(progress);
    }
}

impl Collected {
    fn messages(&self) -> Vec<String> {
        self.lines
            .lock()
            .unwrap()
            .iter()
            .map(|line| line.message.clone())
            .collect()
    }
}

fn log(limits: Limits) -> (Arc<Collected>, StepLog) {
    let sink = Arc::new(Collected::default());
    let log = StepLog::new(Arc::clone(&sink) as _, Arc::default(), limits);
    (sink, log)
}

#[test]
fn control_characters_are_spelt_out_and_lines_are_split() {
    let (sink, log) = log(Limits::default());
    let fields = [("na\nme".to_owned(), "\u{7}".to_owned())];
    log.write(
        Origin::Plugin,
        Level::Info,
        "a\u{1b}[2J\tb\r\nc\u{202e}d\n",
        &fields,
    );
    assert_eq!(sink.messages(), ["a\\u{1b}[2J\tb", "c\\u{202e}d"]);
    let lines = sink.lines.lock().unwrap();
    assert!(lines[0].fields.is_empty());
    assert_eq!(
        lines[1].fields,
        [("na\\nme".to_owned(), "\\u{7}".to_owned())]
    );
}

#[test]
fn a_flood_is_capped_and_its_end_is_kept() {
    let limits = Limits {
        log_lines: 10,
        log_tail: 3,
        ..Limits::default()
    };
    let (sink, log) = log(limits);
    for number in 0..500 {
        log.write(Origin::Program, Level::Info, &format!("line {number}"), &[]);
    }
    log.finish();
    let messages = sink.messages();
    assert_eq!(messages.len(), 10 + 1 + 3);
    assert_eq!(messages[9], "line 9");
    assert!(
        messages[10].starts_with("487 lines were left out"),
        "{}",
        messages[10]
    );
    assert_eq!(messages[11..], ["line 497", "line 498", "line 499"]);
}

#[test]
fn more_lines_than_a_second_takes_are_counted() {
    let limits = Limits {
        log_lines_per_second: 5,
        log_tail: 2,
        ..Limits::default()
    };
    let start = Instant::now();
    let mut flow = Flow::new(&limits, start);
    let line = |text: &str| Spoken::new(Origin::Plugin, Level::Info, text, 100);
    let passed: usize = (0..20).map(|_| flow.admit(line("x"), start).len()).sum();
    assert_eq!(passed, 5);
    let after = flow.admit(line("later"), start + Duration::from_secs(1));
    assert!(
        after[0].message.starts_with("15 lines were left out"),
        "{}",
        after[0].message
    );
    assert_eq!(after[1].message, "later");
}

#[test]
fn a_long_line_is_cut_and_a_secret_in_it_is_gone() {
    let (sink, log) = log(Limits {
        log_line: Size::kibibytes(1),
        ..Limits::default()
    });
    log.redactor().add("hunter2!");
    let message = format!("hunter2!{}", "ü".repeat(2_000));
    log.write(
        Origin::Plugin,
        Level::Error,
        &message,
        &[("t".into(), "hunter2!".into())],
    );
    let lines = sink.lines.lock().unwrap();
    assert!(lines[0].message.starts_with("***ü") && lines[0].message.ends_with('…'));
    assert!(lines[0].message.len() <= 1_024 + '…'.len_utf8());
    assert_eq!(lines[0].fields[0].1, "***");
    assert_eq!(log.last_line().unwrap(), lines[0].message);
}

#[test]
fn of_a_message_of_a_million_lines_the_ends_are_looked_at() {
    let (sink, log) = log(Limits {
        log_lines: MOST_LINES as u32,
        log_tail: 5,
        ..Limits::default()
    });
    let message: String = (0..1_000_000).map(|n| format!("{n}\n")).collect();
    let fields = [("at".to_owned(), "end".to_owned())];
    log.write(Origin::Plugin, Level::Info, &message, &fields);
    log.finish();
    let messages = sink.messages();
    assert_eq!(messages.len(), MOST_LINES + 1 + 5);
    assert_eq!(messages[MOST_LINES - 1], "999");
    let notice = &messages[MOST_LINES];
    assert!(notice.starts_with("998995 lines"), "{notice}");
    assert_eq!(messages.last().unwrap(), "999999");
    assert_eq!(sink.lines.lock().unwrap().last().unwrap().fields, fields);
}

#[test]
fn progress_is_thinned_out() {
    let (sink, log) = log(Limits::default());
    for done in 0..100 {
        log.progress(done, Some(100), "packing\n");
    }
    let progress = sink.progress.lock().unwrap();
    assert!((1..50).contains(&progress.len()), "{}", progress.len());
    assert_eq!(
        progress[0],
        Progress {
            done: 0,
            total: Some(100),
            what: "packing\\n".into()
        }
    );
}
