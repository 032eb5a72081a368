//! How much of the host one plugin may use: every limit with its default.
//!
//! All of them are on without any configuration; an operator raises or lowers them for all
//! plugins or for one. The numbers live here only, so that error messages, configuration and
//! documentation cannot disagree.

mod limiter;
mod size;

use serde::{Deserialize, Serialize};
use stagewright_pipeline::environment::file::Duration;

pub(crate) use limiter::{LimitHit, Limiter};
pub use size::Size;

/// Defines the limits once, as the complete set and as the set of those that are configured.
macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $default:expr;)*) => {
        /// The limits of one plugin, complete.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct Limits {
            $($(#[$doc])* pub $name: $type,)*
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        /// What an operator's configuration changes of the limits.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct LimitOverrides {
            $(
                $(#[$doc])*
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $name: Option<$type>,
            )*
        }

        impl LimitOverrides {
            /// `general`, with what is said here in place of it.
            #[must_use]
            pub fn over(&self, general: &Limits) -> Limits {
                Limits { $($name: self.$name.unwrap_or(general.$name),)* }
            }
        }
    };
}

limits! {
    /// Linear memory, summed over all memories of a call.
    memory: Size = Size::mebibytes(256);
    /// Elements, summed over all tables of a call; one table has at most 100,000.
    table_elements: u32 = 20_000;
    /// Core instances that a call may make; the engine has place for no more than 64.
    instances: u32 = 64;
    /// Tables that a call may make; the engine has place for no more than 40.
    tables: u32 = 40;
    /// Linear memories that a call may make; the engine has place for no more than 8.
    memories: u32 = 8;
    /// Bytes that the guest may hand to the host in one host call.
    hostcall: Size = Size::mebibytes(16);
    /// Handles that a guest may hold at the same time; some stand for an open file of the host.
    handles: u32 = 512;
    /// Random bytes in one request.
    random: Size = Size::mebibytes(1);
    /// Log lines that are passed on in one call, before only the tail is kept.
    log_lines: u32 = 20_000;
    /// Log lines that are passed on in one second.
    log_lines_per_second: u32 = 1_000;
    /// Lines at the end of a call that are kept when others had to be left out.
    log_tail: u32 = 200;
    /// Bytes of one log line; the rest is cut off.
    log_line: Size = Size::kibibytes(8);
    /// Wall-clock time of one call, however late its step's deadline is.
    call: Duration = Duration(std::time::Duration::from_secs(3600));
    /// Wall-clock time of a question that changes nothing, such as `observe`.
    question: Duration = Duration(std::time::Duration::from_secs(60));
    /// Wall-clock time of `describe` and `validate`, which have nothing to wait for.
    describe: Duration = Duration(std::time::Duration::from_secs(10));
    /// How long a program may be given to stop before it is killed.
    stop_grace: Duration = Duration(std::time::Duration::from_secs(3600));
    /// Size of the component itself.
    component: Size = Size::mebibytes(64);
    /// Bytes that an image may become on disk when it is installed for the plugin.
    unpacked: Size = Size::mebibytes(8 * 1024);
    /// Files, directories and links that an image may become.
    unpacked_entries: u32 = 500_000;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_override_changes_what_it_names_and_nothing_else() {
        let overrides: LimitOverrides =
            serde_json::from_str(r#"{"memory":"64MiB","call":"30s"}"#).unwrap();
        let limits = overrides.over(&Limits::default());
        assert_eq!(limits.memory, Size::mebibytes(64));
        assert_eq!(limits.call.0.as_secs(), 30);
        assert_eq!(
            Limits {
                memory: Limits::default().memory,
                call: Limits::default().call,
                ..limits
            },
            Limits::default()
        );
    }

    #[test]
    fn an_unknown_limit_is_refused() {
        let error = serde_json::from_str::<LimitOverrides>(r#"{"memroy":"64MiB"}"#).unwrap_err();
        assert!(error.to_string().contains("memroy"), "{error}");
    }
}
