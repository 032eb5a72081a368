//! Compiles the guests that tests deploy with.

fn main() -> anyhow::Result<()> {
    stagewright_sdk_build::Guests::in_folder("guests")?
        .build()?
        .write_table("guests.rs")
}
