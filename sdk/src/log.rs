//! Lines in the log of the step: `log::info("packing")`.
//!
//! Outside the sandbox, where a plugin's logic is tested, they go to standard error.

pub use crate::bindings::log::Level;

/// Writes a line with fields beside it, as name and value.
pub fn write(level: Level, message: &str, fields: &[(String, String)]) {
    #[cfg(target_arch = "wasm32")]
    crate::bindings::log::write(level, message, fields);
    #[cfg(not(target_arch = "wasm32"))]
    crate::outside::line(level, message, fields);
}

/// For those who look for the cause of something strange.
pub fn debug(message: impl AsRef<str>) {
    write(Level::Debug, message.as_ref(), &[]);
}

/// What a person who watches wants to know.
pub fn info(message: impl AsRef<str>) {
    write(Level::Info, message.as_ref(), &[]);
}

/// Something is not as it should be, and the step goes on.
pub fn warn(message: impl AsRef<str>) {
    write(Level::Warn, message.as_ref(), &[]);
}

/// What the step is about to fail of.
pub fn error(message: impl AsRef<str>) {
    write(Level::Error, message.as_ref(), &[]);
}
