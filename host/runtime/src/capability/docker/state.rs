//! What the engine knows of a container, in this host's words.

use bollard::models::{
    ContainerInspectResponse, ContainerStateStatusEnum, Health, HealthStatusEnum,
};

/// Bytes of what a health check has said.
const LONGEST_OUTPUT: usize = 4096;

/// How a container is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// `created`, `running`, `restarting`, `exited`.
    pub(crate) condition: &'static str,
    pub(crate) exit: Option<i32>,
    pub(crate) restarts: u32,
    /// `healthy`, `unhealthy`, `starting`.
    pub(crate) health: Option<&'static str>,
    pub(crate) health_output: String,
    pub(crate) detail: String,
}

impl State {
    pub(super) fn of(inspected: &ContainerInspectResponse) -> Self {
        let restarts = inspected.restart_count.unwrap_or_default();
        let mut state = Self {
            condition: "exited",
            restarts: u32::try_from(restarts).unwrap_or_default(),
            ..Self::default()
        };
        let Some(known) = &inspected.state else {
            return state;
        };
        use ContainerStateStatusEnum as Status;
        state.condition = match known.status {
            Some(Status::CREATED) => "created",
            Some(Status::RUNNING | Status::PAUSED | Status::STOPPING) => "running",
            Some(Status::RESTARTING) => "restarting",
            _ => "exited",
        };
        if matches!(state.condition, "exited" | "restarting") {
            let code = known.exit_code.unwrap_or_default();
            state.exit = Some(i32::try_from(code).unwrap_or(i32::MAX));
        }
        let error = known.error.as_deref().unwrap_or_default();
        state.detail = if known.oom_killed == Some(true) {
            "it was killed by the kernel: out of memory".to_owned()
        } else if !error.is_empty() {
            error.to_owned()
        } else if known.paused == Some(true) {
            "somebody has paused it".to_owned()
        } else {
            match state.exit {
                Some(code) => format!("it has ended with exit code {code}"),
                None => format!("it is {}", state.condition),
            }
        };
        if let Some(health) = &known.health {
            state.hear(health);
        }
        state
    }

    fn hear(&mut self, health: &Health) {
        self.health = match health.status {
            Some(HealthStatusEnum::HEALTHY) => Some("healthy"),
            Some(HealthStatusEnum::UNHEALTHY) => Some("unhealthy"),
            Some(HealthStatusEnum::STARTING) => Some("starting"),
            _ => None,
        };
        let last = health.log.iter().flatten().next_back();
        let output = last.and_then(|check| check.output.as_deref());
        let output: String = output
            .unwrap_or_default()
            .trim()
            .chars()
            .take(LONGEST_OUTPUT)
            .collect();
        self.health_output = output;
    }

    /// Whether it has a process, or will have one without anybody's doing.
    pub(crate) fn runs(&self) -> bool {
        matches!(self.condition, "running" | "restarting")
    }
}
