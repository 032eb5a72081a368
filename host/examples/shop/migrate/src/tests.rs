use std::collections::BTreeMap;
use std::sync::Mutex;
use std::thread;

use kit::http::{Request, Response, Server};
use kit::json::object;

use super::*;

/// Enough of a database: rows by table and key, and how many of them were written.
#[derive(Default)]
struct Fake {
    tables: BTreeMap<String, json::Object>,
    writes: usize,
}

impl Fake {
    fn answer(&mut self, request: &Request) -> Response {
        let done = Response::json(200, &object([]));
        match request.route() {
            ("PUT", path) if path.len() == 2 => {
                self.tables.entry(path[1].to_owned()).or_default();
                done
            }
            ("PUT", path) => {
                let Some(rows) = self.tables.get_mut(path[1]) else {
                    return Response::error(404, "no such table");
                };
                if request.header("if-none-match").is_some() && rows.contains_key(path[2]) {
                    return Response::error(412, "there");
                }
                rows.insert(path[2].to_owned(), request.json().unwrap());
                self.writes += 1;
                done
            }
            ("GET", path) if path == ["writes"] => {
                let writes = i64::try_from(self.writes).unwrap();
                Response::json(200, &object([("writes", writes.into())]))
            }
            ("GET", path) => match self.tables.get(path[1]).and_then(|rows| rows.get(path[2])) {
                Some(row) => Response::json(200, row),
                None => Response::error(404, "no such row"),
            },
            _ => Response::error(405, "no"),
        }
    }
}

fn database() -> (Store, kit::http::Client) {
    let server = Server::bind("fake", 0).unwrap();
    let address = server.address().to_string();
    let fake = Mutex::new(Fake::default());
    thread::spawn(move || server.run(move |request| fake.lock().unwrap().answer(request)));
    (Store::at(&address), kit::http::Client::new(&address))
}

#[test]
fn a_second_run_changes_nothing() {
    let (store, client) = database();
    let writes = || {
        let answer = client.json("GET", "/writes", None).unwrap();
        answer.integer("writes").unwrap()
    };
    let outputs = migrate(&store).unwrap();
    assert_eq!(
        outputs.to_string(),
        r#"{"products":"12","schema_version":"3"}"#
    );
    let after_first = writes();
    assert_eq!(after_first, 3 + 12 + 12 + 8);
    assert_eq!(migrate(&store).unwrap(), outputs);
    assert_eq!(writes(), after_first);
}

#[test]
fn what_the_shop_changed_stays_and_what_the_seed_changed_follows() {
    let (store, _) = database();
    migrate(&store).unwrap();
    let sold = object([("pieces", 1.into())]);
    store.put("stock", "mug-slate", &sold).unwrap();
    store.put("products", "mug-slate", &object([])).unwrap();
    migrate(&store).unwrap();
    assert_eq!(store.get("stock", "mug-slate").unwrap(), Some(sold));
    let product = store.get("products", "mug-slate").unwrap().unwrap();
    assert_eq!(product.text("name"), Ok("Slate mug"));
}

#[test]
fn a_newer_database_is_left_alone() {
    let (store, _) = database();
    store.create("schema").unwrap();
    store
        .put("schema", "version", &object([("number", 4.into())]))
        .unwrap();
    let error = migrate(&store).unwrap_err().to_string();
    assert!(error.contains("schema version 4"), "{error}");
    assert_eq!(store.get("products", "mug-slate").unwrap(), None);
}
