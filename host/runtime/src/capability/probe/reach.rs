//! Where a declared port of a release is reached, if the release is who listens there.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use super::super::process::{self, Condition, Listener, Release};
use super::Error;

/// The longest that one probe may take, whatever was asked for.
const LONGEST: Duration = Duration::from_secs(300);

/// The address to connect to.
pub(super) async fn reach(release: &Release, port: u16) -> Result<SocketAddr, Error> {
    let release = release.clone();
    // Reading the tables of the machine blocks, with many processes for some milliseconds.
    let answer = tokio::task::spawn_blocking(move || look(&release, port)).await;
    answer.map_err(|error| Error::unreachable(port, error))?
}

/// Gives a probe its time; being late means "not yet".
pub(super) async fn within<T>(
    timeout_ms: u32,
    port: u16,
    probe: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let time = Duration::from_millis(timeout_ms.into()).min(LONGEST);
    match tokio::time::timeout(time, probe).await {
        Ok(result) => result,
        Err(_) => Err(Error::unreachable(
            port,
            format!("no answer within {} ms", time.as_millis()),
        )),
    }
}

fn look(release: &Release, port: u16) -> Result<SocketAddr, Error> {
    let state = release.state()?;
    let declared = release.last_launch()?.is_some_and(|launch| {
        let mut ports = launch.ports.iter();
        ports.any(|one| one.number == port && one.protocol == "tcp")
    });
    match state.condition {
        Condition::Running | Condition::Lost if declared => {}
        Condition::Running | Condition::Lost => return Err(Error::NotDeclared { port }),
        Condition::Starting => return Err(Error::unreachable(port, state.detail)),
        other => {
            return Err(Error::NotRunning {
                condition: other.as_str(),
                detail: match state.detail.as_str() {
                    "" => state.exit.map_or(String::new(), |exit| format!(": {exit}")),
                    detail => format!(": {detail}"),
                },
            });
        }
    }
    let leaders = release.leaders()?;
    let listeners = process::listeners(&[port], &leaders)?;
    let of_leader = |listener: &Listener| listener.owners.iter().any(|pid| leaders.contains(pid));
    if listeners.iter().all(of_leader) {
        return choose(port, &listeners, |pid| leaders.contains(&pid));
    }
    // A program may leave the listening to a child of its own.
    let ours = release.processes(&process::everybody()?)?;
    choose(port, &listeners, |pid| ours.contains(&pid))
}

/// Every listener that the loopback leads to must be ours: where two share a port, nobody
/// knows which of them would answer.
fn choose(
    port: u16,
    listeners: &[Listener],
    is_ours: impl Fn(u32) -> bool,
) -> Result<SocketAddr, Error> {
    let ours = |listener: &Listener| listener.owners.iter().any(|pid| is_ours(*pid));
    let mut near = listeners.iter().filter(|one| one.loopback().is_some());
    if let Some(foreign) = near.clone().find(|one| !ours(one)) {
        return Err(Error::ForeignListener {
            port,
            holder: foreign.holder(),
        });
    }
    // The listener with the most common family first: the order of the tables, IPv4 before.
    if let Some(address) = near.next().and_then(Listener::loopback) {
        return Ok(address);
    }
    match listeners.iter().find(|one| ours(one)) {
        Some(far) => Err(Error::NotOnLoopback {
            address: far.address,
        }),
        None => Err(Error::unreachable(port, "nobody listens there")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(address: &str, owner: u32) -> Listener {
        Listener {
            address: address.parse().unwrap(),
            owners: vec![owner],
        }
    }

    fn choice(listeners: &[Listener]) -> Result<String, &'static str> {
        choose(80, listeners, |pid| pid == 1)
            .map(|address| address.to_string())
            .map_err(|error| error.code())
    }

    #[test]
    fn only_our_listeners_on_the_loopback_count() {
        assert_eq!(choice(&[]), Err("probe.unreachable"));
        assert_eq!(
            choice(&[listener("0.0.0.0:80", 1)]),
            Ok("127.0.0.1:80".to_owned())
        );
        assert_eq!(choice(&[listener("[::]:80", 1)]), Ok("[::1]:80".to_owned()));
        assert_eq!(
            choice(&[listener("127.0.0.2:80", 1)]),
            Ok("127.0.0.2:80".to_owned())
        );
        assert_eq!(
            choice(&[listener("10.0.0.1:80", 1)]),
            Err("probe.not-on-loopback")
        );
        assert_eq!(
            choice(&[listener("0.0.0.0:80", 2)]),
            Err("probe.foreign-listener")
        );
        let shared = [listener("0.0.0.0:80", 1), listener("127.0.0.1:80", 2)];
        assert_eq!(choice(&shared), Err("probe.foreign-listener"));
        let elsewhere = [listener("127.0.0.1:80", 1), listener("10.0.0.1:80", 2)];
        assert_eq!(choice(&elsewhere), Ok("127.0.0.1:80".to_owned()));
    }
}
