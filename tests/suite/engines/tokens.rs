//! A token server: gives signed tokens (JWT, RS256) to those it knows, for what they may do, as
//! a registry wants to see them.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::Registry;
use super::certificate::Certificate;

const SERVICE: &str = "registry.test";
const ISSUER: &str = "tokens.test";

/// Somebody whom the server knows.
pub struct Known {
    pub username: &'static str,
    pub password: &'static str,
    /// What it may do, of `pull` and `push`.
    pub may: &'static [&'static str],
}

/// A token server on loopback.
pub struct Tokens {
    port: u16,
    certificate: Arc<Certificate>,
    given: Arc<Mutex<Vec<String>>>,
}

impl Tokens {
    pub fn of(known: &'static [Known]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let certificate = Arc::new(Certificate::new());
        let given: Arc<Mutex<Vec<String>>> = Arc::default();
        let (key, kept) = (Arc::clone(&certificate), Arc::clone(&given));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                answer(client, known, &key, &kept).unwrap();
            }
        });
        Self {
            port,
            certificate,
            given,
        }
    }

    /// A registry that wants to see tokens of this server.
    pub fn registry(&self) -> Registry {
        Registry::with(&format!(
            "auth: {{ token: {{ realm: \"http://127.0.0.1:{}/token\", service: {SERVICE}, \
             issuer: {ISSUER}, rootcertbundle: {} }} }}",
            self.port,
            self.certificate.authority().display()
        ))
    }

    /// All tokens that were given.
    pub fn given(&self) -> Vec<String> {
        self.given.lock().unwrap().clone()
    }
}

fn answer(
    mut client: TcpStream,
    known: &[Known],
    key: &Certificate,
    given: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let lines = BufReader::new(client.try_clone()?).lines();
    let head: Vec<String> = lines
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty())
        .collect();
    let login = head.iter().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        let is_login = name.eq_ignore_ascii_case("authorization");
        let text = value.strip_prefix("Basic ").filter(|_| is_login)?;
        String::from_utf8(STANDARD.decode(text).ok()?).ok()
    });
    let user = match &login {
        None => None,
        Some(login) => {
            let user = known
                .iter()
                .find(|known| *login == format!("{}:{}", known.username, known.password));
            if user.is_none() {
                return write!(
                    client,
                    "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                );
            }
            user
        }
    };
    let may = user.map_or(&[][..], |user| user.may);
    let token = token(key, &access(&head[0], may));
    given.lock().unwrap().push(token.clone());
    let body = json!({ "token": token, "expires_in": 300 }).to_string();
    write!(
        client,
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// What of the scopes of a request is allowed: `scope=repository%3Ateam%2Fapp%3Apull%2Cpush`.
fn access(request: &str, may: &[&str]) -> Vec<Value> {
    let path = request.split(' ').nth(1).unwrap();
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let plain = |text: &str| {
        text.replace("%3A", ":")
            .replace("%2F", "/")
            .replace("%2C", ",")
    };
    let scopes = query
        .split('&')
        .filter_map(|field| field.strip_prefix("scope="));
    scopes
        .map(|scope| {
            let scope = plain(scope);
            let mut parts = scope.splitn(3, ':');
            let mut part = || parts.next().unwrap().to_owned();
            let (kind, name, actions) = (part(), part(), part());
            let actions: Vec<&str> = actions.split(',').filter(|one| may.contains(one)).collect();
            json!({ "type": kind, "name": name, "actions": actions })
        })
        .collect()
}

fn token(key: &Certificate, access: &[Value]) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let header = json!({ "typ": "JWT", "alg": "RS256", "x5c": [key.text()] });
    let claims = json!({
        "iss": ISSUER, "aud": SERVICE, "sub": "", "jti": now.to_string(),
        "iat": now, "nbf": now - 60, "exp": now + 300, "access": access,
    });
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(&header), encode(&claims));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(&signed));
    format!("{signed}.{signature}")
}
