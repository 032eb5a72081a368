//! What a container has printed, as the engine keeps it.

use bollard::query_parameters::LogsOptions;
use futures::{StreamExt, pin_mut};

use super::{Container, Error};

/// Bytes of lines that are looked at for the last ones.
const MOST: usize = 1024 * 1024;
/// A line that does not end is cut here, in bytes.
const LONGEST: usize = 16 * 1024;

impl Container {
    /// The last lines.
    pub(crate) async fn tail(&self, lines: u32) -> Result<Vec<String>, Error> {
        let what = format!("the log of {}", self.what());
        let options = LogsOptions {
            stdout: true,
            stderr: true,
            tail: lines.to_string(),
            ..LogsOptions::default()
        };
        let client = self.engine.client().await?;
        let pieces = client.logs(&self.id, Some(options));
        pin_mut!(pieces);
        let mut text = Vec::new();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(self.engine.failed(&what))?;
            text.extend_from_slice(piece.as_ref());
            if text.len() > MOST {
                let surplus = text.len() - MOST;
                text.drain(..surplus);
            }
        }
        let text = String::from_utf8_lossy(&text);
        let all: Vec<_> = text.lines().map(str::to_owned).collect();
        let surplus = all.len().saturating_sub(lines as usize);
        Ok(all.into_iter().skip(surplus).collect())
    }

    /// Hands every line to `print`, from the first one on, until the container ends.
    pub(crate) async fn follow(&self, print: &mut (dyn FnMut(&str) + Send)) -> Result<(), Error> {
        let what = format!("the log of {}", self.what());
        let options = LogsOptions {
            follow: true,
            stdout: true,
            stderr: true,
            tail: "all".to_owned(),
            ..LogsOptions::default()
        };
        let client = self.engine.patient().await?;
        let pieces = client.logs(&self.id, Some(options));
        pin_mut!(pieces);
        let mut begun = Vec::new();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(self.engine.failed(&what))?;
            for part in piece.as_ref().split_inclusive(|byte| *byte == b'\n') {
                begun.extend_from_slice(part);
                if part.ends_with(b"\n") || begun.len() > LONGEST {
                    let line = String::from_utf8_lossy(&begun);
                    print(line.trim_end_matches(['\n', '\r']));
                    begun.clear();
                }
            }
        }
        if !begun.is_empty() {
            print(&String::from_utf8_lossy(&begun));
        }
        Ok(())
    }
}
