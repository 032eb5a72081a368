//! Certificates of our own, made by openssl(1), and signatures with their keys.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A certificate for 127.0.0.1, its key, and the authority that gave it.
pub struct Certificate {
    folder: TempDir,
}

impl Certificate {
    pub fn new() -> Self {
        let own = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let (authority, authority_key) = (own.authority(), own.at("authority-key.pem"));
        let (authority, authority_key) = (text(&authority), text(&authority_key));
        let (certificate, key) = (text(&own.certificate()), text(&own.key()));
        let new = [
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        ];
        let of_authority = [
            "-subj",
            "/CN=stagewright-test-authority",
            "-keyout",
            &authority_key,
            "-out",
            &authority,
        ];
        openssl(&[&new[..], &of_authority].concat(), b"");
        let given = [
            "-subj",
            "/CN=stagewright-test",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-CA",
            &authority,
            "-CAkey",
            &authority_key,
            "-keyout",
            &key,
            "-out",
            &certificate,
        ];
        openssl(&[&new[..], &given].concat(), b"");
        own
    }

    /// Who trusts it trusts the certificate. In PEM.
    pub fn authority(&self) -> PathBuf {
        self.at("authority.pem")
    }

    /// In PEM.
    pub fn certificate(&self) -> PathBuf {
        self.at("certificate.pem")
    }

    /// In PEM.
    pub fn key(&self) -> PathBuf {
        self.at("key.pem")
    }

    /// The certificate in base64 of its DER form.
    pub fn text(&self) -> String {
        let text = std::fs::read_to_string(self.certificate()).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with("---"));
        lines.collect()
    }

    /// The RS256 signature of a text.
    pub fn sign(&self, content: &str) -> Vec<u8> {
        let key = text(&self.key());
        openssl(&["dgst", "-sha256", "-sign", &key], content.as_bytes())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn text(path: &std::path::Path) -> String {
    path.display().to_string()
}

fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run `openssl` ({error}): install it"));
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {arguments:?}: {said}");
    output.stdout
}
