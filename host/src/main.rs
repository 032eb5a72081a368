//! The `stagewright` program.

fn main() {}
