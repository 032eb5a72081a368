use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;

use kit::http::{Client, Server};
use kit::json::{Value, object};

use super::*;
use crate::routes;

/// A folder of its own for each test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("shop-db-{}-{test}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("tables.log")
    }

    fn append(&self, bytes: &[u8]) {
        let mut file = fs::OpenOptions::new()
            .append(true)
            .open(self.file())
            .unwrap();
        file.write_all(bytes).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn create() -> Record {
    Record::Create { table: "t".into() }
}

fn put(key: &str, number: i64) -> Record {
    Record::Put {
        table: "t".into(),
        key: key.into(),
        row: object([("n", number.into())]),
    }
}

#[test]
fn what_was_written_is_there_after_a_restart() {
    let folder = Folder::new("restart");
    {
        let (mut store, recovery) = Store::open(&folder.0).unwrap();
        assert_eq!(recovery.records, 0);
        store.change(create()).unwrap();
        store.change(put("a", 1)).unwrap();
        store.change(put("a", 2)).unwrap();
    }
    let (store, recovery) = Store::open(&folder.0).unwrap();
    assert_eq!(recovery.to_string(), "recovered 3 records");
    assert_eq!(store.tables().row("t", "a"), Ok(&object([("n", 2.into())])));
}

#[test]
fn a_torn_last_record_is_cut_off_wherever_it_was_torn() {
    let folder = Folder::new("torn");
    let line = put("b", 2).encode();
    for cut in 1..line.len() {
        let _ = fs::remove_dir_all(&folder.0);
        {
            let (mut store, _) = Store::open(&folder.0).unwrap();
            store.change(create()).unwrap();
            store.change(put("a", 1)).unwrap();
        }
        folder.append(&line.as_bytes()[..cut]);
        let (mut store, recovery) = Store::open(&folder.0).unwrap();
        assert_eq!((recovery.records, recovery.torn), (2, cut));
        assert!(store.tables().row("t", "a").is_ok());
        assert!(store.tables().row("t", "b").is_err());
        // The next record begins on a line of its own.
        store.change(put("c", 3)).unwrap();
        drop(store);
        let (store, recovery) = Store::open(&folder.0).unwrap();
        assert_eq!((recovery.records, recovery.torn), (3, 0));
        assert!(store.tables().row("t", "c").is_ok());
    }
}

#[test]
fn damage_in_the_middle_is_refused_and_nothing_is_changed() {
    let folder = Folder::new("damaged");
    drop(Store::open(&folder.0).unwrap());
    folder.append(create().encode().as_bytes());
    folder.append(b"00000000 {}\n");
    folder.append(put("a", 1).encode().as_bytes());
    let before = fs::read(folder.file()).unwrap();
    let error = Store::open(&folder.0).unwrap_err().to_string();
    assert!(error.contains("damaged in line 2"), "{error}");
    assert_eq!(fs::read(folder.file()).unwrap(), before);
}

#[test]
fn one_folder_is_for_one_database() {
    let folder = Folder::new("held");
    let first = Store::open(&folder.0).unwrap();
    let error = Store::open(&folder.0).unwrap_err().to_string();
    assert!(error.contains("used by another database"), "{error}");
    drop(first);
    Store::open(&folder.0).unwrap();
}

#[test]
fn a_file_of_mostly_old_rows_is_rewritten() {
    let folder = Folder::new("rewritten");
    drop(Store::open(&folder.0).unwrap());
    folder.append(create().encode().as_bytes());
    let lines: String = (0..30_000)
        .map(|number| put("a", number).encode())
        .collect();
    folder.append(lines.as_bytes());
    {
        let (mut store, recovery) = Store::open(&folder.0).unwrap();
        assert_eq!(recovery.records, 30_001);
        assert!(fs::metadata(folder.file()).unwrap().len() < 200);
        store.change(put("b", 1)).unwrap();
    }
    let (store, recovery) = Store::open(&folder.0).unwrap();
    assert_eq!(recovery.records, 3);
    assert_eq!(
        store.tables().row("t", "a"),
        Ok(&object([("n", 29_999.into())]))
    );
}

#[test]
fn the_client_and_the_routes_agree() {
    let folder = Folder::new("routes");
    let server = Server::bind("db", 0).unwrap();
    let address = server.address().to_string();
    let store = Mutex::new(Store::open(&folder.0).unwrap().0);
    thread::spawn(move || server.run(move |request| routes::answer(&store, request)));

    let client = kit::store::Store::at(&address);
    let row = |number: i64| object([("n", number.into()), ("kind", "x".into())]);
    client.create("t").unwrap();
    client.create("t").unwrap();
    assert_eq!(client.get("t", "a").unwrap(), None);
    assert!(client.put_new("t", "a", &row(1)).unwrap());
    assert!(!client.put_new("t", "a", &row(2)).unwrap());
    assert_eq!(client.get("t", "a").unwrap(), Some(row(1)));
    for number in 0..600 {
        client
            .put("t", &format!("k{number:03}"), &row(number))
            .unwrap();
    }
    assert_eq!(client.rows("t", None).unwrap().len(), 601);
    assert_eq!(client.rows("t", Some(("kind", "y"))).unwrap().len(), 0);
    client.delete("t", "a").unwrap();
    client.delete("t", "a").unwrap();
    assert_eq!(client.get("t", "a").unwrap(), None);

    let http = Client::new(&address);
    let status = |method: &str, target: &str, body: Option<&Value>| {
        http.send(method, target, &[], body).unwrap().status
    };
    assert_eq!(status("GET", "/healthz", None), 200);
    assert_eq!(status("GET", "/tables/none", None), 404);
    assert_eq!(status("PUT", "/tables/A", None), 422);
    assert_eq!(status("PUT", "/tables/t/k", None), 400);
    assert_eq!(status("PUT", "/tables/t/k", Some(&Value::Null)), 422);
    assert_eq!(status("PUT", "/tables/none/k", Some(&row(1))), 404);
    assert_eq!(status("POST", "/tables", None), 405);
    assert_eq!(status("GET", "/", None), 404);
}
