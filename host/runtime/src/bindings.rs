//! What `wit/` means in Rust: traits for what the host offers, and typed access to what a
//! component exports. Generated, so that the WIT stays the only contract.
//!
//! The interfaces that plugins import are generated once, in [`offered`]; each role has its
//! own small world, so that a component is asked only for the role that is needed.
//! Nothing here decides anything.

#![allow(
    unsafe_code,
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::allow_attributes_without_reason,
    reason = "generated code: types are checked by wasmtime, documentation is in the WIT"
)]

/// The interfaces that the host implements.
pub mod offered {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "stagewright:plugin/capabilities",
        imports: {
            "stagewright:plugin/log": trappable,
            "stagewright:plugin/progress": trappable,
            "stagewright:plugin/cancel": trappable,
            "stagewright:plugin/clock.elapsed": trappable,
            default: async | trappable,
        },
        with: {
            "stagewright:plugin/workspace.directory": crate::capability::workspace::Handle,
            "stagewright:plugin/images.image": crate::capability::images::Image,
            "stagewright:plugin/images.draft": crate::capability::images::Draft,
            "stagewright:plugin/process.release": crate::capability::process::Release,
            "stagewright:plugin/docker.container": crate::capability::docker::Container,
            "stagewright:plugin/secrets.secret": crate::capability::secrets::Secret,
        },
        trappable_error_type: {
            "stagewright:plugin/types.failure" => crate::capability::refusal::Refusal,
        },
        additional_derives: [PartialEq],
    });

    pub use self::stagewright::plugin::*;
}

/// What every plugin exports.
pub mod described {
    wasmtime::component::bindgen!({
        inline: "
            package stagewright:described;
            world described-plugin { export stagewright:plugin/plugin@0.1.0; }
        ",
        path: "../../wit",
        world: "stagewright:described/described-plugin",
        exports: { default: async },
        additional_derives: [PartialEq, serde::Serialize, serde::Deserialize],
    });

    pub use self::exports::stagewright::plugin::plugin::*;
}

/// The role that makes images.
pub mod builder {
    wasmtime::component::bindgen!({
        inline: "
            package stagewright:built;
            world built-plugin { export stagewright:plugin/builder@0.1.0; }
        ",
        path: "../../wit",
        world: "stagewright:built/built-plugin",
        exports: { default: async },
        with: { "stagewright:plugin": super::offered::stagewright::plugin },
    });
}

/// The role that takes images to where deployers find them.
pub mod publisher {
    wasmtime::component::bindgen!({
        inline: "
            package stagewright:published;
            world published-plugin { export stagewright:plugin/publisher@0.1.0; }
        ",
        path: "../../wit",
        world: "stagewright:published/published-plugin",
        exports: { default: async },
        with: { "stagewright:plugin": super::offered::stagewright::plugin },
    });
}

/// The role that brings services to the state that is described.
pub mod deployer {
    wasmtime::component::bindgen!({
        inline: "
            package stagewright:deployed;
            world deployed-plugin { export stagewright:plugin/deployer@0.1.0; }
        ",
        path: "../../wit",
        world: "stagewright:deployed/deployed-plugin",
        exports: { default: async },
        with: { "stagewright:plugin": super::offered::stagewright::plugin },
        additional_derives: [PartialEq],
    });

    pub use self::exports::stagewright::plugin::deployer::*;
}
