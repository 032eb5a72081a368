use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;

use super::*;

#[test]
fn a_frame_arrives_whole_with_its_files() {
    let (near, far) = UnixStream::pair().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let text = "x".repeat(300_000);
    let sender = std::thread::spawn({
        let text = text.clone();
        move || send(&near, &text, &[listener.as_fd()]).unwrap()
    });
    let (arrived, files): (String, _) = receive(&far).unwrap().unwrap();
    sender.join().unwrap();
    assert_eq!(arrived, text);
    let listener = TcpListener::from(files.into_iter().next().unwrap());
    assert_eq!(listener.local_addr().unwrap(), address);
    assert!(
        receive::<String>(&far).unwrap().is_none(),
        "the end is an end"
    );
}

#[test]
fn a_frame_over_the_limit_is_refused_before_it_is_read() {
    let (near, far) = UnixStream::pair().unwrap();
    (&near).write_all(&[0xff; 8]).unwrap();
    let error = receive::<String>(&far).err().unwrap();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
}

#[test]
fn errors_do_not_quote_the_frame() {
    let (near, far) = UnixStream::pair().unwrap();
    send(&near, &"hunter2", &[]).unwrap();
    let error = receive::<u32>(&far).err().unwrap();
    assert!(!error.to_string().contains("hunter2"), "{error}");
    let mut rest = [0; 1];
    drop(near);
    assert_eq!((&far).read(&mut rest).unwrap(), 0);
}

#[test]
fn another_version_is_refused() {
    let (near, far) = UnixStream::pair().unwrap();
    let body = br#"{"version":99,"body":"x"}"#;
    (&near)
        .write_all(&(body.len() as u32).to_be_bytes())
        .unwrap();
    (&near).write_all(body).unwrap();
    assert!(receive::<String>(&far).is_err());
}
