//! Settings, which reach a program through its environment variables.

use std::env;
use std::fmt;

/// A variable that is missing, or that does not mean what it should.
#[derive(Debug, PartialEq, Eq)]
pub enum SettingError {
    /// It is not set, or it is empty.
    Missing {
        /// The variable.
        name: String,
    },
    /// It is set to something that cannot be used.
    Unusable {
        /// The variable.
        name: String,
        /// What it should be.
        wanted: &'static str,
    },
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { name } => write!(
                f,
                "the environment variable {name} is not set; give it in `variables` of the service"
            ),
            Self::Unusable { name, wanted } => {
                write!(f, "the environment variable {name} is not {wanted}")
            }
        }
    }
}

impl std::error::Error for SettingError {}

/// The text of a variable.
///
/// # Errors
/// When it is not set, is empty, or is not UTF-8.
pub fn text(name: &str) -> Result<String, SettingError> {
    match env::var(name) {
        Ok(value) if !value.is_empty() => Ok(value),
        Ok(_) | Err(env::VarError::NotPresent) => Err(SettingError::Missing {
            name: name.to_owned(),
        }),
        Err(env::VarError::NotUnicode(_)) => Err(SettingError::Unusable {
            name: name.to_owned(),
            wanted: "UTF-8 text",
        }),
    }
}

/// The port that the program listens on, from `PORT`.
///
/// # Errors
/// When it is not set, or not a port number.
pub fn port() -> Result<u16, SettingError> {
    text("PORT")?.parse().map_err(|_| SettingError::Unusable {
        name: "PORT".to_owned(),
        wanted: "a port number from 0 to 65535",
    })
}

/// The address of another service, `host:port`.
///
/// # Errors
/// When it is not set, or has no port.
pub fn address(name: &str) -> Result<String, SettingError> {
    let value = text(name)?;
    let usable = value
        .rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    if usable {
        Ok(value)
    } else {
        Err(SettingError::Unusable {
            name: name.to_owned(),
            wanted: "an address such as 127.0.0.1:18081",
        })
    }
}
