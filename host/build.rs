//! Compiles the built-in plugins to components, for the program to carry in itself.

fn main() -> anyhow::Result<()> {
    stagewright_sdk_build::Guests::in_folder("../plugins")?
        .build()?
        .write_table("builtin.rs")
}
