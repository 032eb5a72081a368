//! Compiles guests to components from a build script.
