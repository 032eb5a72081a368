//! What can be done with the program of a release.

use stagewright_sdk::process::{self, Launch, Release};
use stagewright_sdk::{Failure, Service, Step, images, probe};

use crate::crime::Crime;

/// The longest that can be said.
const FOR_EVER: u32 = u32::MAX;

pub(crate) fn commit(
    crime: Crime,
    step: &Step,
    service: &Service,
    reference: &str,
) -> Result<(), Failure> {
    let words: &[&str] = match crime {
        Crime::Wait | Crime::Exec | Crime::Tcp => &["/app/actor", "hang"],
        Crime::Http | Crime::Grpc => &["/app/actor", "mute"],
        _ => return Ok(()),
    };
    let release = process::install(&step.id, &images::resolve(reference)?)?;
    release.start(&launch(words, service))?;
    let port = service.ports.first().map_or(0, |port| port.number);
    match crime {
        Crime::Wait => release.wait().map(drop),
        Crime::Exec => {
            let words = ["/app/actor".to_owned(), "hang".to_owned()];
            probe::exec(&release, &words, FOR_EVER).map(drop)
        }
        Crime::Tcp => again(|| probe::tcp(&release, port, FOR_EVER)),
        Crime::Http => again(|| probe::http(&release, port, "/", FOR_EVER).map(drop)),
        Crime::Grpc => again(|| probe::grpc(&release, port, "", FOR_EVER).map(drop)),
        _ => Ok(()),
    }
}

/// Asks on for as long as nobody answers.
fn again(ask: impl Fn() -> Result<(), Failure>) -> Result<(), Failure> {
    loop {
        match ask() {
            Err(failure) if [probe::UNREACHABLE, probe::TIMED_OUT].contains(&&*failure.code) => {}
            other => return other,
        }
    }
}

fn launch(words: &[&str], service: &Service) -> Launch {
    Launch {
        argv: words.iter().map(|word| (*word).to_owned()).collect(),
        working_directory: String::new(),
        variables: service.variables.clone(),
        ports: service.ports.clone(),
        socket_activation: false,
        keep_running: false,
        stop_grace_ms: 500,
    }
}

/// Removes what was installed.
pub(crate) fn clear_away(with_data: bool) -> Result<(), Failure> {
    process::releases()?.iter().try_for_each(Release::remove)?;
    match with_data {
        true => process::remove_data(),
        false => Ok(()),
    }
}
