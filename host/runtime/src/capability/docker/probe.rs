//! Where the ports of a container are reached from here, and programs run in it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bollard::exec::{CreateExecOptions, StartExecResults};
use bollard::models::PortMap;
use futures::StreamExt;

use super::{Container, Error, network};
use crate::capability::probe;
use crate::record::Failure;

/// The longest that one check may take, whatever was asked for.
const LONGEST: Duration = Duration::from_secs(300);

/// A port of a container, and where it is on the machine of the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Published {
    pub(crate) port: u16,
    pub(crate) protocol: String,
    pub(crate) host_port: u16,
}

impl Container {
    /// The ports of the machine that its ports are published at.
    pub(crate) async fn published(&self) -> Result<Vec<Published>, Error> {
        let inspected = self.inspect().await?;
        let ports = inspected.network_settings.and_then(|it| it.ports);
        let mut all = published(&ports.unwrap_or_default());
        all.sort_by_key(|one| one.port);
        Ok(all)
    }

    /// Where a tcp port of it is reached.
    pub(crate) async fn reach(&self, port: u16) -> Result<SocketAddr, Failure> {
        let state = self.state().await?;
        if !state.runs() {
            return Err(probe::Error::NotRunning {
                condition: state.condition,
                detail: format!(": {}", state.detail),
            }
            .into());
        }
        let settings = self.engine.settings();
        let inspected = self.inspect().await?;
        let network = inspected.network_settings.unwrap_or_default();
        let found = match settings.is_local() {
            true => {
                let name = self.owner.environment_name();
                let address = network::address(network.networks.as_ref(), &name);
                address.map(|address| SocketAddr::new(IpAddr::V4(address), port))
            }
            false => {
                let all = published(&network.ports.unwrap_or_default());
                let mut all = all.iter();
                let one = all.find(|one| one.port == port && one.protocol == "tcp");
                one.zip(self.machine().await)
                    .map(|(one, machine)| SocketAddr::new(machine, one.host_port))
            }
        };
        let cause = "it is neither in its network nor published, so that nobody reaches it";
        found.ok_or_else(|| probe::Error::unreachable(port, cause).into())
    }

    /// Where the ports of an engine that is elsewhere are published.
    async fn machine(&self) -> Option<IpAddr> {
        let settings = self.engine.settings();
        if let Some(address) = settings.publish_address
            && !address.is_unspecified()
        {
            return Some(address);
        }
        let (_, place) = settings.host().split_once("://")?;
        let mut found = tokio::net::lookup_host(place).await.ok()?;
        found.next().map(|address| address.ip())
    }

    /// Runs a program in it; answers with its exit code.
    pub(crate) async fn exec(&self, argv: Vec<String>, timeout_ms: u32) -> Result<i32, Failure> {
        let program = argv.first().cloned().unwrap_or_default();
        let time = Duration::from_millis(timeout_ms.into()).min(LONGEST);
        match tokio::time::timeout(time, self.run(argv)).await {
            Ok(code) => Ok(code?),
            Err(_) => Err(probe::Error::TimedOut {
                program,
                timeout_ms,
            }
            .into()),
        }
    }

    async fn run(&self, argv: Vec<String>) -> Result<i32, Error> {
        let what = format!("a program in {}", self.what());
        let client = self.engine.patient().await?;
        let options = CreateExecOptions {
            cmd: Some(argv),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..CreateExecOptions::default()
        };
        let made = client.create_exec(&self.id, options).await;
        let made = made.map_err(self.engine.failed(&what))?;
        let started = client.start_exec(&made.id, None).await;
        if let StartExecResults::Attached { mut output, .. } =
            started.map_err(self.engine.failed(&what))?
        {
            // It has ended when it prints nothing more.
            while let Some(piece) = output.next().await {
                piece.map_err(self.engine.failed(&what))?;
            }
        }
        let ended = client.inspect_exec(&made.id).await;
        let ended = ended.map_err(self.engine.failed(&what))?;
        match ended.exit_code.map(i32::try_from) {
            Some(Ok(code)) => Ok(code),
            _ => Err(Error::Broken {
                what,
                cause: "it has no exit code".to_owned(),
            }),
        }
    }
}

fn published(ports: &PortMap) -> Vec<Published> {
    let mut all = Vec::new();
    for (port, bindings) in ports {
        let Some((number, protocol)) = port.split_once('/') else {
            continue;
        };
        for binding in bindings.iter().flatten() {
            let host_port = binding
                .host_port
                .as_ref()
                .and_then(|port| port.parse().ok());
            if let (Ok(port), Some(host_port)) = (number.parse(), host_port) {
                let protocol = protocol.to_owned();
                all.push(Published {
                    port,
                    protocol,
                    host_port,
                });
            }
        }
    }
    all
}
