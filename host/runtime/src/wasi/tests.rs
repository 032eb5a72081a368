use std::sync::{Arc, Mutex};

use tokio::io::AsyncWriteExt;
use wasmtime_wasi::cli::StdoutStream;

use super::stdio::Lines;
use crate::capability::log::{LogLine, Progress, Sink, StepLog};
use crate::limits::Limits;
use crate::record::Level;

#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Sink for Heard {
    fn line(&self, line: LogLine) {
        self.0.lock().unwrap().push(line.message);
    }

    fn progress(&self, _: Progress) {}
}

#[tokio::test]
async fn what_is_printed_becomes_lines_and_the_unfinished_one_comes_last() {
    let heard = Arc::new(Heard::default());
    let log = StepLog::new(Arc::clone(&heard) as _, Arc::default(), Limits::default());
    let lines = Lines::new(Arc::new(log), Level::Info);
    let mut one = Box::into_pin(lines.async_stream());
    let mut other = Box::into_pin(lines.async_stream());
    one.write_all(b"first li").await.unwrap();
    other
        .write_all(b"ne\nsecond\r\n\nno line bre")
        .await
        .unwrap();
    assert_eq!(*heard.0.lock().unwrap(), ["first line", "second", ""]);
    one.write_all(b"ak \xff").await.unwrap();
    drop((one, other, lines));
    assert_eq!(heard.0.lock().unwrap()[3], "no line break \u{fffd}");
}

#[tokio::test]
async fn a_line_without_an_end_is_passed_on_in_pieces() {
    let heard = Arc::new(Heard::default());
    let log = StepLog::new(Arc::clone(&heard) as _, Arc::default(), Limits::default());
    let lines = Lines::new(Arc::new(log), Level::Info);
    let mut stream = Box::into_pin(lines.async_stream());
    stream.write_all(&vec![b'x'; 200 * 1024]).await.unwrap();
    assert_eq!(heard.0.lock().unwrap().len(), 3);
}
