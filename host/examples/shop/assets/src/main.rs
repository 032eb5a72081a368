//! The pictures and the stylesheet of the shop.
//!
//! It exists so that they can change without the pages. Everything below the folder `public`
//! beside the program, or below the folder that is its first argument, is read at the start and
//! served from memory; no request ever touches the file system.

mod files;

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use kit::http::{Request, Response, Server};
use kit::program::{self, Failure};
use kit::{log, setting};

use crate::files::Files;

fn main() -> ExitCode {
    program::run("assets", || {
        let folder = folder()?;
        let files =
            Files::load(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        log::line("assets", format_args!("{} files loaded", files.count()));
        let server = Server::bind("assets", setting::port()?)?;
        Err(server.run(move |request| answer(&files, request)).into())
    })
}

fn folder() -> Result<PathBuf, Failure> {
    match env::args_os().nth(1) {
        Some(folder) => Ok(folder.into()),
        None => Ok(env::current_exe()?.with_file_name("public")),
    }
}

fn answer(files: &Files, request: &Request) -> Response {
    if request.method != "GET" {
        return Response::error(405, "files can only be read");
    }
    match files.get(&request.segments.join("/")) {
        Some(file) => Response::new(200, file.media_type, file.bytes.as_slice())
            .with_header("Cache-Control", "max-age=60"),
        None => Response::error(404, "there is no such file"),
    }
}
