//! What can happen on the way to a server: a proxy for http that answers itself, breaks
//! connections off, or holds requests, as a test says for each of them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A request on its way.
pub struct Asked {
    pub method: String,
    /// With the query.
    pub path: String,
    /// How many requests of this method came before, to the same kind of place: uploads,
    /// blobs, manifests.
    pub before: usize,
    /// Bytes of its body.
    pub length: u64,
}

/// What happens to it.
pub enum Fault {
    None,
    /// It is answered here: the status line's rest, and further header lines.
    Answer(&'static str, &'static str),
    /// The connection breaks after so many bytes of its body.
    CutRequest(u64),
    /// The connection breaks after so many bytes of the answer's body.
    CutAnswer(u64),
    /// It waits, for as long as the proxy lives.
    Hold,
}

type Rule = dyn Fn(&Asked) -> Fault + Send + Sync;

/// A proxy on loopback.
pub struct Proxy {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
    /// Says something for each request that is held.
    held: std::sync::mpsc::Receiver<()>,
}

impl Proxy {
    /// One before a server, with what happens to each request.
    pub fn before(server: &str, rule: impl Fn(&Asked) -> Fault + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let (holding, held) = std::sync::mpsc::channel();
        let (server, rule): (_, Arc<Rule>) = (server.to_owned(), Arc::new(rule));
        let seen = Arc::clone(&asked);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let way = Way {
                    server: server.clone(),
                    rule: Arc::clone(&rule),
                    asked: Arc::clone(&seen),
                    holding: holding.clone(),
                };
                // Whoever breaks off is a part of the test.
                std::thread::spawn(move || way.serve(client).ok());
            }
        });
        Self { port, asked, held }
    }

    /// As references begin.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The method and the path of each request.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// Returns when a request is held.
    pub fn wait_until_one_is_held(&self) {
        self.held.recv().unwrap();
    }
}

struct Way {
    server: String,
    rule: Arc<Rule>,
    asked: Arc<Mutex<Vec<String>>>,
    holding: std::sync::mpsc::Sender<()>,
}

impl Way {
    /// One request, as each has a connection of its own.
    fn serve(&self, client: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(client.try_clone()?);
        let head = head(&mut reader)?;
        let (asked, head) = self.read(&head);
        match (self.rule)(&asked) {
            Fault::Answer(status, headers) => {
                // What is not read would break the connection before the answer is there.
                std::io::copy(
                    &mut reader.by_ref().take(asked.length),
                    &mut std::io::sink(),
                )?;
                write!(
                    &client,
                    "HTTP/1.1 {status}\r\n{headers}content-length: 0\r\nconnection: close\r\n\r\n"
                )
            }
            Fault::Hold => {
                let _ = self.holding.send(());
                std::io::copy(&mut reader, &mut std::io::sink()).map(drop)
            }
            Fault::CutRequest(bytes) => {
                let mut server = TcpStream::connect(&self.server)?;
                server.write_all(head.as_bytes())?;
                std::io::copy(&mut reader.take(bytes), &mut server)?;
                server.shutdown(Shutdown::Write)?;
                // The server has what came before it is asked again.
                std::io::copy(&mut server, &mut std::io::sink())?;
                client.shutdown(Shutdown::Both)
            }
            Fault::None => self.pass(head, reader, &asked, &client, u64::MAX),
            Fault::CutAnswer(bytes) => self.pass(head, reader, &asked, &client, bytes),
        }
    }

    fn pass(
        &self,
        request: String,
        mut body: BufReader<TcpStream>,
        asked: &Asked,
        mut client: &TcpStream,
        most: u64,
    ) -> std::io::Result<()> {
        let mut server = TcpStream::connect(&self.server)?;
        server.write_all(request.as_bytes())?;
        std::io::copy(&mut body.by_ref().take(asked.length), &mut server)?;
        let mut answer = BufReader::new(server);
        client.write_all(head(&mut answer)?.as_bytes())?;
        std::io::copy(&mut answer.take(most), &mut client)?;
        client.shutdown(Shutdown::Both)
    }

    /// What is asked, and its head as it goes on: for a connection that ends with the answer.
    fn read(&self, head: &str) -> (Asked, String) {
        let mut lines = head.lines();
        let first = lines.next().unwrap_or_default();
        let mut words = first.split(' ').map(str::to_owned);
        let (method, path) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        );
        let mut length = 0;
        let mut passed = format!("{first}\r\nconnection: close\r\n");
        for line in lines.filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap_or(0);
            }
            if !name.eq_ignore_ascii_case("connection") {
                passed += &format!("{line}\r\n");
            }
        }
        let mut all = self.asked.lock().unwrap();
        let kind = |path: &str| {
            let kinds = ["/blobs/uploads/", "/blobs/", "/manifests/"];
            kinds.into_iter().find(|kind| path.contains(kind))
        };
        let before = all.iter().filter(|earlier| {
            earlier
                .split_once(' ')
                .is_some_and(|(m, p)| m == method && kind(p) == kind(&path))
        });
        let before = before.count();
        all.push(format!("{method} {path}"));
        let asked = Asked {
            method,
            path,
            before,
            length,
        };
        (asked, passed + "\r\n")
    }
}

/// Everything up to the empty line.
fn head(reader: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(head)
}
