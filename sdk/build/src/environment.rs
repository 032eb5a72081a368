//! The environment of the programs that are started from here: nothing of the outer build,
//! whose flags, wrappers and targets are meant for the machine and not for guests, but what
//! they need to find their homes and the network.

use std::ffi::OsString;
use std::process::Command;

const KEPT: [&str; 19] = [
    "PATH",
    "HOME",
    "USER",
    "TMPDIR",
    "XDG_CACHE_HOME",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "RUSTUP_DIST_SERVER",
    "RUSTUP_UPDATE_ROOT",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    // The nested cargo takes its turns from the same job server.
    "CARGO_MAKEFLAGS",
];

/// How cargo reaches its registries; other settings of cargo by environment do not pass.
const KEPT_PREFIXES: [&str; 4] = [
    "CARGO_HTTP_",
    "CARGO_NET_",
    "CARGO_REGISTRIES_",
    "CARGO_SOURCE_",
];

/// A command that sees only what is kept of these variables.
pub(crate) fn scrubbed(
    program: impl Into<OsString>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Command {
    let mut command = Command::new(program.into());
    command.env_clear();
    command.envs(variables.into_iter().filter(|(name, _)| kept(name)));
    command
}

fn kept(name: &OsString) -> bool {
    name.to_str().is_some_and(|name| {
        KEPT.contains(&name) || KEPT_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen_by_a_child(variables: &[(&str, &str)]) -> String {
        let path = ("PATH".into(), std::env::var_os("PATH").unwrap());
        let given = variables
            .iter()
            .map(|(name, value)| (name.into(), value.into()));
        let mut command = scrubbed("env", given.chain([path]));
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    }

    #[test]
    fn flags_wrappers_and_targets_of_the_outer_build_do_not_pass() {
        let seen = seen_by_a_child(&[
            ("RUSTFLAGS", "-Cx"),
            ("CARGO_ENCODED_RUSTFLAGS", "-Cx"),
            ("CARGO_TARGET_DIR", "x"),
            ("CARGO_BUILD_TARGET", "x"),
            ("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "x"),
            ("CARGO_PROFILE_GUEST_LTO", "x"),
            ("RUSTC_WRAPPER", "x"),
            ("RUSTC_WORKSPACE_WRAPPER", "x"),
            ("RUSTC_BOOTSTRAP", "1"),
            ("CARGO_FEATURE_X", "1"),
            ("LD_LIBRARY_PATH", "x"),
        ]);
        let names = seen.lines().filter_map(|line| line.split('=').next());
        assert_eq!(names.collect::<Vec<_>>(), ["PATH"]);
    }

    #[test]
    fn homes_and_the_way_to_the_network_do() {
        let seen = seen_by_a_child(&[
            ("CARGO_HOME", "a"),
            ("RUSTUP_TOOLCHAIN", "b"),
            ("https_proxy", "c"),
            ("CARGO_HTTP_CAINFO", "d"),
        ]);
        for line in [
            "CARGO_HOME=a",
            "RUSTUP_TOOLCHAIN=b",
            "https_proxy=c",
            "CARGO_HTTP_CAINFO=d",
        ] {
            assert!(seen.lines().any(|seen| seen == line), "{line}");
        }
    }
}
